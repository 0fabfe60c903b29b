//! A database that is away or frozen: who needs it is refused at once, and it is used again once it answers.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::FutureExt;
use macro_rules_attribute::apply;
use sqlx::{AnyConnection, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::proxy::{Proxy, at_port, free_port};
use super::{CHEAP_HASHING, expect_unavailable};
use crate::keys::server::{self as keys, Presenter, forged_token};
use crate::platform::db::{self, Db, Engine, Fault, Opener};
use crate::platform::{Clock, Error, Random, Secret};
use crate::shared::{Kind, SecretId};
use crate::tests::harness::{START, Server, TestDatabase, on_both_engines};
use crate::tests::keys::ANYTHING;
use crate::tests::log::Log;
use crate::tests::personas::Persona;
use crate::usage::Outcome;

/// Longer than a remembered state may be used without a reading of the change log.
const PAST_LEASE: Duration = Duration::from_secs(6);
/// Longer than anything here may take, on a busy machine too.
pub const LONG: Duration = Duration::from_secs(30);
/// An answer of `/readyz` may take a second; the rest is for a busy machine.
const ANSWER: Duration = Duration::from_secs(3);

/// A token of the right shape that no key has.
fn unknown_token() -> Secret {
    let id = SecretId::parse("8fK2mQ4pXv7d").expect("an id");
    Secret::new(forged_token(&Random::seeded(7), Kind::Live, id))
}

/// A server whose PostgreSQL is behind a proxy.
pub async fn behind_proxy(settings: &[(&str, &str)]) -> (Server, Proxy, u16, Url) {
    let mut database = TestDatabase::migrated(Engine::Postgres).await;
    let address: Url = database.url.parse().expect("an address");
    let port = free_port().await;
    let proxy = Proxy::listen(port, &address).await;
    database.url = at_port(&address, port);
    (Server::at(database, settings).await, proxy, port, address)
}

#[apply(on_both_engines!)]
async fn checks_without_a_database_fail_at_once(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DATABASE_TIMEOUT", "2s"), CHEAP_HASHING[0]]).await;
    let admin = server.key_of(Persona::Owner).await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let organization = server.organization_of(Persona::Owner).await;
    server.app.db.close().await;
    let _ = keys::follow_change_log(&server.app).await;
    assert!(!server.app.db.is_away(), "what is remembered may still be used");
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    server.clock.advance(PAST_LEASE);
    let _ = keys::follow_change_log(&server.app).await;
    assert!(server.app.db.is_away());
    for token in [&admin, &unknown_token()] {
        let presenter = Presenter::default();
        let check = keys::verify(&server.app, token.expose(), &ANYTHING, &presenter).now_or_never();
        assert!(matches!(check, Some(Err(Error::Unavailable(_)))), "{check:?}");
    }
    assert!(matches!(server.app.db.write().now_or_never(), Some(Err(_))));
    let path = format!("/api/v1/authorize?org={organization}");
    expect_unavailable(&server.get(&path).key(&admin).send().await);
}

#[apply(on_both_engines!)]
async fn what_needs_the_database_is_refused_at_once_while_it_is_away(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    server.app.db.set_away(true);
    for path in ["/sign-in", "/overview", "/invite/none", "/api/v1/me"] {
        expect_unavailable(&server.get(path).browser().send().await);
    }
    server.expect_not_ready("cannot be reached").await;
    for path in ["/healthz", "/favicon.svg", "/robots.txt", "/assets/now/favicon.svg"] {
        assert_eq!(server.get(path).send().await.status, 200, "{path}");
    }
    assert_eq!(server.get("/metrics").send().await.status, 403);
    server.app.db.set_away(false);
    server.expect_ready().await;
    assert_eq!(server.get("/sign-in").browser().send().await.status, 200);
}

/// At most one line: other tests of this process share the limit.
#[apply(on_both_engines!)]
async fn an_outage_that_many_requests_meet_is_logged_once(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let admin = server.key_of(Persona::Owner).await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    server.app.db.close().await;
    let log = Log::collect();
    for _ in 0..20 {
        expect_unavailable(&server.get("/invite/none").browser().send().await);
        expect_unavailable(&server.get("/api/v1/keys").key(&admin).send().await);
    }
    let errors: Vec<String> = log.take().into_iter().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.len() <= 1, "{errors:?}");
}

