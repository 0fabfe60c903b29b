//! `armoriq keys list`, `revoke` and `prune`.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{self as keys, Draft};
use crate::platform::db::Engine;
use crate::shared::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns true if `prune` would revoke the key, by the client's rules.
fn prunable(entry: &Value, now: Timestamp) -> bool {
    let age = |name: &str| {
        let at = Timestamp::parse(entry[name].as_str()?).expect("a moment that clients can read");
        Some(now.since(at).as_secs() / DAY.as_secs())
    };
    if entry["status"] == "revoked" {
        return false;
    }
    let expired = entry["expiresAt"].as_str().and_then(Timestamp::parse).is_some_and(|end| end < now);
    match age("lastUsedAt") {
        _ if expired => true,
        Some(days) => days > 90,
        None => age("createdAt").is_some_and(|days| days > 30),
    }
}

#[apply(on_both_engines!)]
async fn the_list_has_the_persons_keys_and_the_calling_key_looks_used(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    server.key(&owner, "unused").await;
    server.key_of(Persona::Member).await;
    let ends = Draft { expires_at: Some(server.clock.now().plus(DAY)), ..draft("short") };
    keys::create(&server.app, &owner, &ends, None).await.expect("a key");
    server.clock.advance(DAY * 40);
    let body = without_null(&server.get("/api-keys").x_key(&key).send().await);
    let entries = body["data"].as_array().expect("a list");
    let names: Vec<_> = entries.iter().map(|entry| entry["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["short", "unused", "owner@laptop"], "newest first, without keys of other people");
    let doomed: Vec<_> = entries.iter().map(|entry| prunable(entry, server.clock.now())).collect();
    assert_eq!(doomed, [true, true, false]);
    assert_eq!(
        (entries[0]["status"].as_str(), entries[2]["status"].as_str()),
        (Some("expired"), Some("active"))
    );
    assert_eq!(entries[2]["lastUsedAt"], server.clock.now().to_string(), "this request is counted");
    assert!(entries[1]["lastUsedAt"].is_null() && entries[1]["expiresAt"].is_null(), "omitted, not null");
    assert!(!body.to_string().contains(&key.expose()[21..]), "no secret is listed");
}

#[apply(on_both_engines!)]
async fn a_key_is_revoked_by_its_id(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    let other = server.key(&owner, "other").await;
    let path = format!("/api-keys/{}/revoke", other.key.id);
    let body = without_null(&server.post(&path).x_key(&key).json(&json!({})).send().await);
    assert_eq!(body["status"], "revoked");
    refused(&server.get("/health").x_key(&other.plaintext).send().await, 401);
    let again = server.post(&path).x_key(&key).json(&json!({})).send().await;
    assert!(refused(&again, 409).contains("revoked already"));
    let listed = server.get("/api-keys").x_key(&key).send().await.json();
    assert_eq!(listed["data"][0]["status"], "revoked");
}

/// Unknown, foreign and malformed ids get the same response. Revoking another member's key requires an admin.
#[apply(on_both_engines!)]
async fn revoking_requires_permission(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.key(&server.actor(Persona::Admin).await, "admin's").await.key.id;
    let foreign = server.key(&server.actor(Persona::Stranger).await, "theirs").await.key.id;
    let state_before = server.count("SELECT count(*) FROM keys WHERE revoked_at IS NOT NULL").await;
    let revoke = async |key: &Secret, id: &str| {
        server.post(&format!("/api-keys/{id}/revoke")).x_key(key).json(&json!({})).send().await
    };
    let member = server.key_of(Persona::Member).await;
    let foreign = foreign.to_string();
    let ids = [&*foreign, "01a1f866-0d00-7fff-bfff-ffffffffffff", "nonsense", "%00", "%ff"];
    let mut messages = Vec::new();
    for id in ids {
        messages.push(refused(&revoke(&member, id).await, 404));
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    refused(&revoke(&member, &admin.to_string()).await, 403);
    let viewer = server.key_of(Persona::Viewer).await;
    let own = keys::list(
        &server.app,
        &server.actor(Persona::Viewer).await,
        &crate::keys::server::Filter {
            limit: 1,
            creator: Some(server.actor(Persona::Viewer).await.user),
            ..Default::default()
        },
    )
    .await
    .expect("keys");
    assert!(refused(&revoke(&viewer, &own.keys[0].id.to_string()).await, 403).contains("only read"));
    assert_eq!(server.count("SELECT count(*) FROM keys WHERE revoked_at IS NOT NULL").await, state_before);
    let owner = server.key_of(Persona::Owner).await;
    assert_eq!(revoke(&owner, &admin.to_string()).await.status, 200);
}
