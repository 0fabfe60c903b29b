//! Queries for single keys and secrets.

use std::collections::HashMap;
use std::str::FromStr;

use ipnet::IpNet;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyExecutor, AnyPool, Row};

use super::super::{Customer, Key, KeyAudience, KeyQuota, Login, SecretRenewal};
use crate::keys::{CallSample, QuotaPeriod};
use crate::permissions::server as permissions;
use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders, sql};
use crate::shared::{KeyId, Kind, OrgId, Role, SecretId, Timestamp, UserId};

/// `SELECT` with all columns of a key.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, org_id, name, kind, role, note, rate_limit, counts_with, ranges, secret_id, previous_secret_id, ",
            "previous_until, created_at, created_by, created_by_key, expires_at, disabled_at, revoked_at, calls, ",
            "last_used_at, login_device, login_device_id, login_product, external_id, metadata, quota, quota_period, ",
            "quota_with, leaked_secret_id, sample_one_in, sample_until, audience, secret_until, renewed_secret_id, ",
            "renewed_until FROM keys ",
            $rest
        )
    };
}
pub(super) use select;

pub fn key(row: &AnyRow) -> Result<Key, sqlx::Error> {
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
    };
    let text = |name| row.try_get::<String, _>(name);
    let previous = match row.try_get::<Option<String>, _>("previous_secret_id")? {
        Some(id) => Some((secret_id(&id)?, time("previous_until")?.unwrap_or(Timestamp::from_millis(0)))),
        None => None,
    };
    let ranges = text("ranges")?;
    Ok(Key {
        id: row.try_get("id")?,
        org: row.try_get("org_id")?,
        name: text("name")?,
        kind: parsed("kind", Kind::parse, &text("kind")?)?,
        role: parsed("role", Role::parse_of_key, &text("role")?)?,
        note: text("note")?,
        rate_limit: row.try_get::<Option<i64>, _>("rate_limit")?.and_then(|limit| u32::try_from(limit).ok()),
        counts_with: row.try_get("counts_with")?,
        ranges: ranges
            .split_whitespace()
            .map(|range| parsed("range", |range| IpNet::from_str(range).ok(), range))
            .collect::<Result<_, _>>()?,
        secret: secret_id(&text("secret_id")?)?,
        previous,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        created_by: row.try_get("created_by")?,
        created_by_key: row.try_get("created_by_key")?,
        expires_at: time("expires_at")?,
        disabled_at: time("disabled_at")?,
        revoked_at: time("revoked_at")?,
        leaked: row.try_get::<Option<String>, _>("leaked_secret_id")?.map(|id| secret_id(&id)).transpose()?,
        calls: row.try_get("calls")?,
        last_used_at: time("last_used_at")?.filter(|at| at.millis() > 0),
        login: login(row)?,
        customer: Customer {
            external_id: row.try_get("external_id")?,
            metadata: row.try_get("metadata")?,
            // In a table of their own: see `with_permissions`.
            permissions: Vec::new(),
            quota: quota(row)?,
        },
        quota_with: row.try_get("quota_with")?,
        sample: sample(row)?,
        audience: row
            .try_get::<Option<String>, _>("audience")?
            .map(|text| parsed("audience", KeyAudience::parse, &text))
            .transpose()?,
        renewal: renewal(row)?,
    })
}

fn renewal(row: &AnyRow) -> Result<Option<SecretRenewal>, sqlx::Error> {
    let time = |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis));
    let Some(until) = time("secret_until")? else { return Ok(None) };
    let replaced =
        row.try_get::<Option<String>, _>("renewed_secret_id")?.map(|id| secret_id(&id)).transpose()?;
    Ok(Some(SecretRenewal { until, replaced: replaced.zip(time("renewed_until")?) }))
}

fn sample(row: &AnyRow) -> Result<Option<CallSample>, sqlx::Error> {
    let one_in: Option<i64> = row.try_get("sample_one_in")?;
    let until: Option<i64> = row.try_get("sample_until")?;
    let one_in = one_in.and_then(|one_in| u32::try_from(one_in).ok()).filter(|one_in| *one_in > 0);
    Ok(one_in.zip(until).map(|(one_in, until)| CallSample { one_in, until: Timestamp::from_millis(until) }))
}

fn quota(row: &AnyRow) -> Result<Option<KeyQuota>, sqlx::Error> {
    let Some(limit) = row.try_get::<Option<i64>, _>("quota")? else { return Ok(None) };
    let period = row.try_get::<Option<String>, _>("quota_period")?.unwrap_or_default();
    let period = parsed("quota period", QuotaPeriod::parse, &period)?;
    Ok(Some(KeyQuota { limit: u64::try_from(limit).unwrap_or(0), period }))
}

