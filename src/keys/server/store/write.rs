//! Changes of keys and secrets. Each is part of a transaction that has locked the key's row with `hold`.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::{Key, KeyAudience, KeyQuota};
use super::name_search;
use super::read::find_in_tx;
use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders, sql};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::server::CallTotals;

/// Locks the row and increments its generation. Returns None when the organization has no such key.
pub async fn lock(write: &mut Write, org: OrgId, id: KeyId) -> Result<Option<Key>, sqlx::Error> {
    let done = sqlx::query("UPDATE keys SET generation = generation + 1 WHERE id = $1 AND org_id = $2")
        .bind(id)
        .bind(org)
        .execute(&mut **write)
        .await?;
    if done.rows_affected() == 0 { Ok(None) } else { find_in_tx(write, id).await }
}

/// Returns false when a key of the organization that is not revoked has the name.
pub async fn insert(write: &mut Write, key: &Key, name_key: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, rate_limit, ranges, secret_id, created_at, \
         created_by, created_by_key, expires_at, login_device, login_device_id, login_product, counts_with, external_id, \
         metadata, quota, quota_period, quota_with, audience, secret_until, generation, calls, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
         $24, $25, 0, 0, 0) \
         ON CONFLICT DO NOTHING",
    )
    .bind(key.id)
    .bind(key.org)
    .bind(&key.name)
    .bind(name_key)
    .bind(key.kind.as_str())
    .bind(key.role.as_str())
    .bind(&key.note)
    .bind(key.rate_limit.map(i64::from))
    .bind(ranges(key))
    .bind(key.secret)
    .bind(key.created_at.millis())
    .bind(key.created_by)
    .bind(key.created_by_key)
    .bind(key.expires_at.map(Timestamp::millis))
    .bind(key.login.as_ref().map(|login| login.device.as_str()))
    .bind(key.login.as_ref().and_then(|login| login.device_id.as_deref()))
    .bind(key.login.as_ref().map(|login| login.product.as_str()))
    .bind(key.counts_with)
    .bind(key.customer.external_id.as_deref())
    .bind(key.customer.metadata.as_deref())
    .bind(key.customer.quota.map(quota_limit))
    .bind(key.customer.quota.map(|quota| quota.period.as_str()))
    .bind(key.quota_with)
    .bind(key.audience.map(KeyAudience::as_str))
    .bind(key.renewal.map(|renewal| renewal.until.millis()))
    .execute(&mut **write)
    .await?;
    let is_inserted = done.rows_affected() == 1;
    if is_inserted {
        name_search::add(write, key.org, key.id, name_key).await?;
    }
    Ok(is_inserted)
}

fn quota_limit(quota: KeyQuota) -> i64 {
    i64::try_from(quota.limit).unwrap_or(i64::MAX)
}

fn ranges(key: &Key) -> String {
    key.ranges.iter().map(|range| range.to_string()).collect::<Vec<_>>().join(" ")
}

/// Returns false when a key of the organization that is not revoked has the name.
pub async fn update(write: &mut Write, key: &Key, name_key: &str) -> Result<bool, sqlx::Error> {
    let old_name_key: String = sqlx::query_scalar("SELECT name_key FROM keys WHERE id = $1")
        .bind(key.id)
        .fetch_one(&mut **write)
        .await?;
    let done = sqlx::query(
        "UPDATE keys SET name = $2, name_key = $3, note = $4, rate_limit = $5, ranges = $6, expires_at = $7, \
         previous_until = $8, counts_with = $9, external_id = $10, metadata = $11, quota = $12, quota_period = $13, \
         quota_with = $14, sample_one_in = $15, sample_until = $16 WHERE id = $1",
    )
    .bind(key.id)
    .bind(&key.name)
    .bind(name_key)
    .bind(&key.note)
    .bind(key.rate_limit.map(i64::from))
    .bind(ranges(key))
    .bind(key.expires_at.map(Timestamp::millis))
    .bind(key.previous.map(|(_, until)| until.millis()))
    .bind(key.counts_with)
    .bind(key.customer.external_id.as_deref())
    .bind(key.customer.metadata.as_deref())
    .bind(key.customer.quota.map(quota_limit))
    .bind(key.customer.quota.map(|quota| quota.period.as_str()))
    .bind(key.quota_with)
    .bind(key.sample.map(|sample| i64::from(sample.one_in)))
    .bind(key.sample.map(|sample| sample.until.millis()))
    .execute(&mut **write)
    .await;
    match done {
        Ok(_) => {
            name_search::rename(write, key.org, key.id, &old_name_key, name_key).await?;
            Ok(true)
        }
        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => Ok(false),
        Err(error) => Err(error),
    }
}

pub async fn insert_secret(
    write: &mut Write,
    id: SecretId,
    key: KeyId,
    hash: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO secrets (id, key_id, created_at, calls, last_used_at) VALUES ($1, $2, $3, 0, 0)",
    )
    .bind(id)
    .bind(key)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    sqlx::query("INSERT INTO secret_hashes (secret_id, hash) VALUES ($1, $2)")
        .bind(id)
        .bind(hash)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Ends a secret: deletes its hash.
