//! Reading how keys are used, with what is not yet added up laid over.

use std::collections::HashMap;

use super::batch::Of;
use super::flush::Usage;
use super::store::{self, Caller, Hour};
use super::tally::{DAY_IN_HOURS, HOUR};
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Timestamp};
use crate::usage::Outcome;

/// Days of a sparkline.
pub const TREND: usize = 14;

/// Accepted requests of each day, today last.
pub type Trend = [u64; TREND];

/// The trends of a page of keys; a key without one has not been used in these days. One query.
pub async fn trends(app: &App, keys: &[KeyId]) -> Result<HashMap<KeyId, Trend>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let today = app.clock.now().millis().div_euclid(HOUR * DAY_IN_HOURS);
    let first = today - (TREND as i64 - 1);
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let written = store::trends(&mut *reading.db, keys, first).await?;
    let pending = usage.pending(keys.iter().copied());
    let mut trends: HashMap<KeyId, Trend> = HashMap::new();
    let mut add = |key: KeyId, day: i64, calls: i64| {
        if let Some(place) = usize::try_from(day - first).ok().filter(|place| *place < TREND) {
            trends.entry(key).or_default()[place] += u64::try_from(calls).unwrap_or(0);
        }
    };
    for (key, trend) in &written {
        for (day, calls) in (first..).zip(trend) {
            add(*key, day, *calls);
        }
    }
    for key in keys {
        for ((_, day), calls) in pending.days.range((*key, i64::MIN)..=(*key, i64::MAX)) {
            add(*key, *day, *calls);
        }
    }
    Ok(trends)
}

/// What a key's hours are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    pub key: KeyId,
    pub secret: String,
    pub outcome: Outcome,
}

/// The requests of several keys since a moment (its whole hour), by secret and outcome.
pub async fn sums(app: &App, keys: &[KeyId], from: Timestamp) -> Result<HashMap<Slice, u64>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut sums: HashMap<Slice, u64> = HashMap::new();
    for (key, secret, outcome, requests) in store::sums(&mut *reading.db, keys, from).await? {
        *sums.entry(Slice { key, secret, outcome }).or_default() += u64::try_from(requests).unwrap_or(0);
    }
    let first = from.millis().div_euclid(HOUR);
    for ((secret, hour, outcome), Of { key, requests, .. }) in &usage.pending(keys.iter().copied()).hours {
        if *hour >= first {
            let slice = Slice { key: *key, secret: secret.to_string(), outcome: *outcome };
            *sums.entry(slice).or_default() += u64::try_from(*requests).unwrap_or(0);
        }
    }
    Ok(sums)
}

/// A key's hours since a moment, in their order.
pub async fn hours_of(app: &App, key: KeyId, from: Timestamp) -> Result<Vec<Hour>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut hours = store::hours(&mut *reading.db, key, from).await?;
    let first = from.millis().div_euclid(HOUR);
    for ((secret, hour, outcome), Of { requests, .. }) in &usage.pending([key]).hours {
        if *hour < first {
            continue;
        }
        let same = |known: &&mut Hour| {
            (known.hour, known.outcome, &*known.secret) == (*hour, *outcome, secret.as_str())
        };
        match hours.iter_mut().find(same) {
            Some(known) => known.requests += requests,
            None => hours.push(Hour {
                secret: secret.to_string(),
                hour: *hour,
                outcome: *outcome,
                requests: *requests,
            }),
        }
    }
    hours.sort_by_key(|hour| hour.hour);
    Ok(hours)
}

/// An organization's requests by hour and outcome since a moment; the same hour may come twice.
pub async fn hours_of_org(app: &App, org: OrgId, from: Timestamp) -> Result<Vec<(i64, Outcome, i64)>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut hours = store::org_hours(&mut *reading.db, org, from).await?;
    let first = from.millis().div_euclid(HOUR);
    let pending = usage.pending_of(org).into_iter().filter(|((_, hour, _), _)| *hour >= first);
    hours.extend(pending.map(|((_, hour, outcome), requests)| (hour, outcome, requests)));
    Ok(hours)
}

/// Who used a key since a moment, the latest first; each once for every secret that it sent.
pub async fn callers_of(app: &App, key: KeyId, since: Timestamp) -> Result<Vec<Caller>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut callers = store::callers(&mut *reading.db, key, since).await?;
    for (caller, totals) in &usage.pending([key]).callers {
        let (secret, address) = (caller.secret.to_string(), store::text_of(caller.address));
        let known = callers.iter_mut().find(|known| {
            (&*known.secret, &*known.address, &*known.user_agent)
                == (&*secret, &*address, &*caller.user_agent)
        });
        match known {
            Some(known) => {
                known.requests += totals.requests;
                known.last_at = known.last_at.max(totals.last_at);
                known.accepted_at = known.accepted_at.max(store::accepted(totals.accepted_at));
            }
            None => callers.push(Caller {
                secret,
                address,
                user_agent: caller.user_agent.to_string(),
                first_at: totals.first_at,
                last_at: totals.last_at,
                accepted_at: store::accepted(totals.accepted_at),
                requests: totals.requests,
            }),
        }
    }
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.last_at));
    Ok(callers)
}

/// Keys of an organization that have ended and were tried since a moment, the most tried first. What is not yet added up
/// is left out: seconds as a rule.
pub async fn dead(app: &App, org: OrgId, from: Timestamp, most: usize) -> Result<Vec<(KeyId, u64)>, Error> {
    let dead = store::dead(app.db.pool(), org, from, most).await?;
    Ok(dead.into_iter().map(|(key, requests)| (key, u64::try_from(requests).unwrap_or(0))).collect())
}
