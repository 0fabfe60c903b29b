//! What PostgreSQL needs: a version that is still maintained, and texts compared byte by byte as SQLite does.

use sqlx::{AnyConnection, Executor};

use super::error::DbError;

const OLDEST: u32 = 13;

/// A server that vanished in the middle of a transaction holds its rows no longer than this.
pub async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET idle_in_transaction_session_timeout = '15s'").await.map(drop)
}

/// `version` is PostgreSQL's `server_version_num`.
pub fn refuse_older(version: &str) -> Result<(), DbError> {
    let major = version.parse::<u32>().map_or(0, |number| number / 10_000);
    if major < OLDEST {
        return Err(DbError::new(format!("PostgreSQL {OLDEST} or newer is needed, this is {major}")));
    }
    Ok(())
}

/// A migration's SQL with every text column in byte order, as on SQLite; otherwise the order of names, and with it
/// every keyset page, would depend on the database's locale.
pub fn in_byte_order(migration: &str) -> String {
    migration.replace(" TEXT", " TEXT COLLATE \"C\"")
}
