//! Members and invitations: who may change whom, and who may join.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{PUBLIC_URL, Server, TestResponse, on_both_engines};
use super::personas::{PASSWORD, Persona};
use crate::accounts::server::Person;
use crate::platform::db::Engine;
use crate::shared::Role;

pub const INGRID: &str = "ingrid@tidewater.example";

impl Server {
    /// A person in Tidewater Freight.
    pub async fn colleague(&self, email: &str, role: Role) -> Person {
        let person = self.person(email, email.split('@').next().expect("a name"), None).await;
        self.join(&person, "Tidewater Freight", role).await;
        person
    }

    /// Invites an address by the form. Returns the invitation's id and the path of its link.
    pub async fn invited(&self, cookies: &str, email: &str, role: &str) -> (String, String) {
        let response = self.invite(cookies, email, role).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let id: String = sqlx::query_scalar("SELECT id FROM invitations WHERE email_key = $1")
            .bind(email)
            .fetch_one(self.app.db.pool())
            .await
            .expect("an invitation");
        (id, link_in(&response))
    }

    pub async fn invite(&self, cookies: &str, emails: &str, role: &str) -> TestResponse {
        self.submit(cookies, "/settings/members", &[("emails", emails), ("role", role)]).await
    }

    pub async fn accept(&self, link: &str, cookies: &str) -> TestResponse {
        let fields = [("name", "Ingrid"), ("password", PASSWORD)];
        self.post(link).same_origin().with(cookies).form(&fields).send().await
    }

    pub async fn role_of(&self, person: &Person) -> Option<String> {
        sqlx::query_scalar("SELECT role FROM memberships WHERE user_id = $1")
            .bind(person.id)
            .fetch_optional(self.app.db.pool())
            .await
            .expect("a result")
    }

    pub async fn change_role(&self, cookies: &str, person: &Person, role: &str) -> u16 {
        let path = format!("/settings/members/{}/role", person.id);
        self.submit(cookies, &path, &[("role", role)]).await.status.as_u16()
    }

    async fn remove(&self, cookies: &str, person: &Person) -> u16 {
        let path = format!("/settings/members/{}/remove", person.id);
        self.submit(cookies, &path, &[]).await.status.as_u16()
    }
}

/// The path of the first invitation link in the response.
pub fn link_in(response: &TestResponse) -> String {
    let page = response.text();
    let start = page.find(&format!("{PUBLIC_URL}/invite/")).expect("a link") + PUBLIC_URL.len();
    page[start..].chars().take_while(|c| *c != '<').collect()
}

#[apply(on_both_engines!)]
async fn the_list_shows_sign_in_methods(engine: Engine) {
    let settings = [("LATCHKEY_GITHUB_CLIENT_ID", "latchkey"), ("LATCHKEY_GITHUB_CLIENT_SECRET", "s")];
    let server = Server::with(engine, &settings).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let sign_in_methods = async || {
        let page = server.page(&owner, "/settings/members").await;
        let (_, cell) = page.split_once("data-l=\"Signs in with\"").expect("a cell");
        let (_, text) = cell.split_once('>').expect("its text");
        text.split('<').next().expect("its end").to_owned()
    };
    assert_eq!(sign_in_methods().await, "\u{2013}");
    for issuer in ["https://github.com", "https://gone.example"] {
        let text = "INSERT INTO identities (issuer, subject, user_id, label, created_at, used_at) \
                    SELECT $1, '1', id, 'mara', 0, 0 FROM users";
        sqlx::query(text).bind(issuer).execute(server.app.db.pool()).await.expect("an identity");
    }
    assert_eq!(sign_in_methods().await, "GitHub", "a provider that is not configured is not listed");
    let text = "UPDATE users SET password_hash = 'x'";
    sqlx::query(text).execute(server.app.db.pool()).await.expect("a password");
    assert_eq!(sign_in_methods().await, "GitHub or password");
}