/// Adds the names of their permissions to keys.
pub async fn with_permissions(db: impl AnyExecutor<'_>, keys: &mut [Key]) -> Result<(), sqlx::Error> {
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    let mut names = permissions::names_of_keys(db, &ids).await?;
    for key in keys {
        key.customer.permissions = names.remove(&key.id).unwrap_or_default();
    }
    Ok(())
}

fn login(row: &AnyRow) -> Result<Option<Login>, sqlx::Error> {
    let Some(device) = row.try_get("login_device")? else { return Ok(None) };
    let product = row.try_get::<Option<String>, _>("login_product")?.unwrap_or_default();
    Ok(Some(Login { device, device_id: row.try_get("login_device_id")?, product }))
}

pub fn secret_id(text: &str) -> Result<SecretId, sqlx::Error> {
    parsed("secret", SecretId::parse, text)
}

fn parsed<T>(what: &str, parse: impl Fn(&str) -> Option<T>, text: &str) -> Result<T, sqlx::Error> {
    parse(text).ok_or_else(|| sqlx::Error::Decode(format!("no {what} {text}").into()))
}

/// Without the names of its permissions.
pub async fn find_by_id(db: impl AnyExecutor<'_>, id: KeyId) -> Result<Option<Key>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE id = $1")).bind(id).fetch_optional(db).await?;
    row.as_ref().map(key).transpose()
}

/// Finds a key of this organization.
pub async fn find(db: &mut AnyConnection, org: OrgId, id: KeyId) -> Result<Option<Key>, sqlx::Error> {
    let Some(mut key) = find_by_id(&mut *db, id).await?.filter(|key| key.org == org) else { return Ok(None) };
    with_permissions(db, std::slice::from_mut(&mut key)).await?;
    Ok(Some(key))
}

/// Reads a key of any organization within a transaction, with its permissions.
pub async fn find_in_tx(write: &mut Write, id: KeyId) -> Result<Option<Key>, sqlx::Error> {
    let Some(mut key) = find_by_id(&mut **write, id).await? else { return Ok(None) };
    with_permissions(&mut **write, std::slice::from_mut(&mut key)).await?;
    Ok(Some(key))
}

/// The data for the first check of a token.
pub struct SecretRow {
    pub key: KeyId,
    pub org: OrgId,
    pub kind: Kind,
    /// None once the secret has ended.
    pub hash: Option<String>,
}

pub async fn find_secret(pool: &AnyPool, id: SecretId) -> Result<Option<SecretRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT keys.id, keys.org_id, keys.kind, hash FROM secrets JOIN keys ON keys.id = secrets.key_id \
         LEFT JOIN secret_hashes ON secret_hashes.secret_id = secrets.id WHERE secrets.id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(SecretRow {
            key: row.try_get("id")?,
            org: row.try_get("org_id")?,
            kind: parsed("kind", Kind::parse, &row.try_get::<String, _>("kind")?)?,
            hash: row.try_get("hash")?,
        })
    })
    .transpose()
}

/// The keys that a key created and that are not revoked.
pub async fn children(db: impl AnyExecutor<'_>, id: KeyId) -> Result<Vec<Key>, sqlx::Error> {
    let rows =
        sqlx::query(select!("WHERE created_by_key = $1 AND revoked_at IS NULL ORDER BY id LIMIT 1000"))
            .bind(id)
            .fetch_all(db)
            .await?;
    rows.iter().map(key).collect()
}

/// The number of keys that each person created and that are not revoked. Counting stops at `max` for each.
pub async fn count_by_creator(
    pool: &AnyPool,
    org: OrgId,
    creators: &[UserId],
    max: i64,
) -> Result<HashMap<UserId, i64>, sqlx::Error> {
    if creators.is_empty() {
        return Ok(HashMap::new());
    }
    // An index has this expression.
    let counts: Vec<String> = (0..creators.len())
        .map(|place| {
            format!(
                "(SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE org_id = $1 AND \
                 (CASE WHEN revoked_at IS NULL THEN created_by END) = ${} LIMIT $2) AS c{place})",
                place + 3
            )
        })
        .collect();
    let query = sqlx::query(sql(format!("SELECT {}", counts.join(", ")))).bind(org).bind(max);
    let row = creators.iter().fold(query, |query, creator| query.bind(creator)).fetch_one(pool).await?;
    creators.iter().enumerate().map(|(place, creator)| Ok((*creator, row.try_get(place)?))).collect()
}

