//! Queries about the usage of keys: the contents of the tables plus the counts that are not rolled up yet.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::batch::HourTotals;
use super::counters::{day_of, hour_of};
use super::pending::Usage;
use super::store::{CallerRefusal, Hour, KeyCaller, TREND_DAYS};
use super::{journal, store};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Accepted requests of each day, today last.
pub type Trend = [u64; TREND_DAYS];

/// The trends of several keys, without the keys that were not used in these days.
pub async fn trends(app: &App, keys: &[KeyId]) -> Result<HashMap<KeyId, Trend>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let first = day_of(hour_of(app.clock.now())) - (TREND_DAYS as i64 - 1);
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut trends: HashMap<KeyId, Trend> = HashMap::new();
    for (key, days) in store::trends(&mut *reading.db, keys, first).await? {
        trends.insert(key, days.map(unsigned));
    }
    for ((key, day), totals) in usage.pending(keys.iter().copied()).days {
        let index = usize::try_from(day - first).unwrap_or(usize::MAX);
        if index < TREND_DAYS && totals.calls > 0 {
            trends.entry(key).or_default()[index] += unsigned(totals.calls);
        }
    }
    Ok(trends)
}

/// The properties by which `sums` groups requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretOutcome {
    pub key: KeyId,
    pub secret: String,
    pub outcome: Outcome,
}

/// The requests of several keys since the hour of `from`, by secret and outcome.
pub async fn sums(app: &App, keys: &[KeyId], from: Timestamp) -> Result<HashMap<SecretOutcome, u64>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut sums = HashMap::new();
    for (key, secret, outcome, requests) in store::sums(&mut *reading.db, keys, from).await? {
        sums.insert(SecretOutcome { key, secret, outcome }, unsigned(requests));
    }
    for ((secret, hour, outcome), HourTotals { key, requests, .. }) in
        usage.pending(keys.iter().copied()).hours
    {
        if hour >= hour_of(from) {
            let sum = SecretOutcome { key, secret: secret.to_string(), outcome };
            *sums.entry(sum).or_default() += unsigned(requests);
        }
    }
    Ok(sums)
}

fn unsigned(requests: i64) -> u64 {
    u64::try_from(requests).unwrap_or(0)
}

/// The hours of a key since `from`, in ascending order.
pub async fn hours_of(app: &App, key: KeyId, from: Timestamp) -> Result<Vec<Hour>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut hours = store::hours(&mut *reading.db, key, from).await?;
    for ((secret, hour, outcome), HourTotals { requests, .. }) in usage.pending([key]).hours {
        if hour < hour_of(from) {
            continue;
        }
        let is_same = |stored: &&mut Hour| {
            (stored.hour, stored.outcome, &*stored.secret) == (hour, outcome, secret.as_str())
        };
        match hours.iter_mut().find(is_same) {
            Some(stored) => stored.requests += requests,
            None => hours.push(Hour { secret: secret.to_string(), hour, outcome, requests }),
        }
    }
    hours.sort_by_key(|hour| hour.hour);
    Ok(hours)
}

/// The requests of an organization since `from`, by hour and outcome. An hour can occur twice.
pub async fn hours_of_org(app: &App, org: OrgId, from: Timestamp) -> Result<Vec<(i64, Outcome, i64)>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut hours = store::org_hours(&mut *reading.db, org, from).await?;
    let pending = usage.pending_of_org(org).into_iter();
    let pending = pending.map(|((hour, outcome), requests)| (hour, outcome, requests));
    hours.extend(pending.filter(|(hour, ..)| *hour >= hour_of(from)));
    Ok(hours)
}

/// The callers of a key since `since`, the latest first. A caller occurs once for each secret that it sent.
pub async fn callers_of(app: &App, key: KeyId, since: Timestamp) -> Result<Vec<KeyCaller>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut callers = store::callers(&mut *reading.db, key, since).await?;
    for (caller, totals) in usage.pending([key]).callers {
        let pending = KeyCaller {
            secret: caller.secret.to_string(),
            address: store::address_text(caller.address),
            user_agent: caller.user_agent.to_string(),
            first_at: totals.first_at,
            last_at: totals.last_at,
            accepted_at: store::accepted(totals.accepted_at),
            requests: totals.requests,
            refusal: totals.refusal.map(|(at, outcome)| CallerRefusal {
                outcome,
                at,
                requests: totals.refused,
            }),
        };
        let is_same = |stored: &&mut KeyCaller| {
            (&stored.secret, &stored.address, &stored.user_agent)
                == (&pending.secret, &pending.address, &pending.user_agent)
        };
        match callers.iter_mut().find(is_same) {
            Some(stored) => {
                stored.requests += pending.requests;
                stored.last_at = stored.last_at.max(pending.last_at);
                stored.accepted_at = stored.accepted_at.max(pending.accepted_at);
                stored.refusal = CallerRefusal::merge(stored.refusal, pending.refusal);
            }
            None => callers.push(pending),
        }
    }
    callers.sort_by_key(|caller| Reverse(caller.last_at));
    Ok(callers)
}

/// The revoked and expired keys of an organization that were used since a time, the most used first. Counts that are not rolled up
/// yet are not included.
pub async fn ended_but_used(
    app: &App,
    org: OrgId,
    from: Timestamp,
    most: usize,
) -> Result<Vec<(KeyId, u64)>, Error> {
    let keys = store::ended_but_used(app.db.pool(), org, from, most).await?;
    Ok(keys.into_iter().map(|(key, requests)| (key, unsigned(requests))).collect())
}

/// Whether a key's secret was accepted in requests that are not yet rolled up: those that this server counted, and those
/// that others have written to the journal.
pub async fn has_pending_calls(
    app: &App,
    write: &mut Write,
    key: KeyId,
    secret: SecretId,
) -> Result<bool, Error> {
    if app.slice::<Usage>().pending([key]).secrets.contains_key(&secret) {
        return Ok(true);
    }
    let rows = store::rows_of_others_with(write, app.node(), secret).await?;
    Ok(rows.iter().filter_map(|row| journal::read(row)).any(|lines| lines.accepts(secret)))
}