#[apply(on_both_engines!)]
async fn a_new_person_joins_by_the_link_once(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let response = server.invite(&here, INGRID, "viewer").await;
    assert_eq!((response.status.as_u16(), response.header("cache-control")), (200, "no-store"));
    let link = link_in(&response);
    assert!(
        !server.everything().await.contains(link.rsplit('/').next().expect("a token")),
        "only a hash is stored"
    );
    assert!(
        !server.get("/settings/members").browser().with(&here).send().await.text().contains(&link),
        "shown once"
    );

    let page = server.get(&link).browser().send().await;
    let text = page.text();
    assert!(
        page.status == 200 && text.contains("Join Tidewater Freight") && text.contains("as a viewer"),
        "{text}"
    );
    let fields = [("name", "Ingrid"), ("password", "short")];
    let refused = server.post(&link).same_origin().form(&fields).send().await;
    assert!(
        refused.status == 422 && refused.text().contains("At least 12")
            || refused.text().contains("at least 12")
    );
    let fields = [("name", "Ingrid"), ("password", PASSWORD), ("role", "owner"), ("email", "m@x.example")];
    let joined = server.post(&link).same_origin().form(&fields).send().await;
    assert_eq!(joined.entered(), "/");
    let members = server.get("/settings/members").browser().with(&joined.cookies()).send().await.text();
    assert!(
        members.contains("You are a viewer") && members.contains(INGRID) && members.contains("2 members"),
        "{members}"
    );
    assert!(!members.contains("name=\"emails\""), "a viewer cannot invite");
    assert_eq!(server.accept(&link, "").await.status, 410, "used");
    assert_eq!(server.audited().await, ["member.invited", "member.joined", "invitation.refused"]);
}

#[apply(on_both_engines!)]
async fn a_person_with_an_account_must_sign_in_to_join(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let ingrid = server.person(INGRID, "Ingrid", Some(PASSWORD)).await;
    let (_, link) = server.invited(&here, INGRID, "member").await;
    let page = server.get(&link).browser().send().await.text();
    let next: String = url::form_urlencoded::byte_serialize(link.as_bytes()).collect();
    assert!(page.contains(&format!("/sign-in?next={next}")), "{page}");
    assert_eq!(server.accept(&link, "").await.status, 422, "a link does not take over an account");
    // Nobody else can use the link, not even the person who created it.
    let foreign = server.get(&link).browser().with(&here).send().await.text();
    assert!(foreign.contains("You are signed in as") && !foreign.contains(">Join<"), "{foreign}");
    assert_eq!(server.accept(&link, &here).await.status, 422);
    assert_eq!(server.role_of(&ingrid).await, None);

    let hers = server.session_of(&ingrid).await;
    let page = server.get(&link).browser().with(&hers).send().await.text();
    assert!(page.contains(">Join<"), "{page}");
    let joined = server.accept(&link, &hers).await;
    assert_eq!((joined.status.as_u16(), joined.header("location")), (303, "/"));
    assert_eq!(server.role_of(&ingrid).await.as_deref(), Some("member"));
    assert!(server.profile(&hers).await.text().contains("You joined Tidewater Freight."));
}

#[apply(on_both_engines!)]
async fn roles_can_be_changed_up_to_ones_own(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let admin = server.colleague("adam@tidewater.example", Role::Admin).await;
    let other = server.colleague("ada@tidewater.example", Role::Admin).await;
    let member = server.colleague("mel@tidewater.example", Role::Member).await;
    let (owners, admins, members) =
        (server.session_of(&alice).await, server.session_of(&admin).await, server.session_of(&member).await);
    for (actor, member, role, status) in [
        (&members, &other, "viewer", 403),
        (&members, &member, "admin", 403),
        (&admins, &alice, "viewer", 403),
        (&admins, &member, "owner", 403),
        (&admins, &admin, "owner", 403),
        (&admins, &member, "nonsense", 422),
        (&admins, &member, "admin", 303),
        (&admins, &other, "viewer", 303),
        (&owners, &other, "owner", 303),
        (&owners, &other, "member", 303),
        (&members, &member, "member", 303),
        (&members, &member, "admin", 403),
    ] {
        assert_eq!(server.change_role(actor, member, role).await, status, "{} {role}", member.email);
    }
    let page = server
        .get(&format!("/settings/members/{}/role", member.id))
        .browser()
        .with(&admins)
        .send()
        .await
        .text();
    assert!(
        page.contains("value=\"admin\"") && !page.contains("value=\"owner\""),
        "only roles that the person may assign"
    );
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let nair = server.organization("Nair Consulting").await;
    let call = server.post(&format!("/settings/members/{}/remove", alice.id)).same_origin().with(&stranger);
    assert_eq!(
        call.form(&[("org", &nair.to_string())]).send().await.status,
        404,
        "a member of another organization is not found"
    );
    assert_eq!(server.role_of(&alice).await.as_deref(), Some("owner"));
}

