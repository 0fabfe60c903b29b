//! The pages of requests, without JavaScript.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::usage::Outcome;

/// The value of the form's hash.
fn hash_in(page: &str) -> String {
    let (_, after) = page.split_once("name=\"hash\" value=\"").expect("a hash");
    after.split('"').next().unwrap_or_default().to_owned()
}

#[apply(on_both_engines!)]
async fn a_key_is_requested_approved_and_shown_once(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.sign_in_as(Persona::Owner).await, server.sign_in_as(Persona::Admin).await);
    assert!(server.page(&owner, "/approvals").await.contains("No pending requests"));
    server.set_policy(&approval_from(Role::Admin)).await;
    assert!(
        server.page(&admin, "/settings/api-keys/new").await.contains("need the approval of a second person")
    );
    let fields =
        [("name", "terraform"), ("kind", "live"), ("role", "admin"), ("expiry", "90"), ("once", "abc")];
    let asked = server.submit(&admin, "/settings/api-keys/new", &fields).await;
    assert_eq!(asked.status, 303, "{}", asked.text());
    let path = asked.header("location").to_owned();
    // Sent twice, the form files one request.
    let again = server.submit(&admin, "/settings/api-keys/new", &fields).await;
    assert_eq!(again.header("location"), path);
    let page = server.page(&admin, &path).await;
    assert!(page.contains("Withdraw") && !page.contains("value=\"approve\""));
    // The number in the navigation is for those who decide.
    assert!(server.page(&owner, "/overview").await.contains("1 waiting"));
    assert!(!server.page(&admin, "/overview").await.contains("1 waiting"));
    let list = server.page(&owner, "/approvals").await;
    assert!(list.contains("terraform") && list.contains("value=\"deny\""));
    let hash = hash_in(&server.page(&owner, &path).await);
    let wrong = server.submit(&owner, &path, &[("verdict", "deny"), ("hash", &hash)]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Say why"));
    assert_eq!(server.submit(&owner, &path, &[("verdict", "none"), ("hash", &hash)]).await.status, 422);
    assert_eq!(server.submit(&admin, &path, &[("verdict", "approve"), ("hash", &hash)]).await.status, 403);
    let approved = server.submit(&owner, &path, &[("verdict", "approve"), ("hash", &hash)]).await;
    assert_eq!((approved.status.as_u16(), approved.header("location")), (303, path.as_str()));
    assert!(!server.page(&owner, &path).await.contains("Create the key</"));
    let page = server.page(&admin, &path).await;
    assert!(page.contains("Create the key</button>"), "{page}");
    let create = path.replace("/approvals/", "/settings/api-keys/approved/");
    let created = server.submit(&admin, &create, &[]).await;
    assert_eq!((created.status.as_u16(), created.header("cache-control")), (200, "no-store"));
    let secret = crate::tests::pages::shown(&created).expect("a secret");
    assert_eq!(server.check(&secret).await, Outcome::Valid);
    let again = server.submit(&admin, &create, &[]).await;
    assert_eq!(again.status, 303);
    assert!(server.page(&admin, again.header("location")).await.contains("already used"));
    for (cookies, path) in
        [(&admin, path.as_str()), (&owner, "/approvals?state=done"), (&admin, "/approvals?state=mine")]
    {
        let page = server.page(cookies, path).await;
        assert!(page.contains("terraform") && !page.contains(secret.expose()), "{path}");
    }
}

#[apply(on_both_engines!)]
async fn requesters_withdraw_on_the_page_of_the_request(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.sign_in_as(Persona::Admin).await;
    let actor = server.actor(Persona::Admin).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let id = server.request_key(&actor, "one", Role::Admin).await;
    let done = server.submit(&admin, &format!("/approvals/{id}/withdraw"), &[]).await;
    assert_eq!(done.status, 303);
    assert!(server.page(&admin, &format!("/approvals/{id}")).await.contains("Withdrawn"));
    assert_eq!(server.state_of(id).await, "withdrawn");
}
