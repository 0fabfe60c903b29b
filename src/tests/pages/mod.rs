//! Tests of the pages of keys and of the overview, without scripts.

mod list;
mod problems;
mod rotate_and_revoke;
mod search;

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, TestResponse, on_both_engines};
use super::personas::Persona;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

const KEYS: &str = "/settings/api-keys";

/// The fields of a form that creates a key.
fn filled<'a>(name: &'a str, once: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("name", name), ("kind", "live"), ("role", "viewer"), ("expiry", "never"), ("once", once)]
}

/// The secret that a page shows.
pub fn shown(response: &TestResponse) -> Option<Secret> {
    let page = without_marks(&response.text());
    let rest = page.split("id=\"plaintext\">").nth(1)?;
    let mut text = String::new();
    let mut in_tag = false;
    for c in rest.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag && (c.is_ascii_alphanumeric() || c == '_') => text.push(c),
            _ if !in_tag => break,
            _ => {}
        }
    }
    Some(Secret::new(text))
}

/// The page without the empty comments with which Leptos separates texts.
fn without_marks(page: &str) -> String {
    page.replace("<!>", "")
}

impl Server {
    /// Creates a key with the form. Returns its id and its secret.
    pub async fn made_key(&self, cookies: &str, name: &str) -> (String, Secret) {
        let response = self.submit(cookies, "/settings/api-keys/new", &filled(name, "")).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let id = sqlx::query_scalar("SELECT id FROM keys WHERE name = $1 ORDER BY id DESC")
            .bind(name)
            .fetch_one(self.app.db.pool())
            .await
            .expect("a key");
        (id, shown(&response).expect("a secret"))
    }

    pub async fn page(&self, cookies: &str, path: &str) -> String {
        let response = self.get(path).browser().with(cookies).send().await;
        assert_eq!(response.status, 200, "{path}");
        without_marks(&response.text())
    }

    /// The names in the list, in its order.
    pub async fn listed(&self, cookies: &str, query: &str) -> Vec<String> {
        let page = self.page(cookies, &format!("{KEYS}{query}")).await;
        let links = page.split("class=\"row-link\"").skip(1);
        links.filter_map(|link| Some(link.split_once('>')?.1.split_once('<')?.0.to_owned())).collect()
    }

