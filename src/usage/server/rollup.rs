//! Moves counts from the journal to the tables that pages read, in portions with one transaction each, so that other writers get
//! their turn.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use super::batch::Batch;
use super::metrics::{UsageMetrics, UsageStep};
use super::nodes::JournalNode;
use super::pending::{ROW_LINES, Usage, Worker};
use super::writer::FLUSH_INTERVAL;
use super::{journal, store};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId};

/// The pause between roll-ups. The requests of several flushes with the same slot are rolled up as one.
const INTERVAL: Duration = Duration::from_secs(5);
/// A portion is full when it updates this many callers.
const PORTION_CALLERS: usize = ROW_LINES;

/// Callbacks with which the keys slice updates its own tables.
#[derive(Clone, Copy)]
pub struct KeyCallbacks {
    /// Returns the keys that were used for the first time.
    pub add_totals: for<'a> fn(&'a mut Write, &'a Batch) -> KeyCallbackFuture<'a, Vec<KeyId>>,
    pub owners: for<'a> fn(&'a mut Write, &'a [SecretId]) -> KeyCallbackFuture<'a, SecretOwners>,
    /// Runs in the same transaction.
    pub on_first_uses: for<'a> fn(&'a App, &'a mut Write, &'a [KeyId]) -> ListenerFuture<'a>,
}

/// The keys that secrets belong to.
pub type SecretOwners = HashMap<SecretId, KeyId>;
pub type ListenerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;
pub type KeyCallbackFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;

/// Rolls up the rows of this server and of those that have stopped, for about this long.
pub async fn roll_up_for(app: &App, tables: KeyCallbacks, span: Duration) -> Result<(), Error> {
    let began = app.clock.steady();
    loop {
        let mut worker = app.slice::<Usage>().worker().await;
        let has_more = roll_up_portion(app, &mut worker, tables).await?;
        if !has_more || app.clock.steady().saturating_sub(began) >= span {
            return Ok(());
        }
    }
}

/// Rolls up if a roll-up is due, until it is time for the next flush.
pub async fn roll_up_when_due(app: &App, tables: KeyCallbacks) -> Result<(), Error> {
    let (usage, began) = (app.slice::<Usage>(), app.clock.steady());
    loop {
        let mut worker = usage.worker().await;
        let portion_began = app.clock.steady();
        if portion_began < worker.rollup_due || portion_began.saturating_sub(began) >= FLUSH_INTERVAL {
            return Ok(());
        }
        let has_more = roll_up_portion(app, &mut worker, tables).await?;
        let now = app.clock.steady();
        let took = now.saturating_sub(portion_began);
        let pause = if has_more { pause(took, worker.is_idle, usage.journaled_lines()) } else { INTERVAL };
        worker.rollup_due = now + pause;
    }
}

/// The pause after a portion. While requests come in, rolling up takes about a twentieth of one processor. The waiting lines are in
/// memory, so there is no pause when they are too many.
fn pause(took: Duration, is_idle: bool, waiting_lines: usize) -> Duration {
    const MAX_WAITING: usize = 200_000;
    // After thirty seconds, another server would assume that this one has stopped.
    const MAX_PAUSE: Duration = Duration::from_secs(10);
    if is_idle || waiting_lines > MAX_WAITING { Duration::ZERO } else { (took * 20).min(MAX_PAUSE) }
}

/// Rolls up one portion. Returns true when there is more to roll up.
async fn roll_up_portion(app: &App, worker: &mut Worker, tables: KeyCallbacks) -> Result<bool, Error> {
    let usage = app.slice::<Usage>();
    // The rows of a flush in doubt may be in the journal, so it must be written again first.
    if usage.is_in_doubt() {
        return Ok(false);
    }
    let moved = app.db.in_time(&usage.portion_limit, move_portion(app, usage, worker, tables)).await;
    moved.inspect_err(|_| app.slice::<UsageMetrics>().failed(UsageStep::RollUp))
}