/// A check that began to wait before it was known.
#[apply(on_both_engines!)]
async fn checks_that_wait_for_a_connection_end_when_the_database_is_away(engine: Engine) {
    let settings =
        [("LATCHKEY_DATABASE_CONNECTIONS", "1"), ("LATCHKEY_DATABASE_TIMEOUT", "60s"), CHEAP_HASHING[0]];
    let server = Server::with(engine, &settings).await;
    let taken = server.app.db.pool().acquire().await.expect("the only connection");
    let (token, presenter) = (unknown_token(), Presenter::default());
    let mut check = Box::pin(keys::verify(&server.app, token.expose(), &ANYTHING, &presenter));
    assert!((&mut check).now_or_never().is_none(), "it waits");
    server.app.db.set_away(true);
    let ended = tokio::time::timeout(LONG, check).await.expect("it ends");
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    drop(taken);
    server.app.db.set_away(false);
    assert_eq!(server.check(&token).await, Outcome::Unknown);
}

#[apply(on_both_engines!)]
async fn requests_under_way_end_when_the_database_is_away(engine: Engine) {
    let settings = [
        ("LATCHKEY_DATABASE_CONNECTIONS", "1"),
        ("LATCHKEY_DATABASE_TIMEOUT", "60s"),
        ("LATCHKEY_REQUEST_TIMEOUT", "5m"),
        CHEAP_HASHING[0],
    ];
    let server = Server::with(engine, &settings).await;
    let taken = server.app.db.pool().acquire().await.expect("the only connection");
    let mut page = Box::pin(server.get("/invite/none").browser().send());
    assert!((&mut page).now_or_never().is_none(), "it waits");
    server.app.db.set_away(true);
    expect_unavailable(&tokio::time::timeout(LONG, page).await.expect("it ends"));
    drop(taken);
}

/// A firewall that forgets its connections, for example.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_silently_are_no_outage() {
    let (server, proxy, ..) = behind_proxy(CHEAP_HASHING).await;
    let pings = (0..8).map(|_| server.app.db.ping());
    for ping in futures_util::future::join_all(pings).await {
        ping.expect("an answer");
    }
    proxy.silence_open();
    server.clock.advance(PAST_LEASE);
    keys::follow_change_log(&server.app).await.expect("a new connection works");
    assert!(!server.app.db.is_away());
    assert!(keys::is_current(&server.app));
}

/// All connections are taken when they die: nobody can ask for one, and requests wait on those that they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_while_they_are_used_are_replaced() {
    let settings = [
        ("LATCHKEY_DATABASE_CONNECTIONS", "4"),
        ("LATCHKEY_DATABASE_TIMEOUT", "60s"),
        ("LATCHKEY_REQUEST_TIMEOUT", "5m"),
        CHEAP_HASHING[0],
    ];
    let (server, proxy, ..) = behind_proxy(&settings).await;
    let admin = server.key_of(Persona::Owner).await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(server.app.db.pool().acquire().await.expect("a connection"));
    }
    proxy.silence_open();
    let mut waiting = Box::pin(server.create(&admin, "on no connection"));
    assert!((&mut waiting).now_or_never().is_none(), "it waits");
    keys::follow_change_log(&server.app).await.expect("a new connection works");
    expect_unavailable(&tokio::time::timeout(LONG, waiting).await.expect("it ends"));
    drop(taken);
    for number in 0..8 {
        let name = format!("on a new connection {number}");
        let response = tokio::time::timeout(LONG, server.create(&admin, &name)).await.expect("an answer");
        assert_eq!(response.status, 201, "{}", response.text());
    }
}

/// The limit on the time of a request has ended when its response begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_ends_when_its_connection_dies() {
    let (server, proxy, ..) = behind_proxy(CHEAP_HASHING).await;
    let here = server.reader_of_much().await;
    let mut export = server.get("/settings/audit-log/export").with(&here).open().await;
    export.frame().await.expect("a first piece").expect("bytes");
    proxy.silence_open();
    let mut rest = Box::pin(export.whole());
    let ended = async {
        loop {
            if let Some(ended) = (&mut rest).now_or_never() {
                return ended;
            }
            keys::follow_change_log(&server.app).await.expect("a new connection works");
        }
    };
    tokio::time::timeout(LONG, ended).await.expect("it ends").expect_err("it is not whole");
}

