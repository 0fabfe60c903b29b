//! From the journal to the tables that are read: a portion at a time, and not faster than the machine has time for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::batch::Batch;
use super::flush::Usage;
use super::journal::PORTION;
use super::rest::rest;
use super::{journal, store};
use crate::platform::db::Write;
use crate::platform::metrics::UsageStep;
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId};

/// A server that has lines and neither writes down nor adds up for so long has ended: another adds them up.
const LEFT: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_secs(5);

/// What is done where keys and secrets stand: their tables belong to another slice.
#[derive(Clone, Copy)]
pub struct Tables {
    /// Adds a batch's totals.
    pub add: for<'a> fn(&'a mut Write, &'a Batch) -> Done<'a, ()>,
    /// Whose secrets are.
    pub owners: for<'a> fn(&'a mut Write, &'a [SecretId]) -> Done<'a, Owners>,
}

pub type Owners = HashMap<SecretId, KeyId>;
pub type Done<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;

/// Adds up what was written down by this server, and by those that have ended, in the tables that are read, for about so
/// long. What is left then is in the journal and waits.
pub async fn add_up_for(app: &App, tables: Tables, span: Duration) -> Result<(), Error> {
    let began = app.clock.steady();
    while add_up_portion(app, tables).await? && app.clock.steady().saturating_sub(began) < span {}
    Ok(())
}

/// The same when it is time, as far as it goes until it is time to write down again. After each portion it rests, the
/// longer the busier the server is.
pub async fn add_up_when_due(app: &App, tables: Tables) -> Result<(), Error> {
    let (usage, began) = (app.slice::<Usage>(), app.clock.steady());
    let busy = usage.busy.since_last_asked(began);
    let mut now = began;
    while usage.is_due(now) {
        let added = add_up_portion(app, tables).await;
        let done = app.clock.steady();
        let took = done.saturating_sub(now);
        let rest = rest(took, busy, usage.backlog().lines());
        usage.busy.leave_out(took);
        usage.rest_until(done + rest);
        if !added? || done + rest >= began + super::EVERY {
            break;
        }
        tokio::time::sleep(rest).await;
        now = app.clock.steady();
    }
    Ok(())
}

/// Adds up a part of what is to be added up. True when there is more.
async fn add_up_portion(app: &App, tables: Tables) -> Result<bool, Error> {
    let usage = app.slice::<Usage>();
    let _turn = usage.next.lock().await;
    // One in doubt may be among the lines: first it is made certain.
    if usage.is_in_doubt() {
        return Ok(false);
    }
    usage.is_wanted.store(false, Ordering::Relaxed);
    let added = move_portion(app, usage, tables).await;
    match added {
        Ok(false) => usage.added_at.store(app.clock.steady().as_millis() as u64, Ordering::Relaxed),
        // After an error it was perhaps committed, and readers see it twice: it is soon made certain.
        Ok(true) | Err(_) => usage.is_wanted.store(true, Ordering::Relaxed),
    }
    added.inspect_err(|_| app.metrics.operations.usage_failed(UsageStep::AddUp))
}

/// The lines go in the transaction that adds them, so that each is added once.
async fn move_portion(app: &App, usage: &Usage, tables: Tables) -> Result<bool, Error> {
    let nodes = match store::nodes_with_notes(app.db.pool()).await {
        Err(error) if store::is_wrongly_typed(&error) => return move_unreadable(app, None).await,
        nodes => nodes?,
    };
    let mut nodes = ours_or_left(app, usage, nodes);
    // What others have left is in nobody's memory: it comes first.
    nodes.sort_by_key(|node| node == app.node());
    let has_ours = nodes.iter().any(|node| node == app.node());
    if !has_ours {
        // It may have been done by a commit whose answer was lost, or by another server.
        let _gate = usage.gate.write().await;
        usage.backlog().clear();
    }
    if nodes.is_empty() {
        return Ok(false);
    }
    let mut write = app.db.write().await?;
    let mut batch = Batch::default();
    let (mut is_full, mut ours) = (false, None);
    for node in &nodes {
        while !is_full {
            let taken = match store::take_note(&mut write, node).await {
                Err(error) if store::is_wrongly_typed(&error) => {
                    drop(write);
                    return move_unreadable(app, Some(node)).await;
                }
                taken => taken?,
            };
            let Some((number, text)) = taken else { break };
            let is_ours = node == app.node();
            let known = if is_ours { usage.backlog().note(number) } else { None };
            if let Some(note) = known {
                note.lines.iter().for_each(|line| batch.add(line));
            } else if let Some(lines) = journal::read(&text) {
                let mut secrets: Vec<_> = lines.secrets().collect();
                secrets.dedup();
                let owners = (tables.owners)(&mut write, &secrets).await?;
                lines.owned(&owners).for_each(|line| batch.add(&line));
            } else {
                tracing::error!(node, number, "a row of usage_journal cannot be read and is set aside");
                store::set_aside(&mut write, node, number, &text, app.clock.now()).await?;
            }
            ours = Some(number).filter(|_| is_ours).or(ours);
            is_full = batch.callers.len() >= PORTION;
        }
    }
    store::add(&mut write, &batch).await?;
    (tables.add)(&mut write, &batch).await?;
    let _gate = usage.gate.write().await;
    write.commit().await?;
    if let Some(last) = ours {
        usage.backlog().forget_to(last);
    }
    // If another server has taken ours just now, the next look makes it certain.
    Ok(is_full || has_ours && ours.is_none())
}

/// Moves rows out of the way that would stop all others: those with values of a wrong type, or the first of a server.
/// True, as there may be more to add up.
async fn move_unreadable(app: &App, node: Option<&str>) -> Result<bool, Error> {
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

/// Another server that has lines in the journal: its first and last number there, since when they are these, and whether
/// it has ended, so that somebody else takes the first ones away.
pub struct Other {
    first: i64,
    last: i64,
    since: Duration,
    has_ended: bool,
}

/// Of the servers with notes, by their first and last numbers: this one, and those that have ended.
fn ours_or_left(app: &App, usage: &Usage, nodes: Vec<(String, i64, i64)>) -> Vec<String> {
    let now = app.clock.steady();
    let mut others = usage.others();
    others.retain(|known, _| nodes.iter().any(|(node, ..)| node == known));
    let mut is_left = |(node, first, last): &(String, i64, i64)| {
        if node == app.node() || app.db.is_ours_alone() {
            return true;
        }
        let new = Other { first: *first, last: *last, since: now, has_ended: false };
        let known = others.entry(node.clone()).or_insert(new);
        if known.last != *last || known.first != *first && !known.has_ended {
            *known = Other { first: *first, last: *last, since: now, has_ended: false };
        }
        known.has_ended |= now.saturating_sub(known.since) >= LEFT;
        known.has_ended
    };
    nodes.into_iter().filter(|node| is_left(node)).map(|(node, ..)| node).collect()
}

impl Usage {
    /// Is it time to add up what is written down? Soon when somebody reads, so that what is sorted by counts is right too;
    /// else now and then.
    fn is_due(&self, steady: Duration) -> bool {
        let at = |time: &std::sync::atomic::AtomicU64| Duration::from_millis(time.load(Ordering::Relaxed));
        steady >= at(&self.rests_until)
            && (steady.saturating_sub(at(&self.added_at)) >= EVERY || self.is_wanted.load(Ordering::Relaxed))
    }

    pub(super) fn add_up_soon(&self) {
        self.rest_until(Duration::ZERO);
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    fn rest_until(&self, steady: Duration) {
        self.rests_until.store(steady.as_millis() as u64, Ordering::Relaxed);
    }
}
