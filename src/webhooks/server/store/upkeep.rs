//! Gives up waiting deliveries, and deletes old rows, in batches so that other writers are not blocked for long.

use sqlx::{AnyPool, Row};

use crate::platform::db::{Write, sql};
use crate::shared::{Timestamp, WebhookId};

/// Why waiting deliveries are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUpReason {
    /// Their retry period is over.
    Expired,
    /// Their endpoint is off or removed.
    Off,
}

impl GiveUpReason {
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Expired => ("expired", "due_at IS NOT NULL AND expires_at <= $1 AND lease_until <= $1"),
            Self::Off => (
                "off",
                "due_at IS NOT NULL AND lease_until <= $1 AND endpoint_id IN (SELECT id FROM webhook_endpoints \
                 WHERE disabled_at IS NOT NULL OR removed_at IS NOT NULL)",
            ),
        }
    }
}

pub async fn give_up(
    write: &mut Write,
    why: GiveUpReason,
    now: Timestamp,
    most: i64,
) -> Result<u64, sqlx::Error> {
    let (because, condition) = why.parts();
    let text = sql(format!(
        "UPDATE webhook_deliveries SET due_at = NULL, given_up_at = $1, given_up_because = $2 \
         WHERE id IN (SELECT id FROM webhook_deliveries WHERE {condition} ORDER BY id LIMIT $3)"
    ));
    let query = sqlx::query(text).bind(now.millis()).bind(because).bind(most);
    Ok(query.execute(&mut **write).await?.rows_affected())
}

/// The deliveries of all endpoints that wait.
pub async fn count_waiting(pool: &AnyPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_deliveries WHERE due_at IS NOT NULL")
        .fetch_one(pool)
        .await
}

/// Endpoints with more than `most` waiting deliveries, and by how many they exceed it.
pub async fn over_backlog_limit(pool: &AnyPool, most: i64) -> Result<Vec<(WebhookId, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT endpoint_id, COUNT(*) AS waiting FROM webhook_deliveries WHERE due_at IS NOT NULL \
         GROUP BY endpoint_id HAVING COUNT(*) > $1",
    )
    .bind(most)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("endpoint_id")?, row.try_get::<i64, _>("waiting")? - most)))
        .collect()
}

/// Gives up the oldest deliveries that wait for an endpoint.
pub async fn trim(
    write: &mut Write,
    endpoint: WebhookId,
    now: Timestamp,
    most: i64,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE webhook_deliveries SET due_at = NULL, given_up_at = $1, given_up_because = 'backlog' \
         WHERE id IN (SELECT id FROM webhook_deliveries WHERE endpoint_id = $2 AND due_at IS NOT NULL \
         AND lease_until <= $1 ORDER BY id LIMIT $3)",
    )
    .bind(now.millis())
    .bind(endpoint)
    .bind(most)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected())
}

pub async fn delete_attempts(write: &mut Write, before: Timestamp, most: i64) -> Result<u64, sqlx::Error> {
    // The rows have a two-column primary key and no row id that both engines support, so they are selected by delivery.
    let done = sqlx::query(
        "DELETE FROM webhook_attempts WHERE delivery_id IN \
         (SELECT delivery_id FROM webhook_attempts WHERE at < $1 ORDER BY at LIMIT $2) AND at < $1",
    )
    .bind(before.millis())
    .bind(most)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected())
}

pub async fn delete_deliveries(write: &mut Write, before: Timestamp, most: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries \
         WHERE created_at < $1 AND due_at IS NULL ORDER BY created_at LIMIT $2)",
    )
    .bind(before.millis())
    .bind(most)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes old events that have no deliveries.
pub async fn delete_events(write: &mut Write, before: Timestamp, most: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events WHERE created_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE event_id = webhook_events.id) \
         ORDER BY created_at LIMIT $2)",
    )
    .bind(before.millis())
    .bind(most)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes removed endpoints that have no deliveries any more.
pub async fn delete_removed(write: &mut Write) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM webhook_endpoints WHERE removed_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id)",
    )
    .execute(&mut **write)
    .await
    .map(drop)
}
