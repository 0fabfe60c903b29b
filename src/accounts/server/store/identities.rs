//! SQL of people's identities at providers, and of sign-in flows that were used.

use sqlx::{AnyExecutor, AnyPool, Row as _};

use crate::platform::db::{Write, row_placeholders, sql};
use crate::shared::{Timestamp, UserId};

/// An identity as the profile lists it.
#[derive(Clone, Debug)]
pub struct IdentitySummary {
    pub issuer: String,
    pub label: String,
    pub used_at: Timestamp,
}

pub async fn user_of<'e>(
    executor: impl AnyExecutor<'e>,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserId>, sqlx::Error> {
    let row = sqlx::query("SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2")
        .bind(issuer.to_owned())
        .bind(subject.to_owned())
        .fetch_optional(executor)
        .await?;
    row.map(|row| row.try_get("user_id")).transpose()
}

/// Returns false if the identity is linked already, or the person has another one of this provider.
pub async fn insert(
    write: &mut Write,
    user: UserId,
    issuer: &str,
    subject: &str,
    label: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO identities (issuer, subject, user_id, label, created_at, used_at) \
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
    )
    .bind(issuer)
    .bind(subject)
    .bind(user)
    .bind(label)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Updates the label and the time of the last use after a sign-in.
pub async fn touch(
    write: &mut Write,
    issuer: &str,
    subject: &str,
    label: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE identities SET label = $3, used_at = $4 WHERE issuer = $1 AND subject = $2")
        .bind(issuer)
        .bind(subject)
        .bind(label)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn of_user<'e>(
    executor: impl AnyExecutor<'e>,
    user: UserId,
) -> Result<Vec<IdentitySummary>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT issuer, label, used_at FROM identities WHERE user_id = $1 ORDER BY created_at, issuer",
    )
    .bind(user)
    .fetch_all(executor)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(IdentitySummary {
                issuer: row.try_get("issuer")?,
                label: row.try_get("label")?,
                used_at: Timestamp::from_millis(row.try_get("used_at")?),
            })
        })
        .collect()
}

/// The issuers of the identities of several people.
pub async fn issuers_of(pool: &AnyPool, users: &[UserId]) -> Result<Vec<(UserId, String)>, sqlx::Error> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let placeholders = row_placeholders(1, users.len());
    let text = format!(
        "SELECT user_id, issuer FROM identities WHERE user_id IN {placeholders} ORDER BY created_at, issuer"
    );
    let query = users.iter().fold(sqlx::query(sql(text)), |query, user| query.bind(user));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("user_id")?, row.try_get("issuer")?))).collect()
}

/// Returns false if the person has no such identity.
pub async fn delete(write: &mut Write, user: UserId, issuer: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM identities WHERE user_id = $1 AND issuer = $2")
        .bind(user)
        .bind(issuer)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a sign-in flow as used. Of two concurrent callbacks, only one gets true.
pub async fn spend_flow(
    write: &mut Write,
    state_hash: &str,
    expires: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO spent_flows (state_hash, expires_at) VALUES ($1, $2) ON CONFLICT (state_hash) DO NOTHING",
    )
    .bind(state_hash)
    .bind(expires.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn sweep(write: &mut Write, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM spent_flows WHERE expires_at <= $1")
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
