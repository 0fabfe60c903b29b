//! SQL of requested accounts: an address and the token of the link that was sent to it.

use sqlx::{AnyExecutor, Row as _};

use crate::accounts::email_key;
use crate::platform::db::Write;
use crate::shared::Timestamp;

/// Stores a link, which replaces the address's earlier one. Returns false and keeps the earlier one if that was created
/// after `not_since`.
pub async fn put(
    write: &mut Write,
    token_hash: &str,
    email: &str,
    now: Timestamp,
    expires: Timestamp,
    not_since: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO sign_ups (token_hash, email, email_key, made_at, expires_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (email_key) DO UPDATE SET token_hash = excluded.token_hash, email = excluded.email, \
         made_at = excluded.made_at, expires_at = excluded.expires_at WHERE sign_ups.made_at <= $6",
    )
    .bind(token_hash)
    .bind(email)
    .bind(email_key(email))
    .bind(now.millis())
    .bind(expires.millis())
    .bind(not_since.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts up to `most` links.
pub async fn count(write: &mut Write, most: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 AS link FROM sign_ups LIMIT $1) AS links")
        .bind(most)
        .fetch_one(&mut **write)
        .await
}

/// The address that a link confirms. Does not consume the link.
pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query("SELECT email FROM sign_ups WHERE token_hash = $1 AND expires_at > $2")
        .bind(token_hash.to_owned())
        .bind(now.millis())
        .fetch_optional(executor)
        .await?;
    row.map(|row| row.try_get("email")).transpose()
}

/// Consumes the link. Of two concurrent calls, only one gets true.
pub async fn spend(write: &mut Write, token_hash: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sign_ups WHERE token_hash = $1 AND expires_at > $2")
        .bind(token_hash)
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the link of an address that has an account now.
pub async fn delete_of_email(write: &mut Write, email: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sign_ups WHERE email_key = $1")
        .bind(email_key(email))
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn sweep(write: &mut Write, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sign_ups WHERE expires_at <= $1")
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
