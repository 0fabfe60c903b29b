//! Undo, in the message of the last change. It does not undo what somebody else has done since.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use crate::platform::db::Engine;
use crate::usage::Outcome;

const KEYS: &str = "/settings/api-keys";
const UNDO: &str = "/settings/api-keys/undo";
const MOMENT: Duration = Duration::from_secs(1);

#[apply(on_both_engines!)]
async fn disabling_and_enabling_are_undone(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("{KEYS}/{id}");
    let disabled = server.submit(&owner, &format!("{path}/disable"), &[]).await;
    let page = server.follow(&owner, &disabled).await;
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
    server.clock.advance(MOMENT);
    let undone = server.press(&owner, &page, UNDO, &[]).await;
    assert_eq!(undone.header("location"), path);
    assert!(server.follow(&owner, &undone).await.contains("ci-deploy works again."));
    assert!(server.check(&secret).await != Outcome::Disabled);
    // Twice changes nothing.
    server.clock.advance(MOMENT);
    let again = server.press(&owner, &page, UNDO, &[]).await;
    assert!(server.follow(&owner, &again).await.contains("Nothing was undone."));

    server.submit(&owner, &format!("{path}/disable"), &[("confirmed", "yes")]).await;
    server.clock.advance(MOMENT);
    let enabled = server.submit(&owner, &format!("{path}/enable"), &[]).await;
    let page = server.follow(&owner, &enabled).await;
    server.clock.advance(MOMENT);
    let undone = server.press(&owner, &page, UNDO, &[]).await;
    assert!(server.follow(&owner, &undone).await.contains("ci-deploy is disabled again."));
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
    let actions = server.audited().await;
    let changes: Vec<&str> = actions.iter().map(String::as_str).skip(1).collect();
    assert_eq!(changes, ["key.disabled", "key.enabled", "key.disabled", "key.enabled", "key.disabled"]);
}

#[apply(on_both_engines!)]
async fn what_somebody_else_did_since_is_not_undone(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.sign_in_as(Persona::Owner).await, server.sign_in_as(Persona::Admin).await);
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("{KEYS}/{id}");
    let disabled = server.submit(&owner, &format!("{path}/disable"), &[]).await;
    let page = server.follow(&owner, &disabled).await;
    // The admin has reasons to disable it as well.
    for action in ["enable", "disable"] {
        server.clock.advance(MOMENT);
        server.submit(&admin, &format!("{path}/{action}"), &[]).await;
    }
    let initial = server.audited().await;
    let refused = server.press(&owner, &page, UNDO, &[]).await;
    let answer = server.follow(&owner, &refused).await;
    assert!(answer.contains("Somebody has changed this key since then. Nothing was undone."), "{answer}");
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
    assert_eq!(server.audited().await, initial, "nothing has changed");
}

/// A key that was found in public after it was disabled stays disabled.
#[apply(on_both_engines!)]
async fn a_key_that_was_found_in_public_since_is_not_enabled_by_undo(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let fields = [("effect", "disable"), ("test_effect", "disable")];
    server.submit(&owner, "/settings/organization/leaked-keys", &fields).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let disabled = server.submit(&owner, &format!("{KEYS}/{id}/disable"), &[]).await;
    let page = server.follow(&owner, &disabled).await;
    server.clock.advance(MOMENT);
    let report = serde_json::json!({ "tokens": [secret.expose()] });
    assert!(server.post("/api/v1/leaks").json(&report).send().await.status.is_success());
    crate::leaks::server::examine_all(&server.app).await.expect("examined");
    assert!(server.audited().await.contains(&"key.leaked".to_owned()), "the report was proven");
    server.clock.advance(MOMENT);
    server.press(&owner, &page, UNDO, &[]).await;
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
}

