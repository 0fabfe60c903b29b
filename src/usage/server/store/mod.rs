//! All SQL of usage.

mod journal;

pub use journal::{
    claim, move_first, move_wrongly_typed, nodes_with_notes, note, notes_of_others_with, set_aside,
    take_note, take_notes,
};

use std::net::IpAddr;
use std::sync::Arc;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyExecutor, AnyPool, AssertSqlSafe, Row};

use super::batch::Batch;
use super::callers::MOST_CALLERS;
use super::read::TREND;
use super::refusals::{Reason, Refused};
use super::tally::{DAY_IN_HOURS, HOUR};
use crate::platform::db::{ROWS, Write, places, sql};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

pub async fn add(write: &mut Write, batch: &Batch) -> Result<(), sqlx::Error> {
    const HOURS: &str = "ON CONFLICT (secret_id, hour, outcome) DO UPDATE SET \
         requests = usage_hours.requests + excluded.requests";
    let rows = batch.hours.iter();
    let columns = "usage_hours (secret_id, hour, outcome, key_id, org_id, requests)";
    many(write, columns, 6, HOURS, rows, |query, row| {
        let ((secret, hour, outcome), of) = row;
        query
            .bind(secret)
            .bind(*hour)
            .bind(outcome.as_str())
            .bind(of.key.to_string())
            .bind(of.org.to_string())
            .bind(of.requests)
    })
    .await?;

    const ORG_HOURS: &str = "ON CONFLICT (org_id, hour, outcome) DO UPDATE SET \
         requests = usage_org_hours.requests + excluded.requests";
    let rows = batch.org_hours.iter();
    many(write, "usage_org_hours (org_id, hour, outcome, requests)", 4, ORG_HOURS, rows, |query, row| {
        let ((org, hour, outcome), requests) = row;
        query.bind(org.to_string()).bind(*hour).bind(outcome.as_str()).bind(*requests)
    })
    .await?;

    const DAYS: &str = "ON CONFLICT (key_id, day) DO UPDATE SET calls = usage_days.calls + excluded.calls";
    many(
        write,
        "usage_days (key_id, day, calls)",
        3,
        DAYS,
        batch.days.iter(),
        |query, ((key, day), calls)| query.bind(key.to_string()).bind(*day).bind(*calls),
    )
    .await?;

    const CALLERS: &str = "ON CONFLICT (key_id, secret_id, address, user_agent) DO UPDATE SET \
         requests = callers.requests + excluded.requests, \
         last_at = CASE WHEN excluded.last_at > callers.last_at THEN excluded.last_at ELSE callers.last_at END, \
         accepted_at = CASE WHEN excluded.accepted_at > callers.accepted_at THEN excluded.accepted_at \
         ELSE callers.accepted_at END";
    let columns =
        "callers (key_id, secret_id, address, user_agent, first_at, last_at, accepted_at, requests)";
    many(write, columns, 8, CALLERS, batch.callers.iter(), |query, (caller, sum)| {
        query
            .bind(caller.key.to_string())
            .bind(caller.secret)
            .bind(text_of(caller.address))
            .bind(caller.user_agent.to_string())
            .bind(sum.first_at.millis())
            .bind(sum.last_at.millis())
            .bind(sum.accepted_at.millis())
            .bind(sum.requests)
    })
    .await
}

pub async fn add_refusals(write: &mut Write, refusals: &[Refused]) -> Result<(), sqlx::Error> {
    let columns = "refused_requests (request_id, at, org_id, key_id, secret_id, outcome, address)";
    many(write, columns, 7, "ON CONFLICT DO NOTHING", refusals.iter(), |query, refused| {
        query
            .bind(refused.request_id.clone())
            .bind(refused.at.millis())
            .bind(refused.org.to_string())
            .bind(refused.key.to_string())
            .bind(refused.secret)
            .bind(refused.outcome.as_str())
            .bind(text_of(refused.address))
    })
    .await
}

