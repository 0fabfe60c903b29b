//! All SQL of the audit log.

use serde_json::{Map, Value};
use sqlx::{AnyPool, Row};

use super::event::{By, Event};
use crate::platform::db::{Write, sql};
use crate::shared::{EventId, OrgId, Timestamp};

/// An event as it is read back.
#[derive(Clone, Debug)]
pub struct Told {
    pub at: Timestamp,
    pub actor_kind: String,
    /// Names as they were at the time.
    pub actor: String,
    pub action: String,
    pub target: String,
    /// Empty for what the server did by itself.
    pub address: String,
    pub details: Map<String, Value>,
}

pub async fn insert(
    write: &mut Write,
    id: &EventId,
    at: Timestamp,
    by: &By,
    event: &Event,
) -> Result<(), sqlx::Error> {
    let (kind, actor_id, actor_name) = by.actor.columns();
    sqlx::query(
        "INSERT INTO audit (id, at, org_id, actor_kind, actor_id, actor_name, action, target_kind, target_id, \
         target_name, target_key, address, user_agent, request_id, details) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(id.as_str())
    .bind(at.millis())
    .bind(by.org.as_ref().map(|org| org.as_str()))
    .bind(kind)
    .bind(actor_id)
    .bind(actor_name)
    .bind(event.action)
    .bind(event.target_kind)
    .bind(&event.target_id)
    .bind(&event.target_name)
    .bind(event.target_name.to_lowercase())
    .bind(by.origin.address.map(|address| address.to_string()).unwrap_or_default())
    .bind(&by.origin.user_agent)
    .bind(&by.origin.request_id)
    .bind(Value::Object(event.details.clone()).to_string())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// The newest events of an organization that happened to one thing, or all where none is named.
pub async fn latest(
    pool: &AnyPool,
    org: &OrgId,
    target: Option<&str>,
    most: i64,
) -> Result<Vec<Told>, sqlx::Error> {
    const COLUMNS: &str =
        "SELECT at, actor_kind, actor_name, action, target_name, address, details FROM audit";
    let condition = match target {
        Some(_) => "org_id = $1 AND target_id = $3",
        None => "org_id = $1",
    };
    let text = sql(format!("{COLUMNS} WHERE {condition} ORDER BY id DESC LIMIT $2"));
    let query = sqlx::query(text).bind(org.as_str()).bind(most);
    let query = match target {
        Some(target) => query.bind(target),
        None => query,
    };
    let rows = query.fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let details: String = row.try_get("details")?;
            Ok(Told {
                at: Timestamp::from_millis(row.try_get("at")?),
                actor_kind: row.try_get("actor_kind")?,
                actor: row.try_get("actor_name")?,
                action: row.try_get("action")?,
                target: row.try_get("target_name")?,
                address: row.try_get("address")?,
                details: serde_json::from_str(&details).unwrap_or_default(),
            })
        })
        .collect()
}

pub async fn delete_before(write: &mut Write, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done =
        sqlx::query("DELETE FROM audit WHERE at < $1").bind(before.millis()).execute(&mut **write).await?;
    Ok(done.rows_affected())
}
