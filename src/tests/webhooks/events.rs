//! Which changes send an event, and what the bodies say.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::{started, verify};
use crate::keys::server::{self as keys, Draft};
use crate::platform::db::Engine;
use crate::shared::Role;
use crate::tests::harness::on_both_engines;
use crate::tests::keys::draft;
use crate::tests::personas::Persona;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[apply(on_both_engines!)]
async fn changes_of_keys_are_sent_signed_and_in_order(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/latchkey?a=b"), &["key.*"]).await;
    let owner = server.actor(Persona::Owner).await;
    let made = server.key(&owner, "ci-deploy").await;
    let id = made.key.id;
    let rotated = keys::rotate(&server.app, &owner, id, DAY, None).await.expect("a rotation");
    keys::disable(&server.app, &owner, id).await.expect("it is disabled");
    keys::enable(&server.app, &owner, id).await.expect("it is enabled");
    keys::revoke(&server.app, &owner, id).await.expect("it is revoked");
    server.deliver().await;
    assert_eq!(
        receiver.types(),
        ["key.created", "key.rotated", "key.disabled", "key.enabled", "key.revoked"]
    );
    for received in receiver.received() {
        verify(&received, &[&hook.secret], server.clock.now());
        assert_eq!(received.target, "/latchkey?a=b");
        assert!(received.header("user-agent").starts_with("latchkey/"));
        let data = received.json()["data"].clone();
        assert_eq!(data["id"], id.to_string());
        assert_eq!(
            (&data["name"], &data["kind"], &data["role"]),
            (&json!("ci-deploy"), &json!("live"), &json!("owner"))
        );
        assert!(data["prefix"].as_str().is_some_and(|prefix| prefix.starts_with("ak_live_")));
        assert!(data["actor"]["kind"].is_string(), "{data}");
        assert!(
            received.json()["timestamp"].as_str().is_some_and(|at| at.starts_with("2026-11-20T10:00:00"))
        );
    }
    // No secret of any key, nor of the webhook.
    let bodies: String = receiver.received().iter().map(|received| received.body.clone()).collect();
    for secret in [&made.plaintext, &rotated.plaintext, &admin, &hook.secret] {
        let hidden = secret.expose().rsplit('_').next().expect("a secret");
        assert!(!bodies.contains(hidden));
    }
    let hashes: Vec<String> = sqlx::query_scalar("SELECT hash FROM secret_hashes")
        .fetch_all(server.app.db.pool())
        .await
        .expect("hashes");
    assert!(hashes.iter().all(|hash| !bodies.contains(hash)));
}

#[apply(on_both_engines!)]
async fn only_subscribed_events_of_the_own_organization_are_sent(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let stranger = server.key_of(Persona::Stranger).await;
    server.webhook(&admin, &receiver.url("/ours"), &["key.revoked"]).await;
    server.webhook(&stranger, &receiver.url("/theirs"), &["*"]).await;
    let owner = server.actor(Persona::Owner).await;
    let made = server.key(&owner, "one").await;
    keys::revoke(&server.app, &owner, made.key.id).await.expect("it is revoked");
    server.deliver().await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].target.as_str(), received[0].event_type().as_str()), ("/ours", "key.revoked"));
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_events").await, 1);
}

/// An event is written with its change, or neither is.
#[apply(on_both_engines!)]
async fn a_change_that_fails_sends_nothing(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["*"]).await;
    let owner = server.actor(Persona::Owner).await;
    server.run("ALTER TABLE webhook_deliveries RENAME TO away").await;
    keys::create(&server.app, &owner, &draft("one"), None).await.expect_err("no outbox");
    server.run("ALTER TABLE away RENAME TO webhook_deliveries").await;
    assert_eq!(server.count("SELECT COUNT(*) FROM keys WHERE name = 'one'").await, 0);
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_events").await, 0);
    server.key(&owner, "one").await;
    server.deliver().await;
    assert_eq!(receiver.types(), ["key.created"]);
}

