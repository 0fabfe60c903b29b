//! Keys that were created by command-line logins.

use std::collections::HashSet;

use sqlx::{AnyExecutor, Row};

use super::super::{Key, Login};
use super::read::{key, select};
use crate::platform::db::Write;
use crate::shared::{KeyId, OrgId, UserId};

/// The keys of the same person, organization, device and product that are not revoked. None for a login without a device id.
pub async fn current_logins(
    write: &mut Write,
    org: OrgId,
    user: UserId,
    login: &Login,
) -> Result<Vec<KeyId>, sqlx::Error> {
    let Some(device) = &login.device_id else { return Ok(Vec::new()) };
    sqlx::query_scalar(
        "SELECT id FROM keys WHERE created_by = $1 AND org_id = $2 AND login_device_id = $3 AND login_product = $4 \
         AND revoked_at IS NULL ORDER BY id",
    )
    .bind(user)
    .bind(org)
    .bind(device)
    .bind(&login.product)
    .fetch_all(&mut **write)
    .await
}

/// The keys of a person's logins in an organization that are not revoked.
pub async fn logins_in(write: &mut Write, org: OrgId, user: UserId) -> Result<Vec<KeyId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT id FROM keys WHERE created_by = $1 AND org_id = $2 AND login_device IS NOT NULL AND revoked_at IS NULL",
    )
    .bind(user)
    .bind(org)
    .fetch_all(&mut **write)
    .await
}

/// The keys of a person's logins in all organizations that are not revoked.
pub async fn all_current_logins(write: &mut Write, user: UserId) -> Result<Vec<(OrgId, KeyId)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT org_id, id FROM keys WHERE created_by = $1 AND login_device IS NOT NULL AND revoked_at IS NULL \
         ORDER BY org_id, id",
    )
    .bind(user)
    .fetch_all(&mut **write)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("org_id")?, row.try_get("id")?))).collect()
}

/// Like `all_current_logins`, with all columns, newest first, at most a hundred.
pub async fn logins_of(db: impl AnyExecutor<'_>, user: UserId) -> Result<Vec<Key>, sqlx::Error> {
    let rows = sqlx::query(select!(
        "WHERE created_by = $1 AND login_device IS NOT NULL AND revoked_at IS NULL ORDER BY id DESC LIMIT 100"
    ))
    .bind(user)
    .fetch_all(db)
    .await?;
    rows.iter().map(key).collect()
}

pub async fn is_name_taken(write: &mut Write, org: OrgId, name_key: &str) -> Result<bool, sqlx::Error> {
    let found = sqlx::query("SELECT id FROM keys WHERE org_id = $1 AND name_key = $2 AND revoked_at IS NULL")
        .bind(org)
        .bind(name_key)
        .fetch_optional(&mut **write)
        .await?;
    Ok(found.is_some())
}

/// The key with this name that is not revoked.
pub async fn find_named(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    name_key: &str,
) -> Result<Option<KeyId>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM keys WHERE org_id = $1 AND name_key = $2 AND revoked_at IS NULL")
        .bind(org)
        .bind(name_key)
        .fetch_optional(db)
        .await
}

/// The comparison forms of names that consist of this name and a number, of keys that are not revoked.
pub async fn numbered_names(
    write: &mut Write,
    org: OrgId,
    name_key: &str,
    max: i64,
) -> Result<HashSet<String>, sqlx::Error> {
    // ':' comes after the digits.
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name_key FROM keys WHERE org_id = $1 AND name_key >= $2 AND name_key < $3 AND revoked_at IS NULL LIMIT $4",
    )
    .bind(org)
    .bind(format!("{name_key} 0"))
    .bind(format!("{name_key} :"))
    .bind(max)
    .fetch_all(&mut **write)
    .await?;
    Ok(names.into_iter().collect())
}
