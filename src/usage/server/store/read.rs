//! Reading the tables of usage.

use std::ops::RangeInclusive;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::super::counters::hour_of;
use crate::platform::db::sql;
use crate::shared::{KeyId, OrgId, Timestamp};
use crate::usage::Outcome;

/// Requests of one secret in an hour with one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    pub secret: String,
    /// Hours since the Unix epoch.
    pub hour: i64,
    pub outcome: Outcome,
    pub requests: i64,
}

/// The hours of a key since `from`, in ascending order.
pub async fn hours(db: impl AnyExecutor<'_>, key: KeyId, from: Timestamp) -> Result<Vec<Hour>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT secret_id, hour, outcome, requests FROM usage_hours WHERE key_id = $1 AND hour >= $2 ORDER BY hour",
    )
    .bind(key)
    .bind(hour_of(from))
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Hour {
                secret: row.try_get("secret_id")?,
                hour: row.try_get("hour")?,
                outcome: outcome(row.try_get("outcome")?)?,
                requests: row.try_get("requests")?,
            })
        })
        .collect()
}

/// An organization's requests by hour and outcome.
pub async fn org_hours(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    from: Timestamp,
) -> Result<Vec<(i64, Outcome, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT hour, outcome, requests FROM usage_org_hours WHERE org_id = $1 AND hour >= $2 ORDER BY hour",
    )
    .bind(org)
    .bind(hour_of(from))
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("hour")?, outcome(row.try_get("outcome")?)?, row.try_get("requests")?)))
        .collect()
}

/// The requests of an organization from an hour on.
pub async fn recent_requests(pool: &AnyPool, org: OrgId, from_hour: i64) -> Result<i64, sqlx::Error> {
    let text = "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_org_hours WHERE org_id = $1 AND hour >= $2";
    sqlx::query_scalar(text).bind(org).bind(from_hour).fetch_one(pool).await
}

/// The number of days in a trend.
pub const TREND_DAYS: usize = 14;

/// Accepted requests of several keys by day, from the day `first` on: one row for each key that was used.
pub async fn trends(
    db: impl AnyExecutor<'_>,
    keys: &[KeyId],
    first: i64,
) -> Result<Vec<(KeyId, [i64; TREND_DAYS])>, sqlx::Error> {
    let days: String = (0..TREND_DAYS)
        .map(|day| format!(", CAST(SUM(CASE WHEN day = $1 + {day} THEN calls ELSE 0 END) AS BIGINT)"))
        .collect();
    let text = format!(
        "SELECT key_id{days} FROM usage_days WHERE day >= $1 AND calls > 0 AND key_id IN ({}) GROUP BY key_id",
        placeholders_from(2, keys.len())
    );
    let query = sqlx::query(sql(text)).bind(first);
    let rows = keys.iter().fold(query, |query, key| query.bind(*key)).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let mut trend = [0; TREND_DAYS];
            for (day, calls) in trend.iter_mut().enumerate() {
                *calls = row.try_get(day + 1)?;
            }
            Ok((row.try_get("key_id")?, trend))
        })
        .collect()
}

/// Requests of several keys by secret and outcome.
pub async fn sums(
    db: impl AnyExecutor<'_>,
    keys: &[KeyId],
    from: Timestamp,
) -> Result<Vec<(KeyId, String, Outcome, i64)>, sqlx::Error> {
    let text = format!(
        "SELECT key_id, secret_id, outcome, CAST(SUM(requests) AS BIGINT) AS requests FROM usage_hours \
         WHERE hour >= $1 AND key_id IN ({}) GROUP BY key_id, secret_id, outcome",
        placeholders_from(2, keys.len())
    );
    let query = sqlx::query(sql(text)).bind(hour_of(from));
    let rows = keys.iter().fold(query, |query, key| query.bind(*key)).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let outcome = outcome(row.try_get("outcome")?)?;
            Ok((row.try_get("key_id")?, row.try_get("secret_id")?, outcome, row.try_get("requests")?))
        })
        .collect()
}

/// The keys of an organization with the most requests in some days, of those that are among the first ones of a day.
pub async fn busiest_keys(
    pool: &AnyPool,
    org: OrgId,
    days: RangeInclusive<i64>,
    most: usize,
) -> Result<Vec<KeyId>, sqlx::Error> {
    // A search in the index for each day, which reads as many rows however many keys there are.
    let of_day = |day| {
        format!(
            "SELECT key_id FROM (SELECT key_id FROM usage_days WHERE org_id = $1 AND day = $2 + {day} \
             ORDER BY requests DESC, key_id LIMIT {most}) AS of_day_{day}"
        )
    };
    let of_days: Vec<String> = (0..=days.end() - days.start()).map(of_day).collect();
    let text = format!(
        "SELECT key_id FROM usage_days WHERE day >= $2 AND key_id IN ({}) \
         GROUP BY key_id ORDER BY SUM(requests) DESC, key_id LIMIT {most}",
        of_days.join(" UNION ")
    );
    let query = sqlx::query_scalar(sql(text)).bind(org).bind(*days.start());
    query.fetch_all(pool).await
}

