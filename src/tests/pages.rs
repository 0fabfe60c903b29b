//! Settings → API keys and the overview, as people use them without a script.

use std::time::Duration;

use super::harness::{Answer, Server, on_both_engines};
use super::personas::Persona;
use crate::platform::Secret;
use crate::usage::Outcome;

const KEYS: &str = "/settings/api-keys";

/// What a form says that makes a key.
fn filled<'a>(name: &'a str, once: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("name", name), ("kind", "live"), ("role", "viewer"), ("expiry", "never"), ("once", once)]
}

/// The secret that a page shows.
fn shown(answer: &Answer) -> Option<Secret> {
    let page = without_marks(&answer.text());
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

/// Leptos separates texts by empty comments.
fn without_marks(page: &str) -> String {
    page.replace("<!>", "")
}

impl Server {
    /// A key that somebody has made by the form: its id and its secret.
    pub async fn made_key(&self, cookies: &str, name: &str) -> (String, Secret) {
        let answer = self.submit(cookies, "/settings/api-keys/new", &filled(name, "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = sqlx::query_scalar("SELECT id FROM keys WHERE name = $1 ORDER BY id DESC")
            .bind(name)
            .fetch_one(self.app.db.pool())
            .await
            .expect("a key");
        (id, shown(&answer).expect("a secret"))
    }

    async fn page(&self, cookies: &str, path: &str) -> String {
        let answer = self.get(path).browser().with(cookies).send().await;
        assert_eq!(answer.status, 200, "{path}");
        without_marks(&answer.text())
    }

    /// The names in the list, in its order.
    async fn listed(&self, cookies: &str, query: &str) -> Vec<String> {
        let page = self.page(cookies, &format!("{KEYS}{query}")).await;
        let links = page.split("class=\"row-link\"").skip(1);
        links.filter_map(|link| Some(link.split_once('>')?.1.split_once('<')?.0.to_owned())).collect()
    }

    /// What the next page says, once.
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

on_both_engines! {
    async fn a_new_key_is_shown_once_and_works(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let answer = server.submit(&owner, "/settings/api-keys/new", &filled("ci-deploy", "a")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("cache-control").contains("no-store"), "{}", answer.header("cache-control"));
        let secret = shown(&answer).expect("a secret");
        assert_eq!(answer.text().matches(secret.expose()).count(), 0, "the start and the rest stand apart");
        assert_eq!(server.check(&secret).await, Outcome::Valid);
        let rest = secret.expose().rsplit_once('_').expect("a secret").1.to_owned();
        assert_eq!(answer.text().matches(&rest).count(), 1, "one place on one page");
        let id: String = sqlx::query_scalar("SELECT id FROM keys").fetch_one(server.app.db.pool()).await.expect("it");
        for path in [KEYS.to_owned(), format!("{KEYS}/{id}"), format!("{KEYS}/{id}/edit"), "/overview".to_owned()] {
            let page = server.page(&owner, &path).await;
            assert!(!page.contains(&rest), "{path}");
        }
    }

    async fn the_same_form_makes_one_key_and_never_loses_it(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let form = filled("ci-deploy", "once-1");
        let first = shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("a secret");
        server.clock.advance(Duration::from_secs(9));
        let second = shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("another secret");
        assert_eq!((server.check(&first).await, server.check(&second).await), (Outcome::Revoked, Outcome::Valid));
        assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
        // It is used now.
        let third = server.submit(&owner, "/settings/api-keys/new", &form).await;
        assert_eq!((third.status.as_u16(), shown(&third).is_none()), (303, true));
        assert_eq!(server.check(&second).await, Outcome::Valid);
        assert!(server.word(&owner).await.contains("sent before"));

        let form = filled("another", "once-2");
        let unused = shown(&server.submit(&owner, "/settings/api-keys/new", &form).await).expect("a secret");
        server.clock.advance(Duration::from_secs(11));
        assert_eq!(server.submit(&owner, "/settings/api-keys/new", &form).await.status, 303);
        assert_eq!(server.check(&unused).await, Outcome::Valid);
        // The same form with another name is another wish.
        let answer = server.submit(&owner, "/settings/api-keys/new", &filled("a third", "once-2")).await;
        assert!(shown(&answer).is_some());
        assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 3);
    }

    async fn each_error_stands_beside_its_field_with_the_input_kept(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        server.made_key(&owner, "Taken").await;
        let form = [
            ("name", "taken"), ("kind", "mcp"), ("role", "viewer"), ("expiry", "custom"), ("date", "2026-02-30"),
            ("rate_limit", "many"), ("ranges", "198.51.100.0/24\r\n203.0.113.300"), ("note", "a\0b"),
        ];
        let answer = server.submit(&owner, "/settings/api-keys/new", &form[..7]).await;
        assert_eq!(answer.status, 422);
        let page = without_marks(&answer.text());
        for (field, why) in [("expires_at", "2027-05-31"), ("rate_limit", "1,000,000"), ("ranges", "Line 2: ")] {
            let error = page.split(&format!("id=\"f-{field}-error\"")).nth(1).unwrap_or_default();
            assert!(error.split("</p>").next().unwrap_or_default().contains(why), "{field}");
        }
        for kept in ["value=\"taken\"", "value=\"many\"", "value=\"2026-02-30\"", "198.51.100.0/24\r\n203.0.113.300"] {
            assert!(page.contains(kept), "{kept}");
        }
        let answer = server.submit(&owner, "/settings/api-keys/new", &filled("tAKEN", "")).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains("Another key of this organization has this name."));
        let mut with_note = filled("fine", "");
        with_note.push(form[7]);
        let answer = server.submit(&owner, "/settings/api-keys/new", &with_note).await;
        assert!(answer.text().contains("A note has no control characters."));
        assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    }

    async fn a_list_is_found_filtered_and_sorted_by_its_address(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        for name in ["beta", "alpha", "alpine", "gamma"] {
            server.made_key(&owner, name).await;
            server.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(server.listed(&owner, "?sort=name").await, ["alpha", "alpine", "beta", "gamma"]);
        assert_eq!(server.listed(&owner, "?sort=newest").await, ["gamma", "alpine", "alpha", "beta"]);
        assert_eq!(server.listed(&owner, "?q=ALP&sort=name").await, ["alpha", "alpine"]);
        let (id, secret) = server.made_key(&owner, "delta").await;
        let start = secret.expose().rsplit_once('_').expect("a start").0.to_owned();
        assert_eq!(server.listed(&owner, &format!("?q={start}")).await, ["delta"]);
        assert_eq!(server.listed(&owner, &format!("?q={}", &start[8..14])).await, ["delta"]);
        assert!(server.listed(&owner, &format!("?q={start}&kind=mcp")).await.is_empty());
        server.check(&secret).await;
        assert_eq!(server.listed(&owner, "").await.first().map(String::as_str), Some("delta"), "used last");
        assert_eq!(server.listed(&owner, "?sort=calls").await.first().map(String::as_str), Some("delta"));

        server.submit(&owner, &format!("{KEYS}/{id}/disable"), &[]).await;
        assert_eq!(server.listed(&owner, "?status=disabled").await, ["delta"]);
        assert_eq!(server.listed(&owner, "?status=active&sort=name").await, ["alpha", "alpine", "beta", "gamma"]);
        server.submit(&owner, &format!("{KEYS}/{id}/rotate"), &[("overlap", "24")]).await;
        // A rotated key is found by its old start, too.
        assert_eq!(server.listed(&owner, &format!("?q={start}")).await, ["delta"]);
        let nothing = server.page(&owner, &format!("{KEYS}?q=omega&status=revoked")).await;
        assert!(nothing.contains("No revoked key matches “omega”"));
        let strange = server.sign_in_as(Persona::Stranger).await;
        assert!(server.page(&strange, KEYS).await.contains("Cut your first key"));
        assert!(server.page(&strange, &format!("{KEYS}?q={start}")).await.contains("Cut your first key"));
    }

    async fn pages_of_the_list_lead_on_and_back(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let made = server.made_key(&owner, "key-000").await.0;
        let copy = "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
                    generation, calls, last_used_at) SELECT $1, org_id, $2, $2, kind, role, note, ranges, secret_id, created_at, \
                    created_by, 0, $3, $3 FROM keys WHERE id = $4";
        for number in 1..120_i64 {
            let (id, name) = (format!("00000000-0000-7000-8000-{number:012}"), format!("key-{number:03}"));
            let query = sqlx::query(copy).bind(id).bind(name).bind(number / 7).bind(&made);
            query.execute(server.app.db.pool()).await.expect("a key");
        }
        for sort in ["name", "newest", "calls", "last-used", "expiring"] {
            let mut pages = vec![server.listed(&owner, &format!("?sort={sort}")).await];
            let mut addresses = vec![format!("{KEYS}?sort={sort}")];
            for _ in 0..2 {
                let page = server.page(&owner, addresses.last().expect("one")).await;
                let next = link(&page, "Next").expect("a next page");
                pages.push(server.listed(&owner, next.strip_prefix(KEYS).expect("the list")).await);
                addresses.push(next);
            }
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20], "{sort}");
            let mut all = pages.concat();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 120, "{sort}: each once");
            let last = server.page(&owner, &addresses[2]).await;
            assert!(link(&last, "Next").is_none());
            let back = link(&last, "Previous").expect("a page before");
            assert_eq!(server.listed(&owner, back.strip_prefix(KEYS).expect("the list")).await, pages[1], "{sort}");
            let second = server.page(&owner, &back).await;
            let first = link(&second, "Previous").expect("a page before");
            assert_eq!(server.listed(&owner, first.strip_prefix(KEYS).expect("the list")).await, pages[0], "{sort}");
            assert!(link(&server.page(&owner, &first).await, "Previous").is_none());
        }
        for odd in ["?after=x", "?after=AA&sort=name", "?before=%00", "?creator=%00", "?q=%00", "?status=x&kind=y"] {
            assert!(!server.listed(&owner, odd).await.is_empty() || odd.starts_with("?creator"), "{odd}");
        }
    }

    async fn a_whole_key_in_the_search_leads_to_its_page_and_into_no_address(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let (id, secret) = server.made_key(&owner, "ci-deploy").await;
        let rest = secret.expose().rsplit_once('_').expect("a secret").1;
        let found = server.submit(&owner, KEYS, &[("q", secret.expose())]).await;
        assert_eq!(found.header("location"), format!("{KEYS}/{id}"));
        let by_get = server.get(&format!("{KEYS}?q={}", secret.expose())).browser().with(&owner).send().await;
        assert_eq!((by_get.status.as_u16(), by_get.header("location")), (303, format!("{KEYS}/{id}").as_str()));
        assert!(server.word(&owner).await.contains("Rotate it."));
        for typed in [&secret.expose()[..60], &format!("Bearer {}x", secret.expose())] {
            let answer = server.submit(&owner, KEYS, &[("q", typed), ("sort", "name")]).await;
            let to = answer.header("location").to_owned();
            assert!(to.starts_with(&format!("{KEYS}?q=ak_live_")) && to.ends_with("&sort=name"), "{to}");
            assert!(!to.contains(&rest[..8]), "{to}");
        }
        let strange = server.sign_in_as(Persona::Stranger).await;
        let org = server.organization_of(Persona::Stranger).await;
        let call = server.post(KEYS).same_origin().with(&strange);
        let answer = call.form(&[("org", org.as_str()), ("q", secret.expose())]).send().await;
        assert!(answer.header("location").starts_with(&format!("{KEYS}?q=")) && !answer.header("location").contains(rest));
    }

    async fn a_key_is_edited_disabled_and_enabled(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let (id, secret) = server.made_key(&owner, "ci-deploy").await;
        let path = format!("{KEYS}/{id}");
        let edit = format!("{path}/edit");
        let form = [("name", "CI"), ("expiry", "7"), ("rate_limit", "120"), ("ranges", "203.0.113.0/24"), ("note", "vault")];
        assert_eq!(server.submit(&owner, &edit, &form).await.header("location"), path);
        let page = server.page(&owner, &path).await;
        for fact in ["CI", "120", "203.0.113.0/24", "vault", "Changes saved.", "changed the name (was ci-deploy)", "Expiring"] {
            assert!(page.contains(fact), "{fact}");
        }
        let kept = server.page(&owner, &edit).await;
        assert!(kept.contains("value=\"CI\"") && kept.contains("value=\"120\"") && kept.contains("x-keep"));
        let answer = server.submit(&owner, &edit, &[("name", ""), ("expiry", "keep")]).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains("Enter a name for the key."));

        server.submit(&owner, &format!("{path}/disable"), &[]).await;
        assert_eq!(server.check(&secret).await, Outcome::Disabled);
        // The other tab still offers it.
        server.submit(&owner, &format!("{path}/disable"), &[("back", KEYS)]).await;
        assert!(server.word(&owner).await.contains("disabled already"));
        server.submit(&owner, &format!("{path}/enable"), &[("back", "//evil.example")]).await;
        assert_ne!(server.check(&secret).await, Outcome::Disabled);
    }

    async fn a_rotation_is_shown_extended_and_finished(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let (id, old) = server.made_key(&owner, "ci-deploy").await;
        server.check(&old).await;
        let path = format!("{KEYS}/{id}");
        let rotate = format!("{path}/rotate");
        assert!(server.page(&owner, &rotate).await.contains("Rotate ci-deploy?"));
        for (form, why) in [([("overlap", "custom"), ("hours", "soon")], "number of hours"), ([("overlap", "custom"), ("hours", "9999")], "90 days")] {
            let answer = server.submit(&owner, &rotate, &form).await;
            assert_eq!(answer.status, 422);
            assert!(answer.text().contains(why), "{why}");
        }
        let form = [("overlap", "24"), ("once", "r1")];
        let answer = server.submit(&owner, &rotate, &form).await;
        assert!(answer.header("cache-control").contains("no-store"));
        let lost = shown(&answer).expect("a new secret");
        let new = shown(&server.submit(&owner, &rotate, &form).await).expect("shown again, as another");
        assert_eq!((server.check(&lost).await, server.check(&new).await), (Outcome::Revoked, Outcome::Valid));
        assert_eq!(server.check(&old).await, Outcome::Valid);
        let page = server.page(&owner, &path).await;
        assert!(page.contains("Rotation in progress") && page.contains("The old secret was used just now."));
        let again = server.submit(&owner, &rotate, &[("overlap", "24")]).await;
        assert_eq!(again.status, 409);
        assert!(again.text().contains("Finish that rotation first."));

        server.submit(&owner, &format!("{path}/extend"), &[]).await;
        server.clock.advance(Duration::from_secs(30 * 60 * 60));
        assert_eq!(server.check(&old).await, Outcome::Valid);
        server.clock.advance(Duration::from_secs(6 * 60 * 60));
        assert!(server.page(&owner, &path).await.contains("silent for 6 h."));
        server.submit(&owner, &format!("{path}/finish"), &[]).await;
        assert_eq!((server.check(&old).await, server.check(&new).await), (Outcome::Revoked, Outcome::Valid));
        let finished = server.submit(&owner, &format!("{path}/finish"), &[]).await;
        assert_eq!(finished.header("location"), path);
        assert!(server.word(&owner).await.contains("No rotation of this key is under way."));
    }

    async fn revoking_names_its_cost_and_asks_for_the_name_of_a_key_in_use(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let (id, secret) = server.made_key(&owner, "ci-deploy").await;
        let (child, child_secret) = server.made_key(&owner, "made by it").await;
        let (other, other_secret) = server.made_key(&owner, "made by it, too").await;
        for made in [&child, &other] {
            sqlx::query("UPDATE keys SET created_by_key = $1 WHERE id = $2").bind(&id).bind(made)
                .execute(server.app.db.pool()).await.expect("a maker");
        }
        server.check(&secret).await;
        let revoke = format!("{KEYS}/{id}/revoke");
        let page = server.page(&owner, &revoke).await;
        assert!(page.contains("1 call") && page.contains("Type ci-deploy to confirm") && page.contains("made by it (0 calls)"));
        let answer = server.submit(&owner, &revoke, &[("confirm", "ci"), ("also", &child)]).await;
        assert_eq!(answer.status, 422);
        assert_eq!(server.check(&secret).await, Outcome::Valid);
        let answer = server.submit(&owner, &revoke, &[("confirm", "ci-deploy"), ("also", &child), ("also", "none")]).await;
        assert_eq!(answer.header("location"), format!("{KEYS}/{id}"));
        for (secret, outcome) in [(&secret, Outcome::Revoked), (&child_secret, Outcome::Revoked), (&other_secret, Outcome::Valid)] {
            assert_eq!(server.check(secret).await, outcome);
        }
        // Somebody else still has its page open.
        for deed in ["revoke", "disable", "enable", "finish", "extend", "edit"] {
            let form = [("confirm", "ci-deploy"), ("name", "x"), ("expiry", "never")];
            let answer = server.submit(&owner, &format!("{KEYS}/{id}/{deed}"), &form).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, format!("{KEYS}/{id}").as_str()), "{deed}");
        }
        let page = server.page(&owner, &format!("{KEYS}/{id}")).await;
        assert!(page.contains("An ended secret of this key is still tried."));
        let overview = {
            crate::keys::server::flush(&server.app).await.expect("written");
            server.page(&owner, "/overview").await
        };
        assert!(overview.contains("A revoked key is still tried"));
    }

    async fn several_keys_are_disabled_or_revoked_at_once(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let (one, first) = server.made_key(&owner, "one").await;
        let (two, second) = server.made_key(&owner, "two").await;
        let chosen = [("key", one.as_str()), ("key", two.as_str()), ("key", one.as_str()), ("key", "none")];
        let form: Vec<(&str, &str)> = std::iter::once(("do", "disable")).chain(chosen[..3].iter().copied()).collect();
        server.submit(&owner, &format!("{KEYS}/selected"), &form).await;
        assert!(server.word(&owner).await.contains("2 keys disabled."));
        assert_eq!(server.check(&first).await, Outcome::Disabled);
        let form: Vec<(&str, &str)> = std::iter::once(("do", "revoke")).chain(chosen.iter().copied()).collect();
        let answer = server.submit(&owner, &format!("{KEYS}/selected"), &form).await;
        let to = answer.header("location").to_owned();
        let page = server.page(&owner, &to).await;
        assert!(page.contains("Revoke 2 keys"), "{to}");
        server.submit(&owner, &format!("{KEYS}/revoke"), &chosen).await;
        assert_eq!((server.check(&first).await, server.check(&second).await), (Outcome::Revoked, Outcome::Revoked));
    }

    async fn everybody_sees_keys_and_manages_their_own(engine) {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let member = server.sign_in_as(Persona::Member).await;
        let (id, _) = server.made_key(&owner, "the owner's").await;
        let page = server.page(&member, &format!("{KEYS}/{id}")).await;
        assert!(!page.contains("Revoke key…") && !page.contains("/rotate") && !page.contains("Recent events"));
        for deed in ["edit", "rotate", "revoke"] {
            let answer = server.get(&format!("{KEYS}/{id}/{deed}")).browser().with(&member).send().await;
            assert_eq!(answer.status, 403, "{deed}");
        }
        for deed in ["edit", "rotate", "revoke", "disable"] {
            let form = [("name", "mine"), ("expiry", "never"), ("overlap", "24")];
            assert_eq!(server.submit(&member, &format!("{KEYS}/{id}/{deed}"), &form).await.status, 403, "{deed}");
        }
        let (own, _) = server.made_key(&member, "the member's").await;
        assert!(server.page(&member, &format!("{KEYS}/{own}")).await.contains("Revoke key…"));
        let form = [("name", "too high"), ("kind", "live"), ("role", "owner"), ("expiry", "never")];
        assert_eq!(server.submit(&member, "/settings/api-keys/new", &form).await.status, 403);
        let strange = server.sign_in_as(Persona::Stranger).await;
        assert_eq!(server.get(&format!("{KEYS}/{id}")).browser().with(&strange).send().await.status, 404);
    }

    async fn a_page_that_waits_hears_of_the_first_call(engine) {
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
        let told = mine.rest().await;
        assert!(told.contains("First call received"), "{told}");
        assert!(!theirs.rest().await.contains("First call"));
        assert!(server.app.live.awaited().is_empty());
    }

    async fn the_overview_is_there_before_the_first_key_and_after_it(engine) {
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
        assert!(server.page(&owner, "/overview").await.contains("1 key idle for 90 days or more"));
        assert_eq!(server.listed(&owner, "?status=idle").await, ["ci-deploy"]);
        let viewer = server.sign_in_as(Persona::Viewer).await;
        assert!(!server.page(&viewer, "/overview").await.contains("Recent activity"));
    }

    async fn addresses_that_clients_print_lead_to_the_list(engine) {
        let server = Server::on(engine).await;
        for path in ["/dashboard/api-keys", "/dashboard/api/keys", "/app/settings/api-keys"] {
            assert_eq!(server.get(path).browser().send().await.header("location"), KEYS);
        }
    }
}

/// Where the link with these words leads.
fn link(page: &str, words: &str) -> Option<String> {
    let pages = page.split("aria-label=\"Pages\"").nth(1)?.split("</nav>").next()?;
    let at = pages.find(words)?;
    let before = &pages[..at];
    let (anchor, span) = (before.rfind("<a "), before.rfind("<span"));
    let anchor = anchor.filter(|anchor| span.is_none_or(|span| span < *anchor))?;
    let href = before[anchor..].split("href=\"").nth(1)?.split('"').next()?;
    Some(href.replace("&amp;", "&"))
}
