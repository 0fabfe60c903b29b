//! Queries for key policies: all active keys of an organization in batches, idle keys, and keys with an old secret.

use std::str::FromStr;

use ipnet::IpNet;
use sqlx::{AnyPool, Row};

use super::read::secret_id;
use crate::key_policy::KeyFacts;
use crate::platform::db::{Write, sql};
use crate::shared::{KeyId, Kind, OrgId, Role, SecretId, Timestamp, UserId};

/// The columns of a key that the preview of a key policy needs.
#[derive(Clone, Debug)]
pub struct PolicyKey {
    pub id: KeyId,
    pub name: String,
    pub kind: Kind,
    pub role: Role,
    pub secret: SecretId,
    pub ranges: Vec<IpNet>,
    pub created_at: Timestamp,
    pub created_by: UserId,
    pub expires_at: Option<Timestamp>,
    /// According to the rolled-up usage.
    pub last_used_at: Option<Timestamp>,
    pub enabled_at: Option<Timestamp>,
}

/// The condition of active keys at the time `$2`.
const ACTIVE: &str = "revoked_at IS NULL AND disabled_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
/// Since when a key is unused.
const UNUSED_SINCE: &str = "CASE WHEN last_used_at > created_at AND last_used_at > COALESCE(enabled_at, 0) THEN last_used_at \
                            WHEN COALESCE(enabled_at, 0) > created_at THEN enabled_at ELSE created_at END";

impl PolicyKey {
    pub fn facts(&self) -> KeyFacts<'_> {
        let Self { kind, created_at, expires_at, ranges, .. } = self;
        KeyFacts { kind: *kind, created_at: *created_at, expires_at: *expires_at, ranges }
    }

    pub fn unused_since(&self) -> Timestamp {
        let times = [self.last_used_at, self.enabled_at].into_iter().flatten();
        times.fold(self.created_at, Timestamp::max)
    }
}

/// The active keys of an organization after an id, oldest first. They are read as one text with a line for each key, because
/// reading a million rows column by column takes several times as long.
pub async fn active_after(
    pool: &AnyPool,
    org: OrgId,
    now: Timestamp,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<PolicyKey>, sqlx::Error> {
    let text = format!(
        "SELECT string_agg(line, '\n') FROM (SELECT id || ' ' || kind || ' ' || role || ' ' || secret_id || ' ' || \
         created_at || ' ' || created_by || ' ' || COALESCE(CAST(expires_at AS TEXT), '-') || ' ' || \
         COALESCE(CAST(last_used_at AS TEXT), '-') || ' ' || COALESCE(CAST(enabled_at AS TEXT), '-') || ' ' || \
         REPLACE(ranges, ' ', ',') || ' ' || name AS line \
         FROM keys WHERE org_id = $1 AND {ACTIVE} AND id > $3 ORDER BY id LIMIT $4) AS batch"
    );
    let lines: Option<String> = sqlx::query_scalar(sql(text))
        .bind(org)
        .bind(now.millis())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_one(pool)
        .await?;
    let invalid = || sqlx::Error::Decode("a key cannot be read".into());
    let mut keys: Vec<PolicyKey> = lines
        .unwrap_or_default()
        .lines()
        .map(|line| policy_key(line).ok_or_else(invalid))
        .collect::<Result<_, _>>()?;
    keys.sort_unstable_by_key(|key| key.id);
    Ok(keys)
}

fn policy_key(line: &str) -> Option<PolicyKey> {
    let mut fields = line.splitn(11, ' ');
    let mut next = || fields.next();
    let time = |text: &str| match text {
        "-" => Some(None),
        millis => millis.parse().ok().map(Timestamp::from_millis).map(Some),
    };
    Some(PolicyKey {
        id: KeyId::parse(next()?)?,
        kind: Kind::parse(next()?)?,
        role: Role::parse_of_key(next()?)?,
        secret: SecretId::parse(next()?)?,
        created_at: time(next()?)??,
        created_by: UserId::parse(next()?)?,
        expires_at: time(next()?)?,
        last_used_at: time(next()?)?.filter(|at| at.millis() > 0),
        enabled_at: time(next()?)?,
        ranges: next()?
            .split(',')
            .filter(|range| !range.is_empty())
            .map(|range| IpNet::from_str(range).ok())
            .collect::<Option<_>>()?,
        name: next()?.to_owned(),
    })
}

/// Active keys of an organization that are unused since `since`, the oldest first, after an id.
pub async fn idle_keys(
    pool: &AnyPool,
    org: OrgId,
    now: Timestamp,
    since: Timestamp,
    after: Option<KeyId>,
    limit: i64,
) -> Result<Vec<KeyId>, sqlx::Error> {
    let text = format!(
        "SELECT id FROM keys WHERE org_id = $1 AND {ACTIVE} AND {UNUSED_SINCE} < $3 AND id > $4 ORDER BY id LIMIT $5"
    );
    sqlx::query_scalar(sql(text))
        .bind(org)
        .bind(now.millis())
        .bind(since.millis())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// Whether a key is active and unused since `since`, in a transaction that has locked it.
pub async fn is_idle(
    write: &mut Write,
    id: KeyId,
    now: Timestamp,
    since: Timestamp,
) -> Result<bool, sqlx::Error> {
    let text = format!("SELECT id FROM keys WHERE id = $1 AND {ACTIVE} AND {UNUSED_SINCE} < $3");
    let query = sqlx::query(sql(text)).bind(id).bind(now.millis()).bind(since.millis());
    Ok(query.fetch_optional(&mut **write).await?.is_some())
}

/// An active key whose current secret is old.
pub struct OldSecret {
    pub key: KeyId,
    pub name: String,
    pub secret: SecretId,
    pub creator: UserId,
    pub created_at: Timestamp,
}

/// Active keys of an organization whose current secret was created before `before`, oldest secret first. With `only_not_reminded`,
/// only keys whose creator was not reminded of this secret.
pub async fn old_secrets(
    pool: &AnyPool,
    org: OrgId,
    now: Timestamp,
    before: Timestamp,
    only_not_reminded: bool,
    limit: i64,
) -> Result<Vec<OldSecret>, sqlx::Error> {
    let unsent = match only_not_reminded {
        true => "AND (reminded_secret_id IS NULL OR reminded_secret_id <> secret_id)",
        false => "",
    };
    let text = format!(
        "SELECT keys.id AS id, name, secret_id, created_by, secrets.created_at AS secret_created_at FROM keys \
         JOIN secrets ON secrets.id = keys.secret_id WHERE org_id = $1 AND revoked_at IS NULL AND disabled_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2) AND secrets.created_at < $3 {unsent} \
         ORDER BY secrets.created_at LIMIT $4"
    );
    let rows = sqlx::query(sql(text))
        .bind(org)
        .bind(now.millis())
        .bind(before.millis())
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(OldSecret {
                key: row.try_get("id")?,
                name: row.try_get("name")?,
                secret: secret_id(&row.try_get::<String, _>("secret_id")?)?,
                creator: row.try_get("created_by")?,
                created_at: Timestamp::from_millis(row.try_get("secret_created_at")?),
            })
        })
        .collect()
}

pub async fn mark_reminded(write: &mut Write, key: KeyId, secret: SecretId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET reminded_secret_id = $2 WHERE id = $1")
        .bind(key)
        .bind(secret)
        .execute(&mut **write)
        .await
        .map(drop)
}
