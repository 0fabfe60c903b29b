//! All SQL of key policies.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::key_policy::KeyPolicy;
use crate::platform::db::Write;
use crate::shared::{OrgId, Timestamp, UserId};

/// The organization's policy. None if no owner has ever saved one.
pub async fn of_org(db: impl AnyExecutor<'_>, org: OrgId) -> Result<Option<KeyPolicy>, sqlx::Error> {
    let row =
        sqlx::query("SELECT policy FROM key_policies WHERE org_id = $1").bind(org).fetch_optional(db).await?;
    row.as_ref().map(policy).transpose()
}

pub async fn all(pool: &AnyPool) -> Result<Vec<(OrgId, KeyPolicy)>, sqlx::Error> {
    let rows = sqlx::query("SELECT org_id, policy FROM key_policies ORDER BY org_id").fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("org_id")?, policy(row)?))).collect()
}

fn policy(row: &AnyRow) -> Result<KeyPolicy, sqlx::Error> {
    parse(&row.try_get::<String, _>("policy")?)
}

fn parse(text: &str) -> Result<KeyPolicy, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A policy whose last change was not yet announced to the creators of keys.
pub struct UnannouncedPolicy {
    pub org: OrgId,
    pub policy: KeyPolicy,
    /// The policy that was announced last.
    pub announced: KeyPolicy,
    stored: String,
}

pub async fn unannounced(pool: &AnyPool) -> Result<Vec<UnannouncedPolicy>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT org_id, policy, announced FROM key_policies WHERE announced IS NULL OR announced <> policy \
         ORDER BY org_id",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let announced: Option<String> = row.try_get("announced")?;
            let announced = announced.map(|text| parse(&text)).transpose()?;
            Ok(UnannouncedPolicy {
                org: row.try_get("org_id")?,
                policy: policy(row)?,
                announced: announced.unwrap_or_default(),
                stored: row.try_get("policy")?,
            })
        })
        .collect()
}

/// Marks the last change of a policy as announced. Returns false if it has changed again, or another process has announced
/// it.
pub async fn set_announced(write: &mut Write, policy: &UnannouncedPolicy) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE key_policies SET announced = $2 WHERE org_id = $1 AND policy = $2 \
         AND (announced IS NULL OR announced <> $2)",
    )
    .bind(policy.org)
    .bind(&policy.stored)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn save(
    write: &mut Write,
    org: OrgId,
    policy: &KeyPolicy,
    by: UserId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let text = serde_json::to_string(policy).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO key_policies (org_id, policy, changed_at, changed_by) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (org_id) DO UPDATE SET policy = $2, changed_at = $3, changed_by = $4",
    )
    .bind(org)
    .bind(text)
    .bind(now.millis())
    .bind(by)
    .execute(&mut **write)
    .await
    .map(drop)
}
