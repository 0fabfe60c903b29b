//! One-time links: the setup link and password resets.

use sqlx::AnyExecutor;
use sqlx::Row as _;

use crate::platform::db::Write;
use crate::shared::{Timestamp, UserId};

/// The newest setup link is the only one.
pub async fn put_setup(write: &mut Write, token_hash: &str, expires: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO links (token_hash, purpose, removes_factor, expires_at) VALUES ($1, 'setup', 0, $2) \
         ON CONFLICT (purpose) WHERE user_id IS NULL \
         DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at",
    )
    .bind(token_hash)
    .bind(expires.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// A person's newest reset link is the only one.
pub async fn put_reset(
    write: &mut Write,
    user: &UserId,
    token_hash: &str,
    removes_factor: bool,
    expires: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO links (token_hash, purpose, user_id, removes_factor, expires_at) \
         VALUES ($1, 'reset', $2, $3, $4) \
         ON CONFLICT (purpose, user_id) DO UPDATE SET token_hash = excluded.token_hash, \
         removes_factor = excluded.removes_factor, expires_at = excluded.expires_at",
    )
    .bind(token_hash)
    .bind(user.as_str())
    .bind(i64::from(removes_factor))
    .bind(expires.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// A link as it stands.
pub struct Found {
    /// Of a reset link.
    pub user: Option<UserId>,
    pub removes_factor: bool,
}

/// Is it good now? Looking does not use it up.
pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    purpose: &str,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Found>, sqlx::Error> {
    let row =
        sqlx::query("SELECT user_id, removes_factor FROM links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3")
            .bind(token_hash.to_owned())
            .bind(purpose.to_owned())
            .bind(now.millis())
            .fetch_optional(executor)
            .await?;
    row.map(|row| {
        Ok(Found {
            user: row.try_get::<Option<String>, _>("user_id")?.map(UserId::from_text),
            removes_factor: row.try_get::<i64, _>("removes_factor")? != 0,
        })
    })
    .transpose()
}

/// Uses it up; of two at once, one gets true.
pub async fn spend(
    write: &mut Write,
    purpose: &str,
    token_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3")
        .bind(token_hash)
        .bind(purpose)
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A changed password or a disabled person makes earlier links worthless.
pub async fn drop_of(write: &mut Write, user: &UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM links WHERE user_id = $1")
        .bind(user.as_str())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn sweep(write: &mut Write, now: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM links WHERE expires_at <= $1")
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected())
}
