//! What happens to a leaked key: the choice of the organization, rotations, and races.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::LeakEffect;
use crate::platform::Error;
use crate::shared::PrincipalKind;

#[apply(on_both_engines!)]
async fn the_organization_chooses_the_effect(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let (live, test) = (server.key(&owner, "live").await, server.test_key(&owner, "test").await);
    server.find_in_public(&live.plaintext, "https://x").await;
    server.find_in_public(&test.plaintext, "https://x").await;
    assert_eq!(server.outcomes().await, ["revoked", "reported"]);
    assert_eq!(server.check(&test.plaintext).await, Outcome::Valid);
    server.choose_effects(&owner, LeakEffect::Disable).await;
    let live = server.key(&owner, "live").await;
    server.find_in_public(&live.plaintext, "https://x").await;
    assert_eq!(server.check(&live.plaintext).await, Outcome::Disabled);
    // Somebody enables the key on purpose, so the same secret does not disable it again …
    keys::enable(&server.app, &owner, live.key.id).await.expect("it is enabled");
    server.find_in_public(&live.plaintext, "https://y").await;
    assert_eq!(server.check(&live.plaintext).await, Outcome::Valid);
    // … but a stronger choice applies, also to a place that is known.
    server.choose_effects(&owner, LeakEffect::Revoke).await;
    server.find_in_public(&live.plaintext, "https://x").await;
    server.find_in_public(&test.plaintext, "https://x").await;
    assert_eq!(server.check(&live.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&test.plaintext).await, Outcome::Revoked);
    server.choose_effects(&owner, LeakEffect::Report).await;
    let live = server.key(&owner, "live").await;
    server.find_in_public(&live.plaintext, "https://x").await;
    assert_eq!(server.check(&live.plaintext).await, Outcome::Valid);
    let key = keys::find(&server.app, &owner, live.key.id).await.expect("a key");
    assert!(key.is_leaked());
    // With a new secret it no longer counts as leaked.
    keys::rotate(&server.app, &owner, live.key.id, Duration::ZERO, None).await.expect("a secret");
    assert!(!keys::find(&server.app, &owner, live.key.id).await.expect("a key").is_leaked());
}

#[apply(on_both_engines!)]
async fn only_owners_choose_the_effect(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    for persona in [Persona::Viewer, Persona::Member, Persona::Admin] {
        let actor = server.actor(persona).await;
        let policy = LeakPolicy { effect: LeakEffect::Report, test_effect: LeakEffect::Report };
        let refused = leaks::set_policy(&server.app, &actor, policy).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{persona:?}");
        assert_eq!(leaks::policy(&server.app, &actor).await.expect("a policy"), LeakPolicy::default());
    }
    server.choose_effects(&owner, LeakEffect::Report).await;
    // Another organization has its own choice.
    let stranger = server.actor(Persona::Stranger).await;
    assert_eq!(leaks::policy(&server.app, &stranger).await.expect("a policy"), LeakPolicy::default());
    let key = server.key_of(Persona::Owner).await;
    let (path, effect) = ("/api/v1/leaks/policy", json!({ "effect": "disable" }));
    assert_eq!(
        server.get(path).key(&key).send().await.json(),
        json!({ "effect": "report", "test_effect": "report" })
    );
    let changed = server.call(axum::http::Method::PATCH, path).key(&key).json(&effect).send().await;
    assert_eq!(changed.json(), json!({ "effect": "disable", "test_effect": "report" }));
    for wrong in [json!({ "effect": "delete" }), json!({ "effekt": "revoke" })] {
        let refused = server.call(axum::http::Method::PATCH, path).key(&key).json(&wrong).send().await;
        assert_eq!(refused.status, 422);
    }
}

/// A person has the new secret, so only the old one ends.
#[apply(on_both_engines!)]
async fn a_leaked_previous_secret_finishes_the_rotation_of_a_person(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let old = server.key(&owner, "CI deploy").await;
    let new = keys::rotate(&server.app, &owner, old.key.id, DAY, None).await.expect("a secret");
    assert_eq!(server.check(&old.plaintext).await, Outcome::Valid);
    server.find_in_public(&old.plaintext, "https://x").await;
    assert_eq!(server.check(&old.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&new.plaintext).await, Outcome::Valid);
    assert_eq!(server.outcomes().await, ["rotation_finished"]);
    let key = keys::find(&server.app, &owner, old.key.id).await.expect("a key");
    assert!(key.previous.is_none() && !key.is_leaked());
    // The new secret leaks too, which revokes the key.
    server.find_in_public(&new.plaintext, "https://x").await;
    assert_eq!(server.check(&new.plaintext).await, Outcome::Revoked);
    assert_eq!(server.outcomes().await, ["rotation_finished", "revoked"]);
}

