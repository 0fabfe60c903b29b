//! Keys whose expiry is to be announced.

use sqlx::AnyPool;

use crate::platform::db::{Write, sql};
use crate::shared::{KeyId, Timestamp};

/// Which keys are announced, and where it is noted.
#[derive(Clone, Copy)]
pub struct Announcement {
    /// The column with the expiry that was announced.
    pub column: &'static str,
    /// Keys that expire after this time …
    pub after: Timestamp,
    /// … and not after this one.
    pub until: Timestamp,
    /// Keys with a shorter life, in milliseconds, are left out.
    pub min_lifetime: i64,
}

/// `$1` to `$3` are the times and the lifetime of the announcement.
fn condition(what: Announcement) -> String {
    let column = what.column;
    format!(
        "expires_at > $1 AND expires_at <= $2 AND expires_at - created_at > $3 AND revoked_at IS NULL \
         AND ({column} IS NULL OR {column} <> expires_at)"
    )
}

/// Keys whose present expiry was not announced.
pub async fn to_announce(pool: &AnyPool, what: Announcement, limit: u32) -> Result<Vec<KeyId>, sqlx::Error> {
    let text = format!("SELECT id FROM keys WHERE {} ORDER BY expires_at LIMIT $4", condition(what));
    sqlx::query_scalar(sql(text))
        .bind(what.after.millis())
        .bind(what.until.millis())
        .bind(what.min_lifetime)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
}

/// Notes that the key's expiry is announced, which locks its row. Returns false if the expiry is already announced or no longer due.
pub async fn note_announced(write: &mut Write, what: Announcement, id: KeyId) -> Result<bool, sqlx::Error> {
    let text = format!("UPDATE keys SET {} = expires_at WHERE id = $4 AND {}", what.column, condition(what));
    let done = sqlx::query(sql(text))
        .bind(what.after.millis())
        .bind(what.until.millis())
        .bind(what.min_lifetime)
        .bind(id)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}
