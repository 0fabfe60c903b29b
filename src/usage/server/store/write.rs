//! Adds counts to the tables that pages read, and deletes old rows from them.

use std::net::IpAddr;
use std::sync::Arc;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::super::batch::Batch;
use super::super::callers::MAX_CALLERS;
use super::super::counters::{day_of, hour_of};
use super::super::refusals::RefusedRequest;
use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders};
use crate::shared::Timestamp;

pub async fn add(write: &mut Write, batch: &Batch) -> Result<(), sqlx::Error> {
    const HOURS: &str = "ON CONFLICT (secret_id, hour, outcome) DO UPDATE SET \
         requests = usage_hours.requests + excluded.requests";
    let columns = "usage_hours (secret_id, hour, outcome, key_id, org_id, requests)";
    insert_many(write, columns, 6, HOURS, batch.hours.iter(), |query, row| {
        let ((secret, hour, outcome), totals) = row;
        query
            .bind(*secret)
            .bind(*hour)
            .bind(outcome.as_str())
            .bind(totals.key)
            .bind(totals.org)
            .bind(totals.requests)
    })
    .await?;

    const ORG_HOURS: &str = "ON CONFLICT (org_id, hour, outcome) DO UPDATE SET \
         requests = usage_org_hours.requests + excluded.requests";
    let columns = "usage_org_hours (org_id, hour, outcome, requests)";
    insert_many(write, columns, 4, ORG_HOURS, batch.org_hours.iter(), |query, row| {
        let ((org, hour, outcome), requests) = row;
        query.bind(*org).bind(*hour).bind(outcome.as_str()).bind(*requests)
    })
    .await?;

    const DAYS: &str = "ON CONFLICT (key_id, day) DO UPDATE SET calls = usage_days.calls + excluded.calls, \
         requests = usage_days.requests + excluded.requests";
    let columns = "usage_days (key_id, day, calls, org_id, requests)";
    insert_many(write, columns, 5, DAYS, batch.days.iter(), |query, ((key, day), totals)| {
        query.bind(*key).bind(*day).bind(totals.calls).bind(totals.org).bind(totals.requests)
    })
    .await?;

    const CALLERS: &str = "ON CONFLICT (key_id, secret_id, address, user_agent) DO UPDATE SET \
         requests = callers.requests + excluded.requests, \
         last_at = CASE WHEN excluded.last_at > callers.last_at THEN excluded.last_at ELSE callers.last_at END, \
         accepted_at = CASE WHEN excluded.accepted_at > callers.accepted_at THEN excluded.accepted_at \
         ELSE callers.accepted_at END, \
         refused = callers.refused + excluded.refused, \
         refusal = CASE WHEN excluded.refused_at > callers.refused_at THEN excluded.refusal ELSE callers.refusal END, \
         refused_at = CASE WHEN excluded.refused_at > callers.refused_at THEN excluded.refused_at \
         ELSE callers.refused_at END";
    let columns = "callers (key_id, secret_id, address, user_agent, first_at, last_at, accepted_at, requests, \
                   refused, refused_at, refusal)";
    insert_many(write, columns, 11, CALLERS, batch.callers.iter(), |query, (caller, totals)| {
        query
            .bind(caller.key)
            .bind(caller.secret)
            .bind(address_text(caller.address))
            .bind(caller.user_agent.to_string())
            .bind(totals.first_at.millis())
            .bind(totals.last_at.millis())
            .bind(totals.accepted_at.millis())
            .bind(totals.requests)
            .bind(totals.refused)
            .bind(totals.refusal.map_or(0, |(at, _)| at.millis()))
            .bind(totals.refusal.map_or("", |(_, outcome)| outcome.as_str()))
    })
    .await
}

pub async fn add_refusals(write: &mut Write, refusals: &[RefusedRequest]) -> Result<(), sqlx::Error> {
    let columns = "refused_requests (request_id, at, org_id, key_id, secret_id, outcome, address, permitted)";
    insert_many(write, columns, 8, "ON CONFLICT DO NOTHING", refusals.iter(), |query, refused| {
        query
            .bind(refused.request_id.clone())
            .bind(refused.at.millis())
            .bind(refused.org)
            .bind(refused.key)
            .bind(refused.secret)
            .bind(refused.outcome.as_str())
            .bind(address_text(refused.address))
            .bind(refused.permitted.map(i64::from))
    })
    .await
}

/// Empty when the address is unknown.
pub fn address_text(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

type Bound<'q> = Query<'q, Any, AnyArguments>;

/// Inserts rows, many with each statement.
async fn insert_many<R>(
    write: &mut Write,
    columns: &str,
    width: usize,
    conflict: &str,
    rows: impl Iterator<Item = R>,
    bind: impl for<'q> Fn(Bound<'q>, &R) -> Bound<'q>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<R> = rows.collect();
    let text = |rows| format!("INSERT INTO {columns} VALUES {} {conflict}", row_placeholders(rows, width));
    let full: Arc<str> = text(ROWS_PER_STATEMENT).into();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        // Statements of many different lengths would evict the others from the statement cache.
        let is_full = rows.len() == ROWS_PER_STATEMENT;
        let text = if is_full { Arc::clone(&full) } else { text(rows.len()).into() };
        let query = sqlx::query(AssertSqlSafe(text)).persistent(is_full);
        rows.iter().fold(query, &bind).execute(&mut **write).await?;
    }
    Ok(())
}

/// Deletes rows that are too old, and callers beyond the limit.
pub async fn delete_before(
    write: &mut Write,
    before: Timestamp,
    refusals_before: Timestamp,
) -> Result<(), sqlx::Error> {
    let hour = hour_of(before);
    for (text, bound) in [
        ("DELETE FROM usage_hours WHERE hour < $1", hour),
        ("DELETE FROM usage_org_hours WHERE hour < $1", hour),
        ("DELETE FROM usage_days WHERE day < $1", day_of(hour)),
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
            MAX_CALLERS.into(),
        ),
    ] {
        sqlx::query(text).bind(bound).execute(&mut **write).await?;
    }
    Ok(())
}
