//! Tests of the counts by day that an earlier version has stored.

use macro_rules_attribute::apply;

use super::super::harness::{TestDatabase, on_both_engines};
use crate::platform::db::{self, Engine, Opener};

#[apply(on_both_engines!)]
async fn days_of_the_version_before_have_their_organization_and_refusals(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    db::migrate_to(&database.config(&[]).database, 26).await.expect("an earlier version's tables");
    sqlx::any::install_default_drivers();
    let old = sqlx::AnyPool::connect(&match engine {
        Engine::Sqlite => database.url.replace("sqlite:", "sqlite://"),
        Engine::Postgres => database.url.clone(),
    })
    .await
    .expect("a connection");
    for text in [
        "INSERT INTO organizations (id, name, plan, created_at) VALUES ('o', 'o', '', 0)",
        "INSERT INTO users (id, email, email_key, name, name_key, epoch, created_at) VALUES ('u', 'u', 'u', 'u', 'u', 0, 0)",
        "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
         generation, calls, last_used_at) VALUES ('k', 'o', 'k', 'k', 'live', 'viewer', '', '', '', 0, 'u', 0, 0, 0)",
        "INSERT INTO usage_days (key_id, day, calls) VALUES ('k', 20000, 5), ('gone', 20000, 1)",
        "INSERT INTO usage_hours (secret_id, hour, outcome, key_id, org_id, requests) VALUES \
         ('s', 480000, 'valid', 'k', 'o', 5), ('s', 480000, 'revoked', 'k', 'o', 2), \
         ('s', 480023, 'unknown', 'k', 'o', 3), ('s', 480024, 'expired', 'k', 'o', 4)",
    ] {
        sqlx::query(text).execute(&old).await.expect("a row");
    }
    old.close().await;
    let db = database.open(Opener::Server).await;
    let rows: Vec<(String, i64, i64, String, i64)> =
        sqlx::query_as("SELECT key_id, day, calls, org_id, requests FROM usage_days ORDER BY key_id, day")
            .fetch_all(db.pool())
            .await
            .expect("rows");
    let row =
        |key: &str, day, calls, org: &str, requests| (key.to_owned(), day, calls, org.to_owned(), requests);
    assert_eq!(
        rows,
        [row("gone", 20_000, 1, "", 1), row("k", 20_000, 5, "o", 10), row("k", 20_001, 0, "o", 4)]
    );
}