/// Why a request with one of the organization's keys was refused.
pub async fn refusal(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    request_id: &str,
) -> Result<Option<Reason>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT at, key_id, secret_id, outcome, address FROM refused_requests \
         WHERE request_id = $1 AND org_id = $2",
    )
    .bind(request_id)
    .bind(org)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let secret: String = row.try_get("secret_id")?;
    let no_id = || sqlx::Error::Decode(format!("no secret id {secret}").into());
    Ok(Some(Reason {
        at: Timestamp::from_millis(row.try_get("at")?),
        key: row.try_get("key_id")?,
        secret: SecretId::parse(&secret).ok_or_else(no_id)?,
        outcome: outcome(row.try_get("outcome")?)?,
        address: row.try_get("address")?,
    }))
}

/// Empty where it is not known.
pub fn text_of(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

type Bound<'q> = Query<'q, Any, AnyArguments>;

/// Inserts rows, many with each statement.
async fn many<'b, R>(
    write: &mut Write,
    columns: &str,
    width: usize,
    conflict: &str,
    rows: impl Iterator<Item = R>,
    bind: impl for<'q> Fn(Bound<'q>, &R) -> Bound<'q>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<R> = rows.collect();
    let text = |rows| format!("INSERT INTO {columns} VALUES {} {conflict}", places(rows, width));
    let full: Arc<str> = text(ROWS).into();
    for rows in rows.chunks(ROWS) {
        // Texts of many lengths would push the others out of the cache of statements.
        let is_full = rows.len() == ROWS;
        let text = if is_full { Arc::clone(&full) } else { text(rows.len()).into() };
        let query = sqlx::query(AssertSqlSafe(text)).persistent(is_full);
        rows.iter().fold(query, &bind).execute(&mut **write).await?;
    }
    Ok(())
}

/// Requests of one secret in an hour with one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    pub secret: String,
    pub hour: i64,
    pub outcome: Outcome,
    pub requests: i64,
}

/// A key's hours from one on, in their order.
pub async fn hours(db: impl AnyExecutor<'_>, key: KeyId, from: Timestamp) -> Result<Vec<Hour>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT secret_id, hour, outcome, requests FROM usage_hours WHERE key_id = $1 AND hour >= $2 ORDER BY hour",
    )
    .bind(key)
    .bind(from.millis().div_euclid(HOUR))
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
    .bind(from.millis().div_euclid(HOUR))
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("hour")?, outcome(row.try_get("outcome")?)?, row.try_get("requests")?)))
        .collect()
}

/// Accepted requests of several keys by day (unix time in days), for their sparklines: those from
/// `first` on, one row for each key that was used.
pub async fn trends(
    db: impl AnyExecutor<'_>,
    keys: &[KeyId],
    first: i64,
) -> Result<Vec<(KeyId, [i64; TREND])>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let days: String = (0..TREND)
        .map(|day| format!(", CAST(SUM(CASE WHEN day = $1 + {day} THEN calls ELSE 0 END) AS BIGINT)"))
        .collect();
    let places: Vec<String> = (2..keys.len() + 2).map(|place| format!("${place}")).collect();
    let text = format!(
        "SELECT key_id{days} FROM usage_days WHERE day >= $1 AND key_id IN ({}) GROUP BY key_id",
        places.join(", ")
    );
    let query = sqlx::query(sql(text)).bind(first);
    let rows = keys.iter().fold(query, |query, key| query.bind(key)).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let mut trend = [0; TREND];
            for (day, calls) in trend.iter_mut().enumerate() {
                *calls = row.try_get(day + 1)?;
            }
            Ok((row.try_get(0)?, trend))
        })
        .collect()
}

/// Requests of several keys added up by secret and outcome.
pub async fn sums(
    db: impl AnyExecutor<'_>,
    keys: &[KeyId],
    from: Timestamp,
) -> Result<Vec<(KeyId, String, Outcome, i64)>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (2..keys.len() + 2).map(|place| format!("${place}")).collect();
    let text = format!(
        "SELECT key_id, secret_id, outcome, CAST(SUM(requests) AS BIGINT) AS requests FROM usage_hours \
         WHERE hour >= $1 AND key_id IN ({}) GROUP BY key_id, secret_id, outcome",
        places.join(", ")
    );
    let query = sqlx::query(sql(text)).bind(from.millis().div_euclid(HOUR));
    let rows = keys.iter().fold(query, |query, key| query.bind(key)).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let key = row.try_get("key_id")?;
            let outcome = outcome(row.try_get("outcome")?)?;
            Ok((key, row.try_get("secret_id")?, outcome, row.try_get("requests")?))
        })
        .collect()
}

