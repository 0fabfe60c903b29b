//! Reading deliveries for people and programs.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::first_id;
use crate::platform::db::{Write, sql};
use crate::shared::{DeliveryId, MessageId, OrgId, Timestamp, WebhookId};

#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub endpoint: WebhookId,
    pub event: MessageId,
    pub event_type: String,
    pub subject: String,
    pub body: String,
    pub created_at: Timestamp,
    /// When the next attempt is due; None once it has ended.
    pub due_at: Option<Timestamp>,
    pub attempts: i64,
    pub last_status: Option<i64>,
    pub last_error: String,
    /// Milliseconds of the last attempt.
    pub last_took: i64,
    pub delivered_at: Option<Timestamp>,
    pub given_up_at: Option<Timestamp>,
    /// `expired`, `gone`, `off` or `backlog`; empty unless it was given up.
    pub given_up_because: String,
    /// An earlier delivery of the same lane must be sent first.
    pub waits_for_earlier: bool,
    /// An attempt is under way.
    pub is_being_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Delivered,
    GivenUp,
}

impl DeliveryState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::GivenUp];

    /// The name in addresses and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    const fn condition(self) -> &'static str {
        match self {
            Self::Waiting => "AND due_at IS NOT NULL",
            Self::Delivered => "AND delivered_at IS NOT NULL",
            Self::GivenUp => "AND given_up_at IS NOT NULL",
        }
    }
}

impl Delivery {
    pub fn state(&self) -> DeliveryState {
        if self.due_at.is_some() {
            DeliveryState::Waiting
        } else if self.delivered_at.is_some() {
            DeliveryState::Delivered
        } else {
            DeliveryState::GivenUp
        }
    }
}

pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    /// Only those with more than one attempt.
    pub is_retried: bool,
    /// Older than this one.
    pub before: Option<DeliveryId>,
    pub limit: usize,
}

const SELECT: &str = "SELECT webhook_deliveries.id AS id, endpoint_id, event_id, type, subject, body, \
     webhook_deliveries.created_at AS created_at, due_at, attempts, last_status, last_error, last_took, \
     delivered_at, given_up_at, given_up_because, lease_until, \
     CAST(CASE WHEN due_at IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_deliveries AS ahead \
     WHERE ahead.endpoint_id = webhook_deliveries.endpoint_id AND ahead.lane = webhook_deliveries.lane \
     AND ahead.due_at IS NOT NULL AND ahead.seq < webhook_deliveries.seq) \
     THEN 1 ELSE 0 END AS BIGINT) AS waits_for_earlier FROM webhook_deliveries \
     JOIN webhook_events ON webhook_events.id = event_id WHERE";

fn delivery(row: &AnyRow, now: Timestamp) -> Result<Delivery, sqlx::Error> {
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
    };
    Ok(Delivery {
        id: row.try_get("id")?,
        endpoint: row.try_get("endpoint_id")?,
        event: row.try_get("event_id")?,
        event_type: row.try_get("type")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        due_at: time("due_at")?,
        attempts: row.try_get("attempts")?,
        last_status: row.try_get("last_status")?,
        last_error: row.try_get("last_error")?,
        last_took: row.try_get("last_took")?,
        delivered_at: time("delivered_at")?,
        given_up_at: time("given_up_at")?,
        given_up_because: row.try_get("given_up_because")?,
        waits_for_earlier: row.try_get::<i64, _>("waits_for_earlier")? != 0,
        is_being_sent: row.try_get::<i64, _>("lease_until")? > now.millis(),
    })
}

/// The deliveries of an endpoint, newest first.
pub async fn list_deliveries(
    pool: &AnyPool,
    endpoint: WebhookId,
    filter: &DeliveryFilter,
    now: Timestamp,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let state = filter.state.map_or("", DeliveryState::condition);
    let retried = if filter.is_retried { "AND attempts > 1" } else { "" };
    let text = sql(format!(
        "{SELECT} endpoint_id = $1 AND webhook_deliveries.id < $2 {state} {retried} \
         ORDER BY webhook_deliveries.id DESC LIMIT $3"
    ));
    // Greater than every id.
    let before = filter.before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    let rows =
        sqlx::query(text).bind(endpoint).bind(before).bind(filter.limit as i64).fetch_all(pool).await?;
    rows.iter().map(|row| delivery(row, now)).collect()
}

pub async fn find_delivery<'e>(
    db: impl AnyExecutor<'e>,
    org: OrgId,
    id: DeliveryId,
    now: Timestamp,
) -> Result<Option<Delivery>, sqlx::Error> {
    let text = sql(format!("{SELECT} webhook_deliveries.id = $1 AND webhook_deliveries.org_id = $2"));
    let row = sqlx::query(text).bind(id).bind(org).fetch_optional(db).await?;
    row.as_ref().map(|row| delivery(row, now)).transpose()
}

