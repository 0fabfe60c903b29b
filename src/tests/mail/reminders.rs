//! Reminders about keys that expire soon or are unused: when they are sent, to whom, and that none is sent twice.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{Sink, SinkBehavior, on_both_engines};
use crate::keys::server::{self as keys, Draft};
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::platform::db::Engine;
use crate::shared::{KeyId, Timestamp};
use crate::tests::harness::Server;
use crate::tests::keys::draft;
use crate::tests::personas::Persona;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NOTIFIED: &str = "SELECT COUNT(*) FROM keys WHERE told_of_end = expires_at";
const EXPIRES: &str = "The key nightly of Tidewater Freight expires soon";
const UNUSED: &str = "The key nightly of Tidewater Freight is not used";

impl Server {
    async fn expiring_key(&self, actor: &Actor, name: &str, end: Timestamp) -> KeyId {
        let draft = Draft { expires_at: Some(end), ..draft(name) };
        keys::create(&self.app, actor, &draft, None).await.expect("a key").key.id
    }

    async fn remind(&self) {
        keys::send_reminders(&self.app).await.expect("a round");
    }

    async fn days_pass(&self, days: u32) {
        self.clock.advance(DAY * days);
        self.remind().await;
    }
}

/// The subjects of the letters that have arrived. A round waits until the mail server has accepted its letters.
fn subjects(sink: &mut Sink) -> Vec<String> {
    std::iter::from_fn(|| sink.letter_now()).map(|letter| letter.header("Subject").to_owned()).collect()
}

#[apply(on_both_engines!)]
async fn reminders_are_sent_thirty_fourteen_seven_and_one_days_before(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    server.submit(&cookies, "/settings/profile/letters", &[("letters", "expiring")]).await;
    let member = server.actor(Persona::Member).await;
    let start = server.clock.now();
    let end = start.plus(DAY * 40);
    let key = server.expiring_key(&member, "nightly", end).await;
    let revoked = server.expiring_key(&member, "gone", end).await;
    keys::revoke(&server.app, &member, revoked).await.expect("a revoked key");
    server.key(&member, "forever").await;
    let mut seen = Vec::new();
    for days in [30_u32, 14, 7, 1] {
        let due = end.minus(DAY * days);
        let millisecond = Duration::from_millis(1);
        server.clock.advance(due.since(server.clock.now()) - millisecond);
        server.remind().await;
        assert!(subjects(&mut sink).is_empty(), "{days} days: too early");
        server.clock.advance(millisecond);
        server.remind().await;
        let letter = sink.letter_now().expect("a letter");
        assert_eq!((letter.header("Subject"), letter.to.concat()), (EXPIRES, Persona::Member.email()));
        seen.push(days);
        server.remind().await;
        assert!(subjects(&mut sink).is_empty(), "{days} days: twice");
    }
    assert_eq!(seen, [30, 14, 7, 1]);
    // A later expiry starts over.
    let later = server.clock.now().plus(DAY * 60);
    let edit = keys::Edit { expires_at: Some(Some(later)), ..keys::Edit::default() };
    keys::edit(&server.app, &member, key, &edit).await.expect("an edited key");
    server.days_pass(29).await;
    assert!(subjects(&mut sink).is_empty());
    server.days_pass(1).await;
    assert_eq!(subjects(&mut sink), [EXPIRES]);
    // After an outage, the reminders that were missed become one.
    server.days_pass(24).await;
    assert_eq!(subjects(&mut sink), [EXPIRES]);
    server.days_pass(4).await;
    assert!(subjects(&mut sink).is_empty());
    server.days_pass(2).await;
    assert!(subjects(&mut sink).is_empty(), "it has expired");
}

