//! All SQL of key policies.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::key_policy::KeyPolicy;
use crate::platform::db::Write;
use crate::shared::{OrgId, Timestamp, UserId};

/// None: no owner has ever set a rule.
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
    let text: String = row.try_get("policy")?;
    serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))
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