fn placeholders_from(first: usize, count: usize) -> String {
    let placeholders: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    placeholders.join(", ")
}

/// The revoked and expired keys of an organization that were used since a moment, the most used first.
pub async fn ended_but_used(
    pool: &AnyPool,
    org: OrgId,
    from: Timestamp,
    most: usize,
) -> Result<Vec<(KeyId, i64)>, sqlx::Error> {
    // The outcomes are literals, so that the engines use the partial indexes for them.
    let rows = sqlx::query(
        "SELECT key_id, CAST(SUM(requests) AS BIGINT) AS requests FROM (\
         SELECT key_id, requests FROM usage_hours WHERE outcome = 'revoked' AND org_id = $1 AND hour >= $2 \
         UNION ALL \
         SELECT key_id, requests FROM usage_hours WHERE outcome = 'expired' AND org_id = $1 AND hour >= $2) AS tried \
         GROUP BY key_id ORDER BY requests DESC, key_id LIMIT $3",
    )
    .bind(org)
    .bind(hour_of(from))
    .bind(most as i64)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("key_id")?, row.try_get("requests")?))).collect()
}

/// A client that used a key, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCaller {
    /// The id of the secret that it sent.
    pub secret: String,
    /// Empty, like the user agent, for callers that are not counted separately.
    pub address: String,
    pub user_agent: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// The time of the last accepted request, if there was one.
    pub accepted_at: Option<Timestamp>,
    pub requests: i64,
    pub refusal: Option<CallerRefusal>,
}

/// The refused requests of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerRefusal {
    /// Why the last one was refused.
    pub outcome: Outcome,
    /// The time of the last one.
    pub at: Timestamp,
    pub requests: i64,
}

impl CallerRefusal {
    /// Adds the refusals of the same caller that were counted elsewhere.
    pub fn merge(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (first, second) else { return first.or(second) };
        let last = if second.at > first.at { second } else { first };
        Some(Self { requests: first.requests + second.requests, ..last })
    }
}

/// The callers of a key since a time, the latest first. A caller occurs once for each secret that it sent.
pub async fn callers(
    db: impl AnyExecutor<'_>,
    key: KeyId,
    since: Timestamp,
) -> Result<Vec<KeyCaller>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT secret_id, address, user_agent, first_at, last_at, accepted_at, requests, refused, refused_at, \
         refusal FROM callers \
         WHERE key_id = $1 AND last_at >= $2 ORDER BY last_at DESC LIMIT 100",
    )
    .bind(key)
    .bind(since.millis())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(KeyCaller {
                secret: row.try_get("secret_id")?,
                address: row.try_get("address")?,
                user_agent: row.try_get("user_agent")?,
                first_at: Timestamp::from_millis(row.try_get("first_at")?),
                last_at: Timestamp::from_millis(row.try_get("last_at")?),
                accepted_at: accepted(Timestamp::from_millis(row.try_get("accepted_at")?)),
                requests: row.try_get("requests")?,
                refusal: caller_refusal(row)?,
            })
        })
        .collect()
}

/// None if no request was refused, or none since the reasons are counted.
fn caller_refusal(row: &AnyRow) -> Result<Option<CallerRefusal>, sqlx::Error> {
    let last: String = row.try_get("refusal")?;
    if last.is_empty() {
        return Ok(None);
    }
    let at = Timestamp::from_millis(row.try_get("refused_at")?);
    Ok(Some(CallerRefusal { outcome: outcome(last)?, at, requests: row.try_get("refused")? }))
}

/// Converts a time of the table, where 0 means never.
pub fn accepted(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| at.millis() > 0)
}

pub(super) fn outcome(text: String) -> Result<Outcome, sqlx::Error> {
    Outcome::parse(&text).ok_or_else(|| sqlx::Error::Decode(format!("no outcome {text}").into()))
}

/// Whether the error means that a value has another type than its column.
pub fn is_wrongly_typed(error: &sqlx::Error) -> bool {
    use sqlx::Error as Sql;
    matches!(error, Sql::ColumnDecode { .. } | Sql::Decode(_) | Sql::AnyDriverError(_))
}
