//! Endpoints. A removed one keeps its row until its deliveries are swept.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::super::Endpoint;
use crate::platform::Secret;
use crate::platform::db::Write;
use crate::shared::{OrgId, Timestamp, WebhookId};
use crate::webhooks::EventSelection;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, org_id, url, description, events, previous_until, created_at, created_by, disabled_at, ",
            "disabled_because, failing_since, last_attempt_at, last_success_at, last_status ",
            "FROM webhook_endpoints WHERE removed_at IS NULL AND ",
            $rest
        )
    };
}

fn endpoint(row: &AnyRow) -> Result<Endpoint, sqlx::Error> {
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
    };
    Ok(Endpoint {
        id: row.try_get("id")?,
        org: row.try_get("org_id")?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        events: EventSelection::read(&row.try_get::<String, _>("events")?),
        previous_until: time("previous_until")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        created_by: row.try_get("created_by")?,
        disabled_at: time("disabled_at")?,
        disabled_because: row.try_get("disabled_because")?,
        failing_since: time("failing_since")?,
        last_attempt_at: time("last_attempt_at")?,
        last_success_at: time("last_success_at")?,
        last_status: row.try_get("last_status")?,
    })
}

/// The organization's endpoints, oldest first.
pub async fn list(pool: &AnyPool, org: OrgId) -> Result<Vec<Endpoint>, sqlx::Error> {
    let rows = sqlx::query(select!("org_id = $1 ORDER BY id")).bind(org).fetch_all(pool).await?;
    rows.iter().map(endpoint).collect()
}

pub async fn find<'e>(
    db: impl AnyExecutor<'e>,
    org: OrgId,
    id: WebhookId,
) -> Result<Option<Endpoint>, sqlx::Error> {
    let row = sqlx::query(select!("org_id = $1 AND id = $2")).bind(org).bind(id).fetch_optional(db).await?;
    row.as_ref().map(endpoint).transpose()
}

/// `find` in a transaction.
pub async fn find_in_tx(
    write: &mut Write,
    org: OrgId,
    id: WebhookId,
) -> Result<Option<Endpoint>, sqlx::Error> {
    find(&mut **write, org, id).await
}

pub async fn count(write: &mut Write, org: OrgId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_endpoints WHERE org_id = $1 AND removed_at IS NULL")
        .bind(org)
        .fetch_one(&mut **write)
        .await
}

/// False when the organization has an endpoint with this address.
pub async fn insert(write: &mut Write, new: &Endpoint, secret: &Secret) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO webhook_endpoints (id, org_id, url, description, events, secret, created_at, created_by, \
         disabled_because, failures, paused_until, generation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 0, 0, 0) ON CONFLICT DO NOTHING",
    )
    .bind(new.id)
    .bind(new.org)
    .bind(&new.url)
    .bind(&new.description)
    .bind(new.events.to_string())
    .bind(secret.expose())
    .bind(new.created_at.millis())
    .bind(new.created_by)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False when another endpoint of the organization has this address.
pub async fn update(write: &mut Write, endpoint: &Endpoint) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE webhook_endpoints SET url = $2, description = $3, events = $4 WHERE id = $1 AND NOT EXISTS \
         (SELECT 1 FROM webhook_endpoints AS other WHERE other.org_id = $5 AND other.url = $2 \
         AND other.id <> $1 AND other.removed_at IS NULL)",
    )
    .bind(endpoint.id)
    .bind(&endpoint.url)
    .bind(&endpoint.description)
    .bind(endpoint.events.to_string())
    .bind(endpoint.org)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the secret. Until `until`, requests are also signed with the replaced one; an older one is dropped.
pub async fn rotate(
    write: &mut Write,
    id: WebhookId,
    secret: &Secret,
    until: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_endpoints SET previous_secret = secret, previous_until = $3, secret = $2 WHERE id = $1",
    )
    .bind(id)
    .bind(secret.expose())
    .bind(until.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Turns the endpoint on as if it were new.
pub async fn set_enabled(write: &mut Write, id: WebhookId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_because = '', failing_since = NULL, \
         failures = 0, paused_until = 0 \
         WHERE id = $1",
    )
    .bind(id)
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Lets the next delivery be sent at once, although others have failed.
pub async fn end_pause(write: &mut Write, id: WebhookId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE webhook_endpoints SET paused_until = 0 WHERE id = $1")
        .bind(id)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// False when it is off already.
pub async fn set_disabled(
    write: &mut Write,
    id: WebhookId,
    because: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE webhook_endpoints SET disabled_at = $2, disabled_because = $3 \
         WHERE id = $1 AND disabled_at IS NULL",
    )
    .bind(id)
    .bind(now.millis())
    .bind(because)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn remove(write: &mut Write, id: WebhookId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_endpoints SET removed_at = $2, secret = '', previous_secret = NULL WHERE id = $1",
    )
    .bind(id)
    .bind(now.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Removes all endpoints of an organization.
pub async fn remove_all(write: &mut Write, org: OrgId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_endpoints SET removed_at = $2, secret = '', previous_secret = NULL \
         WHERE org_id = $1 AND removed_at IS NULL",
    )
    .bind(org)
    .bind(now.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}
