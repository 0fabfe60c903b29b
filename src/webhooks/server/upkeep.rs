//! Gives up deliveries that can no longer be delivered, and deletes old ones.

use std::time::Duration;

use super::metrics::{WebhookEnd, WebhookMetrics};
use super::store::{self, GiveUpReason};
use crate::platform::{App, Error};

/// How long deliveries are kept.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The maximum number of waiting deliveries of one endpoint.
const MAX_WAITING: i64 = 100_000;
/// Rows of one transaction.
const BATCH_SIZE: i64 = 1_000;

/// Gives up deliveries whose retry period is over, whose endpoint is off, or that exceed the backlog limit of their endpoint.
pub async fn upkeep(app: &App) -> Result<(), Error> {
    for why in [GiveUpReason::Expired, GiveUpReason::Off] {
        loop {
            let mut write = app.db.write().await?;
            let given_up = store::give_up(&mut write, why, app.clock.now(), BATCH_SIZE).await?;
            write.commit().await?;
            app.slice::<WebhookMetrics>().ended(WebhookEnd::GivenUp, given_up);
            if given_up < BATCH_SIZE as u64 {
                break;
            }
        }
    }
    trim_backlog(app, MAX_WAITING).await
}

/// Counts the deliveries that wait, for the metrics.
pub async fn count_waiting(app: &App) -> Result<(), Error> {
    let waiting = store::count_waiting(app.db.pool()).await?;
    app.slice::<WebhookMetrics>().set_waiting(waiting);
    Ok(())
}

/// Gives up the oldest deliveries of endpoints for which more than `most` wait.
pub async fn trim_backlog(app: &App, most: i64) -> Result<(), Error> {
    for (endpoint, mut excess) in store::over_backlog_limit(app.db.pool(), most).await? {
        while excess > 0 {
            let mut write = app.db.write().await?;
            let given_up = store::trim(&mut write, endpoint, app.clock.now(), excess.min(BATCH_SIZE)).await?;
            write.commit().await?;
            app.slice::<WebhookMetrics>().ended(WebhookEnd::GivenUp, given_up);
            if given_up == 0 {
                break;
            }
            tracing::warn!(%endpoint, given_up, "too many deliveries wait for a webhook; the oldest were given up");
            excess -= i64::try_from(given_up).unwrap_or(i64::MAX);
        }
    }
    Ok(())
}

/// Deletes what is older than the retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    upkeep(app).await?;
    let before = app.clock.now().minus(RETENTION);
    loop {
        let mut write = app.db.write().await?;
        let most = BATCH_SIZE as u64;
        let is_full = store::delete_attempts(&mut write, before, BATCH_SIZE).await? >= most
            || store::delete_deliveries(&mut write, before, BATCH_SIZE).await? >= most
            || store::delete_events(&mut write, before, BATCH_SIZE).await? >= most;
        if !is_full {
            store::delete_removed(&mut write).await?;
        }
        write.commit().await?;
        if !is_full {
            return Ok(());
        }
    }
}
