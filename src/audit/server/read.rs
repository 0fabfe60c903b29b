//! Reads the log of an organization, newest first. Identifiers sort by time, so a position and a span of time are both bounds of the
//! identifier, and each filter has an index that ends with it.

use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row as _};

use crate::platform::db::sql;
use crate::shared::{EventId, OrgId, Timestamp};

/// A stored event. Names are as they were when it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: EventId,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_name: String,
    pub action: String,
    pub target_kind: String,
    pub target_id: String,
    pub target_name: String,
    /// Empty when the server itself acted.
    pub address: String,
    pub user_agent: String,
    pub request_id: String,
    pub details: Map<String, Value>,
    /// The number of refusals or strangers' requests that the row stands for; 0 for a change.
    pub times: i64,
}

/// The filter of the audit log. All fields must match.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The identifier of a person or key.
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<Target>,
    pub request: Option<String>,
    pub since: Option<Timestamp>,
    /// Only events older than this one.
    pub before: Option<EventId>,
}

/// A target by its id, or by its whole name, ignoring case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Id(String),
    Name(String),
}

/// The statement and the values of its placeholders.
pub fn statement(org: OrgId, filter: &AuditFilter) -> (String, Vec<String>) {
    let mut values = vec![org.to_string()];
    let mut text =
        "SELECT id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name, \
                    address, user_agent, request_id, details, times FROM audit WHERE org_id = $1"
            .to_owned();
    let mut and = |condition: &str, value: Option<String>| {
        if let Some(value) = value {
            values.push(value);
            text.push_str(&format!(" AND {condition} ${}", values.len()));
        }
    };
    and("actor_id =", filter.actor.clone());
    and("action =", filter.action.clone());
    match &filter.target {
        Some(Target::Id(id)) => and("target_id =", Some(id.clone())),
        Some(Target::Name(name)) => and("target_key =", Some(name.to_lowercase())),
        None => {}
    }
    and("request_id =", filter.request.clone());
    and("id >=", filter.since.map(|at| EventId::new(at, [0; 10]).to_string()));
    and("id <", filter.before.as_ref().map(ToString::to_string));
    text.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len() + 1));
    (text, values)
}

/// The latest events of an organization.
pub async fn newest(pool: &AnyPool, org: OrgId, limit: i64) -> Result<Vec<EventId>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM audit WHERE org_id = $1 ORDER BY id DESC LIMIT $2")
        .bind(org)
        .bind(limit)
        .fetch_all(pool)
        .await
}

pub async fn list(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Vec<Recorded>, sqlx::Error> {
    let (text, values) = statement(org, filter);
    let query = values.into_iter().fold(sqlx::query(sql(text)), |query, value| query.bind(value));
    query.bind(limit as i64).fetch_all(db).await?.iter().map(recorded).collect()
}

/// The distinct actions in the organization's log, each found by one index lookup.
pub async fn actions(pool: &AnyPool, org: OrgId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH RECURSIVE found (action) AS (SELECT min(action) FROM audit WHERE org_id = $1 UNION ALL \
         SELECT (SELECT min(audit.action) FROM audit WHERE org_id = $1 AND audit.action > found.action) \
         FROM found WHERE found.action IS NOT NULL) SELECT action FROM found WHERE action IS NOT NULL",
    )
    .bind(org)
    .fetch_all(pool)
    .await
}

fn recorded(row: &AnyRow) -> Result<Recorded, sqlx::Error> {
    let details: String = row.try_get("details")?;
    Ok(Recorded {
        id: row.try_get("id")?,
        at: Timestamp::from_millis(row.try_get("at")?),
        actor_kind: row.try_get("actor_kind")?,
        actor_id: row.try_get("actor_id")?,
        actor_name: row.try_get("actor_name")?,
        action: row.try_get("action")?,
        target_kind: row.try_get("target_kind")?,
        target_id: row.try_get("target_id")?,
        target_name: row.try_get("target_name")?,
        address: row.try_get("address")?,
        user_agent: row.try_get("user_agent")?,
        request_id: row.try_get("request_id")?,
        details: serde_json::from_str(&details).unwrap_or_default(),
        times: row.try_get("times")?,
    })
}
