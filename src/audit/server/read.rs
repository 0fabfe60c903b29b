//! Reads the log of an organization, newest first. Identifiers sort by time, so a position and a span of time are both bounds of the
//! identifier, and each filter has an index that ends with it.

use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

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

/// The filter of the audit log. All fields must match. A list matches with one of its values, and an empty list with everything.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The identifiers of people or keys.
    pub actors: Vec<String>,
    pub actions: Vec<String>,
    pub targets: Vec<Target>,
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

/// A column and the values of which it has one.
type ColumnValues = (&'static str, Vec<String>);

impl AuditFilter {
    /// The conditions with lists. Each is met when one of its columns has one of its values.
    fn parts(&self) -> Vec<Vec<ColumnValues>> {
        let mut ids = Vec::new();
        let mut names = Vec::new();
        for target in &self.targets {
            match target {
                Target::Id(id) => ids.push(id.clone()),
                Target::Name(name) => names.push(name.to_lowercase()),
            }
        }
        let request = self.request.iter().cloned().collect();
        let parts = [
            vec![("request_id", request)],
            vec![("actor_id", self.actors.clone())],
            vec![("action", self.actions.clone())],
            vec![("target_id", ids), ("target_key", names)],
        ];
        let parts =
            parts.map(|part| part.into_iter().filter(|(_, values)| !values.is_empty()).collect::<Vec<_>>());
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }
}

/// The statement and the values of its placeholders, to which the limit is added. The part at `lead` finds the events: each of its
/// values has an index in the order of the log, of which the newest events are read, whatever the number of events.
pub fn statement(org: OrgId, filter: &AuditFilter, lead: usize) -> (String, Vec<String>) {
    let mut values = vec![org.to_string()];
    let mut bind = |value: String| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut parts = filter.parts();
    let lead = if lead < parts.len() { parts.remove(lead) } else { Vec::new() };
    let mut others = String::new();
    for part in parts {
        // As an expression, a column uses no index.
        let column = |(column, values): ColumnValues| {
            let values: Vec<String> = values.into_iter().map(&mut bind).collect();
            format!("({column} || '') IN ({})", values.join(", "))
        };
        let columns: Vec<String> = part.into_iter().map(column).collect();
        others.push_str(&format!(" AND ({})", columns.join(" OR ")));
    }
    if let Some(at) = filter.since {
        others.push_str(&format!(" AND id >= {}", bind(EventId::new(at, [0; 10]).to_string())));
    }
    if let Some(before) = &filter.before {
        others.push_str(&format!(" AND id < {}", bind(before.to_string())));
    }
    let mut leads = Vec::new();
    for (column, values) in lead {
        leads.extend(values.into_iter().map(|value| format!(" AND {column} = {}", bind(value))));
    }
    if leads.is_empty() {
        leads.push(String::new());
    }
    let limit = format!("ORDER BY id DESC LIMIT ${}", values.len() + 1);
    let branch = |lead: &String| {
        format!(
            "SELECT id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name, address, \
             user_agent, request_id, details, times FROM audit WHERE org_id = $1{lead}{others} {limit}"
        )
    };
    if let [lead] = leads.as_slice() {
        return (branch(lead), values);
    }
    // UNION removes an event that two values find.
    let branches: Vec<String> = leads
        .iter()
        .enumerate()
        .map(|(place, lead)| format!("SELECT * FROM ({}) AS branch_{place}", branch(lead)))
        .collect();
    (format!("{} {limit}", branches.join(" UNION ")), values)
}

/// Counting the events of a part stops here.
const MAX_COMPARED: i64 = 5_000;

/// The part of the filter that the fewest events match.
async fn narrowest_part(pool: &AnyPool, org: OrgId, filter: &AuditFilter) -> Result<usize, sqlx::Error> {
    let parts = filter.parts();
    if parts.len() < 2 || filter.request.is_some() {
        return Ok(0);
    }
    let mut values = Vec::new();
    let counts = parts.into_iter().map(|part| {
        let counts = part.into_iter().map(|(column, of_column)| {
            let places: Vec<String> = of_column
                .into_iter()
                .map(|value| {
                    values.push(value);
                    format!("${}", values.len() + 2)
                })
                .collect();
            let places = places.join(", ");
            format!(
                "(SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE org_id = $1 AND {column} IN ({places}) LIMIT $2) AS {column})"
            )
        });
        counts.collect::<Vec<_>>().join(" + ")
    });
    let text = format!("SELECT {}", counts.collect::<Vec<_>>().join(", "));
    let query = sqlx::query(sql(text)).bind(org).bind(MAX_COMPARED);
    let row = values.into_iter().fold(query, |query, value| query.bind(value)).fetch_one(pool).await?;
    let counts: Vec<i64> = (0..row.len()).map(|place| row.try_get(place)).collect::<Result<_, _>>()?;
    Ok(counts.iter().enumerate().min_by_key(|(_, count)| **count).map_or(0, |(place, _)| place))
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
    pool: &AnyPool,
    org: OrgId,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Vec<Recorded>, sqlx::Error> {
    let lead = narrowest_part(pool, org, filter).await?;
    let (text, values) = statement(org, filter, lead);
    let query = values.into_iter().fold(sqlx::query(sql(text)), |query, value| query.bind(value));
    query.bind(limit as i64).fetch_all(pool).await?.iter().map(recorded).collect()
}

/// The names of the latest targets, at most `max`.
pub async fn latest_targets(pool: &AnyPool, org: OrgId, max: i64) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT target_name FROM (SELECT target_name FROM audit WHERE org_id = $1 ORDER BY id DESC LIMIT 200) \
         AS latest WHERE target_name <> '' ORDER BY target_name LIMIT $2",
    )
    .bind(org)
    .bind(max)
    .fetch_all(pool)
    .await
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
