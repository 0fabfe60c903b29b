//! Opening, upgrading, copying and checking the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use macro_rules_attribute::apply;
use sqlx::{AnyPool, Connection, Executor};

use super::harness::{TestDatabase, on_both_engines};
use crate::platform::db::{self, Db, Engine, Opener};

async fn refusal(database: &TestDatabase, opener: Opener) -> String {
    let opened = Db::open(&database.config(&[]).database, opener).await;
    let line = opened.map(drop).expect_err("it does not open").to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[apply(on_both_engines!)]
async fn a_newer_database_stops_an_older_binary(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open(Opener::Server).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(db.pool())
    .await
    .expect("a row");
    db.close().await;
    drop(db);
    let line = refusal(&database, Opener::Server).await;
    assert!(line.contains("newer Latchkey") && line.contains("9999"), "{line}");
}

#[apply(on_both_engines!)]
async fn a_database_of_every_earlier_version_opens(engine: Engine) {
    for version in 1..=db::newest() {
        let database = TestDatabase::empty(engine).await;
        db::migrate_to(&database.config(&[]).database, version).await.expect("an earlier version's tables");
        let db = database.open(Opener::Server).await;
        db::check(&db).await.expect("it is whole");
    }
}

#[apply(on_both_engines!)]
async fn an_upgrade_that_fails_changes_nothing(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let settings = database.config(&[]).database;
    db::migrate_to(&settings, 26).await.expect("an earlier version's tables");
    let pool = AnyPool::connect(&database.url).await.expect("a connection");
    // Migration 28 adds this column.
    pool.execute("ALTER TABLE keys ADD COLUMN sample_one_in BIGINT").await.expect("a column");
    refusal(&database, Opener::Server).await;
    let newest = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&pool).await;
    assert_eq!(newest.ok(), Some(26_i64));
    pool.execute("ALTER TABLE keys DROP COLUMN sample_one_in").await.expect("no column");
    pool.close().await;
    db::check(&database.open(Opener::Server).await).await.expect("it is whole");
}

/// Several servers that start on a new database at the same time.
#[tokio::test]
async fn servers_that_start_together_create_the_tables_once() {
    let database = TestDatabase::empty(Engine::Postgres).await;
    let settings = &database.config(&[]).database;
    let start = async || Db::open(settings, Opener::Server).await.map(drop);
    let (one, two, three) = tokio::join!(start(), start(), start());
    one.and(two).and(three).expect("all of them start");
}

#[apply(on_both_engines!)]
async fn opening_twice_changes_nothing(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let mut rows = Vec::new();
    for opener in [Opener::Server, Opener::Tool] {
        let db = database.open(opener).await;
        let question = "SELECT version, execution_time FROM _sqlx_migrations ORDER BY version";
        let migrations: Vec<(i64, i64)> =
            sqlx::query_as(question).fetch_all(db.pool()).await.expect("the migrations that ran");
        db.close().await;
        rows.push(migrations);
    }
    assert_eq!(rows[0].last().map(|(version, _)| *version), Some(db::newest()));
    assert_eq!(rows[0], rows[1], "no migration ran again");
}

#[apply(on_both_engines!)]
async fn a_dropped_transaction_leaves_nothing_behind(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open(Opener::Server).await;
    let count = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM pile").fetch_one(db.pool()).await.expect("a count")
    };
    db.pool().execute("CREATE TABLE pile (item BIGINT NOT NULL)").await.expect("a table");
    let mut write = db.write().await.expect("a turn");
    write.execute("INSERT INTO pile VALUES (1)").await.expect("a row");
    drop(write);
    assert_eq!(count().await, 0);
    let mut write = db.write().await.expect("a turn");
    write.execute("INSERT INTO pile VALUES (2)").await.expect("a row");
    write.commit().await.expect("a commit");
    assert_eq!(count().await, 1);
}