#[apply(on_both_engines!)]
async fn the_last_owner_cannot_leave(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let response =
        server.submit(&here, &format!("/settings/members/{}/role", alice.id), &[("role", "admin")]).await;
    assert!(response.status == 422 && response.text().contains("would have no owner"), "{}", response.text());
    assert_eq!(server.remove(&here, &alice).await, 422);
    let bob = server.colleague("bob@tidewater.example", Role::Owner).await;
    assert_eq!(server.remove(&here, &alice).await, 303, "another owner remains");
    assert_eq!((server.role_of(&alice).await, server.role_of(&bob).await.as_deref()), (None, Some("owner")));
    assert_eq!(server.profile(&here).await.status, 403);
    assert_eq!(server.audited().await, ["member.left"]);
}

#[apply(on_both_engines!)]
async fn of_two_owners_who_remove_each_other_concurrently_one_stays(engine: Engine) {
    for _ in 0..5 {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let bob = server.colleague("bob@tidewater.example", Role::Owner).await;
        let (hers, his) = (server.session_of(&alice).await, server.session_of(&bob).await);
        let (a, b) = tokio::join!(server.remove(&hers, &bob), server.remove(&his, &alice));
        assert_eq!([a, b].iter().filter(|status| **status == 303).count(), 1, "{a} {b}");
        assert_eq!(server.count("SELECT count(*) FROM memberships WHERE role = 'owner'").await, 1);
    }
}

#[apply(on_both_engines!)]
async fn a_removed_member_loses_access_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let bob = server.colleague("bob@tidewater.example", Role::Admin).await;
    let his = server.session_of(&bob).await;
    assert!(server.is_signed_in(&his).await);
    let page =
        server.get(&format!("/settings/members/{}/remove", bob.id)).browser().with(&here).send().await.text();
    assert!(page.contains("Remove bob") && page.contains("This member has no keys"), "{page}");
    assert_eq!(server.remove(&here, &bob).await, 303);
    assert_eq!(server.get("/settings/members").browser().with(&his).send().await.status, 403);
    assert_eq!(server.remove(&here, &bob).await, 404, "once");
    assert_eq!(server.audited().await, ["member.removed"]);
}

#[apply(on_both_engines!)]
async fn the_list_is_searched_and_paged(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    for n in 0..54 {
        server.clock.advance(Duration::from_millis(1));
        let person =
            server.person(&format!("p{n:02}@x.example"), &format!("Tomás Rivera {n:02}"), None).await;
        server.join(&person, "Tidewater Freight", Role::Member).await;
    }
    let get = |query: &str| server.get(&format!("/settings/members{query}")).browser().with(&here).send();
    let first = get("").await.text();
    assert!(
        first.contains("55 members") && first.contains("p48@x.example") && !first.contains("p49@x.example"),
        "{first}"
    );
    let next = first
        .split("/settings/members?after=")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a next page");
    let second = get(&format!("?after={next}")).await.text();
    assert!(
        second.contains("p49@x.example")
            && second.contains("p53@x.example")
            && !second.contains("p48@x.example")
    );
    for (query, found) in
        [("?q=RIVERA+07", true), ("?q=p07", true), ("?q=%25", false), ("?q=07@", false), ("?q=ivera", false)]
    {
        let page = get(query).await;
        assert_eq!((page.status.as_u16(), page.text().contains("p07@x.example")), (200, found), "{query}");
    }
    for odd in
        ["?after=x", "?after=9.", "?after=99999999999999999999.x", "?q=%F0%9F%97%9D&after=", "?q=\u{202e}"]
    {
        assert_eq!(get(&odd.replace('\u{202e}', "%E2%80%AE")).await.status, 200, "{odd}");
    }
    assert!(get("?q=%00").await.status.as_u16() < 500);
}

/// The list reads an index in order and does not sort.
#[tokio::test]
async fn the_first_page_of_members_reads_an_index_in_order() {
    use crate::platform::db::Engine;
    use sqlx::Row;
    let server = Server::on(Engine::Sqlite).await;
    let text =
        crate::platform::db::sql(format!("EXPLAIN QUERY PLAN {}", crate::orgs::server::MEMBERS_FIRST_PAGE));
    let rows = sqlx::query(text)
        .bind("x")
        .bind(0_i64)
        .bind("")
        .bind(51_i64)
        .fetch_all(server.app.db.pool())
        .await
        .expect("a plan");
    let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    assert!(plan[0].contains("memberships_of_org"), "{plan:?}");
    assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
}
