//! A week before a key expires, one email is sent.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{Sink, on_both_engines};
use crate::keys::server::{self as keys, Draft};
use crate::orgs::server::Actor;
use crate::platform::db::Engine;
use crate::shared::{KeyId, Timestamp};
use crate::tests::harness::Server;
use crate::tests::keys::draft;
use crate::tests::personas::Persona;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const NOTIFIED: &str = "SELECT COUNT(*) FROM keys WHERE told_of_end = expires_at";

impl Server {
    async fn ending_key(&self, actor: &Actor, name: &str, end: Timestamp) -> KeyId {
        let draft = Draft { expires_at: Some(end), ..draft(name) };
        keys::create(&self.app, actor, &draft, None).await.expect("a key").key.id
    }

    async fn days_pass(&self, days: u32) {
        self.clock.advance(DAY * days);
        keys::sweep(&self.app).await.expect("a sweep");
    }
}

#[apply(on_both_engines!)]
async fn the_creator_is_notified_once_before_a_key_expires(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let member = server.actor(Persona::Member).await;
    let start = server.clock.now();
    let key = server.ending_key(&member, "nightly", start.plus(DAY * 10)).await;
    let revoked = server.ending_key(&member, "gone", start.plus(DAY * 10)).await;
    keys::revoke(&server.app, &member, revoked).await.expect("a revoked key");
    // A key with a short life is not announced, because its creator knows.
    server.ending_key(&member, "short", start.plus(DAY * 7)).await;
    server.key(&member, "forever").await;
    server.days_pass(2).await;
    assert_eq!(server.count(NOTIFIED).await, 0);
    server.days_pass(2).await;
    assert_eq!(server.count(NOTIFIED).await, 1);
    let letter = sink.letter().await;
    assert_eq!(letter.to, [Persona::Member.email()]);
    assert_eq!(letter.header("Subject"), "The key nightly of Tidewater Freight expires soon");
    assert_eq!(letter.link(), format!("/settings/api-keys/{key}"));
    server.days_pass(1).await;

    // A new expiry date is announced again.
    let edit = keys::Edit { expires_at: Some(Some(start.plus(DAY * 30))), ..keys::Edit::default() };
    keys::edit(&server.app, &member, key, &edit).await.expect("an edited key");
    server.days_pass(10).await;
    assert_eq!(server.count(NOTIFIED).await, 0);
    server.days_pass(9).await;
    assert_eq!(server.count(NOTIFIED).await, 1);
    assert_eq!(sink.letter().await.header("Subject"), "The key nightly of Tidewater Freight expires soon");
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn without_a_mail_server_nobody_counts_as_notified(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.actor(Persona::Member).await;
    server.ending_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
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
    server.ending_key(&member, "nightly", server.clock.now().plus(DAY * 10)).await;
    sqlx::query("UPDATE users SET disabled_at = 1 WHERE name = 'Member'")
        .execute(server.app.db.pool())
        .await
        .expect("a change");
    server.days_pass(4).await;
    assert_eq!(sink.letter().await.to, [Persona::Owner.email()]);
    assert!(sink.letter_now().is_none());
}
