//! Writing events and their deliveries.

use sqlx::Row;

use crate::platform::db::Write;
use crate::shared::{DeliveryId, MessageId, OrgId, Timestamp, WebhookId};
use crate::webhooks::EventSelection;

pub struct StoredEvent {
    pub id: MessageId,
    pub org: OrgId,
    pub event_type: &'static str,
    pub subject: String,
    /// JSON, as it is sent.
    pub body: String,
    pub created_at: Timestamp,
}

pub struct NewDelivery<'a> {
    pub id: DeliveryId,
    pub endpoint: WebhookId,
    pub lane: &'a str,
    pub expires_at: Timestamp,
}

/// The organization's endpoints that are on, with the events that they receive.
pub async fn subscriptions(
    write: &mut Write,
    org: OrgId,
) -> Result<Vec<(WebhookId, EventSelection)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, events FROM webhook_endpoints \
         WHERE org_id = $1 AND disabled_at IS NULL AND removed_at IS NULL ORDER BY id",
    )
    .bind(org)
    .fetch_all(&mut **write)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("id")?, EventSelection::read(&row.try_get::<String, _>("events")?))))
        .collect()
}

pub async fn insert_event(write: &mut Write, event: &StoredEvent) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO webhook_events (id, org_id, type, subject, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(event.id)
    .bind(event.org)
    .bind(event.event_type)
    .bind(&event.subject)
    .bind(&event.body)
    .bind(event.created_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Appends the delivery to its lane, due no earlier than the deliveries before it. Changes of a key hold the lock of its row, so
/// that two of them cannot get the same number.
pub async fn insert_delivery(
    write: &mut Write,
    event: &StoredEvent,
    delivery: &NewDelivery<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, lane, seq, created_at, due_at, \
         expires_at, lease_until, attempts, failures, last_error, last_took, given_up_because) \
         VALUES ($1, $2, $3, $4, $5, \
         (SELECT COALESCE(MAX(seq), 0) + 1 FROM webhook_deliveries \
         WHERE endpoint_id = $3 AND lane = $5 AND due_at IS NOT NULL), $6, \
         COALESCE((SELECT MAX(due_at) FROM webhook_deliveries \
         WHERE endpoint_id = $3 AND lane = $5 AND due_at > $6), $6), \
         $7, 0, 0, 0, '', 0, '')",
    )
    .bind(delivery.id)
    .bind(event.org)
    .bind(delivery.endpoint)
    .bind(event.id)
    .bind(delivery.lane)
    .bind(event.created_at.millis())
    .bind(delivery.expires_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}
