//! All SQL of the audit log.

use serde_json::Value;

use super::event::{By, Event};
use crate::platform::db::{Write, sql};
use crate::shared::{EventId, Timestamp};

pub async fn insert(
    write: &mut Write,
    id: EventId,
    at: Timestamp,
    by: &By,
    event: &Event,
    times: i64,
) -> Result<(), sqlx::Error> {
    let (kind, actor_id, actor_name) = by.actor.columns();
    sqlx::query(
        "INSERT INTO audit (id, at, org_id, actor_kind, actor_id, actor_name, action, target_kind, target_id, \
         target_name, target_key, address, user_agent, request_id, details, times) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(id)
    .bind(at.millis())
    .bind(by.org)
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
    .bind(times)
    .execute(&mut **write)
    .await
    .map(drop)
}

/// The number of changes of a target with these actions since a time, up to two.
pub async fn count_since(
    write: &mut Write,
    target: &str,
    actions: &[&str],
    since: Timestamp,
) -> Result<i64, sqlx::Error> {
    let names: Vec<String> = (3..3 + actions.len()).map(|number| format!("${number}")).collect();
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE target_id = $1 AND at >= $2 AND times = 0 \
         AND action IN ({}) LIMIT 2) AS changes",
        names.join(", ")
    );
    let query = sqlx::query_scalar(sql(text)).bind(target).bind(since.millis());
    actions.iter().fold(query, |query, action| query.bind(*action)).fetch_one(&mut **write).await
}

/// Which old rows are deleted.
#[derive(Clone, Copy)]
pub enum Old {
    All,
    /// Refusals and strangers' requests.
    Refusals,
}

/// Deletes up to `most` older rows.
pub async fn delete_before(
    write: &mut Write,
    old: Old,
    before: Timestamp,
    most: i64,
) -> Result<u64, sqlx::Error> {
    let text = match old {
        Old::All => "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT $2)",
        Old::Refusals => {
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE times > 0 AND at < $1 LIMIT $2)"
        }
    };
    let done = sqlx::query(text).bind(before.millis()).bind(most).execute(&mut **write).await?;
    Ok(done.rows_affected())
}
