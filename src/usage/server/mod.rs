//! Counting on the server.

mod add_up;
mod backlog;
mod batch;
mod callers;
mod flush;
mod journal;
mod read;
mod refusals;
mod rest;
mod store;
mod tally;

pub use add_up::{Tables, add_up_for, add_up_when_due};
pub use batch::Totals;
#[cfg(test)]
pub use flush::join;
pub use flush::{Flight, Usage, join_when_much, write_down};
pub use journal::Line;
pub use read::{Slice, TREND, Trend, callers_of, dead, hours_of, hours_of_org, sums, trends};
pub use refusals::{Reason, refusal};
pub use store::{Caller, Hour};
pub use tally::Use;

use std::time::Duration;

use crate::platform::{App, Error};

/// How often what was counted is written down.
pub const EVERY: Duration = Duration::from_secs(1);

/// Figures for the metrics, from memory.
pub fn measure(app: &App) {
    app.metrics.operations.set_usage_unwritten(app.slice::<Usage>().unwritten());
}

/// Deletes what is older than the configured retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let before = app.clock.now().minus(app.config.keys.usage_retention);
    let mut write = app.db.write().await?;
    store::delete_before(&mut write, before, app.clock.now().minus(refusals::KEPT)).await?;
    write.commit().await?;
    Ok(())
}
