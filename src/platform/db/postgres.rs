//! What is specific to PostgreSQL: the oldest supported version, and texts that are compared byte by byte as in SQLite.

use sqlx::{AnyConnection, AnyPool, Executor};

use super::error::DbError;

const OLDEST: u32 = 13;

/// Limits how long PostgreSQL keeps the row locks of a connection that died in the middle of a transaction, and how long it
/// works on a statement whose connection was closed.
pub async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET idle_in_transaction_session_timeout = '5s'").await?;
    // PostgreSQL 13, and some operating systems that it runs on, do not have this.
    let check = "SELECT set_config('client_connection_check_interval', '2s', false) \
                 WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 140000";
    let _ = connection.execute(check).await;
    Ok(())
}

/// A query that counts the tables in which this server may not read and write. It fails when one is missing.
pub async fn rights_query(pool: &AnyPool) -> Result<String, sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' ORDER BY 1",
    )
    .fetch_all(pool)
    .await?;
    let rows: Vec<String> = tables.iter().map(|name| format!("('{}')", name.replace('\'', "''"))).collect();
    let rights = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let rights = rights.map(|right| format!("has_table_privilege(name, '{right}')")).join(" AND ");
    Ok(format!("SELECT COUNT(*) FROM (VALUES {}) AS tables (name) WHERE NOT ({rights})", rows.join(", ")))
}

/// `version` is PostgreSQL's `server_version_num`.
pub fn refuse_older(version: &str) -> Result<(), DbError> {
    let major = version.parse::<u32>().map_or(0, |number| number / 10_000);
    if major < OLDEST {
        return Err(DbError::new(format!("PostgreSQL {OLDEST} or newer is needed, this is {major}")));
    }
    Ok(())
}

/// A migration's SQL with every text column in byte order, as on SQLite. Otherwise the order of names, and with it the
/// pagination, would depend on the locale of the database.
pub fn in_byte_order(migration: &str) -> String {
    migration.replace(" TEXT", " TEXT COLLATE \"C\"")
}