/// Its creator knows when a key with a shorter life expires.
#[apply(on_both_engines!)]
async fn reminders_with_a_threshold_beyond_the_lifetime_are_skipped(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let member = server.actor(Persona::Member).await;
    let start = server.clock.now();
    for (name, days) in [("one", 1), ("week", 7), ("eight", 8), ("month", 30)] {
        server.expiring_key(&member, name, start.plus(DAY * days)).await;
    }
    // A login is renewed by logging in again.
    let login = server.expiring_key(&member, "login", start.plus(DAY * 30)).await;
    sqlx::query("UPDATE keys SET login_device = 'thinkpad' WHERE id = $1")
        .bind(login)
        .execute(server.app.db.pool())
        .await
        .expect("a login");
    server.remind().await;
    let mut seen = Vec::new();
    for day in 1..=30 {
        server.days_pass(1).await;
        seen.extend(subjects(&mut sink).into_iter().map(|subject| (day, subject)));
    }
    let of = |day: i32, name: &str| (day, format!("The key {name} of Tidewater Freight expires soon"));
    let expected =
        [of(1, "eight"), of(6, "week"), of(7, "eight"), of(16, "month"), of(23, "month"), of(29, "month")];
    assert_eq!(seen, expected);
}

#[apply(on_both_engines!)]
async fn a_key_unused_for_sixty_days_gets_one_reminder(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let member = server.actor(Persona::Member).await;
    let created = server.key(&member, "nightly").await;
    let disabled = server.key(&member, "disabled").await.key.id;
    keys::disable(&server.app, &member, disabled).await.expect("it is disabled");
    server.days_pass(59).await;
    assert!(subjects(&mut sink).is_empty());
    server.days_pass(1).await;
    assert_eq!(subjects(&mut sink), [UNUSED]);
    server.days_pass(30).await;
    assert!(subjects(&mut sink).is_empty());
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect("usage is written");
    server.days_pass(59).await;
    assert!(subjects(&mut sink).is_empty());
    server.days_pass(1).await;
    assert_eq!(subjects(&mut sink), [UNUSED], "it was used in between");
}

#[apply(on_both_engines!)]
async fn a_thousand_keys_of_one_person_are_one_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), &[("LATCHKEY_KEY_HASH_COST", "1")]].concat();
    let server = Server::with(engine, &settings).await;
    let member = server.actor(Persona::Member).await;
    let end = server.clock.now().plus(DAY * 20);
    for number in 0..1_000 {
        server.expiring_key(&member, &format!("key {number}"), end).await;
    }
    server.days_pass(6).await;
    let letter = sink.letter_now().expect("a letter");
    assert_eq!(letter.header("Subject"), "1000 API keys expire soon");
    assert_eq!(letter.link(), "/settings/api-keys");
    assert!(letter.text().contains("And 950 more keys."));
    assert!(sink.letter_now().is_none());
    assert_eq!(server.count(NOTIFIED).await, 1_000);
    assert_eq!(server.count("SELECT COUNT(*) FROM waiting_reminders").await, 0);
}

#[apply(on_both_engines!)]
async fn several_servers_send_each_reminder_once(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let others = [server.second_process().await, server.second_process().await];
    let member = server.actor(Persona::Member).await;
    server.expiring_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    server.clock.advance(DAY * 4);
    let apps: Vec<&App> = others.iter().chain([&server.app]).collect();
    let rounds = futures_util::future::join_all(apps.iter().map(|app| keys::send_reminders(app))).await;
    assert!(rounds.iter().all(Result::is_ok), "{rounds:?}");
    assert_eq!(subjects(&mut sink), [EXPIRES]);
}

#[apply(on_both_engines!)]
async fn a_letter_that_the_mail_server_refuses_for_now_is_sent_later_and_once(engine: Engine) {
    let mut sink = Sink::with(SinkBehavior::RejectsFirst).await;
    let server = Server::with(engine, &sink.settings()).await;
    let member = server.actor(Persona::Member).await;
    let key = server.expiring_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    server.expiring_key(&member, "other", server.clock.now().plus(DAY * 10)).await;
    server.clock.advance(DAY * 4);
    assert!(keys::send_reminders(&server.app).await.is_err());
    assert!(subjects(&mut sink).is_empty());
    // What was revoked in the meantime is no longer in the letter.
    keys::revoke(&server.app, &member, key).await.expect("it is revoked");
    server.clock.advance(Duration::from_secs(60 * 60));
    server.remind().await;
    assert_eq!(subjects(&mut sink), ["The key other of Tidewater Freight expires soon"]);
    server.remind().await;
    assert!(subjects(&mut sink).is_empty());
}

