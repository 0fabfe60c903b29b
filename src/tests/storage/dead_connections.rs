//! One connection to PostgreSQL dies without a sign in the middle of a statement, while all others work.

use std::time::Duration;

use macro_rules_attribute::apply;
use sqlx::{AnyConnection, Connection, Executor};
use url::Url;

use super::outage::{LONG, behind_proxy};
use super::proxy::Proxy;
use super::{CHEAP_HASHING, expect_unavailable};
use crate::keys::QuotaPeriod;
use crate::keys::server::{self as keys, QuotaDraft};
use crate::platform::Secret;
use crate::platform::db::{Engine, Fault, sql};
use crate::platform::jobs::{self, Job};
use crate::server;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::keys::draft;
use crate::tests::personas::Persona;
use crate::tests::webhooks::{LOCAL, Receiver};
use crate::usage::Outcome;
use crate::webhooks::server as webhooks;

/// A lock on a table, held by another client of the server.
struct TableLock(AnyConnection);

impl TableLock {
    async fn take(address: &Url, table: &str) -> Self {
        let mut other = AnyConnection::connect(address.as_str()).await.expect("a connection");
        other.execute("BEGIN").await.expect("a transaction");
        other.execute(sql(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))).await.expect("the lock");
        Self(other)
    }

    /// Waits until a statement waits for the lock.
    async fn is_awaited(&mut self) {
        const WAITING: &str = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND database = \
                               (SELECT oid FROM pg_database WHERE datname = current_database())";
        while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut self.0).await.expect("a count") == 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn release(mut self) {
        self.0.execute("COMMIT").await.expect("it is released");
    }
}

/// Runs work whose connection dies while its statement waits for a table.
async fn lose_connection<T>(
    (proxy, address): (&Proxy, &Url),
    table: &str,
    work: impl Future<Output = T>,
) -> T {
    let mut lock = TableLock::take(address, table).await;
    let fault = async {
        lock.is_awaited().await;
        proxy.silence_waiting();
        lock.release().await;
    };
    tokio::time::timeout(LONG, async { tokio::join!(work, fault).0 }).await.expect("it does not hang")
}

/// Repeats work until it succeeds.
async fn until_ok<E>(work: impl AsyncFn() -> Result<(), E>) {
    let repeated = async { while work().await.is_err() {} };
    tokio::time::timeout(LONG, repeated).await.expect("it succeeds on another connection");
}

/// A key with a quota, which was used `calls` times.
async fn used_key(server: &Server, calls: usize) -> Secret {
    let owner = server.actor(Persona::Owner).await;
    let mut with_quota = draft("with a quota");
    with_quota.customer.quota = Some(QuotaDraft { limit: 100, period: QuotaPeriod::Day });
    let token = keys::create(&server.app, &owner, &with_quota, None).await.expect("a key").plaintext;
    for _ in 0..calls {
        assert_eq!(server.check(&token).await, Outcome::Valid);
    }
    token
}

