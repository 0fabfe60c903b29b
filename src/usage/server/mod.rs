//! Counting on the server.

mod batch;
mod flush;
mod read;
mod store;
mod tally;

pub use batch::{Batch, Totals};
pub use flush::{Usage, flush};
pub use read::{Slice, TREND, Trend, callers_of, dead, hours_of, hours_of_org, sums, trends};
pub use store::{Caller, Hour, callers, days, hours, org_hours};
pub use tally::Use;

use std::collections::HashMap;
use std::time::Duration;

use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};

/// How often what was counted is written.
pub const EVERY: Duration = Duration::from_secs(1);

/// Accepted requests of each key in the hours from a moment on, written or not.
pub async fn calls_since(app: &App, keys: &[KeyId], from: Timestamp) -> Result<HashMap<KeyId, i64>, Error> {
    let usage = app.slice::<Usage>();
    let _reading = usage.reading().await;
    let mut calls = store::calls_since(app.db.pool(), keys, from).await?;
    let unwritten = usage.unwritten();
    for key in keys {
        if let Some(totals) = key.compact().and_then(|compact| unwritten.keys.get(&compact)) {
            *calls.entry(key.clone()).or_default() += totals.calls;
        }
    }
    Ok(calls)
}

/// A key's hours from a moment on, and who used it since, written or not.
pub async fn of_key(app: &App, key: &KeyId, from: Timestamp) -> Result<(Vec<Hour>, Vec<Caller>), Error> {
    let usage = app.slice::<Usage>();
    let _reading = usage.reading().await;
    let mut hours = hours(app.db.pool(), key, from).await?;
    let mut callers = callers(app.db.pool(), key, from).await?;
    let Some(compact) = key.compact() else { return Ok((hours, callers)) };
    let unwritten = usage.unwritten();
    let first = from.millis().div_euclid(tally::HOUR);
    for ((secret, hour, outcome), (of, requests)) in unwritten.hours {
        if of != compact || hour < first {
            continue;
        }
        let same = |known: &&mut Hour| {
            (known.hour, known.outcome, &*known.secret) == (hour, outcome, secret.as_str())
        };
        match hours.iter_mut().find(same) {
            Some(known) => known.requests += requests,
            None => hours.push(Hour { secret: secret.to_string(), hour, outcome, requests }),
        }
    }
    for (caller, sum) in unwritten.callers {
        if caller.key != compact {
            continue;
        }
        let same =
            |known: &&mut Caller| known.address == caller.address && known.user_agent == caller.user_agent;
        match callers.iter_mut().find(same) {
            Some(known) => {
                known.requests += sum.calls;
                known.last_at = known.last_at.max(sum.last_at);
            }
            None => callers.push(Caller {
                address: caller.address,
                user_agent: caller.user_agent,
                first_at: sum.last_at,
                last_at: sum.last_at,
                requests: sum.calls,
            }),
        }
    }
    hours.sort_by_key(|hour| hour.hour);
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.last_at));
    Ok((hours, callers))
}

/// Deletes what is older than the configured retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let before = app.clock.now().minus(app.config.keys.usage_retention);
    let mut write = app.db.write().await?;
    store::delete_before(&mut write, before).await?;
    write.commit().await?;
    Ok(())
}