/// Adds the lines of a portion to the tables, and deletes its rows in the same transaction, so that each is added once.
async fn move_portion(
    app: &App,
    usage: &Usage,
    worker: &mut Worker,
    tables: KeyCallbacks,
) -> Result<bool, Error> {
    let nodes = match store::journal_nodes(app.db.pool()).await {
        Err(error) if store::is_wrongly_typed(&error) => return set_wrongly_typed_aside(app, None).await,
        nodes => nodes?,
    };
    let nodes = nodes_to_roll_up(app, worker, nodes);
    let has_own = nodes.iter().any(|node| node == app.node());
    if !has_own {
        // Own rows were rolled up by a commit whose response was lost, or by another server.
        let gate = usage.close_gate().await;
        usage.forget_rows(i64::MAX, &gate);
    }
    if nodes.is_empty() {
        return Ok(false);
    }
    let mut write = app.db.write().await?;
    let (mut batch, mut last_own) = (Batch::default(), None);
    let is_full = |batch: &Batch| batch.callers.len() >= PORTION_CALLERS;
    for node in &nodes {
        while !is_full(&batch) {
            let row = match store::take_row(&mut write, node).await {
                Err(error) if store::is_wrongly_typed(&error) => {
                    drop(write); // A failed statement ends a transaction.
                    return set_wrongly_typed_aside(app, Some(node)).await;
                }
                row => row?,
            };
            let Some((number, counts)) = row else { break };
            if node == app.node() {
                last_own = Some(number);
            }
            if let Some(lines) = journal::read(&counts) {
                let mut secrets: Vec<SecretId> = lines.secrets().collect();
                secrets.dedup();
                let owners = (tables.owners)(&mut write, &secrets).await?;
                lines.owned(&owners).for_each(|(slot, count)| batch.add(&slot, &count));
            } else {
                tracing::error!(node, number, "a row of usage_journal cannot be read and is set aside");
                store::set_aside(&mut write, node, number, &counts, app.clock.now()).await?;
            }
        }
    }
    store::add(&mut write, &batch).await?;
    let first_used = (tables.add_totals)(&mut write, &batch).await?;
    (tables.on_first_uses)(app, &mut write, &first_used).await?;
    let gate = usage.close_gate().await;
    write.commit().await?;
    if let Some(last) = last_own {
        usage.forget_rows(last, &gate);
    }
    // If another server has just taken the own rows, the next portion finds out.
    Ok(is_full(&batch) || (has_own && last_own.is_none()))
}

/// The servers that have stopped, and then this one. The former come first, because their counts are in no server's memory.
fn nodes_to_roll_up(app: &App, worker: &mut Worker, nodes: Vec<JournalNode>) -> Vec<String> {
    let now = app.clock.steady();
    worker.others.retain(&nodes);
    let (own, others): (Vec<_>, Vec<_>) = nodes.into_iter().partition(|node| node.name == app.node());
    let mut has_stopped = |node: &JournalNode| app.db.is_exclusive() || worker.others.has_stopped(node, now);
    let stopped: Vec<_> = others.into_iter().filter(|node| has_stopped(node)).collect();
    stopped.into_iter().chain(own).map(|node| node.name).collect()
}

/// Sets rows aside that would block all others: those with values of a wrong type or, if there are none, the first row of a server.
/// Returns true, because there may be more to roll up.
async fn set_wrongly_typed_aside(app: &App, node: Option<&str>) -> Result<bool, Error> {
    let mut write = app.db.write().await?;
    let mut moved = store::move_wrongly_typed(&mut write, app.clock.now()).await?;
    if moved == 0
        && let Some(node) = node
    {
        moved = store::move_first(&mut write, node, app.clock.now()).await?;
    }
    write.commit().await?;
    if moved == 0 {
        return Err(Error::internal("usage_journal has a row that cannot be read, and it was not found"));
    }
    tracing::error!(
        "{moved} rows of usage_journal cannot be read and were moved to usage_journal_unreadable"
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_up_pauses_unless_the_server_is_idle_or_too_much_waits() {
        let took = Duration::from_millis(100);
        assert_eq!(pause(took, false, 10), 20 * took);
        assert_eq!(pause(took * 100, false, 10), Duration::from_secs(10));
        assert_eq!(pause(took, true, 10), Duration::ZERO);
        assert_eq!(pause(took, false, 1_000_000), Duration::ZERO);
    }
}