pub async fn end_secret(write: &mut Write, id: SecretId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM secret_hashes WHERE secret_id = $1").bind(id).execute(&mut **write).await?;
    sqlx::query("UPDATE secrets SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL")
        .bind(id)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn set_secrets(
    write: &mut Write,
    key: KeyId,
    current: SecretId,
    previous: Option<(SecretId, Timestamp)>,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET secret_id = $2, previous_secret_id = $3, previous_until = $4 WHERE id = $1")
        .bind(key)
        .bind(current)
        .bind(previous.as_ref().map(|(id, _)| id.as_str()))
        .bind(previous.map(|(_, until)| until.millis()))
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn set_counts_with(write: &mut Write, key: KeyId, other: KeyId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET counts_with = $2 WHERE id = $1")
        .bind(key)
        .bind(other)
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn set_disabled(write: &mut Write, key: KeyId, at: Option<Timestamp>) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET disabled_at = $2 WHERE id = $1")
        .bind(key)
        .bind(at.map(Timestamp::millis))
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Enables a key, which is not idle before this time.
pub async fn set_enabled(write: &mut Write, key: KeyId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET disabled_at = NULL, enabled_at = $2 WHERE id = $1")
        .bind(key)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Revokes a key and ends all of its secrets.
pub async fn revoke(write: &mut Write, key: KeyId, now: Timestamp) -> Result<(), sqlx::Error> {
    for text in [
        "DELETE FROM secret_hashes WHERE secret_id IN (SELECT id FROM secrets WHERE key_id = $1) AND $2 > 0",
        "UPDATE secrets SET ended_at = $2 WHERE key_id = $1 AND ended_at IS NULL",
        "UPDATE keys SET previous_secret_id = NULL, previous_until = NULL, renewed_secret_id = NULL, renewed_until = NULL, \
         revoked_at = $2 WHERE id = $1",
    ] {
        sqlx::query(text).bind(key).bind(now.millis()).execute(&mut **write).await?;
    }
    Ok(())
}

/// Revokes all keys of an organization.
pub async fn revoke_all(write: &mut Write, org: OrgId, now: Timestamp) -> Result<(), sqlx::Error> {
    for text in [
        "DELETE FROM secret_hashes WHERE $2 > 0 AND secret_id IN \
         (SELECT secrets.id FROM secrets JOIN keys ON keys.id = secrets.key_id WHERE keys.org_id = $1)",
        "UPDATE secrets SET ended_at = $2 WHERE ended_at IS NULL \
         AND key_id IN (SELECT id FROM keys WHERE org_id = $1)",
        "UPDATE keys SET previous_secret_id = NULL, previous_until = NULL, renewed_secret_id = NULL, renewed_until = NULL, \
         revoked_at = $2, generation = generation + 1 WHERE org_id = $1 AND revoked_at IS NULL",
    ] {
        sqlx::query(text).bind(org).bind(now.millis()).execute(&mut **write).await?;
    }
    Ok(())
}

/// Returns false when the idempotency key is already stored.
pub async fn note_idempotency(
    write: &mut Write,
    org: OrgId,
    actor: &str,
    token_hash: &str,
    key: KeyId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO idempotency (org_id, actor_id, token_hash, key_id, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(org)
    .bind(actor)
    .bind(token_hash)
    .bind(key)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn forget_idempotency(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM idempotency WHERE created_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Keys whose previous secret has passed its cut-off.
pub async fn end_due_rotations(
    write: &mut Write,
    now: Timestamp,
) -> Result<Vec<(OrgId, KeyId)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, org_id FROM keys WHERE previous_until IS NOT NULL AND previous_until <= $1 ORDER BY id LIMIT 500",
    )
    .bind(now.millis())
    .fetch_all(&mut **write)
    .await?;
    rows.iter()
        .map(|row| {
            let org = row.try_get("org_id")?;
            Ok((org, row.try_get("id")?))
        })
        .collect()
}

/// Adds counted usage to the totals of keys and secrets, which lists show.
pub async fn add_totals(
    write: &mut Write,
    keys: &BTreeMap<KeyId, CallTotals>,
    secrets: &BTreeMap<SecretId, CallTotals>,
) -> Result<Vec<KeyId>, sqlx::Error> {
    let mut first_used = Vec::new();
    let keys: Vec<_> = keys.iter().map(|(key, totals)| (key.to_string(), *totals)).collect();
    let secrets: Vec<_> = secrets.iter().map(|(id, totals)| (id.to_string(), *totals)).collect();
    for (table, rows) in [("keys", keys), ("secrets", secrets)] {
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            // column1, column2, … are the names that both engines give to the columns of VALUES.
            let text = sql(format!(
                "UPDATE {table} SET calls = calls + new.column2, \
                 last_used_at = CASE WHEN new.column3 > last_used_at THEN new.column3 ELSE last_used_at END \
                 FROM (VALUES {}) AS new WHERE {table}.id = new.column1 RETURNING {table}.id, {table}.calls",
                row_placeholders(rows.len(), 3)
            ));
            let query = sqlx::query(text).persistent(rows.len() == ROWS_PER_STATEMENT);
            let query = rows.iter().fold(query, |query, (id, totals)| {
                query.bind(id.clone()).bind(totals.calls).bind(totals.last_at.millis())
            });
            let updated = query.fetch_all(&mut **write).await?;
            if table == "keys" {
                first_used.extend(first_used_among(rows, &updated)?);
            }
        }
    }
    Ok(first_used)
}

/// The keys that had no calls before: their totals are what was added.
fn first_used_among(added: &[(String, CallTotals)], updated: &[AnyRow]) -> Result<Vec<KeyId>, sqlx::Error> {
    let mut first_used = Vec::new();
    for row in updated {
        let (id, calls): (KeyId, i64) = (row.try_get(0)?, row.try_get(1)?);
        let text = id.to_string();
        if added.iter().any(|(key, totals)| *key == text && totals.calls == calls && calls > 0) {
            first_used.push(id);
        }
    }
    Ok(first_used)
}