/// As a PostgreSQL with a full disk refuses new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_refused_by_an_internal_error_is_an_outage() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let refusing = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.expect("a request for TLS");
        stream.write_all(b"N").await.expect("no TLS");
        stream.read_buf(&mut Vec::with_capacity(1024)).await.expect("a name");
        let fields = b"SFATAL\0VFATAL\0CXX000\0Mcould not write init file\0\0";
        let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
        stream.write_all(&[b"E", &length[..], fields].concat()).await.expect("an error");
        stream
    };
    sqlx::any::install_default_drivers();
    let address = format!("postgres://latchkey@127.0.0.1:{port}/latchkey");
    let (connected, _stream) = tokio::join!(AnyConnection::connect(&address), refusing);
    let error = connected.map(drop).expect_err("it is refused");
    assert_eq!(Fault::of(&error), Fault::Away, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_is_used_again() {
    let settings = [("LATCHKEY_DATABASE_TIMEOUT", "1s"), CHEAP_HASHING[0]];
    let (server, proxy, port, address) = behind_proxy(&settings).await;
    let admin = server.key_of(Persona::Owner).await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    drop(proxy);
    server.clock.advance(PAST_LEASE);
    // A connection that has broken tells so at once; then there is none.
    let gone = async {
        while !server.app.db.is_away() {
            let _ = keys::follow_change_log(&server.app).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("it is noticed");
    server.expect_not_ready("database").await;
    expect_unavailable(&server.create(&admin, "nowhere").await);

    let _proxy = Proxy::listen(port, &address).await;
    let back = async {
        while server.app.db.is_away() {
            let _ = keys::follow_change_log(&server.app).await;
        }
    };
    tokio::time::timeout(LONG, back).await.expect("it is noticed");
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let response = server.create(&admin, "here").await;
    assert_eq!(response.status, 201, "{}", response.text());
    server.expect_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_answers_while_the_database_is_frozen() {
    let (server, proxy, ..) = behind_proxy(CHEAP_HASHING).await;
    server.expect_ready().await;
    proxy.freeze();
    for _ in 0..3 {
        tokio::time::timeout(ANSWER, server.expect_not_ready("in time")).await.expect("an answer");
    }
    proxy.thaw();
    let ready = async { while server.readiness().await.status != 200 {} };
    tokio::time::timeout(LONG, ready).await.expect("it is ready again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_its_database() {
    let mut database = TestDatabase::migrated(Engine::Postgres).await;
    let address: Url = database.url.parse().expect("an address");
    let port = free_port().await;
    database.url = at_port(&address, port);
    let settings = database.config(&[]).database;
    let error = Db::open(&settings, Opener::Server).await.map(drop).expect_err("nobody listens");
    assert!(error.is_away() && error.to_string().contains("cannot be reached"), "{error}");

    let clock = Clock::manual(START);
    let mut opening = Box::pin(db::open_when_reachable(&settings, &clock));
    let soon = tokio::time::timeout(Duration::from_millis(600), &mut opening).await;
    assert!(soon.is_err(), "it waits");
    let _proxy = Proxy::listen(port, &address).await;
    tokio::time::timeout(LONG, opening).await.expect("it does not wait for ever").expect("it opens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_does_not_wait_for_what_will_not_come() {
    let mut database = TestDatabase::migrated(Engine::Postgres).await;
    database.url.push_str("_missing");
    let clock = Clock::manual(START);
    let opened = db::open_when_reachable(&database.config(&[]).database, &clock).await;
    let error = opened.map(drop).expect_err("there is no such database").to_string();
    assert!(error.contains("does not exist"), "{error}");

    let mut database = TestDatabase::migrated(Engine::Sqlite).await;
    let blocked = database.folder.path().join("file");
    std::fs::write(&blocked, "not a folder").expect("a file");
    database.url = format!("sqlite:{}", blocked.join("test.db").display());
    let opened = db::open_when_reachable(&database.config(&[]).database, &clock).await;
    let error = opened.map(drop).expect_err("there is no folder").to_string();
    assert!(error.contains("cannot be created"), "{error}");
}