    /// The message that the next page shows once.
    async fn word(&self, cookies: &str) -> String {
        let page = self.page(cookies, KEYS).await;
        page.split("class=\"toast\"")
            .nth(1)
            .unwrap_or_default()
            .split("</p>")
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

#[apply(on_both_engines!)]
async fn a_new_key_is_shown_once_and_works(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let response = server.submit(&owner, "/settings/api-keys/new", &filled("ci-deploy", "a")).await;
    assert_eq!(response.status, 200);
    assert!(response.header("cache-control").contains("no-store"), "{}", response.header("cache-control"));
    let secret = shown(&response).expect("a secret");
    assert_eq!(response.text().matches(secret.expose()).count(), 0, "the start and the rest stand apart");
    assert_eq!(server.check(&secret).await, Outcome::Valid);
    let rest = secret.expose().rsplit_once('_').expect("a secret").1.to_owned();
    assert_eq!(response.text().matches(&rest).count(), 1, "one place on one page");
    let id: String =
        sqlx::query_scalar("SELECT id FROM keys").fetch_one(server.app.db.pool()).await.expect("it");
    for path in [KEYS.to_owned(), format!("{KEYS}/{id}"), format!("{KEYS}/{id}/edit"), "/overview".to_owned()]
    {
        let page = server.page(&owner, &path).await;
        assert!(!page.contains(&rest), "{path}");
    }
}

#[apply(on_both_engines!)]
async fn the_same_form_makes_one_key_and_never_loses_it(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let form = filled("ci-deploy", "once-1");
    let first = shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("a secret");
    server.clock.advance(Duration::from_secs(9));
    let second =
        shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("another secret");
    assert_eq!((server.check(&first).await, server.check(&second).await), (Outcome::Revoked, Outcome::Valid));
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    // From now on the key has been used.
    let third = server.submit(&owner, "/settings/api-keys/new", &form).await;
    assert_eq!((third.status.as_u16(), shown(&third).is_none()), (303, true));
    assert_eq!(server.check(&second).await, Outcome::Valid);
    assert!(server.word(&owner).await.contains("You sent this form before"));

    let form = filled("another", "once-2");
    let unused = shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("a secret");
    server.clock.advance(Duration::from_secs(11));
    assert_eq!(server.submit(&owner, "/settings/api-keys/new", &form).await.status, 303);
    assert_eq!(server.check(&unused).await, Outcome::Valid);
    // The same form with another name creates another key.
    let response = server.submit(&owner, "/settings/api-keys/new", &filled("a third", "once-2")).await;
    assert!(shown(&response).is_some());
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 3);
}

#[apply(on_both_engines!)]
async fn each_error_is_next_to_its_field_and_the_input_stays(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    server.made_key(&owner, "Taken").await;
    let form = [
        ("name", "taken"),
        ("kind", "mcp"),
        ("role", "viewer"),
        ("expiry", "custom"),
        ("date", "2026-02-30"),
        ("rate_limit", "many"),
        ("ranges", "198.51.100.0/24\r\n203.0.113.300"),
        ("note", "a\0b"),
    ];
    let response = server.submit(&owner, "/settings/api-keys/new", &form[..7]).await;
    assert_eq!(response.status, 422);
    let page = without_marks(&response.text());
    for (field, why) in [("expires_at", "2027-05-31"), ("rate_limit", "1,000,000"), ("ranges", "Line 2: ")] {
        let error = page.split(&format!("id=\"f-{field}-error\"")).nth(1).unwrap_or_default();
        assert!(error.split("</p>").next().unwrap_or_default().contains(why), "{field}");
    }
    for text in
        ["value=\"taken\"", "value=\"many\"", "value=\"2026-02-30\"", "198.51.100.0/24\r\n203.0.113.300"]
    {
        assert!(page.contains(text), "{text}");
    }
    let response = server.submit(&owner, "/settings/api-keys/new", &filled("tAKEN", "")).await;
    assert_eq!(response.status, 422);
    assert!(response.text().contains("Another key of this organization has this name."));
    let mut with_note = filled("fine", "");
    with_note.push(form[7]);
    let response = server.submit(&owner, "/settings/api-keys/new", &with_note).await;
    assert!(response.text().contains("A note has no control characters."));
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
}

#[apply(on_both_engines!)]
async fn a_key_is_edited_disabled_and_enabled(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("{KEYS}/{id}");
    let edit = format!("{path}/edit");
    let form = [
        ("name", "CI"),
        ("expiry", "7"),
        ("rate_limit", "120"),
        ("ranges", "203.0.113.0/24"),
        ("note", "vault"),
    ];
    assert_eq!(server.submit(&owner, &edit, &form).await.header("location"), path);
    let page = server.page(&owner, &path).await;
    for fact in [
        "CI",
        "120",
        "203.0.113.0/24",
        "vault",
        "Changes saved.",
        "set the name to CI (ci-deploy before)",
        "Expiring",
    ] {
        assert!(page.contains(fact), "{fact}");
    }
    let edit_page = server.page(&owner, &edit).await;
    assert!(
        edit_page.contains("value=\"CI\"")
            && edit_page.contains("value=\"120\"")
            && edit_page.contains("x-keep")
    );
    let response = server.submit(&owner, &edit, &[("name", ""), ("expiry", "keep")]).await;
    assert_eq!(response.status, 422);
    assert!(response.text().contains("Enter a name for the key."));

    server.submit(&owner, &format!("{path}/disable"), &[]).await;
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
    // Another tab still has a button for it.
    server.submit(&owner, &format!("{path}/disable"), &[("back", KEYS)]).await;
    assert!(server.word(&owner).await.contains("disabled already"));
    server.submit(&owner, &format!("{path}/enable"), &[("back", "//evil.example")]).await;
    assert_ne!(server.check(&secret).await, Outcome::Disabled);
}

#[apply(on_both_engines!)]
async fn a_waiting_page_receives_the_first_call(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let strange = server.sign_in_as(Persona::Stranger).await;
    let (_, secret) = server.made_key(&owner, "ci-deploy").await;
    let start = secret.expose().split('_').nth(2).expect("an id").to_owned();
    let listen = |cookies: String| {
        server.get(&format!("/live?topic=organization:secrets/{start}/first-call")).with(&cookies).open()
    };
    let (mine, theirs) = (listen(owner).await, listen(strange).await);
    server.check(&secret).await;
    crate::keys::server::flush(&server.app).await.expect("written");
    server.app.stop();
    let events = mine.rest().await;
    assert!(events.contains("First call received"), "{events}");
    assert!(!theirs.rest().await.contains("First call"));
    server.clock.advance(Duration::from_secs(60));
    assert!(server.app.live.expected_topics().is_empty());
}

#[apply(on_both_engines!)]
async fn a_page_receives_the_first_call_that_came_before_it_connected(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let page = server.page(&owner, &format!("{KEYS}/{id}")).await;
    let topic =
        page.split_once("data-live=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a live part").0;
    server.check(&secret).await;
    crate::keys::server::flush(&server.app).await.expect("written");
    let listen = || server.get(&format!("/live?topic={topic}")).with(&owner).open();
    // After reconnecting, it receives the signal again.
    let listening = [listen().await, listen().await];
    server.app.stop();
    for listening in listening {
        assert!(listening.rest().await.contains("First call received"));
    }
}

#[apply(on_both_engines!)]
async fn the_overview_is_there_before_the_first_key_and_after_it(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    assert_eq!(server.get("/").browser().with(&owner).send().await.header("location"), "/overview");
    assert!(server.page(&owner, "/overview").await.contains("There are no keys yet"));
    let (_, secret) = server.made_key(&owner, "ci-deploy").await;
    server.check(&secret).await;
    let page = server.page(&owner, "/overview").await;
    assert!(page.contains("1 key never expires") && page.contains("created") && page.contains("ci-deploy"));
    server.clock.advance(Duration::from_secs(91 * 24 * 60 * 60));
    let owner = server.sign_in_as(Persona::Owner).await;
    assert!(server.page(&owner, "/overview").await.contains("1 key idle for 60 days or more"));
    assert_eq!(server.listed(&owner, "?status=idle").await, ["ci-deploy"]);
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert!(!server.page(&viewer, "/overview").await.contains("Recent activity"));
}

#[apply(on_both_engines!)]
async fn addresses_that_clients_print_lead_to_the_list(engine: Engine) {
    let server = Server::on(engine).await;
    for path in ["/dashboard/api-keys", "/dashboard/api/keys", "/app/settings/api-keys"] {
        assert_eq!(server.get(path).browser().send().await.header("location"), KEYS);
    }
}

/// The address of the link with this text.
fn link(page: &str, words: &str) -> Option<String> {
    let pages = page.split("aria-label=\"Pages\"").nth(1)?.split("</nav>").next()?;
    let at = pages.find(words)?;
    let before = &pages[..at];
    let (anchor, span) = (before.rfind("<a "), before.rfind("<span"));
    let anchor = anchor.filter(|anchor| span.is_none_or(|span| span < *anchor))?;
    let href = before[anchor..].split("href=\"").nth(1)?.split('"').next()?;
    Some(href.replace("&amp;", "&"))
}
