//! One-time links: the setup link and password resets, the operator's and those by mail.

use sqlx::AnyExecutor;
use sqlx::Row as _;

use crate::platform::db::Write;
use crate::shared::{Timestamp, UserId};

/// What a link opens.
#[derive(Clone, Copy)]
pub enum Opens {
    Setup,
    /// Whoever made it.
    Reset,
}

impl Opens {
    const fn condition(self) -> &'static str {
        match self {
            Self::Setup => "purpose = 'setup'",
            Self::Reset => "purpose IN ('reset', 'reset-mail')",
        }
    }
}

/// Who made a reset link. A person's requests must not replace the operator's.
#[derive(Clone, Copy)]
pub enum MadeBy {
    Operator,
    Person,
}

impl MadeBy {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Operator => "reset",
            Self::Person => "reset-mail",
        }
    }
}

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

/// Only where there is no setup link that is still good; false otherwise. Of two servers that start at once one gets true.
pub async fn put_only_setup(
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

/// When the setup link that is good now ends.
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

/// A person's newest reset link of each maker is the only one.
pub async fn put_reset(
    write: &mut Write,
    by: MadeBy,
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

/// Has the person a reset link that ends after this?
pub async fn has_reset_after<'e>(
    executor: impl AnyExecutor<'e>,
    by: MadeBy,
    user: UserId,
    since: Timestamp,
) -> Result<bool, sqlx::Error> {
    let row =
        sqlx::query("SELECT token_hash FROM links WHERE purpose = $1 AND user_id = $2 AND expires_at > $3")
            .bind(by.purpose())
            .bind(user)
            .bind(since.millis())
            .fetch_optional(executor)
            .await?;
    Ok(row.is_some())
}

/// A link as it stands.
pub struct SetupLinkState {
    /// Of a reset link.
    pub user: Option<UserId>,
    pub removes_factor: bool,
}

/// Is it good now? Looking does not use it up.
pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    opens: Opens,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<SetupLinkState>, sqlx::Error> {
    let text = crate::platform::db::sql(format!(
        "SELECT user_id, removes_factor FROM links WHERE token_hash = $1 AND {} AND expires_at > $2",
        opens.condition()
    ));
    let row =
        sqlx::query(text).bind(token_hash.to_owned()).bind(now.millis()).fetch_optional(executor).await?;
    row.map(|row| {
        Ok(SetupLinkState {
            user: row.try_get("user_id")?,
            removes_factor: row.try_get::<i64, _>("removes_factor")? != 0,
        })
    })
    .transpose()
}

/// Uses it up; of two at once, one gets true.
pub async fn spend(
    write: &mut Write,
    opens: Opens,
    token_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let text = crate::platform::db::sql(format!(
        "DELETE FROM links WHERE token_hash = $1 AND {} AND expires_at > $2",
        opens.condition()
    ));
    let done = sqlx::query(text).bind(token_hash).bind(now.millis()).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

/// A changed password or a disabled person makes earlier links worthless.
pub async fn drop_of(write: &mut Write, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM links WHERE user_id = $1").bind(user).execute(&mut **write).await.map(drop)
}

pub async fn sweep(write: &mut Write, now: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM links WHERE expires_at <= $1")
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected())
}
