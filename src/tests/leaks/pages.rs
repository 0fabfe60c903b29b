//! Pages about leaked keys: the notice on the key's page, the list, the overview, and the choice of the owners.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::LeakEffect;

const CHOICE: &str = "/settings/organization/leaked-keys";

#[apply(on_both_engines!)]
async fn the_page_of_a_leaked_key_says_where_it_was_found_and_what_to_do(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "portal").await;
    server.check(&created.plaintext).await;
    server.find_in_public(&created.plaintext, "https://x/<script>alert(1)</script>").await;
    server.check(&created.plaintext).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/api-keys/{}", created.key.id);
    let page = server.page(&cookies, &path).await;
    for part in [
        "Found in public, revoked on",
        "https://x/&lt;script&gt;alert(1)&lt;/script&gt;",
        "a scanner",
        "The full secret was in the report",
        "1 call",
        "1 request",
        "Create a replacement",
        "Tidewater Freight revokes keys that leak. Test keys are only reported.",
        CHOICE,
        ">Leaked<",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script>alert(1)") && !page.contains("href=\"https://x"), "it is not a link");
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let page = server.page(&viewer, &path).await;
    assert!(page.contains("Found in public") && !page.contains(CHOICE));
    assert_eq!(server.listed(&cookies, "?status=leaked").await, ["portal"]);
    assert!(server.page(&cookies, "/settings/api-keys?status=leaked").await.contains(">Leaked<"));
    let overview = server.page(&cookies, "/overview").await;
    assert!(overview.contains("A key was found in public and revoked"));
    assert!(overview.contains("revoked after a leak the key"));
    // Another organization sees nothing.
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert!(!server.page(&stranger, "/overview").await.contains("found in public"));
    assert_eq!(server.get(&path).browser().with(&stranger).send().await.status, 404);
}

#[apply(on_both_engines!)]
async fn owners_choose_on_a_page(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, CHOICE).await;
    assert!(page.contains("Only report") && page.contains("Test keys"));
    assert!(server.page(&cookies, "/settings/organization").await.contains(CHOICE));
    let fields = [("effect", "disable"), ("test_effect", "revoke")];
    assert_eq!(server.submit(&cookies, CHOICE, &fields).await.status, 303);
    let owner = server.actor(Persona::Owner).await;
    let chosen = leaks::policy(&server.app, &owner).await.expect("a policy");
    assert_eq!(chosen, LeakPolicy { effect: LeakEffect::Disable, test_effect: LeakEffect::Revoke });
    for wrong in [&[("effect", "disable")][..], &[("effect", "x"), ("test_effect", "revoke")], &[]] {
        let refused = server.submit(&cookies, CHOICE, wrong).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("Choose what happens."));
    }
    assert_eq!(leaks::policy(&server.app, &owner).await.expect("a policy"), chosen);
}

#[apply(on_both_engines!)]
async fn an_open_page_is_notified_of_the_report(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "portal").await;
    server.check(&created.plaintext).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, &format!("/settings/api-keys/{}", created.key.id)).await;
    let topic = format!("organization:keys/{}/leaked", created.key.id);
    assert!(page.contains(&topic));
    let listening = server.get(&format!("/live?topic={topic}")).with(&cookies).open().await;
    server.find_in_public(&created.plaintext, "https://x").await;
    server.app.stop();
    assert!(listening.rest().await.contains("found in public"));
}
