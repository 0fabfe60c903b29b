//! Counting on the server. Counts move one way: `counters` (in memory, per thread) → `writer` (a flush to the journal every
//! second) → `rollup` (from the journal to the tables) → `queries`.

mod batch;
mod callers;
mod chart;
mod counters;
mod journal;
mod live;
mod metrics;
mod nodes;
mod pending;
mod queries;
mod reason;
mod refusal_log;
mod refusals;
mod rollup;
mod store;
mod top_keys;
mod writer;

pub use batch::CallTotals;
pub use chart::{ChartRange, OutcomeChart, OutcomeCounts};
pub use counters::{KeyUse, Slot};
pub use live::{WatchedOrgs, changes_topic, publish_changes};
pub use metrics::UsageMetrics;
pub use pending::{Flush, Usage};
pub use queries::{
    SecretOutcome, Trend, callers_of, ended_but_used, has_pending_calls, hours_of, hours_of_org, sums, trends,
};
pub use reason::{outcome_ink, outcome_reason};
pub use refusal_log::{flood_start, refusal, refusals_of, refused_keys};
pub use rollup::{KeyCallbacks, roll_up_for, roll_up_when_due};
pub use store::{
    CallerRefusal, Hour, KeyCaller, RefusalFilter, RefusalPosition, RefusalReason, RefusalScope, RefusedKey,
};
pub use top_keys::{TopKey, top_keys};
pub use writer::{FLUSH_INTERVAL, write_journal};

use crate::platform::{App, Error};

/// Sets the metrics that are computed from memory.
pub fn measure(app: &App) {
    app.slice::<UsageMetrics>().set_unwritten(app.slice::<Usage>().unwritten());
}

/// Deletes what is older than the configured retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let before = now.minus(app.config.keys.usage_retention);
    store::delete_before(&mut write, before, now.minus(refusals::RETENTION)).await?;
    Ok(write.commit().await?)
}