#[apply(on_both_engines!)]
async fn many_writers_wait_for_each_other(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open(Opener::Server).await;
    db.pool().execute("CREATE TABLE tally (n BIGINT NOT NULL)").await.expect("a table");
    db.pool().execute("INSERT INTO tally VALUES (0)").await.expect("a row");
    let writers = (0..40).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut write = db.write().await?;
            write.execute("UPDATE tally SET n = n + 1").await?;
            write.commit().await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic").expect("no writer is turned away");
    }
    let total: i64 = sqlx::query_scalar("SELECT n FROM tally").fetch_one(db.pool()).await.expect("the tally");
    assert_eq!(total, 40);
}

#[apply(on_both_engines!)]
async fn names_sort_byte_by_byte(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open(Opener::Server).await;
    for id in ["b", "a", "_", "B", "ä", "Z"] {
        sqlx::query("INSERT INTO organizations (id, name, plan, created_at) VALUES ($1, $1, '', 0)")
            .bind(id)
            .execute(db.pool())
            .await
            .expect("a row");
    }
    let ids: Vec<String> = sqlx::query_scalar("SELECT name FROM organizations ORDER BY name")
        .fetch_all(db.pool())
        .await
        .expect("rows");
    assert_eq!(ids, ["B", "Z", "_", "a", "b", "ä"]);
}

/// A copy made while rows are written opens, is whole, and has every row that was there before it began.
#[apply(on_both_engines!)]
async fn a_backup_under_load_restores(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    let db = database.open(Opener::Server).await;
    db.pool().execute("CREATE TABLE load (n BIGINT NOT NULL PRIMARY KEY)").await.expect("a table");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (db, stop) = (db.clone(), Arc::clone(&stop));
        async move {
            let mut n = 0_i64;
            while !stop.load(Ordering::SeqCst) {
                let mut write = db.write().await.expect("a turn");
                sqlx::query("INSERT INTO load (n) VALUES ($1)")
                    .bind(n)
                    .execute(&mut *write)
                    .await
                    .expect("a row");
                write.commit().await.expect("a commit");
                n += 1;
            }
            n
        }
    });
    let mut initial = 0;
    while initial < 50 {
        assert!(!writer.is_finished(), "the writer goes on until it is stopped");
        tokio::task::yield_now().await;
        initial =
            sqlx::query_scalar("SELECT count(*) FROM load").fetch_one(db.pool()).await.expect("a count");
    }
    let target = database.folder.path().join("copy");
    db::backup(&db, &target).await.expect("a backup");
    stop.store(true, Ordering::SeqCst);
    let written = writer.await.expect("no panic");

    let copy = restored(engine, &target).await;
    let copied = copy.open(Opener::Tool).await;
    db::check(&copied).await.expect("the copy is whole");
    let (count, most): (i64, i64) =
        sqlx::query_as("SELECT count(*), max(n) FROM load").fetch_one(copied.pool()).await.expect("a row");
    assert!(count >= initial && count <= written, "{initial} <= {count} <= {written}");
    assert_eq!(count, most + 1, "a copy has no holes");

    let again = db::backup(&db, &target).await.expect_err("nothing is overwritten").to_string();
    assert!(again.contains("exists"), "{again}");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&target).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o077, 0, "a backup is for its owner alone");
}

