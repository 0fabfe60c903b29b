//! Rows of the usage journal that cannot be read: they are set aside, and all others are added up.

use std::time::Duration;

use macro_rules_attribute::apply;
use sqlx::Executor;

use super::CHEAP_HASHING;
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::shared::Timestamp;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;
use crate::usage::Outcome;
use crate::usage::server as usage;

const SET_ASIDE: &str = "SELECT COUNT(*) FROM usage_journal_unreadable";
const LEFT: &str = "SELECT COUNT(*) FROM usage_journal";
const COUNTED: &str = "SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hours";

async fn counts_go_on(server: &Server, rows: &[&'static str], set_aside: i64) {
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "used").await;
    for row in rows {
        let text = format!("INSERT INTO usage_journal (node, number, counts) VALUES ({row})");
        server.app.db.pool().execute(crate::platform::db::sql(text)).await.expect(row);
    }
    for expected in 1..=2 {
        assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
        keys::flush(&server.app).await.expect("it is added up");
        // Rows of another server are its own for half a minute.
        server.clock.advance(Duration::from_secs(31));
        keys::flush(&server.app).await.expect("it is added up");
        assert_eq!(server.count(COUNTED).await, expected);
    }
    assert_eq!((server.count(LEFT).await, server.count(SET_ASIDE).await), (0, set_aside));
}

#[apply(on_both_engines!)]
async fn texts_that_cannot_be_read_are_set_aside(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    counts_go_on(&server, &["'one', 1, 'nonsense'", "'one', 2, '[]'", "'two', 1, ''"], 3).await;
}

/// A server of that release may have stopped before this one was started, or run beside it.
#[apply(on_both_engines!)]
async fn rows_of_the_previous_release_are_counted(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "used").await;
    let (org, secret, at) = (created.key.org, created.key.secret, server.clock.now().hour());
    let (since, hour) = (at.millis() + 1_000, at.millis() / 3_600_000);
    let text = format!(
        r#"[{since},[["{org}","2001:db8::1","curl/8",{hour},"valid"],["{org}",null,"",{hour},"rate_limited"]],[["{secret}",0,7,1500,90000],["{secret}",1,2,0,0]]]"#
    );
    sqlx::query("INSERT INTO usage_journal (node, number, counts) VALUES ('one', 1, $1)")
        .bind(text)
        .execute(server.app.db.pool())
        .await
        .expect("a row");
    keys::flush(&server.app).await.expect("not yet, on PostgreSQL");
    server.clock.advance(Duration::from_secs(30));
    keys::flush(&server.app).await.expect("it is rolled up");
    assert_eq!((server.count(LEFT).await, server.count(SET_ASIDE).await), (0, 0));
    assert_eq!(server.count(COUNTED).await, 9);
    assert_eq!(server.count("SELECT CAST(SUM(calls) AS BIGINT) FROM keys").await, 7);
    let callers = usage::callers_of(&server.app, created.key.id, at).await.expect("callers");
    let found: Vec<_> = callers
        .iter()
        .map(|caller| {
            (&*caller.address, &*caller.user_agent, caller.first_at, caller.last_at, caller.requests)
        })
        .collect();
    let at = |millis| Timestamp::from_millis(since + millis);
    assert_eq!(found, [("2001:db8::1", "curl/8", at(1_500), at(91_500), 7), ("", "", at(0), at(0), 2)]);
    assert_eq!(callers[0].accepted_at, Some(at(91_500)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_wrong_type_are_set_aside() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let rows = [
        "'one', 1, x'00ff'",
        "'one', 2, 17",
        "'two', 1, CAST(x'ff' AS TEXT)",
        "'two', 'second', '[]'",
        "'two', 2.5, '[]'",
        "x'0102', 1, '[]'",
    ];
    counts_go_on(&server, &rows, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_a_text_are_counted() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    counts_go_on(&server, &["'one', 1, CAST('[0,[],[]]' AS BLOB)"], 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_aside_is_limited() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let rows: Vec<&'static str> = std::iter::repeat_n(
        "'one', (SELECT COALESCE(MAX(number), 0) + 1 FROM usage_journal), 'nonsense'",
        50,
    )
    .collect();
    counts_go_on(&server, &rows, 20).await;
}

#[apply(on_both_engines!)]
async fn a_stop_that_cannot_add_up_has_lost_nothing(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "used").await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    server.execute("ALTER TABLE usage_hours RENAME TO usage_hours_elsewhere").await;
    keys::drain(&server.app).await.expect("it is in the journal");
    assert!(server.count(LEFT).await > 0);
    server.execute("ALTER TABLE usage_hours_elsewhere RENAME TO usage_hours").await;
    keys::flush(&server.app).await.expect("it is added up");
    assert_eq!(server.count(COUNTED).await, 1);
}
