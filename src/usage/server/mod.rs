//! Counting on the server.

mod batch;
mod flush;
mod read;
mod store;
mod tally;

pub use batch::{Batch, Totals};
pub use flush::{Usage, flush};
pub use read::{Slice, TREND, Trend, callers_of, dead, hours_of, hours_of_org, sums, trends};
pub use store::{Caller, Hour};
pub use tally::Use;

use std::time::Duration;

use crate::platform::{App, Error};

/// How often what was counted is written.
pub const EVERY: Duration = Duration::from_secs(1);

/// Deletes what is older than the configured retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let before = app.clock.now().minus(app.config.keys.usage_retention);
    let mut write = app.db.write().await?;
    store::delete_before(&mut write, before).await?;
    write.commit().await?;
    Ok(())
}
