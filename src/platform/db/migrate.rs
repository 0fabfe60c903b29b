//! Runs the migrations at the start. One `migrations/` folder, embedded in the binary, serves both engines.

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, Executor, SqlSafeStr};

use super::engine::Engine;
use super::error::{DbError, may_come_back};
use super::postgres;
use crate::platform::config::DatabaseUrl;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Serializes the starts of several servers on PostgreSQL.
const LOCK: &str = "DO $$ BEGIN PERFORM pg_advisory_xact_lock(7233452918604119404); END $$";

/// Brings the tables up to date in one transaction: completely or not at all, and with one commit.
pub async fn run(pool: &AnyPool, engine: Engine, url: &DatabaseUrl) -> Result<(), DbError> {
    let migrated = async {
        let mut transaction = match engine {
            // A transaction that begins with reading would fail at once if another process writes meanwhile.
            Engine::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => pool.begin().await?,
        };
        if engine == Engine::Postgres {
            transaction.execute(LOCK).await?;
        }
        migrator(engine).set_locking(false).run(&mut *transaction).await?;
        transaction.commit().await.map_err(MigrateError::from)
    };
    migrated.await.map_err(|error| explain(url, &error))
}

/// Creates the tables of an earlier version.
#[cfg(test)]
pub async fn migrate_to(
    settings: &crate::platform::config::DatabaseSettings,
    version: i64,
) -> Result<(), DbError> {
    let db = super::Db::connect(settings, super::Opener::Server).await?;
    migrator(db.engine()).run_to(version, db.pool()).await.map_err(|error| explain(&db.url, &error))
}

fn migrator(engine: Engine) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|migration| match engine {
        Engine::Sqlite => migration.clone(),
        // The checksum is still that of the file, so that a changed file is detected on both engines.
        Engine::Postgres => Migration {
            sql: AssertSqlSafe(postgres::in_byte_order(migration.sql.as_str())).into_sql_str(),
            ..migration.clone()
        },
    });
    Migrator::with_migrations(migrations.collect())
}

/// The number of the newest migration that this binary knows.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn explain(url: &DatabaseUrl, error: &MigrateError) -> DbError {
    match error {
        MigrateError::Execute(cause) if may_come_back(cause) => DbError::away(format!(
            "the database {} went away while its tables were brought up to date: {cause}",
            url
        )),
        MigrateError::VersionMissing(version) => DbError::new(format!(
            "the database {} was written by a newer Latchkey (it has migration {version}, this one knows up to {}): \
             run that version, or restore a backup made before the upgrade",
            url,
            newest()
        )),
        MigrateError::VersionMismatch(version) => DbError::new(format!(
            "migration {version} of the database {} differs from the one in this Latchkey: a modified build created it",
            url
        )),
        error => DbError::new(format!("the tables of {} could not be brought up to date: {error}", url)),
    }
}
