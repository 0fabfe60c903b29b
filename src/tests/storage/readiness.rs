//! `/readyz` writes and reads a row, and looks whether the SQLite file is the one that was opened.

use std::time::Duration;

use macro_rules_attribute::apply;
use sqlx::{AnyConnection, Connection, Executor};

use super::CHEAP_HASHING;
use super::file_faults::expect_no_error;
use crate::platform::db::Engine;
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
        let responses = (0..5).map(|_| server.get("/readyz").send());
        for response in futures_util::future::join_all(responses).await {
            assert_eq!(response.status, 200, "{}", response.text());
        }
        assert_eq!(server.count(PROBED_AT).await, probed_at);
    }
}

#[apply(on_both_engines!)]
async fn a_refused_change_ends_a_ready_that_was_remembered(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let admin = server.key_of(Persona::Owner).await;
    server.expect_ready().await;
    assert_eq!(server.get("/readyz").send().await.status, 200);
    server.app.db.set_away(true);
    // Refused before it could ask the database.
    assert!(server.app.db.write().await.is_err());
    let response = server.get("/readyz").send().await;
    assert_eq!(response.status, 503, "{}", response.text());
    server.app.db.set_away(false);
    server.expect_ready().await;
    assert_eq!(server.create(&admin, "again").await.status, 201);
}

#[apply(on_both_engines!)]
async fn a_database_that_takes_no_writes_is_not_ready(engine: Engine) {
    let server = Server::on(engine).await;
    server.expect_ready().await;
    server.app.db.pool().execute("DROP TABLE readiness_probe").await.expect("it goes");
    server.expect_not_ready("a table of the database is missing").await;
}

#[apply(on_both_engines!)]
async fn a_schema_that_vanished_is_an_outage_and_no_error(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let (admin, session) = (server.key_of(Persona::Owner).await, server.sign_in_as(Persona::Owner).await);
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    for table in ["sessions", "keys", "memberships", "changes", "usage_journal"] {
        let text = format!("ALTER TABLE {table} RENAME TO {table}_elsewhere");
        server.app.db.pool().execute(crate::platform::db::sql(text)).await.expect("it goes");
    }
    expect_no_error(&server, &admin, &session).await;
}

/// Each table is needed, not only the one that the probe writes to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_missing_or_closed_is_reported() {
    let mut database = TestDatabase::migrated(Engine::Postgres).await;
    let mut owner = AnyConnection::connect(&database.url).await.expect("it opens");
    // The owner of the tests' cluster may do everything.
    let mut address: url::Url = database.url.parse().expect("an address");
    let role = format!("limited_{}", address.path().trim_start_matches('/'));
    let execute = async |owner: &mut AnyConnection, text: String| {
        owner.execute(crate::platform::db::sql(text)).await.expect("it is executed");
    };
    execute(&mut owner, format!("CREATE ROLE \"{role}\" LOGIN")).await;
    execute(&mut owner, format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{role}\"")).await;
    execute(&mut owner, format!("GRANT ALL ON SCHEMA public TO \"{role}\"")).await;
    address.set_username(&role).expect("an address with a name");
    database.url = address.into();
    let server = Server::at(database, CHEAP_HASHING).await;
    server.expect_ready().await;
    for (closed, reason, open) in [
        (
            "ALTER TABLE audit RENAME TO away",
            "a table of the database is missing",
            "ALTER TABLE away RENAME TO audit",
        ),
        ("REVOKE INSERT ON audit FROM", "refuses this server", "GRANT INSERT ON audit TO"),
    ] {
        let text = |text: &str| match text.starts_with("ALTER") {
            true => text.to_owned(),
            false => format!("{text} \"{role}\""),
        };
        execute(&mut owner, text(closed)).await;
        server.expect_not_ready(reason).await;
        execute(&mut owner, text(open)).await;
        server.expect_ready().await;
    }
}