/// A due time before those of all other deliveries of the endpoint, so that the delivery is claimed first.
async fn earliest_due_time(
    write: &mut Write,
    endpoint: WebhookId,
    now: Timestamp,
) -> Result<Timestamp, sqlx::Error> {
    let first: Option<i64> = sqlx::query_scalar(
        "SELECT MIN(due_at) FROM webhook_deliveries WHERE endpoint_id = $1 AND due_at IS NOT NULL",
    )
    .bind(endpoint)
    .fetch_one(&mut **write)
    .await?;
    Ok(first.map_or(now, |first| now.min(Timestamp::from_millis(first - 1))))
}

/// Makes the first waiting delivery of its lane due now, and the deliveries behind it too. The retry period does not restart.
pub async fn try_now(write: &mut Write, delivery: &Delivery, now: Timestamp) -> Result<(), sqlx::Error> {
    let due_at = earliest_due_time(write, delivery.endpoint, now).await?;
    sqlx::query(
        "UPDATE webhook_deliveries SET due_at = $2 WHERE due_at IS NOT NULL AND endpoint_id = $3 \
         AND lane = (SELECT lane FROM webhook_deliveries WHERE id = $1)",
    )
    .bind(delivery.id)
    .bind(due_at.millis())
    .bind(delivery.endpoint)
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Makes an ended delivery due now, with a new retry period.
pub async fn requeue(
    write: &mut Write,
    delivery: &Delivery,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), sqlx::Error> {
    let due_at = earliest_due_time(write, delivery.endpoint, now).await?;
    sqlx::query(
        "UPDATE webhook_deliveries SET due_at = $2, expires_at = $3, failures = 0, delivered_at = NULL, \
         given_up_at = NULL, given_up_because = '' WHERE id = $1",
    )
    .bind(delivery.id)
    .bind(due_at.millis())
    .bind(expires_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

#[derive(Clone, Debug)]
pub struct DeliveryAttempt {
    pub number: i64,
    pub at: Timestamp,
    /// Milliseconds.
    pub took: i64,
    pub status: Option<i64>,
    pub error: String,
    pub response: String,
}

/// The attempts of deliveries, in their order.
pub async fn attempts_of(
    pool: &AnyPool,
    deliveries: &[DeliveryId],
) -> Result<HashMap<DeliveryId, Vec<DeliveryAttempt>>, sqlx::Error> {
    let mut attempts: HashMap<DeliveryId, Vec<DeliveryAttempt>> = HashMap::new();
    if deliveries.is_empty() {
        return Ok(attempts);
    }
    let placeholders: Vec<String> = (1..=deliveries.len()).map(|number| format!("${number}")).collect();
    let text = sql(format!(
        "SELECT delivery_id, number, at, took, status, error, response FROM webhook_attempts \
         WHERE delivery_id IN ({}) ORDER BY delivery_id, number",
        placeholders.join(", ")
    ));
    let query = deliveries.iter().fold(sqlx::query(text), |query, id| query.bind(*id));
    for row in query.fetch_all(pool).await? {
        attempts.entry(row.try_get("delivery_id")?).or_default().push(DeliveryAttempt {
            number: row.try_get("number")?,
            at: Timestamp::from_millis(row.try_get("at")?),
            took: row.try_get("took")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
            response: row.try_get("response")?,
        });
    }
    Ok(attempts)
}

/// Counts stop above `most`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndpointCounts {
    /// Deliveries that were created since a time.
    pub recent: i64,
    pub waiting: i64,
    pub given_up: i64,
}

pub async fn counts(
    pool: &AnyPool,
    endpoint: WebhookId,
    since: Timestamp,
    most: i64,
) -> Result<EndpointCounts, sqlx::Error> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1 AND id >= $2 \
         LIMIT $3) AS recent_rows) AS recent, (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries \
         WHERE endpoint_id = $1 AND due_at IS NOT NULL LIMIT $3) AS waiting_rows) AS waiting, \
         (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1 AND id >= $2 \
         AND given_up_at IS NOT NULL LIMIT $3) AS given_up_rows) AS given_up",
    )
    .bind(endpoint)
    .bind(first_id(since))
    .bind(most)
    .fetch_one(pool)
    .await?;
    Ok(EndpointCounts {
        recent: row.try_get("recent")?,
        waiting: row.try_get("waiting")?,
        given_up: row.try_get("given_up")?,
    })
}
