//! SQL of second factors and their recovery codes.

use sqlx::AnyExecutor;
use sqlx::Row as _;

use crate::platform::db::Write;
use crate::shared::{Timestamp, UserId};

pub async fn secret<'e>(executor: impl AnyExecutor<'e>, user: UserId) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query("SELECT secret FROM second_factors WHERE user_id = $1")
        .bind(user)
        .fetch_optional(executor)
        .await?;
    row.map(|row| row.try_get("secret")).transpose()
}

/// Returns false if the person has a second factor already.
pub async fn insert(
    write: &mut Write,
    user: UserId,
    secret: &str,
    step: i64,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO NOTHING",
    )
    .bind(user)
    .bind(secret)
    .bind(step)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a time step as used. Returns false if this step or a later one was used already.
pub async fn spend_step(write: &mut Write, user: UserId, step: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2")
        .bind(user)
        .bind(step)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns false if the person has no second factor.
pub async fn delete(write: &mut Write, user: UserId) -> Result<bool, sqlx::Error> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(user).execute(&mut **write).await?;
    let done =
        sqlx::query("DELETE FROM second_factors WHERE user_id = $1").bind(user).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

/// Stores new recovery codes, which replace all earlier ones.
pub async fn put_recovery_codes(
    write: &mut Write,
    user: UserId,
    hashes: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(user).execute(&mut **write).await?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)")
            .bind(user)
            .bind(hash)
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

/// Marks a recovery code as used. Returns false if it is unknown or was used already.
pub async fn spend_recovery_code(
    write: &mut Write,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
    )
    .bind(user)
    .bind(hash)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn unused_recovery_codes<'e>(
    executor: impl AnyExecutor<'e>,
    user: UserId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL")
        .bind(user)
        .fetch_one(executor)
        .await
}
