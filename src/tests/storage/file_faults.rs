//! What happens to the file of an SQLite database from outside: moved, replaced, overwritten, locked.

use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use sqlx::{AnyConnection, Connection, Executor};

use super::{CHEAP_HASHING, expect_unavailable};
use crate::keys::server::{self as keys, fresh_token};
use crate::platform::Secret;
use crate::platform::db::{Db, Engine, Opener};
use crate::shared::Kind;
use crate::tests::harness::{Call, Server, TestDatabase};
use crate::tests::personas::Persona;
use crate::usage::Outcome;

struct Fixture {
    server: Server,
    file: PathBuf,
    admin: Secret,
    session: String,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(TestDatabase::migrated(Engine::Sqlite).await, CHEAP_HASHING).await
    }

    async fn with(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let file = database.folder.path().join("test.db");
        let server = Server::at(database, settings).await;
        let (admin, session) = (server.key_of(Persona::Owner).await, server.sign_in_as(Persona::Owner).await);
        assert_eq!(server.check(&admin).await, Outcome::Valid);
        server.expect_ready().await;
        Self { server, file, admin, session }
    }

    /// Writes over a part of the file.
    fn overwrite(&self, from: u64, bytes: &[u8]) {
        let mut file = std::fs::OpenOptions::new().write(true).open(&self.file).expect("the file");
        file.seek(SeekFrom::Start(from)).expect("a place");
        file.write_all(bytes).expect("it is written");
    }

    async fn checkpoint(&self) {
        self.server.app.db.pool().execute("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a checkpoint");
    }

    /// Not ready, nothing can be made, and keys in memory are still checked.
    async fn expect_refusal(&self, why: &str) {
        self.server.expect_not_ready(why).await;
        let response = self.server.create(&self.admin, "into nothing").await;
        expect_unavailable(&response);
        assert_eq!(self.server.check(&self.admin).await, Outcome::Valid);
    }

    /// The same once memory may not be used any more: nothing is checked either, and the reason is still the same.
    async fn expect_refusal_after_lease(&self, why: &str) {
        self.server.clock.advance(Duration::from_secs(6));
        let _ = keys::follow_change_log(&self.server.app).await;
        self.server.expect_not_ready(why).await;
        expect_unavailable(&self.server.create(&self.admin, "into nothing").await);
    }

    async fn expect_no_error(&self) {
        expect_no_error(&self.server, &self.admin, &self.session).await;
    }
}

