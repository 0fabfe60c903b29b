//! `/readyz` writes and reads a row, and looks whether the SQLite file is the one that was opened.

use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use macro_rules_attribute::apply;
use sqlx::Executor;

use super::{QUICK, expect_unavailable};
use crate::platform::Secret;
use crate::platform::db::{Db, Engine, Opener};
use crate::tests::harness::{START, Server, TestDatabase, on_both_engines};
use crate::tests::personas::Persona;
use crate::usage::Outcome;

const PROBED_AT: &str = "SELECT at FROM readiness_probe";

#[apply(on_both_engines!)]
async fn a_row_is_written_once_a_second_at_most(engine: Engine) {
    let server = Server::on(engine).await;
    let first = START.millis();
    for (step, probed_at) in
        [(0, first), (400, first), (400, first), (400, first + 1_200), (0, first + 1_200)]
    {
        server.clock.advance(Duration::from_millis(step));
        let answers = (0..5).map(|_| server.get("/readyz").send());
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert_eq!(server.count(PROBED_AT).await, probed_at);
    }
}

#[apply(on_both_engines!)]
async fn a_database_that_takes_no_writes_is_not_ready(engine: Engine) {
    let server = Server::on(engine).await;
    server.expect_ready().await;
    server.app.db.pool().execute("DROP TABLE readiness_probe").await.expect("it goes");
    server.expect_not_ready("error").await;
}

struct Fixture {
    server: Server,
    file: PathBuf,
    admin: Secret,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::migrated(Engine::Sqlite).await;
        let file = database.folder.path().join("test.db");
        let server = Server::at(database, QUICK).await;
        let admin = server.key_of(Persona::Owner).await;
        assert_eq!(server.check(&admin).await, Outcome::Valid);
        server.expect_ready().await;
        Self { server, file, admin }
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
        let answer = self.server.create(&self.admin, "into nothing").await;
        expect_unavailable(&answer);
        assert_eq!(self.server.check(&self.admin).await, Outcome::Valid);
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
    let answer = fixture.server.create(&fixture.admin, "fine").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_overwritten_are_noticed() {
    let fixture = Fixture::new().await;
    fixture.checkpoint().await;
    let size = std::fs::metadata(&fixture.file).expect("the file").len();
    fixture.overwrite(4096, &vec![0x5a; usize::try_from(size).expect("a size") - 4096]);
    fixture.expect_refusal("damaged").await;
}
