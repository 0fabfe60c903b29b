//! A full disk: what writes is refused with 503 until there is room, and then everything works again.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use macro_rules_attribute::apply;
use sqlx::Executor;

use super::{CHEAP_HASHING, expect_unavailable};
use crate::keys::server::{self as keys, Presenter, Revealed};
use crate::platform::db::Engine;
use crate::tests::harness::{Folder, Server, TestDatabase, on_both_engines};
use crate::tests::keys::ANYTHING;
use crate::tests::people::EMAIL;
use crate::tests::personas::{PASSWORD, Persona};
use crate::usage::Outcome;
use crate::usage::server as usage;

const NO_LIMIT: u32 = u32::MAX - 1;
const CALLERS: u32 = 200;

/// Checks a key from so many addresses: too many for what is left of a page.
async fn check_from_many(server: &Server, made: &Revealed) {
    let user_agent = "x".repeat(100);
    for number in 0..CALLERS {
        let address = Some(std::net::IpAddr::from(number.to_be_bytes()));
        let presenter = Presenter { address, user_agent: &user_agent, ..Presenter::default() };
        let token = made.plaintext.expose();
        let verdict = keys::verify(&server.app, token, &ANYTHING, &presenter).await.expect("from memory");
        assert_eq!(verdict.outcome, Outcome::Valid);
    }
}

async fn counted(server: &Server, made: &Revealed) -> i64 {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours WHERE secret_id = $1",
    )
    .bind(made.key.secret.to_string())
    .fetch_one(server.app.db.pool())
    .await
    .expect("a sum")
}