/// The backup as a database of its own, by the means that README names.
async fn restored(engine: Engine, backup: &std::path::Path) -> TestDatabase {
    let mut database = TestDatabase::empty(engine).await;
    match engine {
        Engine::Sqlite => database.url = format!("sqlite:{}", backup.display()),
        Engine::Postgres => {
            let done = tokio::process::Command::new("pg_restore")
                .args(["--no-owner", "--dbname", &database.url])
                .arg(backup)
                .output()
                .await
                .expect("pg_restore runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }
    database
}

#[tokio::test]
async fn a_second_server_on_one_file_is_refused_and_a_tool_is_not() {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let first = database.open(Opener::Server).await;
    let line = refusal(&database, Opener::Server).await;
    assert!(line.contains("another server") && line.contains("PostgreSQL"), "{line}");
    database.open(Opener::Tool).await.close().await;
    first.close().await;
    drop(first);
    database.open(Opener::Server).await.close().await;
}

#[tokio::test]
async fn two_servers_share_one_postgresql() {
    let database = TestDatabase::empty(Engine::Postgres).await;
    let (first, second) = tokio::join!(database.open(Opener::Server), database.open(Opener::Server));
    first.ping().await.expect("it answers");
    second.ping().await.expect("it answers");
}

#[tokio::test]
async fn an_error_on_opening_is_one_line() {
    let mut database = TestDatabase::empty(Engine::Sqlite).await;
    let blocked = database.folder.path().join("file");
    std::fs::write(&blocked, "not a folder").expect("a file");
    database.url = format!("sqlite:{}", blocked.join("test.db").display());
    assert!(refusal(&database, Opener::Server).await.contains("cannot be created"));
    database.url = format!("sqlite:{}", database.folder.path().join("none.db").display());
    assert!(refusal(&database, Opener::Tool).await.contains("no such file"));
    std::fs::write(database.folder.path().join("text.db"), "hello, this is no database at all")
        .expect("a file");
    database.url = format!("sqlite:{}", database.folder.path().join("text.db").display());
    let line = refusal(&database, Opener::Server).await;
    assert!(line.contains("not a database"), "{line}");
    database.url = "postgres://nobody:hunter2@127.0.0.1:1/none".to_owned();
    let line = refusal(&database, Opener::Server).await;
    assert!(line.contains("postgres://127.0.0.1:1/none") && !line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn a_damaged_file_is_found() {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let db = database.open(Opener::Server).await;
    db.pool().execute("CREATE TABLE filler (t TEXT NOT NULL)").await.expect("a table");
    db.pool().execute("CREATE INDEX filler_t ON filler (t)").await.expect("an index");
    for _ in 0..200 {
        sqlx::query("INSERT INTO filler VALUES ($1)")
            .bind("x".repeat(500))
            .execute(db.pool())
            .await
            .expect("a row");
    }
    db.pool().execute("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a checkpoint");
    db.close().await;
    drop(db);
    let path = database.folder.path().join("test.db");
    let mut bytes = std::fs::read(&path).expect("the file");
    let end = bytes.len() - 4096;
    bytes[end..].fill(0x5a);
    std::fs::write(&path, bytes).expect("the damaged file");
    let db = database.open(Opener::Tool).await;
    let line = db::check(&db).await.expect_err("the damage is found").to_string();
    assert!(line.contains("damaged") || line.contains("malformed"), "{line}");
}

#[tokio::test]
async fn sqlite_has_the_required_settings() {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let db = database.open(Opener::Server).await;
    let mut connection = db.pool().acquire().await.expect("a connection");
    for (question, wanted) in
        [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000)]
    {
        let value: i64 = sqlx::query_scalar(question).fetch_one(&mut *connection).await.expect("a value");
        assert_eq!(value, wanted, "{question}");
    }
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.expect("a mode");
    assert_eq!(mode, "wal");
    connection.ping().await.expect("it answers");
}

#[tokio::test]
async fn a_file_is_for_one_server_by_whatever_path() {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let db = database.open(Opener::Server).await;
    let file = database.folder.path().join("test.db");
    let (link, hard_link) = (file.with_extension("link"), file.with_extension("other"));
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    std::fs::hard_link(&file, &hard_link).expect("another name");
    for path in [&file, &link, &hard_link] {
        let mut settings = database.config(&[]).database;
        settings.database_url = crate::platform::config::DatabaseUrl::Sqlite(path.clone());
        let opened = Db::open(&settings, Opener::Server).await;
        let line = opened.map(drop).expect_err("one server works on it").to_string();
        assert!(line.contains("another server works on this file"), "{line}");
    }
    db.close().await;
    drop(db);
    database.open(Opener::Server).await.close().await;
}