/// A key that rotated itself may have passed the new secret to whoever found the old one.
#[apply(on_both_engines!)]
async fn a_leaked_previous_secret_ends_a_key_that_a_key_rotated(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let old = server.key(&owner, "CI deploy").await;
    let rotated = server.post(&format!("/api/v1/keys/{}/rotate", old.key.id)).key(&old.plaintext);
    let rotated = rotated.json(&json!({})).send().await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    server.find_in_public(&old.plaintext, "https://x").await;
    assert_eq!(server.outcomes().await, ["revoked"]);
    let key = keys::find(&server.app, &owner, old.key.id).await.expect("a key");
    assert!(key.revoked_at.is_some());
    // The same key, rotated by a person after that: the current secret is known to the person only.
    let old = server.key(&owner, "CI deploy 2").await;
    let by_key = Actor { principal: PrincipalKind::Key, ..owner.clone() };
    keys::rotate(&server.app, &by_key, old.key.id, DAY, None).await.expect("a secret");
    let new = keys::rotate(&server.app, &owner, old.key.id, DAY, None).await.expect("a secret");
    server.find_in_public(&old.plaintext, "https://x").await;
    assert_eq!(server.check(&new.plaintext).await, Outcome::Valid);
}

#[apply(on_both_engines!)]
async fn keys_that_have_ended_are_reported_without_an_error(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let end = server.clock.now().plus(Duration::from_secs(60));
    let expiring = Draft { expires_at: Some(end), ..draft("expired") };
    let expired = keys::create(&server.app, &owner, &expiring, None).await.expect("a key");
    let revoked = server.key(&owner, "revoked").await;
    let rotated = server.key(&owner, "rotated").await;
    for created in [&expired, &revoked, &rotated] {
        // All secrets are now in the cache.
        assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    }
    server.clock.advance(Duration::from_secs(61));
    keys::read_change_log(&server.app).await.expect("the change log");
    keys::revoke(&server.app, &owner, revoked.key.id).await.expect("it is revoked");
    let new =
        keys::rotate(&server.app, &owner, rotated.key.id, Duration::ZERO, None).await.expect("a secret");
    for created in [&expired, &revoked, &rotated] {
        server.find_in_public(&created.plaintext, "https://x").await;
    }
    // An expired key could get a later expiry, so it ends for good.
    assert_eq!(server.outcomes().await, ["revoked"]);
    assert_eq!(server.check(&expired.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&new.plaintext).await, Outcome::Valid);
    // A key of a deleted organization.
    let stranger = server.actor(Persona::Stranger).await;
    let foreign = server.key(&stranger, "foreign").await;
    assert_eq!(server.check(&foreign.plaintext).await, Outcome::Valid);
    let mut write = server.app.db.write().await.expect("a turn");
    use crate::orgs::server::KeyOffboarding;
    keys::OrgKeyOffboarding.revoke_all(&server.app, &mut write, stranger.org.org).await.expect("they end");
    write.commit().await.expect("a commit");
    server.find_in_public(&foreign.plaintext, "https://x").await;
    assert_eq!(server.outcomes().await.len(), 1);
}

/// A report runs concurrently with a rotation or a revocation. The leaked secret stops working in every order.
#[apply(on_both_engines!)]
async fn a_leaked_secret_ends_during_concurrent_changes(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    for number in 0..20 {
        let created = server.key(&owner, &format!("rotated {number}")).await;
        let body = json!({ "tokens": [created.plaintext.expose()] });
        server.report(&body).await;
        let overlap = if number % 2 == 0 { DAY } else { Duration::ZERO };
        let (rotated, ()) =
            tokio::join!(keys::rotate(&server.app, &owner, created.key.id, overlap, None), server.examine());
        assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
        if let Ok(rotated) = rotated {
            let outcome = server.check(&rotated.plaintext).await;
            assert!(matches!(outcome, Outcome::Valid | Outcome::Revoked), "{outcome:?}");
        }
        let created = server.key(&owner, &format!("revoked {number}")).await;
        server.report(&json!({ "tokens": [created.plaintext.expose()] })).await;
        let (_, ()) = tokio::join!(keys::revoke(&server.app, &owner, created.key.id), server.examine());
        assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    }
    let events = server.audit_actions().await;
    let ends = events.iter().filter(|action| *action == "key.leaked" || *action == "key.revoked").count();
    assert!(ends >= 20, "{ends}");
}

#[apply(on_both_engines!)]
async fn webhooks_receive_the_leak_and_the_revocation(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, "https://93.184.216.34/one", &["key.leaked", "key.revoked"]).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "portal").await;
    server.find_in_public(&created.plaintext, "https://x/.env").await;
    let rows: Vec<String> = sqlx::query_scalar("SELECT body FROM webhook_events ORDER BY id")
        .fetch_all(server.app.db.pool())
        .await
        .expect("events");
    let bodies: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let types: Vec<_> = bodies.iter().map(|body| body["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["key.revoked", "key.leaked"]);
    let data = &bodies[1]["data"];
    assert_eq!((&data["url"], &data["source"]), (&json!("https://x/.env"), &json!("a scanner")));
    assert_eq!((&data["outcome"], &data["name"]), (&json!("revoked"), &json!("portal")));
    assert_eq!(bodies[0]["data"]["because"], "found in public");
}