#[apply(on_both_engines!)]
async fn several_keys_are_enabled_again_except_those_that_somebody_changed(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (one, first) = server.made_key(&owner, "one").await;
    let (two, second) = server.made_key(&owner, "two").await;
    let (three, third) = server.made_key(&owner, "three").await;
    let chosen = [("do", "disable"), ("key", one.as_str()), ("key", two.as_str()), ("key", three.as_str())];
    let disabled = server.submit(&owner, &format!("{KEYS}/selected"), &chosen).await;
    let page = server.follow(&owner, &disabled).await;
    server.clock.advance(MOMENT);
    server.submit(&owner, &format!("{KEYS}/{two}/revoke"), &[]).await;
    let undone = server.press(&owner, &page, UNDO, &[]).await;
    let answer = server.follow(&owner, &undone).await;
    assert!(answer.contains("2 keys work again. 1 key stayed as it was"), "{answer}");
    let outcomes = [server.check(&first).await, server.check(&second).await, server.check(&third).await];
    assert_eq!(outcomes, [Outcome::Valid, Outcome::Revoked, Outcome::Valid]);
}

#[apply(on_both_engines!)]
async fn undo_needs_the_permissions_of_the_change(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    server.submit(&owner, &format!("{KEYS}/{id}/disable"), &[]).await;
    let member = server.sign_in_as(Persona::Member).await;
    let fields = [("change", "disabled"), ("since", "0"), ("key", id.as_str())];
    assert_eq!(server.submit(&member, UNDO, &fields).await.status, 403);
    for fields in [
        vec![("change", "nonsense"), ("since", "0"), ("key", id.as_str())],
        vec![("change", "disabled"), ("since", "soon"), ("key", id.as_str())],
        vec![("change", "disabled"), ("since", "0")],
        vec![],
    ] {
        let response = server.submit(&owner, UNDO, &fields).await;
        assert!(server.follow(&owner, &response).await.contains("Nothing was undone."), "{fields:?}");
    }
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
}

#[apply(on_both_engines!)]
async fn turning_a_webhook_off_or_on_is_undone(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let key = server.key_of(Persona::Owner).await;
    let id = server.webhook(&key, "https://93.184.216.34/one", &["key.leaked"]).await.id;
    let path = format!("/settings/webhooks/{id}");
    let undo = format!("{path}/undo");
    let is_on = async || {
        let off = server.count("SELECT COUNT(*) FROM webhook_endpoints WHERE disabled_at IS NOT NULL").await;
        off == 0
    };
    for (turn, was_on) in [("turn-off", true), ("turn-on", false)] {
        let turned = server.submit(&owner, &format!("{path}/{turn}"), &[]).await;
        let page = server.follow(&owner, &turned).await;
        assert_eq!(is_on().await, !was_on);
        server.clock.advance(MOMENT);
        let undone = server.press(&owner, &page, &undo, &[]).await;
        assert_eq!(undone.header("location"), path);
        assert_eq!(is_on().await, was_on, "{turn}");
        server.clock.advance(MOMENT);
        if was_on {
            server.submit(&owner, &format!("{path}/turn-off"), &[]).await;
            server.clock.advance(MOMENT);
        }
    }
    // It is off now. The owner turns it on, and somebody else turns it off and on.
    let turned = server.submit(&owner, &format!("{path}/turn-on"), &[]).await;
    let page = server.follow(&owner, &turned).await;
    let admin = server.sign_in_as(Persona::Admin).await;
    for turn in ["turn-off", "turn-on"] {
        server.clock.advance(MOMENT);
        server.submit(&admin, &format!("{path}/{turn}"), &[]).await;
    }
    let refused = server.press(&owner, &page, &undo, &[]).await;
    let answer = server.follow(&owner, &refused).await;
    assert!(answer.contains("was turned on or off again since then. Nothing was undone."), "{answer}");
    assert!(is_on().await);
    server.submit(&owner, &undo, &[("turned", "on"), ("since", "soon")]).await;
    assert!(is_on().await);
}