/// Keys of an organization that have ended and were tried since a moment, the most tried first.
pub async fn dead(
    pool: &AnyPool,
    org: OrgId,
    from: Timestamp,
    most: usize,
) -> Result<Vec<(KeyId, i64)>, sqlx::Error> {
    // The outcomes stand in the text: that is how the engines know that an index of few rows will do.
    let rows = sqlx::query(
        "SELECT key_id, CAST(SUM(requests) AS BIGINT) AS requests FROM (\
         SELECT key_id, requests FROM usage_hours WHERE outcome = 'revoked' AND org_id = $1 AND hour >= $2 \
         UNION ALL \
         SELECT key_id, requests FROM usage_hours WHERE outcome = 'expired' AND org_id = $1 AND hour >= $2) AS tried \
         GROUP BY key_id ORDER BY requests DESC, key_id LIMIT $3",
    )
    .bind(org)
    .bind(from.millis().div_euclid(HOUR))
    .bind(most as i64)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("key_id")?, row.try_get("requests")?))).collect()
}

/// Who used a key, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they sent, or a part of it.
    pub secret: String,
    /// Empty for those that are not told apart.
    pub address: String,
    pub user_agent: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// The last request that was accepted; None: there was none.
    pub accepted_at: Option<Timestamp>,
    pub requests: i64,
}

/// The latest first; each once for every secret that it sent.
pub async fn callers(
    db: impl AnyExecutor<'_>,
    key: KeyId,
    since: Timestamp,
) -> Result<Vec<Caller>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT secret_id, address, user_agent, first_at, last_at, accepted_at, requests FROM callers \
         WHERE key_id = $1 AND last_at >= $2 ORDER BY last_at DESC LIMIT 100",
    )
    .bind(key)
    .bind(since.millis())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Caller {
                secret: row.try_get("secret_id")?,
                address: row.try_get("address")?,
                user_agent: row.try_get("user_agent")?,
                first_at: Timestamp::from_millis(row.try_get("first_at")?),
                last_at: Timestamp::from_millis(row.try_get("last_at")?),
                accepted_at: accepted(Timestamp::from_millis(row.try_get("accepted_at")?)),
                requests: row.try_get("requests")?,
            })
        })
        .collect()
}

/// 0 is none.
pub fn accepted(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| at.millis() > 0)
}

fn outcome(text: String) -> Result<Outcome, sqlx::Error> {
    Outcome::parse(&text).ok_or_else(|| sqlx::Error::Decode(format!("no outcome {text}").into()))
}

/// Did a value of a row have another type than its column?
pub fn is_wrongly_typed(error: &sqlx::Error) -> bool {
    use sqlx::Error as Sql;
    matches!(error, Sql::ColumnDecode { .. } | Sql::Decode(_) | Sql::AnyDriverError(_))
}

/// What is too old, and callers beyond the cap.
pub async fn delete_before(
    write: &mut Write,
    before: Timestamp,
    refusals_before: Timestamp,
) -> Result<(), sqlx::Error> {
    let hour = before.millis().div_euclid(HOUR);
    for (text, bound) in [
        ("DELETE FROM usage_hours WHERE hour < $1", hour),
        ("DELETE FROM usage_org_hours WHERE hour < $1", hour),
        ("DELETE FROM usage_days WHERE day < $1", hour.div_euclid(DAY_IN_HOURS)),
        ("DELETE FROM callers WHERE last_at < $1", before.millis()),
        ("DELETE FROM refused_requests WHERE at < $1", refusals_before.millis()),
        ("DELETE FROM usage_flushes WHERE at < $1", before.millis()),
        ("DELETE FROM usage_journal_unreadable WHERE moved_at < $1", before.millis()),
        (
            "DELETE FROM callers WHERE (key_id, secret_id, address, user_agent) IN \
             (SELECT key_id, secret_id, address, user_agent FROM \
             (SELECT key_id, secret_id, address, user_agent, \
             ROW_NUMBER() OVER (PARTITION BY key_id ORDER BY last_at DESC, secret_id, address, user_agent) AS place \
             FROM callers) AS ranked WHERE place > $1)",
            MOST_CALLERS as i64,
        ),
    ] {
        sqlx::query(text).bind(bound).execute(&mut **write).await?;
    }
    Ok(())
}
