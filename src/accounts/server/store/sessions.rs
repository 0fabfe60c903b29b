//! SQL of sessions. A session is looked up with one read by the primary key.

use sqlx::{AnyPool, Row as _};
use tower_sessions::session::Id;

use crate::platform::Secret;
use crate::platform::db::Write;
use crate::shared::{Timestamp, UserId};

/// The hash of a session's id. The database stores and the pages show only this; the id itself stays in the browser's
/// cookie.
pub fn fingerprint(id: &Id) -> String {
    Secret::new(id.to_string()).fingerprint()
}

pub struct SessionRow {
    pub id_hash: String,
    pub user: Option<String>,
    pub data: String,
}

pub struct StoredSession {
    pub data: String,
    pub last_seen_at: Timestamp,
    pub ends_at: Timestamp,
}

/// A session as the profile lists it.
#[derive(Clone, Debug)]
pub struct SessionSummary {
    pub id_hash: String,
    pub address: String,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
}

pub const FIND: &str = "SELECT data, last_seen_at, ends_at FROM sessions \
                        WHERE id_hash = $1 AND ends_at > $2 AND last_seen_at > $3";

pub async fn find(
    pool: &AnyPool,
    id_hash: &str,
    now: Timestamp,
    silent_since: Timestamp,
) -> Result<Option<StoredSession>, sqlx::Error> {
    let row = sqlx::query(FIND)
        .bind(id_hash)
        .bind(now.millis())
        .bind(silent_since.millis())
        .fetch_optional(pool)
        .await?;
    row.map(|row| {
        Ok(StoredSession {
            data: row.try_get("data")?,
            last_seen_at: Timestamp::from_millis(row.try_get("last_seen_at")?),
            ends_at: Timestamp::from_millis(row.try_get("ends_at")?),
        })
    })
    .transpose()
}

/// Returns false when the id is taken.
pub async fn insert(
    write: &mut Write,
    row: &SessionRow,
    address: &str,
    user_agent: &str,
    now: Timestamp,
    ends: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO sessions (id_hash, user_id, data, address, user_agent, created_at, last_seen_at, ends_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (id_hash) DO NOTHING",
    )
    .bind(&row.id_hash)
    .bind(&row.user)
    .bind(&row.data)
    .bind(address)
    .bind(user_agent)
    .bind(now.millis())
    .bind(ends.millis())
    .execute(&mut **write)
    .await?;
    if let Some(user) = &row.user {
        sqlx::query("UPDATE users SET last_seen_at = $2 WHERE id = $1")
            .bind(user)
            .bind(now.millis())
            .execute(&mut **write)
            .await?;
        // Keep as many sessions as the profile lists; delete the least recently used ones.
        sqlx::query(
            "DELETE FROM sessions WHERE user_id = $1 AND id_hash NOT IN \
             (SELECT id_hash FROM sessions WHERE user_id = $1 ORDER BY last_seen_at DESC, created_at DESC LIMIT 100)",
        )
        .bind(user)
        .execute(&mut **write)
        .await?;
    }
    Ok(done.rows_affected() == 1)
}

/// Updates the session's row. An ended session has no row and stays ended.
pub async fn update(write: &mut Write, row: &SessionRow) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET data = $2, user_id = $3 WHERE id_hash = $1")
        .bind(&row.id_hash)
        .bind(&row.data)
        .bind(&row.user)
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn data(write: &mut Write, id_hash: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT data FROM sessions WHERE id_hash = $1")
        .bind(id_hash)
        .fetch_optional(&mut **write)
        .await
}

pub async fn set_data(write: &mut Write, id_hash: &str, data: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET data = $2 WHERE id_hash = $1")
        .bind(id_hash)
        .bind(data)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Updates `last_seen_at` of the session and its person.
pub async fn touch(write: &mut Write, id_hash: &str, now: Timestamp) -> Result<(), sqlx::Error> {
    for text in [
        "UPDATE sessions SET last_seen_at = $2 WHERE id_hash = $1 AND last_seen_at < $2",
        "UPDATE users SET last_seen_at = $2 WHERE id = (SELECT user_id FROM sessions WHERE id_hash = $1)",
    ] {
        sqlx::query(text).bind(id_hash).bind(now.millis()).execute(&mut **write).await?;
    }
    Ok(())
}

pub async fn delete(write: &mut Write, id_hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(id_hash).execute(&mut **write).await.map(drop)
}

pub async fn of_user(
    pool: &AnyPool,
    user: UserId,
    now: Timestamp,
    silent_since: Timestamp,
) -> Result<Vec<SessionSummary>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id_hash, address, user_agent, created_at, last_seen_at FROM sessions \
         WHERE user_id = $1 AND ends_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC LIMIT 100",
    )
    .bind(user)
    .bind(now.millis())
    .bind(silent_since.millis())
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SessionSummary {
                id_hash: row.try_get("id_hash")?,
                address: row.try_get("address")?,
                user_agent: row.try_get("user_agent")?,
                created_at: Timestamp::from_millis(row.try_get("created_at")?),
                last_seen_at: Timestamp::from_millis(row.try_get("last_seen_at")?),
            })
        })
        .collect()
}

/// Ends one of the person's sessions. Returns false if there is no such session.
pub async fn end(write: &mut Write, user: UserId, id_hash: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE id_hash = $1 AND user_id = $2")
        .bind(id_hash)
        .bind(user)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of the person's sessions except `but`. Returns their number.
pub async fn end_all(write: &mut Write, user: UserId, but: Option<&str>) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2")
        .bind(user)
        .bind(but.unwrap_or_default())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected())
}

/// Deletes expired sessions. Those without a signed-in person expire earlier, at `nobody_since`.
pub async fn sweep(
    write: &mut Write,
    now: Timestamp,
    silent_since: Timestamp,
    nobody_since: Timestamp,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM sessions WHERE ends_at <= $1 OR last_seen_at <= $2 OR user_id IS NULL AND last_seen_at <= $3",
    )
    .bind(now.millis())
    .bind(silent_since.millis())
    .bind(nobody_since.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected())
}
