//! Tests of the search over keys, members, pages and actions.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::shared::Role;

impl Server {
    /// The options of the palette: the group, and the text with the note, without marks.
    async fn options(&self, cookies: &str, query: &str) -> Vec<(String, String)> {
        let response = self.get(&format!("/search/found?q={query}")).with(cookies).send().await;
        assert_eq!((response.status.as_u16(), response.header("content-type")), (200, "application/json"));
        assert_eq!(response.header("cache-control"), "no-store");
        let html = response.json()["html"].as_str().expect("HTML").to_owned();
        let mut options = Vec::new();
        for group in html.split("role=\"group\"").skip(1) {
            let name =
                group.split("role=\"presentation\"").nth(1).and_then(|rest| rest.split(['<', '>']).nth(1));
            for option in group.split("role=\"option\"").skip(1) {
                let text = option.split_once("dir=\"auto\">").expect("a text").1;
                let text = text.split("</a>").next().expect("its end");
                let plain: String =
                    text.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
                options.push((name.expect("a name").to_owned(), plain.trim().to_owned()));
            }
        }
        options
    }

    async fn group(&self, cookies: &str, query: &str, group: &str) -> Vec<String> {
        let options = self.options(cookies, query).await;
        options.into_iter().filter(|(name, _)| name == group).map(|(_, text)| text).collect()
    }
}

#[apply(on_both_engines!)]
async fn the_search_finds_keys_members_pages_and_actions(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let created = server.key(&owner, "ci-<deploy>").await;
    for n in 0..10 {
        server.key(&owner, &format!("worker {n}")).await;
    }
    server.colleague("deportes@tidewater.example", Role::Member).await;
    let found = server.group(&here, "DEP", "Keys").await;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("ci-&lt;deploy&gt; ak_live_"), "{found:?}");
    assert_eq!(server.group(&here, "dep", "Members").await.len(), 1);
    let actions = server.group(&here, "dep", "Actions").await;
    assert_eq!(
        actions,
        ["Rotate ci-&lt;deploy&gt;…", "Edit ci-&lt;deploy&gt;…", "Revoke ci-&lt;deploy&gt;…"]
    );
    assert_eq!(server.group(&here, "worker", "Keys").await.len(), 8, "at most");
    assert_eq!(server.group(&here, "aud", "Pages").await, ["Audit log"]);
    assert_eq!(server.group(&here, "cre", "Actions").await, ["Create key", "Add permission", "Add webhook"]);
    assert!(server.group(&here, "", "Keys").await.is_empty());
    assert_eq!(server.group(&here, "", "Pages").await.len(), 8);
    keys::revoke(&server.app, &owner, created.key.id).await.expect("a revoked key");
    let revoked = server.options(&here, "dep").await;
    assert!(
        revoked[0].1.ends_with("revoked") && revoked.iter().all(|(group, _)| group != "Actions"),
        "{revoked:?}"
    );
    for odd in ["%25", "_", "%00", "%E2%80%AE", "'", &"x".repeat(10_000), &"%25".repeat(5_000)] {
        assert!(server.options(&here, odd).await.iter().all(|(group, _)| group != "Keys"), "{odd}");
    }
}

#[apply(on_both_engines!)]
async fn the_search_offers_only_what_the_role_allows(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    server.key(&owner, "depot").await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert_eq!(server.group(&viewer, "depot", "Keys").await.len(), 1);
    assert!(server.group(&viewer, "depot", "Actions").await.is_empty());
    assert!(server.group(&viewer, "audit", "Pages").await.is_empty());
    let actions = ["Create key", "Try a key", "Export API keys", "Show expiring keys"];
    assert_eq!(server.group(&viewer, "", "Actions").await, actions);
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert!(server.options(&stranger, "depot").await.is_empty());
    assert!(server.group(&stranger, "owner", "Members").await.is_empty());
    // A key is no session.
    let key = server.key_of(Persona::Owner).await;
    let response = server
        .get("/search/found?q=depot")
        .header("authorization", &format!("Bearer {}", key.expose()))
        .send()
        .await;
    assert_eq!(response.status, 303);
}

#[apply(on_both_engines!)]
async fn the_search_has_a_page_and_keeps_keys_out_of_addresses(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let created = server.key(&owner, "depot").await;
    let page = server.page(&here, "/search?q=epo").await;
    assert!(page.contains(&format!("href=\"/settings/api-keys/{}\"", created.key.id)), "{page}");
    assert!(page.contains("d<mark>epo</mark>t"), "{page}");
    assert!(server.page(&here, "/search?q=xyzzy").await.contains("Nothing matches “xyzzy”"));
    let pasted = created.plaintext.expose();
    let response = server.get(&format!("/search?q={pasted}")).browser().with(&here).send().await;
    assert_eq!((response.status.as_u16(), response.header("location")), (303, "/search"));
    assert!(server.page(&here, "/search").await.contains("Rotate it."));
    assert!(server.options(&here, pasted).await.is_empty());
}