#[apply(on_both_engines!)]
async fn a_key_is_announced_once_before_and_after_it_expires(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.expiring", "key.expired"]).await;
    let owner = server.actor(Persona::Owner).await;
    let end = server.clock.now().plus(DAY * 10);
    let draft = Draft { expires_at: Some(end), ..draft("nightly") };
    let key = keys::create(&server.app, &owner, &draft, None).await.expect("a key").key.id;
    let mut seen = Vec::new();
    for _ in 0..6 {
        server.clock.advance(DAY * 2);
        keys::announce_expiries(&server.app).await.expect("announcements");
        keys::sweep(&server.app).await.expect("a sweep");
        server.deliver().await;
        seen.push(receiver.types().join(" "));
    }
    let (expiring, both) = ("key.expiring", "key.expiring key.expired");
    assert_eq!(seen, ["", expiring, expiring, expiring, both, both]);
    assert_eq!(receiver.received()[1].json()["data"]["id"], key.to_string());
}

#[apply(on_both_engines!)]
async fn reminders_of_an_expiry_are_sent_at_each_threshold(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.expiring"]).await;
    let owner = server.actor(Persona::Owner).await;
    let end = server.clock.now().plus(DAY * 40);
    let draft = Draft { expires_at: Some(end), ..draft("nightly") };
    keys::create(&server.app, &owner, &draft, None).await.expect("a key");
    let mut seen = Vec::new();
    for day in 1..=40 {
        server.clock.advance(DAY);
        keys::announce_expiries(&server.app).await.expect("announcements");
        keys::announce_expiries(&server.app).await.expect("announcements");
        server.deliver().await;
        seen.extend(receiver.types().iter().map(|_| day));
        receiver.forget();
    }
    assert_eq!(seen, [10, 26, 33, 39]);
}

#[apply(on_both_engines!)]
async fn the_first_use_of_a_key_is_sent_once(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.first_used"]).await;
    let owner = server.actor(Persona::Owner).await;
    keys::flush(&server.app).await.expect("a flush");
    server.deliver().await;
    receiver.forget();
    let (one, two) = (server.key(&owner, "one").await, server.key(&owner, "two").await);
    for made in [&one, &one, &two] {
        server.check(&made.plaintext).await;
        keys::flush(&server.app).await.expect("a flush");
        server.deliver().await;
    }
    let ids: Vec<_> =
        receiver.received().iter().map(|received| received.json()["data"]["id"].clone()).collect();
    assert_eq!(ids, [json!(one.key.id.to_string()), json!(two.key.id.to_string())]);
    assert!(receiver.types().iter().all(|event| event == "key.first_used"));
}

#[apply(on_both_engines!)]
async fn members_and_logins_send_events(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["member.*", "login.approved"]).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (_, link) = server.invited(&owner, "ingrid@tidewater.example", "viewer").await;
    let fields = [("name", "Ingrid"), ("password", crate::tests::personas::PASSWORD)];
    assert!(server.post(&link).same_origin().form(&fields).send().await.status.is_success());
    let bob = server.colleague("bob@tidewater.example", Role::Member).await;
    let path = format!("/settings/members/{}", bob.id);
    server.submit(&owner, &format!("{path}/role"), &[("role", "admin")]).await;
    server.submit(&owner, &format!("{path}/remove"), &[]).await;
    let device = server.device(&[]).await;
    server.approve(&owner, &device.user_code).await;
    server.deliver().await;
    let mut types = receiver.types();
    types.sort();
    assert_eq!(
        types,
        ["login.approved", "member.invited", "member.joined", "member.removed", "member.role_changed"]
    );
    let bodies: String = receiver.received().iter().map(|received| received.body.clone()).collect();
    assert!(bodies.contains("ingrid@tidewater.example") && bodies.contains("\"to\":\"admin\""), "{bodies}");
    let token = link.rsplit('/').next().expect("a token");
    assert!(!bodies.contains(token) && !bodies.contains(&device.device_code));
}