async fn runs_full(server: &Server, fill: impl FnOnce(), make_room: impl FnOnce()) {
    let owner = server.actor(Persona::Owner).await;
    server.alice().await;
    let admin = server.key_of(Persona::Owner).await;
    let used = server.key(&owner, "used").await;
    let lost = server.key(&owner, "lost").await;
    for made in [&used, &lost] {
        assert_eq!(server.check(&made.plaintext).await, Outcome::Valid);
    }
    server.expect_ready().await;
    let revoke = || server.post(&format!("/api/v1/keys/{}/revoke", lost.key.id)).key(&admin).send();

    fill();
    let mut refused = 0;
    for number in 0..2_000 {
        let response = server.create(&admin, &format!("while full {number}")).await;
        if response.status != 201 {
            expect_unavailable(&response);
            // Also when it was ready a moment ago.
            expect_unavailable(&server.get("/readyz").send().await);
            refused += 1;
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "the disk is full");
    let mut is_revoked = false;
    for _ in 0..10 {
        let response = server.sign_in(EMAIL, PASSWORD, "").await;
        if response.status != 200 {
            expect_unavailable(&response);
        }
        // What needs no new page may still succeed.
        if !is_revoked {
            let response = revoke().await;
            is_revoked = response.status.is_success();
            if !is_revoked {
                expect_unavailable(&response);
            }
        }
    }
    check_from_many(server, &used).await;
    assert!(usage::write_journal(&server.app).await.is_err(), "there is no room for what was counted");
    let _ = server.app.db.pool().execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
    server.expect_not_ready("full").await;
    assert_eq!(server.get("/healthz").send().await.status, 200);
    let stopped = keys::drain_within(&server.app, Duration::from_millis(100)).await;
    let error = stopped.expect_err("it cannot be written").to_string();
    assert!(error.contains("counted requests and the last use of") && error.contains("full"), "{error}");

    make_room();
    let response = server.create(&admin, "with room again").await;
    assert_eq!(response.status, 201, "{}", response.text());
    if !is_revoked {
        let response = revoke().await;
        assert!(response.status.is_success(), "{}", response.text());
    }
    assert_eq!(server.check(&lost.plaintext).await, Outcome::Revoked);
    assert!(!server.sign_in(EMAIL, PASSWORD, "").await.entered().is_empty());
    server.expect_ready().await;
    keys::drain_within(&server.app, Duration::from_secs(5)).await.expect("there is room");
    assert_eq!(counted(server, &used).await, i64::from(CALLERS) + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_is_told_and_recovered_from() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let db = &server.app.db;
    runs_full(&server, || db.limit_pages(1), || db.limit_pages(NO_LIMIT)).await;
}

/// A small change may succeed while a larger one finds no room.
#[apply(on_both_engines!)]
async fn a_full_database_is_not_ready_until_there_is_room(engine: Engine) {
    const REFUSE_TABLES: &str = "CREATE FUNCTION no_table() RETURNS event_trigger LANGUAGE plpgsql AS \
                                 $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$";
    let server = Server::with(engine, CHEAP_HASHING).await;
    let db = &server.app.db;
    let admin = server.key_of(Persona::Owner).await;
    server.expect_ready().await;
    match engine {
        Engine::Sqlite => {
            let pages = server.count("SELECT page_count FROM pragma_page_count()").await;
            db.limit_pages(u32::try_from(pages).expect("a number of pages") + 20);
            let mut write = db.write().await.expect("a turn");
            let filled = sqlx::query("UPDATE readiness_probe SET filler = $1")
                .bind("x".repeat(200_000))
                .execute(&mut *write)
                .await;
            filled.expect_err("there is no room");
        }
        Engine::Postgres => {
            server.refuse("INSERT ON keys").await;
            server.execute(REFUSE_TABLES).await;
            server
                .execute(
                    "CREATE EVENT TRIGGER no_table ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') \
                     EXECUTE FUNCTION no_table()",
                )
                .await;
            expect_unavailable(&server.create(&admin, "too much").await);
        }
    }
    for _ in 0..3 {
        let mut write = db.write().await.expect("a turn");
        write.execute("UPDATE readiness_probe SET at = at").await.expect("it needs no room");
        write.commit().await.expect("it needs no room");
        server.expect_not_ready("full").await;
    }
    match engine {
        Engine::Sqlite => db.limit_pages(NO_LIMIT),
        Engine::Postgres => {
            server.execute("DROP EVENT TRIGGER no_table").await;
            server.allow_again("keys").await;
        }
    }
    server.expect_ready().await;
    assert_eq!(server.create(&admin, "with room again").await.status, 201);
}

/// The session is saved after the handler has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_saved_is_no_fault_of_ours() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let trigger =
        "CREATE TRIGGER no_room BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'no room'); END";
    server.app.db.pool().execute(trigger).await.expect("a trigger");
    let response = server.sign_in(EMAIL, PASSWORD, "").await;
    expect_unavailable(&response);
    assert!(response.text().contains("session could not be saved"), "{}", response.text());
    server.app.db.pool().execute("DROP TRIGGER no_room").await.expect("it goes");
    assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.status, 303);
}

/// A small file system in memory; gone with this.
struct Disk {
    folder: Folder,
}

impl Disk {
    /// None where nothing may be mounted.
    fn of(size: &str) -> Option<Self> {
        let folder = Folder::new();
        let options = format!("size={size},mode=700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(done) if done.status.success() => Some(Self { folder }),
            _ => None,
        }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.ballast()).expect("a file");
        let mut piece = vec![1; 64 * 1024];
        while !piece.is_empty() {
            match file.write(&piece) {
                Ok(written) if written > 0 => {}
                _ => piece.truncate(piece.len() / 2),
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast goes");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: handles may be open for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_runs_full_is_told_and_recovered_from() {
    let Some(disk) = Disk::of("12m") else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let url = format!("sqlite:{}", disk.folder.path().join("test.db").display());
    let server = Server::at(TestDatabase { url, folder: Folder::new() }, CHEAP_HASHING).await;
    runs_full(&server, || disk.fill(), || disk.make_room()).await;
    server.app.db.close().await;
}