/// At most a thousand of one person's keys that are not revoked.
pub async fn unrevoked_of(pool: &AnyPool, org: OrgId, creator: UserId) -> Result<Vec<Key>, sqlx::Error> {
    let rows = sqlx::query(select!(
        "WHERE org_id = $1 AND created_by = $2 AND revoked_at IS NULL ORDER BY id LIMIT 1000"
    ))
    .bind(org)
    .bind(creator)
    .fetch_all(pool)
    .await?;
    rows.iter().map(key).collect()
}

pub async fn count_unrevoked(pool: &AnyPool, org: OrgId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM keys WHERE org_id = $1 AND revoked_at IS NULL")
        .bind(org)
        .fetch_one(pool)
        .await
}

/// Whether a secret was accepted, according to the rolled-up usage.
pub async fn is_used(write: &mut Write, secret: SecretId) -> Result<bool, sqlx::Error> {
    let calls: Option<i64> = sqlx::query_scalar("SELECT calls FROM secrets WHERE id = $1")
        .bind(secret)
        .fetch_optional(&mut **write)
        .await?;
    Ok(calls.is_some_and(|calls| calls > 0))
}

/// The key that an earlier request with the same idempotency key created or rotated.
pub async fn repeated(
    pool: &AnyPool,
    org: OrgId,
    actor: &str,
    token_hash: &str,
) -> Result<Option<KeyId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT key_id FROM idempotency WHERE org_id = $1 AND actor_id = $2 AND token_hash = $3",
    )
    .bind(org)
    .bind(actor)
    .bind(token_hash)
    .fetch_optional(pool)
    .await
}

/// At most `max` people who have created keys of the organization. However many keys there are, this reads one index entry
/// for each person.
pub async fn creators(pool: &AnyPool, org: OrgId, max: i64) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH RECURSIVE creators (id, place) AS (\
         SELECT (SELECT MIN(created_by) FROM keys WHERE org_id = $1), 1 \
         UNION ALL \
         SELECT (SELECT MIN(created_by) FROM keys WHERE org_id = $1 AND created_by > creators.id), place + 1 \
         FROM creators WHERE creators.id IS NOT NULL AND place < $2) \
         SELECT id FROM creators WHERE id IS NOT NULL",
    )
    .bind(org)
    .bind(max)
    .fetch_all(pool)
    .await
}

/// The names of keys.
pub async fn names(pool: &AnyPool, ids: &[KeyId]) -> Result<HashMap<KeyId, String>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!("SELECT id, name FROM keys WHERE id IN {}", row_placeholders(1, ids.len()));
    let query = ids.iter().fold(sqlx::query(sql(text)), |query, id| query.bind(id));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?))).collect()
}

/// The keys that own secrets.
pub async fn owners(
    write: &mut Write,
    secrets: &[SecretId],
) -> Result<HashMap<SecretId, KeyId>, sqlx::Error> {
    let mut owners = HashMap::with_capacity(secrets.len());
    for secrets in secrets.chunks(ROWS_PER_STATEMENT) {
        let text =
            format!("SELECT id, key_id FROM secrets WHERE id IN {}", row_placeholders(1, secrets.len()));
        let query = sqlx::query(sql(text)).persistent(secrets.len() == ROWS_PER_STATEMENT);
        let query = secrets.iter().fold(query, |query, secret| query.bind(secret));
        for row in query.fetch_all(&mut **write).await? {
            let secret = row.try_get("id")?;
            let key = row.try_get("key_id")?;
            owners.insert(secret, key);
        }
    }
    Ok(owners)
}

/// The creation time of a secret, unless the rolled-up usage says that it was used.
pub async fn created_at_if_unused(
    write: &mut Write,
    secret: SecretId,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let at: Option<i64> = sqlx::query_scalar("SELECT created_at FROM secrets WHERE id = $1 AND calls = 0")
        .bind(secret)
        .fetch_optional(&mut **write)
        .await?;
    Ok(at.map(Timestamp::from_millis))
}

/// A secret of a key, its creation and its last use.
#[derive(Clone, Debug)]
pub struct SecretUse {
    pub id: SecretId,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

pub async fn secrets_of(db: impl AnyExecutor<'_>, key: KeyId) -> Result<Vec<SecretUse>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, created_at, last_used_at FROM secrets WHERE key_id = $1 ORDER BY created_at DESC LIMIT 100",
    )
    .bind(key)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let at: i64 = row.try_get("last_used_at")?;
            Ok(SecretUse {
                id: secret_id(&row.try_get::<String, _>("id")?)?,
                created_at: Timestamp::from_millis(row.try_get("created_at")?),
                last_used_at: (at > 0).then(|| Timestamp::from_millis(at)),
            })
        })
        .collect()
}