const CALLS: &str = "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours";
const QUOTA: &str = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) FROM quota_use";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_ends_in_time_and_the_next_one_tries_itself() {
    let settings = [("LATCHKEY_REQUEST_TIMEOUT", "2s"), CHEAP_HASHING[0]];
    let (server, proxy, _, address) = behind_proxy(&settings).await;
    let organization = server.organization_of(Persona::Owner).await;
    let path = format!("/api/v1/authorize?org={organization}");
    let with_permission = format!("{path}&permissions=orders.read");
    let behind = (&proxy, &address);
    let owner = server.actor(Persona::Owner).await;
    for (table, path) in [("secrets", &path), ("keys", &path), ("permissions", &with_permission)] {
        let key = server.key(&owner, table).await.plaintext;
        let second = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            server.get(path).key(&key).send().await
        };
        let both = async { tokio::join!(server.get(path).key(&key).send(), second) };
        let (first, second) = lose_connection(behind, table, both).await;
        expect_unavailable(&first);
        assert_eq!(first.json()["status"], 503);
        assert_ne!(second.status, 503, "{table}: {}", second.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_written_once_on_another_connection() {
    for (table, quota_in_first_round) in [("usage_journal", 3), ("quota_use", 0), ("usage_hours", 3)] {
        let (server, proxy, _, address) = behind_proxy(CHEAP_HASHING).await;
        used_key(&server, 3).await;
        let first = lose_connection((&proxy, &address), table, keys::write_usage(&server.app)).await;
        first.expect_err("it has no answer");
        assert_eq!(server.count(QUOTA).await, quota_in_first_round, "{table}");
        until_ok(async || keys::write_usage(&server.app).await).await;
        until_ok(async || keys::flush(&server.app).await).await;
        assert_eq!((server.count(CALLS).await, server.count(QUOTA).await), (3, 3), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_writes_the_counts_of_a_round_that_hangs() {
    let (server, proxy, _, address) = behind_proxy(CHEAP_HASHING).await;
    let token = used_key(&server, 3).await;
    let job = server::jobs().into_iter().find(|job| job.name == "usage").expect("a job");
    let stop = async {
        jobs::start(&server.app, &[Job { every: Duration::from_millis(1), ..job }]);
        let mut lock = TableLock::take(&address, "usage_journal").await;
        assert_eq!(server.check(&token).await, Outcome::Valid);
        lock.is_awaited().await;
        proxy.silence_waiting();
        lock.release().await;
        assert_eq!(server.check(&token).await, Outcome::Valid);
        server.app.stop();
        server::stop(&server.app).await
    };
    tokio::time::timeout(LONG, stop).await.expect("in time").expect("everything is written");
    assert_eq!((server.count(CALLS).await, server.count(QUOTA).await), (5, 5));
}

#[apply(on_both_engines!)]
async fn quotas_are_written_although_counts_cannot_be(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    used_key(&server, 3).await;
    server.refuse("INSERT ON usage_journal").await;
    let stopped = keys::drain_within(&server.app, Duration::from_millis(100)).await;
    let lost = stopped.expect_err("there is no room").to_string();
    assert!(lost.contains("3 counted requests and the last use of 0 quotas are lost"), "{lost}");
    assert_eq!(server.count(QUOTA).await, 3);
}

#[apply(on_both_engines!)]
async fn the_log_counts_quotas_that_are_lost(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    used_key(&server, 3).await;
    server.refuse("INSERT ON quota_use").await;
    let stopped = keys::drain_within(&server.app, Duration::from_millis(100)).await;
    let lost = stopped.expect_err("there is no room").to_string();
    assert!(lost.contains("0 counted requests and the last use of 1 quotas are lost"), "{lost}");
}

/// The sign that connections were lost ends the tries that use them. The next one has a good connection.
#[apply(on_both_engines!)]
async fn a_try_that_is_cut_off_because_connections_are_replaced_is_repeated(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    for (is_cut_off, expected) in [(true, 3), (false, 2)] {
        let tries = std::cell::Cell::new(0);
        let result = server.app.db.retry_within(Duration::ZERO, async || {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => Err(Fault::Silent),
                2 if is_cut_off => {
                    server.app.db.lose_connections();
                    Err(Fault::Away)
                }
                2 => Err(Fault::Away),
                _ => Ok(()),
            }
        });
        assert_eq!(result.await.is_ok(), is_cut_off);
        assert_eq!(tries.get(), expected);
    }
}

/// The database closes the connection of a transaction that was idle for too long, as after a pause of the machine.
#[tokio::test]
async fn a_transaction_that_the_database_ended_is_an_outage() {
    let server = Server::with(Engine::Postgres, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let mut write = server.app.db.write().await.expect("a transaction");
    sqlx::query("SET idle_in_transaction_session_timeout = '20ms'")
        .execute(&mut *write)
        .await
        .expect("it is set");
    let pid: i64 =
        sqlx::query_scalar("SELECT pg_backend_pid()::bigint").fetch_one(&mut *write).await.expect("one");
    const IS_OPEN: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1";
    while sqlx::query_scalar::<_, i64>(IS_OPEN)
        .bind(pid)
        .fetch_one(server.app.db.pool())
        .await
        .expect("a count")
        > 0
    {
        tokio::task::yield_now().await;
    }
    let failed = sqlx::query("SELECT 1").execute(&mut *write).await.expect_err("the connection is closed");
    assert_eq!(Fault::of(&failed), Fault::Away, "{failed}");
    drop(write);
    keys::create(&server.app, &owner, &draft("next"), None).await.expect("a key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_ends_transactions_and_statements_of_dead_connections_soon() {
    let server = Server::on(Engine::Postgres).await;
    for (name, expected) in
        [("idle_in_transaction_session_timeout", "5s"), ("client_connection_check_interval", "2s")]
    {
        let setting: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(server.app.db.pool())
            .await
            .expect("a setting");
        assert_eq!(setting, expected, "{name}");
    }
}

const WAITING: &str = "SELECT COUNT(*) FROM webhook_deliveries WHERE due_at IS NOT NULL";
const ATTEMPTS: &str = "SELECT COUNT(*) FROM webhook_attempts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_sent_once_when_a_connection_dies() {
    // The first dies while a delivery is claimed, the second while it is recorded.
    for (table, sent) in [("webhook_events", 0), ("webhook_attempts", 1)] {
        let (server, proxy, _, address) = behind_proxy(LOCAL).await;
        let receiver = Receiver::start().await;
        let admin = server.key_of(Persona::Admin).await;
        server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
        server.key(&server.actor(Persona::Owner).await, "new").await;
        let first = lose_connection((&proxy, &address), table, webhooks::deliver(&server.app)).await;
        first.expect_err("it has no answer");
        assert_eq!(receiver.received().len(), sent, "{table}");
        until_ok(async || webhooks::deliver(&server.app).await).await;
        assert_eq!(receiver.received().len(), 1, "{table}");
        assert_eq!((server.count(WAITING).await, server.count(ATTEMPTS).await), (0, 1), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_of_webhooks_that_is_cancelled_loses_no_records() {
    let (server, _proxy, _, address) = behind_proxy(LOCAL).await;
    let receiver = Receiver::start().await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    server.key(&server.actor(Persona::Owner).await, "new").await;
    let mut lock = TableLock::take(&address, "webhook_attempts").await;
    tokio::select! {
        _ = webhooks::deliver(&server.app) => panic!("it waits for the lock"),
        () = lock.is_awaited() => {}
    }
    lock.release().await;
    until_ok(async || webhooks::deliver(&server.app).await).await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!((server.count(WAITING).await, server.count(ATTEMPTS).await), (0, 1));
}
