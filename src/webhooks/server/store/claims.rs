//! Claims due deliveries. A claim is a lease: if a process dies, its deliveries are blocked only until the lease ends.

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use crate::platform::Secret;
use crate::platform::db::{ROWS_PER_STATEMENT, Write, sql};
use crate::shared::{DeliveryId, MessageId, Timestamp, WebhookId};

/// After this many failures in a row, only one delivery is claimed at a time until one succeeds.
pub const MANY_FAILURES: i64 = 3;

/// What an attempt needs to know about its endpoint.
pub struct ClaimedEndpoint {
    pub id: WebhookId,
    pub url: String,
    pub secret: Secret,
    /// The previous secret, while requests are also signed with it.
    pub previous: Option<Secret>,
    /// Failed attempts since the last success.
    pub failures: i64,
}

#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub event: MessageId,
    pub body: String,
    pub lane: String,
    pub attempts: i64,
    pub failures: i64,
    pub expires_at: Timestamp,
}

/// Endpoints that are on and have something due. There may be nothing to claim: a due delivery may stand behind one that another process holds.
pub async fn due_endpoints(pool: &AnyPool, now: Timestamp) -> Result<Vec<WebhookId>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id FROM webhook_endpoints WHERE disabled_at IS NULL AND removed_at IS NULL \
         AND paused_until <= $1 AND EXISTS \
         (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id AND due_at <= $1 \
         AND lease_until <= $1)",
    )
    .bind(now.millis())
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| row.try_get("id")).collect()
}

/// Claims up to `most` deliveries of one endpoint, from up to `lanes` lanes, each lane in order. After many failures in a
/// row, claims only one delivery. Returns None if the endpoint is off.
pub async fn claim(
    write: &mut Write,
    endpoint: WebhookId,
    now: Timestamp,
    lease_until: Timestamp,
    lanes: usize,
    most: usize,
) -> Result<Option<(ClaimedEndpoint, Vec<Vec<ClaimedDelivery>>)>, sqlx::Error> {
    // The lock of the endpoint's row: two processes claim one after the other.
    let row = sqlx::query(
        "UPDATE webhook_endpoints SET generation = generation + 1 \
         WHERE id = $1 AND disabled_at IS NULL AND removed_at IS NULL \
         RETURNING url, secret, previous_secret, previous_until, failures",
    )
    .bind(endpoint)
    .fetch_optional(&mut **write)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let target = claimed_endpoint(&row, endpoint, now)?;
    let (lanes, most) = if target.failures >= MANY_FAILURES { (1, 1) } else { (lanes, most) };
    let heads = heads(write, endpoint, now, lanes).await?;
    let each = (most / heads.len().max(1)).max(1);
    let mut claimed = Vec::with_capacity(heads.len());
    for lane in heads {
        claimed.push(lane_of(write, endpoint, &lane, now, each).await?);
    }
    let ids: Vec<DeliveryId> = claimed.iter().flatten().map(|delivery| delivery.id).collect();
    lease(write, &ids, lease_until).await?;
    Ok(Some((target, claimed)))
}

fn claimed_endpoint(row: &AnyRow, id: WebhookId, now: Timestamp) -> Result<ClaimedEndpoint, sqlx::Error> {
    let until: Option<i64> = row.try_get("previous_until")?;
    let previous: Option<String> = row.try_get("previous_secret")?;
    Ok(ClaimedEndpoint {
        id,
        url: row.try_get("url")?,
        secret: Secret::new(row.try_get::<String, _>("secret")?),
        previous: previous.filter(|_| until.is_some_and(|until| until > now.millis())).map(Secret::new),
        failures: row.try_get("failures")?,
    })
}

/// Lanes whose first waiting delivery is due and not leased.
async fn heads(
    write: &mut Write,
    endpoint: WebhookId,
    now: Timestamp,
    lanes: usize,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT lane FROM webhook_deliveries AS head WHERE endpoint_id = $1 AND due_at <= $2 \
         AND lease_until <= $2 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS ahead \
         WHERE ahead.endpoint_id = $1 AND ahead.lane = head.lane AND ahead.due_at IS NOT NULL \
         AND ahead.seq < head.seq) ORDER BY due_at, id LIMIT $3",
    )
    .bind(endpoint)
    .bind(now.millis())
    .bind(lanes as i64)
    .fetch_all(&mut **write)
    .await?;
    let mut heads: Vec<String> = rows.iter().map(|row| row.try_get("lane")).collect::<Result<_, _>>()?;
    // If two deliveries of a lane have the same number, the query returns the lane twice.
    heads.sort();
    heads.dedup();
    Ok(heads)
}

/// The first deliveries of a lane, up to one that is not due or is leased.
async fn lane_of(
    write: &mut Write,
    endpoint: WebhookId,
    lane: &str,
    now: Timestamp,
    most: usize,
) -> Result<Vec<ClaimedDelivery>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT webhook_deliveries.id AS id, event_id, body, attempts, failures, expires_at, due_at, lease_until \
         FROM webhook_deliveries JOIN webhook_events ON webhook_events.id = event_id \
         WHERE endpoint_id = $1 AND lane = $2 AND due_at IS NOT NULL ORDER BY seq, webhook_deliveries.id LIMIT $3",
    )
    .bind(endpoint)
    .bind(lane)
    .bind(most as i64)
    .fetch_all(&mut **write)
    .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let (due, lease): (i64, i64) = (row.try_get("due_at")?, row.try_get("lease_until")?);
        if due > now.millis() || lease > now.millis() {
            break;
        }
        claimed.push(ClaimedDelivery {
            id: row.try_get("id")?,
            event: row.try_get("event_id")?,
            body: row.try_get("body")?,
            lane: lane.to_owned(),
            attempts: row.try_get("attempts")?,
            failures: row.try_get("failures")?,
            expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
        });
    }
    Ok(claimed)
}

pub(super) async fn lease(
    write: &mut Write,
    ids: &[DeliveryId],
    until: Timestamp,
) -> Result<(), sqlx::Error> {
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        let placeholders: Vec<String> = (2..=ids.len() + 1).map(|number| format!("${number}")).collect();
        let text = sql(format!(
            "UPDATE webhook_deliveries SET lease_until = $1 WHERE id IN ({})",
            placeholders.join(", ")
        ));
        let query = sqlx::query(text).persistent(ids.len() == ROWS_PER_STATEMENT).bind(until.millis());
        ids.iter().fold(query, |query, id| query.bind(*id)).execute(&mut **write).await?;
    }
    Ok(())
}

/// Ends all leases. Only for the start of a process that has the database for itself.
pub async fn release_all(write: &mut Write) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE webhook_deliveries SET lease_until = 0 WHERE due_at IS NOT NULL AND lease_until > 0")
        .execute(&mut **write)
        .await
        .map(drop)
}
