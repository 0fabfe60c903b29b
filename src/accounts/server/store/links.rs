//! SQL of one-time links: the setup link and password resets, by the operator or by mail.

use sqlx::AnyExecutor;
use sqlx::Row as _;

use crate::platform::db::Write;
use crate::shared::{Timestamp, UserId};

/// What a link is for.
#[derive(Clone, Copy)]
pub enum LinkPurpose {
    Setup,
    /// A password reset, whoever issued it.
    Reset,
}

impl LinkPurpose {
    const fn condition(self) -> &'static str {
        match self {
            Self::Setup => "purpose = 'setup'",
            Self::Reset => "purpose IN ('reset', 'reset-mail')",
        }
    }
}

/// Who requested a reset link. A link that a person requested does not replace the operator's.
#[derive(Clone, Copy)]
pub enum LinkIssuer {
    Operator,
    Person,
}

impl LinkIssuer {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Operator => "reset",
            Self::Person => "reset-mail",
        }
    }
}

/// Stores the setup link, which replaces an earlier one.
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

/// Stores the setup link if there is no unexpired one. Returns false otherwise, so of two servers that start at once only
/// one gets true.
pub async fn put_setup_if_expired(
    write: &mut Write,
    token_hash: &str,
    expires: Timestamp,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO links (token_hash, purpose, removes_factor, expires_at) VALUES ($1, 'setup', 0, $2) \
         ON CONFLICT (purpose) WHERE user_id IS NULL \
         DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at \
         WHERE links.expires_at <= $3",
    )
    .bind(token_hash)
    .bind(expires.millis())
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The expiry of the current setup link.
pub async fn setup_expires<'e>(
    executor: impl AnyExecutor<'e>,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let at: Option<i64> =
        sqlx::query_scalar("SELECT expires_at FROM links WHERE purpose = 'setup' AND expires_at > $1")
            .bind(now.millis())
            .fetch_optional(executor)
            .await?;
    Ok(at.map(Timestamp::from_millis))
}

/// Stores a reset link, which replaces the person's earlier one of the same issuer.
pub async fn put_reset(
    write: &mut Write,
    by: LinkIssuer,
    user: UserId,
    token_hash: &str,
    removes_factor: bool,
    expires: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO links (token_hash, purpose, user_id, removes_factor, expires_at) \
         VALUES ($1, $5, $2, $3, $4) \
         ON CONFLICT (purpose, user_id) DO UPDATE SET token_hash = excluded.token_hash, \
         removes_factor = excluded.removes_factor, expires_at = excluded.expires_at",
    )
    .bind(token_hash)
    .bind(user)
    .bind(i64::from(removes_factor))
    .bind(expires.millis())
    .bind(by.purpose())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Returns true if the person has a reset link that expires after this time.
pub async fn has_reset_after<'e>(
    executor: impl AnyExecutor<'e>,
    by: LinkIssuer,
    user: UserId,
    expires_after: Timestamp,
) -> Result<bool, sqlx::Error> {
    let row =
        sqlx::query("SELECT token_hash FROM links WHERE purpose = $1 AND user_id = $2 AND expires_at > $3")
            .bind(by.purpose())
            .bind(user)
            .bind(expires_after.millis())
            .fetch_optional(executor)
            .await?;
    Ok(row.is_some())
}

pub struct StoredLink {
    /// The person of a reset link; None for the setup link.
    pub user: Option<UserId>,
    pub removes_factor: bool,
}

/// Finds an unexpired link without using it up.
pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    purpose: LinkPurpose,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<StoredLink>, sqlx::Error> {
    let text = crate::platform::db::sql(format!(
        "SELECT user_id, removes_factor FROM links WHERE token_hash = $1 AND {} AND expires_at > $2",
        purpose.condition()
    ));
    let row =
        sqlx::query(text).bind(token_hash.to_owned()).bind(now.millis()).fetch_optional(executor).await?;
    row.map(|row| {
        Ok(StoredLink {
            user: row.try_get("user_id")?,
            removes_factor: row.try_get::<i64, _>("removes_factor")? != 0,
        })
    })
    .transpose()
}

/// Consumes the link. Of two concurrent calls, only one gets true.
pub async fn spend(
    write: &mut Write,
    purpose: LinkPurpose,
    token_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let text = crate::platform::db::sql(format!(
        "DELETE FROM links WHERE token_hash = $1 AND {} AND expires_at > $2",
        purpose.condition()
    ));
    let done = sqlx::query(text).bind(token_hash).bind(now.millis()).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the person's links, after a password change or when the person is disabled.
pub async fn delete_of_user(write: &mut Write, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM links WHERE user_id = $1").bind(user).execute(&mut **write).await.map(drop)
}

pub async fn sweep(write: &mut Write, now: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM links WHERE expires_at <= $1")
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected())
}