#[apply(on_both_engines!)]
async fn a_letter_that_is_refused_for_good_is_not_repeated(engine: Engine) {
    let sink = Sink::with(SinkBehavior::RejectsPermanently).await;
    let server = Server::with(engine, &sink.settings()).await;
    let member = server.actor(Persona::Member).await;
    server.expiring_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    server.days_pass(4).await;
    assert_eq!(server.count("SELECT COUNT(*) FROM waiting_reminders").await, 0);
}

#[apply(on_both_engines!)]
async fn people_choose_which_letters_they_get(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let member = server.actor(Persona::Member).await;
    let boxes = |page: &str| {
        let inputs = page.split("<input").filter_map(|rest| rest.split('>').next());
        let letters: Vec<_> = inputs.filter(|input| input.contains("name=\"letters\"")).collect();
        (letters.len(), letters.iter().filter(|input| input.contains(" checked")).count())
    };
    assert_eq!(boxes(&server.page(&cookies, "/settings/profile").await), (2, 2));
    let start = server.clock.now();
    server.expiring_key(&member, "nightly", start.plus(DAY * 70)).await;
    let chosen =
        server.submit(&cookies, "/settings/profile/letters", &[("letters", "expiring"), ("letters", "x")]);
    assert_eq!(chosen.await.status, 303);
    assert_eq!(boxes(&server.page(&cookies, "/settings/profile").await), (2, 1));
    server.days_pass(62).await;
    assert_eq!(subjects(&mut sink), [EXPIRES], "not that it is idle");
    let cookies = server.sign_in_as(Persona::Member).await;
    assert_eq!(server.submit(&cookies, "/settings/profile/letters", &[]).await.status, 303);
    server.days_pass(2).await;
    assert!(subjects(&mut sink).is_empty());
    let all = [("letters", "expiring"), ("letters", "idle")];
    assert_eq!(server.submit(&cookies, "/settings/profile/letters", &all).await.status, 303);
    server.days_pass(5).await;
    assert_eq!(subjects(&mut sink), [EXPIRES]);
}

#[apply(on_both_engines!)]
async fn without_a_mail_server_nobody_counts_as_notified(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.actor(Persona::Member).await;
    server.expiring_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    server.days_pass(4).await;
    assert_eq!(server.count(NOTIFIED).await, 0);
}

#[apply(on_both_engines!)]
async fn the_owners_are_notified_if_the_creator_is_disabled(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    server.actor(Persona::Owner).await;
    server.actor(Persona::Admin).await;
    let member = server.actor(Persona::Member).await;
    server.expiring_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    sqlx::query("UPDATE users SET disabled_at = 1 WHERE name = 'Member'")
        .execute(server.app.db.pool())
        .await
        .expect("a change");
    server.days_pass(4).await;
    assert_eq!(sink.letter_now().expect("a letter").to, [Persona::Owner.email()]);
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn the_overview_names_keys_that_end_within_thirty_days(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let start = server.clock.now();
    server.expiring_key(&owner, "nightly", start.plus(DAY * 40)).await;
    server.expiring_key(&owner, "short", start.plus(DAY * 30)).await;
    let overview = || async {
        let cookies = server.sign_in_as(Persona::Owner).await;
        server.page(&cookies, "/overview").await
    };
    assert!(!overview().await.contains("within 30 days"));
    server.clock.advance(DAY * 10);
    let page = overview().await;
    assert!(page.contains("1 key expires within 30 days") && page.contains("nightly"));
    server.clock.advance(DAY * 23);
    let page = overview().await;
    assert!(page.contains("1 key expires within 7 days") && !page.contains("within 30 days"));
}
