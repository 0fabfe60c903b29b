//! `/api/v1/key-policy`.

use axum::http::Method;
use macro_rules_attribute::apply;

use super::*;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::tests::harness::{TestResponse, on_both_engines};

async fn put(server: &Server, key: &Secret, body: &Value) -> TestResponse {
    server.call(Method::PUT, "/api/v1/key-policy").key(key).json(body).send().await
}

fn with(rules: Value) -> Value {
    let mut body = no_rules();
    for (name, value) in rules.as_object().expect("rules") {
        body[name] = value.clone();
    }
    body
}

#[apply(on_both_engines!)]
async fn owners_keys_change_the_rules_and_others_read_them(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.key_of(Persona::Owner).await;
    let admin = server.key_of(Persona::Admin).await;
    let rules = with(json!({
        "max_life_days": 180, "allowed_kinds": ["live", "test"], "allowed_ranges": ["203.0.113.0/24"],
        "idle_days": 90, "max_secret_age_days": 180, "approval_from": "admin", "grace_days": 30,
    }));
    // The calling key would be refused from its present address.
    let call = server.call(Method::PUT, "/api/v1/key-policy").key(&owner).json(&rules);
    let refused = call.from("198.51.100.9").send().await;
    assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!("confirm")));
    let confirmed = with(json!({ "confirm": "Tidewater Freight" }));
    let confirmed = rules.as_object().expect("rules").iter().fold(confirmed, |mut all, (name, value)| {
        all[name] = value.clone();
        all
    });
    let preview = server.post("/api/v1/key-policy/preview").key(&owner).json(&rules).send().await;
    assert_eq!(preview.status, 200, "{}", preview.text());
    assert_eq!((preview.json()["keys"].as_u64(), preview.json()["refused"].as_u64()), (Some(2), Some(0)));
    assert_eq!(preview.json()["applies_at"], "2026-12-20T10:00:00.000Z");
    for (method, path) in [(Method::PUT, "/api/v1/key-policy"), (Method::POST, "/api/v1/key-policy/preview")]
    {
        assert_eq!(server.call(method, path).key(&admin).json(&rules).send().await.status, 403);
    }
    let saved = put(&server, &owner, &confirmed).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let seen = server.get("/api/v1/key-policy").key(&admin).send().await.json();
    assert_eq!(seen, saved.json());
    for (name, value) in rules.as_object().expect("rules").iter().filter(|(name, _)| *name != "grace_days") {
        assert_eq!(seen[name], *value, "{name}");
    }
    assert_eq!(seen["all_apply_at"], "2026-12-20T10:00:00.000Z");
    assert_eq!(put(&server, &owner, &confirmed).await.status, 200, "nothing changes");
    let changed = server.audited().await.into_iter().filter(|action| action == "key_policy.changed").count();
    assert_eq!(changed, 1);
    assert!(server.audited().await.contains(&"key_policy.refused".to_owned()));
}

#[apply(on_both_engines!)]
async fn wrong_rules_are_refused_by_field(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.key_of(Persona::Owner).await;
    for (rules, field) in [
        (json!({ "max_life_days": 0 }), "max_life_days"),
        (json!({ "max_life_days": 367 }), "max_life_days"),
        (json!({ "max_life_days": i64::MAX }), "max_life_days"),
        (json!({ "allowed_kinds": [] }), "allowed_kinds"),
        (json!({ "allowed_ranges": [] }), "allowed_ranges"),
        (json!({ "allowed_ranges": ["10.0.0.1/8"] }), "allowed_ranges"),
        (json!({ "allowed_ranges": ["nonsense\0"] }), "allowed_ranges"),
        (json!({ "idle_days": -1 }), "idle_days"),
        (json!({ "max_secret_age_days": 400 }), "max_secret_age_days"),
        (json!({ "approval_from": "viewer" }), "approval_from"),
        (json!({ "approval_from": "none" }), "approval_from"),
        (json!({ "grace_days": 91 }), "grace_days"),
        (json!({ "allowed_kinds": ["mcp"] }), "confirm"),
    ] {
        let response = put(&server, &owner, &with(rules.clone())).await;
        assert_eq!(response.status, 422, "{rules}: {}", response.text());
        assert_eq!(response.json()["errors"][0]["field"], field, "{rules}: {}", response.text());
    }
    let many: Vec<String> = (0..51).map(|number| format!("10.0.{number}.0/24")).collect();
    let response = put(&server, &owner, &with(json!({ "allowed_ranges": many }))).await;
    assert!(response.text().contains("A key policy has at most 50 ranges."), "{}", response.text());
    for name in no_rules().as_object().expect("rules").keys() {
        let mut body = no_rules();
        body.as_object_mut().expect("rules").remove(name);
        let response = put(&server, &owner, &body).await;
        assert_eq!(response.status, 422, "without {name}: {}", response.text());
    }
    let more = with(json!({ "org_id": "x" }));
    assert_eq!(put(&server, &owner, &more).await.status, 422);
    assert_eq!(put(&server, &owner, &with(json!({ "allowed_kinds": ["paper"] }))).await.status, 422);
    assert_eq!(server.count("SELECT COUNT(*) FROM key_policies").await, 0);
}
