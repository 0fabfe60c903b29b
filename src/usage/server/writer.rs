//! Moves counts from memory to the journal, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::{UsageMetrics, UsageStep};
use super::pending::{Flush, Usage};
use super::{journal, store};
use crate::platform::{App, Error};

/// How often counts are written to the journal.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Writes what was counted. After an error the same flush is written again under the same number, so that a commit whose
/// response was lost is not repeated. Returns None when there was nothing to write.
pub async fn write_journal(app: &App) -> Result<Option<Arc<Flush>>, Error> {
    let usage = app.slice::<Usage>();
    let mut worker = usage.worker().await;
    let Some(flush) = usage.begin_flush(&mut worker) else { return Ok(None) };
    let written = app.db.in_time(&usage.flush_limit, write(app, &flush)).await;
    written.inspect_err(|_| app.slice::<UsageMetrics>().failed(UsageStep::Flush))?;
    usage.finish_flush(&flush);
    Ok(Some(flush))
}

async fn write(app: &App, flush: &Flush) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if !store::claim(&mut write, app.node(), flush.number, app.clock.now()).await? {
        return Ok(()); // It was committed before.
    }
    for (number, lines) in flush.rows() {
        let counts = journal::write(lines).map_err(|error| Error::internal(error.to_string()))?;
        store::insert_row(&mut write, app.node(), number, counts).await?;
    }
    store::add_refusals(&mut write, &flush.refusals).await?;
    Ok(write.commit().await?)
}
