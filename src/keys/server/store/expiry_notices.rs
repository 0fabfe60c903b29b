//! Keys that expire soon, and whether a letter about it was sent.

use sqlx::Row;

use crate::platform::db::Write;
use crate::shared::{KeyId, OrgId, Timestamp, UserId};

pub struct ExpiringKey {
    pub key: KeyId,
    pub name: String,
    pub org: OrgId,
    pub org_name: String,
    pub creator: UserId,
    pub expires_at: Timestamp,
    pub by_login: bool,
}

/// Keys that expire before `deadline` and about which no letter was sent, without keys whose lifetime is shorter than
/// `min_lifetime` milliseconds: their creator chose a short life only recently.
pub async fn expiring_keys(
    write: &mut Write,
    now: Timestamp,
    deadline: Timestamp,
    min_lifetime: i64,
    limit: u32,
) -> Result<Vec<ExpiringKey>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT keys.id AS id, keys.name AS name, org_id, organizations.name AS org_name, created_by, expires_at, \
         login_device FROM keys JOIN organizations ON organizations.id = keys.org_id \
         WHERE expires_at IS NOT NULL AND revoked_at IS NULL AND expires_at > $1 AND expires_at <= $2 \
         AND expires_at - keys.created_at > $3 AND (told_of_end IS NULL OR told_of_end <> expires_at) \
         ORDER BY expires_at LIMIT $4",
    )
    .bind(now.millis())
    .bind(deadline.millis())
    .bind(min_lifetime)
    .bind(i64::from(limit))
    .fetch_all(&mut **write)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ExpiringKey {
                key: row.try_get("id")?,
                name: row.try_get("name")?,
                org: row.try_get("org_id")?,
                org_name: row.try_get("org_name")?,
                creator: row.try_get("created_by")?,
                expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
                by_login: row.try_get::<Option<String>, _>("login_device")?.is_some(),
            })
        })
        .collect()
}

pub async fn mark_notified(write: &mut Write, key: &ExpiringKey) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET told_of_end = $2 WHERE id = $1")
        .bind(key.key)
        .bind(key.expires_at.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