/// What only reads may still succeed, but nothing is an internal error.
pub async fn expect_no_error(server: &Server, admin: &Secret, session: &str) {
    let unknown = Secret::new(fresh_token(&server.app.random, Kind::Live));
    for _ in 0..3 {
        let calls = [
            server.get("/sign-in").browser(),
            server.get("/overview").browser().with(session),
            server.get("/settings/api-keys").browser().with(session),
            server.get("/invite/none").browser(),
            server.get("/api/v1/me").key(admin),
            server.get("/api/v1/keys").key(admin),
            server.get("/api/v1/me").key(&unknown),
            server.post("/sign-in").same_origin().form(&[("email", "a@b.example"), ("password", "x")]),
        ];
        for response in futures_util::future::join_all(calls.map(Call::send)).await {
            assert!(response.status != 500, "{}", response.text());
        }
        let _ = keys::follow_change_log(&server.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_takes_no_changes_until_it_is_back() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.file.with_extension("moved");
    std::fs::rename(&fixture.file, &elsewhere).expect("it moves");
    // Before anybody has asked for readiness.
    expect_unavailable(&fixture.server.create(&fixture.admin, "into nothing").await);
    fixture.expect_refusal("gone").await;
    std::fs::rename(&elsewhere, &fixture.file).expect("it comes back");
    fixture.server.expect_ready().await;
    let response = fixture.server.create(&fixture.admin, "fine").await;
    assert_eq!(response.status, 201, "{}", response.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_created_in_place_of_a_missing_file() {
    let fixture = Fixture::new().await;
    std::fs::rename(&fixture.file, fixture.file.with_extension("moved")).expect("it moves");
    // More at once than there are connections, so that new ones are opened.
    let pages = (0..20).map(|_| fixture.server.get("/sign-in").browser().send());
    futures_util::future::join_all(pages).await;
    fixture.expect_refusal("gone").await;
    assert!(!fixture.file.exists(), "an empty database stands where the other one was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_write_ahead_log_takes_no_changes() {
    for suffix in ["db-wal", "db-shm"] {
        let fixture = Fixture::new().await;
        std::fs::remove_file(fixture.file.with_extension(suffix)).expect("it is deleted");
        // Before anybody has asked for readiness.
        expect_unavailable(&fixture.server.create(&fixture.admin, "into nothing").await);
        fixture.expect_refusal("write-ahead log").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ahead_log_that_was_cut_off_is_an_outage_and_no_error() {
    for length in [0, 32, 5_000] {
        let fixture = Fixture::new().await;
        let log = fixture.file.with_extension("db-wal");
        let log = std::fs::OpenOptions::new().write(true).open(log).expect("a log");
        log.set_len(length).expect("it is cut off");
        // Before anybody has asked for readiness.
        expect_unavailable(&fixture.server.create(&fixture.admin, "into nothing").await);
        fixture.expect_refusal("write-ahead log").await;
        fixture.expect_no_error().await;
        fixture.expect_refusal_after_lease("write-ahead log").await;
        fixture.expect_no_error().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ahead_log_that_was_overwritten_takes_no_changes() {
    let (fixture, other) = (Fixture::new().await, Fixture::new().await);
    let log = |fixture: &Fixture| fixture.file.with_extension("db-wal");
    std::fs::copy(log(&other), log(&fixture)).expect("a copy");
    fixture.expect_refusal("write-ahead log").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_overwritten_takes_no_changes() {
    // By the database of another server while everything is in the log and while nothing is, and by an older state of itself.
    for (is_other, is_copied) in [(true, false), (true, true), (false, true)] {
        let fixture = Fixture::new().await;
        // Migrated by itself: copies of the template have one number.
        let other = match is_other {
            true => Some(Fixture::with(TestDatabase::empty(Engine::Sqlite).await, CHEAP_HASHING).await),
            false => None,
        };
        let source = other.as_ref().unwrap_or(&fixture);
        source.checkpoint().await;
        let copy = fixture.file.with_extension("copy");
        std::fs::copy(&source.file, &copy).expect("a copy");
        for number in 0..5 {
            let response = fixture.server.create(&fixture.admin, &format!("key {number}")).await;
            assert_eq!(response.status, 201, "{}", response.text());
        }
        fixture.server.expect_ready().await;
        if is_copied {
            fixture.checkpoint().await;
            fixture.server.expect_ready().await;
        }
        std::fs::copy(&copy, &fixture.file).expect("the same file with other content");
        expect_unavailable(&fixture.server.create(&fixture.admin, "into nothing").await);
        fixture.expect_refusal("overwritten").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_copied_into_the_file_is_no_fault() {
    let fixture = Fixture::new().await;
    let server = &fixture.server;
    let checkpoint = async |mode: &str| {
        let text = format!("PRAGMA wal_checkpoint({mode})");
        server.app.db.pool().execute(crate::platform::db::sql(text)).await.expect("a checkpoint");
    };
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
        for number in 0..3 {
            checkpoint(mode).await;
            server.expect_ready().await;
            let response = server.create(&fixture.admin, &format!("{mode} {number}")).await;
            assert_eq!(response.status, 201, "{}", response.text());
            server.expect_ready().await;
        }
    }
    let changes = async {
        for number in 0..50 {
            let response = server.create(&fixture.admin, &format!("meanwhile {number}")).await;
            assert_eq!(response.status, 201, "{}", response.text());
        }
    };
    let copies = async {
        for number in 0..50 {
            checkpoint(["PASSIVE", "TRUNCATE"][number % 2]).await;
        }
    };
    tokio::join!(changes, copies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_lock_of_another_process_is_reported_while_it_lasts() {
    let fixture = Fixture::with(
        TestDatabase::migrated(Engine::Sqlite).await,
        &[("LATCHKEY_DATABASE_TIMEOUT", "500ms"), CHEAP_HASHING[0]],
    )
    .await;
    let mut other =
        AnyConnection::connect(&format!("sqlite://{}", fixture.file.display())).await.expect("it opens");
    other.execute("BEGIN IMMEDIATE").await.expect("the lock");
    // SQLite itself waits for half a second here.
    expect_unavailable(&fixture.server.create(&fixture.admin, "not now").await);
    fixture.server.expect_not_ready("another process holds the write lock").await;
    fixture.server.expect_not_ready("another process holds the write lock").await;
    other.execute("COMMIT").await.expect("it is released");
    let ready = async { while fixture.server.readiness().await.status != 200 {} };
    tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it is ready again");
    let response = fixture.server.create(&fixture.admin, "now").await;
    assert_eq!(response.status, 201, "{}", response.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_place_of_the_file_takes_no_changes() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.file.with_extension("moved");
    std::fs::rename(&fixture.file, &elsewhere).expect("it moves");
    std::os::unix::fs::symlink(&elsewhere, &fixture.file).expect("a link");
    fixture.expect_refusal("replaced").await;
}

#[tokio::test]
async fn a_start_does_not_discard_the_log_of_a_missing_file() {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let (file, log) = (database.folder.path().join("test.db"), database.folder.path().join("test.db-wal"));
    std::fs::write(&log, "what was written last").expect("a log");
    for empty in [false, true] {
        if empty {
            std::fs::write(&file, "").expect("an empty file");
        }
        let opened = Db::open(&database.config(&[]).database, Opener::Server).await;
        let line = opened.err().expect("it does not open").to_string();
        assert!(line.contains("write-ahead log"), "{line}");
    }
    assert!(log.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_replaced_takes_no_changes() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.file.with_extension("moved");
    std::fs::rename(&fixture.file, &elsewhere).expect("it moves");
    std::fs::copy(&elsewhere, &fixture.file).expect("a copy in its place");
    expect_unavailable(&fixture.server.create(&fixture.admin, "into nothing").await);
    fixture.expect_refusal("replaced").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_beginning_is_overwritten_takes_no_changes() {
    let fixture = Fixture::new().await;
    fixture.overwrite(0, &[0x5a; 100]);
    fixture.expect_refusal("damaged").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_emptied_takes_no_changes() {
    let fixture = Fixture::new().await;
    fixture.checkpoint().await;
    std::fs::OpenOptions::new().write(true).truncate(true).open(&fixture.file).expect("it is emptied");
    fixture.expect_refusal("damaged").await;
}

/// SQLite itself deletes the log of an empty file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_cut_off_is_damaged_and_no_stop_saves_its_log() {
    for (length, is_copied) in [(0, false), (40_960, true)] {
        let fixture = Fixture::new().await;
        if is_copied {
            fixture.checkpoint().await;
        }
        let file = std::fs::OpenOptions::new().write(true).open(&fixture.file).expect("the file");
        file.set_len(length).expect("it is cut off");
        fixture.expect_no_error().await;
        for after in [0, 6] {
            fixture.server.clock.advance(Duration::from_secs(after));
            let _ = keys::follow_change_log(&fixture.server.app).await;
            let response = fixture.server.readiness().await;
            expect_unavailable(&response);
            let text = response.text();
            assert!(text.contains("restore a backup"), "{length} bytes, after {after} s: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_overwritten_are_noticed() {
    let fixture = Fixture::new().await;
    fixture.checkpoint().await;
    let size = std::fs::metadata(&fixture.file).expect("the file").len();
    fixture.overwrite(4096, &vec![0x5a; usize::try_from(size).expect("a size") - 4096]);
    fixture.expect_refusal("damaged").await;
}

/// Rows of another database must not be taken for this one's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_state_of_the_file_is_not_read() {
    let fixture = Fixture::new().await;
    let server = &fixture.server;
    fixture.checkpoint().await;
    let copy = fixture.file.with_extension("copy");
    std::fs::copy(&fixture.file, &copy).expect("a copy");
    for number in 0..50 {
        assert_eq!(server.create(&fixture.admin, &format!("key {number}")).await.status, 201);
    }
    fixture.checkpoint().await;
    server.expect_ready().await;
    std::fs::copy(&copy, &fixture.file).expect("the same file with an older content");
    let _ = keys::follow_change_log(&server.app).await;
    for path in ["/api/v1/keys", "/api/v1/me", "/api/v1/audit"] {
        expect_unavailable(&server.get(path).key(&fixture.admin).send().await);
    }
    expect_unavailable(&server.create(&fixture.admin, "into nothing").await);
    fixture.expect_no_error().await;
    fixture.expect_refusal_after_lease("overwritten").await;
}
