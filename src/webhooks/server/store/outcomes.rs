//! Records the outcomes of attempts. As in `claims`, the endpoint's row is locked before the rows of its deliveries.

use std::collections::HashSet;

use sqlx::Row;

use super::claims::lease;
use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders, sql};
use crate::shared::{DeliveryId, OrgId, Timestamp, WebhookId};

/// The columns of an endpoint that attempts change.
pub struct EndpointRecord {
    pub id: WebhookId,
    pub org: OrgId,
    pub is_on: bool,
    pub failing_since: Option<Timestamp>,
    /// Failed attempts since the last success.
    pub failures: i64,
    /// After several failures nothing is sent until then; 0: there is no pause.
    pub paused_until: Timestamp,
    pub last_attempt_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub last_status: Option<i64>,
}

/// None once the endpoint is removed.
pub async fn lock_endpoint(write: &mut Write, id: WebhookId) -> Result<Option<EndpointRecord>, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE webhook_endpoints SET generation = generation + 1 WHERE id = $1 AND removed_at IS NULL \
         RETURNING org_id, disabled_at, failing_since, failures, paused_until, last_attempt_at, last_success_at, last_status",
    )
    .bind(id)
    .fetch_optional(&mut **write)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
    };
    Ok(Some(EndpointRecord {
        id,
        org: row.try_get("org_id")?,
        is_on: time("disabled_at")?.is_none(),
        failing_since: time("failing_since")?,
        failures: row.try_get("failures")?,
        paused_until: Timestamp::from_millis(row.try_get("paused_until")?),
        last_attempt_at: time("last_attempt_at")?,
        last_success_at: time("last_success_at")?,
        last_status: row.try_get("last_status")?,
    }))
}

pub async fn record_endpoint(write: &mut Write, record: &EndpointRecord) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_endpoints SET failing_since = $2, last_attempt_at = $3, last_success_at = $4, \
         last_status = $5, failures = $6, paused_until = $7 WHERE id = $1",
    )
    .bind(record.id)
    .bind(record.failing_since.map(Timestamp::millis))
    .bind(record.last_attempt_at.map(Timestamp::millis))
    .bind(record.last_success_at.map(Timestamp::millis))
    .bind(record.last_status)
    .bind(record.failures)
    .bind(record.paused_until.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Makes all deliveries that wait for another attempt due now, because the endpoint works again.
pub async fn resume(write: &mut Write, endpoint: WebhookId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE webhook_deliveries SET due_at = $2 WHERE endpoint_id = $1 AND due_at > $2")
        .bind(endpoint)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

/// One attempt, and what it means for its delivery.
#[derive(Clone, Debug)]
pub struct DeliveryRecord {
    pub id: DeliveryId,
    pub endpoint: WebhookId,
    pub lane: String,
    /// The number of this attempt.
    pub number: i64,
    pub failures: i64,
    pub at: Timestamp,
    pub took: i64,
    pub status: Option<i64>,
    pub error: String,
    pub response: String,
    /// When it is tried again; None once it has ended.
    pub due_at: Option<Timestamp>,
    /// Until when the receiver asked for a pause with `Retry-After`.
    pub busy_until: Option<Timestamp>,
    pub is_delivered: bool,
    /// Empty unless it was given up.
    pub given_up_because: &'static str,
}

/// Records it unless the delivery has ended meanwhile. Later deliveries of the lane wait as long as this one.
pub async fn record_delivery(write: &mut Write, record: &DeliveryRecord) -> Result<(), sqlx::Error> {
    let ended_at = |has_ended: bool| has_ended.then_some(record.at.millis());
    sqlx::query(
        "UPDATE webhook_deliveries SET due_at = $2, lease_until = 0, attempts = $3, failures = $4, \
         last_status = $5, last_error = $6, last_took = $7, delivered_at = $8, given_up_at = $9, \
         given_up_because = $10 WHERE id = $1 AND due_at IS NOT NULL",
    )
    .bind(record.id)
    .bind(record.due_at.map(Timestamp::millis))
    .bind(record.number)
    .bind(record.failures)
    .bind(record.status)
    .bind(&record.error)
    .bind(record.took)
    .bind(ended_at(record.is_delivered))
    .bind(ended_at(!record.given_up_because.is_empty()))
    .bind(record.given_up_because)
    .execute(&mut **write)
    .await?;
    if let Some(due) = record.due_at {
        sqlx::query(
            "UPDATE webhook_deliveries SET due_at = $3 WHERE endpoint_id = $1 AND lane = $2 AND due_at < $3",
        )
        .bind(record.endpoint)
        .bind(&record.lane)
        .bind(due.millis())
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}

/// Returns the deliveries whose attempt was not stored before.
pub async fn insert_attempts(
    write: &mut Write,
    records: &[DeliveryRecord],
) -> Result<HashSet<DeliveryId>, sqlx::Error> {
    let mut new = HashSet::new();
    for records in records.chunks(ROWS_PER_STATEMENT) {
        let text = sql(format!(
            "INSERT INTO webhook_attempts (delivery_id, number, at, took, status, error, response) VALUES {} \
             ON CONFLICT (delivery_id, number) DO NOTHING RETURNING delivery_id",
            row_placeholders(records.len(), 7)
        ));
        let query = sqlx::query(text).persistent(records.len() == ROWS_PER_STATEMENT);
        let query = records.iter().fold(query, |query, record| {
            query
                .bind(record.id)
                .bind(record.number)
                .bind(record.at.millis())
                .bind(record.took)
                .bind(record.status)
                .bind(record.error.clone())
                .bind(record.response.clone())
        });
        for row in query.fetch_all(&mut **write).await? {
            new.insert(row.try_get("delivery_id")?);
        }
    }
    Ok(new)
}

/// Ends the leases of deliveries that were claimed and not tried.
pub async fn release(write: &mut Write, ids: &[DeliveryId]) -> Result<(), sqlx::Error> {
    lease(write, ids, Timestamp::from_millis(0)).await
}
