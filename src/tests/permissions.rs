//! A missing permission is reported before any other error of a request.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;
use crate::platform::db::Engine;
use crate::usage::Outcome;

const NONE: &[(&str, &str)] = &[];

#[apply(on_both_engines!)]
async fn permissions_are_checked_before_fields(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let owner = server.actor(Persona::Owner).await;
    let used = server.key(&owner, "used").await;
    assert_eq!(server.check(&used.plaintext).await, Outcome::Valid);
    let id = used.key.id.to_string();
    let (key, member) = (format!("/settings/api-keys/{id}"), format!("/settings/members/{}", owner.user));
    let path = |base: &str, verb: &str| format!("{base}/{verb}");
    let requests: [(String, &[(&str, &str)]); 17] = [
        (path(&key, "revoke"), NONE),
        (path(&key, "revoke"), &[("confirm", "another name")]),
        ("/settings/api-keys/revoke".to_owned(), &[("key", id.as_str())]),
        (path(&key, "rotate"), &[("overlap", "custom"), ("hours", "many")]),
        (path(&key, "rotate"), &[("overlap", "999999")]),
        (path(&key, "edit"), &[("name", "")]),
        (path(&key, "extend"), NONE),
        (path(&key, "finish"), NONE),
        (path(&key, "enable"), NONE),
        (path(&key, "disable"), NONE),
        (path(&member, "role"), &[("role", "emperor")]),
        (path(&member, "remove"), NONE),
        ("/settings/members".to_owned(), &[("emails", "nonsense"), ("role", "viewer")]),
        ("/settings/organization".to_owned(), &[("name", "")]),
        ("/settings/organization/plan".to_owned(), &[("plan", "gold")]),
        ("/settings/organization/delete".to_owned(), NONE),
        (
            "/settings/api-keys/new".to_owned(),
            &[("name", ""), ("kind", "live"), ("role", "owner"), ("expiry", "never")],
        ),
    ];
    for (path, fields) in requests {
        let response = server.submit(&viewer, &path, fields).await;
        assert_eq!(response.status, 403, "{path}: {}", response.text());
    }
    // If one of several keys may not be revoked, none is.
    let own = server.key(&server.actor(Persona::Viewer).await, "own").await;
    let own_id = own.key.id.to_string();
    let both = [("key", own_id.as_str()), ("key", id.as_str()), ("confirm", "revoke")];
    assert_eq!(server.submit(&viewer, "/settings/api-keys/revoke", &both).await.status, 403);
    assert_eq!(server.check(&own.plaintext).await, Outcome::Valid);
    let by_key = server.key_of(Persona::Member).await;
    let path = format!("/api/v1/keys/{id}/rotate");
    let response = server
        .post(&path)
        .key(&by_key)
        .json(&serde_json::json!({ "overlap_seconds": 1_000_000_000 }))
        .send()
        .await;
    assert_eq!(response.status, 403, "{}", response.text());
    let refused = server.audited().await.into_iter().filter(|action| action == "key.refused").count();
    assert!(refused > 0, "a refused change of keys is audited");
    assert_eq!(server.check(&used.plaintext).await, Outcome::Valid);
}
