//! Keys whose creator is disabled or removed: they can still be verified and read, but cannot change anything.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::json;

use super::harness::{Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::accounts::server::set_enabled;
use crate::keys::server::{self as keys, Draft};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::KeyId;
use crate::usage::Outcome;

impl Server {
    /// Every API call with which a key manages keys.
    async fn managing_calls(&self, by: &Secret, target: KeyId) -> Vec<TestResponse> {
        let path = format!("/api/v1/keys/{target}");
        let mut responses =
            vec![self.post("/api/v1/keys").key(by).json(&json!({ "name": "one more" })).send().await];
        let edit = json!({ "note": "changed" });
        responses.push(self.call(Method::PATCH, &path).key(by).json(&edit).send().await);
        for verb in ["rotate", "finish", "disable", "enable", "revoke"] {
            responses.push(self.post(&format!("{path}/{verb}")).key(by).json(&json!({})).send().await);
        }
        let until = json!({ "until": "2026-11-25T10:00:00Z" });
        responses.push(self.post(&format!("{path}/extend")).key(by).json(&until).send().await);
        let revoke = self.post(&format!("/api-keys/{target}/revoke")).header("x-api-key", by.expose());
        responses.push(revoke.json(&json!({})).send().await);
        responses
    }
}

#[apply(on_both_engines!)]
async fn a_key_of_a_disabled_or_removed_person_manages_nothing(engine: Engine) {
    for removed in [false, true] {
        let server = Server::on(engine).await;
        let owner = server.sign_in_as(Persona::Owner).await;
        let admin = server.actor(Persona::Admin).await;
        let key = server.key_of(Persona::Admin).await;
        let target = server.key(&server.actor(Persona::Owner).await, "target").await;
        let low = keys::create(
            &server.app,
            &admin,
            &Draft { role: Some(crate::shared::Role::Member), ..draft("low") },
            None,
        )
        .await
        .expect("a key");
        assert_eq!(server.check(&key).await, Outcome::Valid);
        let rows = server.count("SELECT count(*) FROM keys").await;
        if removed {
            let path = format!("/settings/members/{}/remove", admin.user);
            assert_eq!(server.submit(&owner, &path, &[]).await.status, 303);
        } else {
            // Another process on the same database disables the person.
            set_enabled(&server.second_process().await, &Persona::Admin.email(), false)
                .await
                .expect("disabled");
        }
        for id in [&target.key.id, &low.key.id] {
            for response in server.managing_calls(&key, *id).await {
                assert_eq!(response.status, 403, "{}", response.text());
                assert!(
                    response.json()["message"]
                        .as_str()
                        .expect("a reason")
                        .contains("disabled or no longer a member"),
                    "{}",
                    response.text()
                );
            }
        }
        assert_eq!(server.count("SELECT count(*) FROM keys").await, rows);
        assert_eq!(
            server
                .count("SELECT count(*) FROM keys WHERE revoked_at IS NOT NULL OR disabled_at IS NOT NULL")
                .await,
            0
        );
        // Reading and verifying still work.
        for path in ["/api/v1/keys", "/api/v1/me", "/health"] {
            assert_eq!(server.get(path).key(&key).send().await.status, 200, "{path}");
        }
        let verified = server
            .post("/api/v1/keys/verify")
            .key(&key)
            .json(&json!({ "key": target.plaintext.expose() }))
            .send()
            .await;
        assert_eq!(verified.json()["valid"], true, "{}", verified.text());
        assert_eq!(server.check(&low.plaintext).await, Outcome::Valid);
        if !removed {
            set_enabled(&server.app, &Persona::Admin.email(), true).await.expect("enabled");
            let made = server.post("/api/v1/keys").key(&key).json(&json!({ "name": "again" })).send().await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
    }
}

#[apply(on_both_engines!)]
async fn the_removal_offers_to_revoke_the_keys_of_a_disabled_person(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let admin = server.actor(Persona::Admin).await;
    let (goes, stays) = (server.key(&admin, "goes").await, server.key(&admin, "stays").await);
    let child = server
        .post("/api/v1/keys")
        .key(&goes.plaintext)
        .json(&json!({ "name": "child of goes" }))
        .send()
        .await;
    let child = KeyId::parse(child.json()["id"].as_str().expect("an id")).expect("an id");
    set_enabled(&server.app, &Persona::Admin.email(), false).await.expect("disabled");
    let path = format!("/settings/members/{}/remove", admin.user);
    let page = server.page(&owner, &path).await;
    for (id, name) in [(&goes.key.id, "goes"), (&stays.key.id, "stays"), (&child, "child of goes")] {
        assert!(page.contains(name) && page.contains(&format!("value=\"{id}\"")), "{name}: {page}");
    }
    assert!(page.contains("can no longer create"), "{page}");
    let (first, second) = (goes.key.id.to_string(), child.to_string());
    let ticked = [("key", first.as_str()), ("key", &second)];
    assert_eq!(server.submit(&owner, &path, &ticked).await.status, 303);
    assert_eq!(server.check(&goes.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&stays.plaintext).await, Outcome::Valid);
    assert_eq!(server.count("SELECT count(*) FROM keys WHERE revoked_at IS NOT NULL").await, 2);
}
