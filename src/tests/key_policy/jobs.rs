//! Idle keys are disabled, and letters ask for a rotation of old secrets.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::Status;
use crate::keys::server::apply_policies;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::mail::Sink;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn idle_keys_are_disabled_and_enabled_again(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings(), CHEAP_HASHING.to_vec()].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let (idle, used, late) = (
        server.make_key(&owner, draft("idle")).await,
        server.make_key(&owner, draft("used")).await,
        server.make_key(&owner, draft("late")).await,
    );
    let ended = server.make_key(&owner, Draft { expires_at: server.in_days(1), ..draft("ended") }).await;
    server.set_policy(&PolicyDraft { idle_days: Some(30), ..PolicyDraft::default() }).await;
    server.clock.advance(DAY * 20);
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&used.plaintext).await, Outcome::Valid);
    keys::flush(&server.app).await.expect("a flush");
    let round = async || apply_policies(&server.app).await.expect("a round");
    let status = async |key: &keys::Revealed| {
        keys::find(&server.app, &owner, key.key.id).await.expect("a key").status(server.clock.now())
    };
    server.clock.advance(DAY * 10);
    round().await;
    assert_eq!(status(&idle).await, Status::Active, "thirty days are not over");
    server.clock.advance(DAY);
    keys::read_change_log(&server.app).await.expect("a reading");
    // This use is not rolled up yet.
    assert_eq!(server.check(&late.plaintext).await, Outcome::Valid);
    round().await;
    round().await;
    assert_eq!(
        (status(&idle).await, status(&used).await, status(&late).await, status(&ended).await),
        (Status::Disabled, Status::Active, Status::Active, Status::Expired)
    );
    assert_eq!(server.check(&idle.plaintext).await, Outcome::Disabled, "caches know it");
    let disabled = server.audited().await.into_iter().filter(|action| action == "key.disabled").count();
    assert_eq!(disabled, 1);
    let letter = sink.letter().await;
    assert!(letter.to == ["owner@tidewater.example"] && letter.header("Subject").contains("idle"));
    assert!(sink.letter_now().is_none());
    // Once enabled, it is not idle for another thirty days.
    keys::enable(&server.app, &owner, idle.key.id).await.expect("it is enabled");
    round().await;
    assert_eq!(status(&idle).await, Status::Active);
    server.clock.advance(DAY * 31);
    round().await;
    assert_eq!((status(&idle).await, status(&used).await), (Status::Disabled, Status::Disabled));
}

#[apply(on_both_engines!)]
async fn many_idle_keys_are_one_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings(), CHEAP_HASHING.to_vec()].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    for number in 0..3 {
        server.make_key(&owner, draft(&format!("key {number}"))).await;
    }
    server.set_policy(&PolicyDraft { idle_days: Some(30), ..PolicyDraft::default() }).await;
    server.clock.advance(DAY * 31);
    apply_policies(&server.app).await.expect("a round");
    let letter = sink.letter().await;
    assert_eq!(letter.header("Subject"), "3 API keys of Tidewater Freight were disabled");
    assert!(letter.text().contains("key 0") && letter.text().contains("key 2"));
    assert_eq!(letter.link(), "/settings/api-keys?status=disabled");
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn the_idle_rule_has_a_grace_period(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.make_key(&owner, draft("idle")).await.key.id;
    server.clock.advance(DAY * 60);
    server.set_policy(&with_grace(PolicyDraft { idle_days: Some(30), ..PolicyDraft::default() }, 7)).await;
    let is_active = async || {
        apply_policies(&server.app).await.expect("a round");
        keys::find(&server.app, &owner, key).await.expect("a key").status(server.clock.now()).is_active()
    };
    assert!(is_active().await);
    server.clock.advance(DAY * 7);
    assert!(!is_active().await);
}

#[apply(on_both_engines!)]
async fn old_secrets_are_reported_once_by_letter_and_on_the_overview(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings(), CHEAP_HASHING.to_vec()].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.make_key(&owner, draft("ci-deploy")).await;
    server.set_policy(&PolicyDraft { max_secret_age_days: Some(90), ..PolicyDraft::default() }).await;
    let round = async || apply_policies(&server.app).await.expect("a round");
    server.clock.advance(DAY * 90);
    round().await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    assert!(!server.page(&cookies, "/overview").await.contains("old secret"));
    server.clock.advance(DAY);
    round().await;
    round().await;
    let letter = sink.letter().await;
    assert!(letter.header("Subject").contains("ci-deploy") && letter.link().ends_with("/rotate"));
    let cookies = server.sign_in_as(Persona::Owner).await;
    assert!(server.page(&cookies, "/overview").await.contains("1 key has an old secret"));
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&key.plaintext).await, Outcome::Valid, "nothing stops");
    keys::rotate(&server.app, &owner, key.key.id, Duration::ZERO, None).await.expect("it is rotated");
    round().await;
    assert!(sink.letter_now().is_none());
    assert!(!server.page(&cookies, "/overview").await.contains("old secret"));
}
