//! From memory to the database, and the overlay for readers in between: written down every second, added up in the tables
//! that are read a little later.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_str::SmolStr;
use sqlx::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::batch::Batch;
use super::journal::{self, Line, Note};
use super::refusals::{Refusals, Refused};
use super::store;
use super::tally::{Tally, Use};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{Compact, SecretId, Timestamp};
use crate::usage::Outcome;

/// What is counted and not yet added up, for an app.
pub struct Usage {
    tally: Tally,
    refusals: Refusals,
    /// Taken for writing, until the commit is certain.
    flying: Mutex<Option<Arc<Flight>>>,
    /// Written down by this process and not yet added up, by number.
    journal: Mutex<BTreeMap<i64, Arc<Note>>>,
    /// Held while what is added up is committed, so that a reader sees a count in the database or in memory, never in both.
    gate: RwLock<()>,
    /// The number of the next flush. One at a time, and none while a portion of the journal is added up.
    next: tokio::sync::Mutex<i64>,
    /// When the journal was last added up, by the steady clock in milliseconds; whether that is wanted soon again.
    added_at: AtomicU64,
    is_wanted: AtomicBool,
    /// Other servers that have lines in the journal: the last number of each, and since when.
    others: Mutex<HashMap<String, (i64, Duration)>>,
    seen: Mutex<Seen>,
}

/// What a reader holds: first a connection, then the gate, as those who write do. The other way round, a writer at the gate
/// and a reader that waits for a connection would wait for each other.
pub struct Reading<'a> {
    pub db: PoolConnection<Any>,
    _gate: RwLockReadGuard<'a, ()>,
}

/// What one flush writes.
pub struct Flight {
    number: i64,
    notes: Vec<Arc<Note>>,
    refusals: Vec<Refused>,
}

impl Flight {
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.notes.iter().flat_map(|note| &note.lines)
    }
}

/// Callers that this process has written in the hour, as short hashes: of two that are taken for one both are told apart.
#[derive(Default)]
struct Seen {
    hour: i64,
    /// Of keys with one, which is most keys, and there may be a million of them: by the end of the key's identifier.
    one: HashMap<[u8; 8], [u8; 4]>,
    several: HashMap<Compact, Vec<[u8; 4]>>,
}

impl Seen {
    /// May this caller of the key be told apart?
    fn tells_apart(&mut self, key: Compact, caller: [u8; 4]) -> bool {
        if let Some(known) = self.several.get_mut(&key) {
            let is_known = known.contains(&caller);
            let room = known.len() < MOST_CALLERS;
            if room && !is_known {
                known.push(caller);
            }
            return is_known || room;
        }
        let first = *self.one.entry(key.tail()).or_insert(caller);
        if first != caller {
            self.one.remove(&key.tail());
            self.several.insert(key, vec![first, caller]);
        }
        true
    }
}

/// Beyond this many, callers of a key are counted together.
pub const MOST_CALLERS: usize = 100;

const ADDED_UP_EVERY: Duration = Duration::from_secs(5);
/// So many lines that are not yet added up are enough.
const LARGE: usize = 20_000;
/// So many callers are added up in one transaction, about, and so many lines stand in one text: others that write need not
/// wait for all.
const PORTION: usize = 2_000;
/// A server that has lines and writes no more down for so long has ended: another adds them up.
const LEFT: Duration = Duration::from_secs(30);

/// Adds a batch's totals where keys and secrets stand: their tables belong to another slice.
pub type AddTotals = for<'a> fn(
    &'a mut Write,
    &'a Batch,
) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>>;

impl Default for Usage {
    fn default() -> Self {
        Self {
            tally: Tally::new(),
            refusals: Refusals::default(),
            flying: Mutex::default(),
            journal: Mutex::default(),
            gate: RwLock::default(),
            next: tokio::sync::Mutex::new(1),
            added_at: AtomicU64::new(0),
            is_wanted: AtomicBool::new(false),
            others: Mutex::default(),
            seen: Mutex::default(),
        }
    }
}

impl Usage {
    /// Never waits for anything but the moment of a flush.
    pub fn count(&self, now: Timestamp, used: &Use) {
        self.tally.count(now, used);
        if used.outcome != Outcome::Valid {
            self.refusals.note(now, used);
        }
    }

    /// For reading what is added up and then laying the rest over it.
    pub async fn reading(&self, app: &App) -> Result<Reading<'_>, Error> {
        self.is_wanted.store(true, Ordering::Relaxed);
        let db = app.db.pool().acquire().await?;
        Ok(Reading { db, _gate: self.gate.read().await })
    }

    /// What is counted and not yet added up.
    pub fn pending(&self) -> Batch {
        let mut batch = Batch::default();
        // Held to the end: nothing moves on from one place to the next while it is looked for in both.
        let flying = lock(&self.flying);
        let journal: Vec<_> = lock(&self.journal).values().cloned().collect();
        journal.iter().flat_map(|note| &note.lines).for_each(|line| batch.add(line));
        flying.iter().flat_map(|flight| flight.lines()).for_each(|line| batch.add(line));
        self.tally.each(|slot, count| batch.add(&Line::of(slot, count)));
        batch
    }

    /// Refusals that are not yet written.
    pub fn refusals(&self) -> Vec<Refused> {
        let flying = lock(&self.flying);
        let mut refusals = flying.as_ref().map(|flight| flight.refusals.clone()).unwrap_or_default();
        refusals.extend(self.refusals.waiting());
        refusals
    }

    /// Was a secret accepted lately, by what this server counts or any has written down?
    pub async fn has_counted(&self, write: &mut Write, secret: SecretId) -> Result<bool, Error> {
        if self.pending().secrets.contains_key(&secret) {
            return Ok(true);
        }
        let texts = store::notes_with(write, secret).await?;
        let mut lines = texts.iter().filter_map(|text| journal::read(text)).flatten();
        Ok(lines.any(|line| line.secret == secret && line.outcome == Outcome::Valid))
    }

    /// Of the servers with notes and their last numbers: this one, and those that write nothing down any more.
    fn ours_or_left(&self, app: &App, nodes: Vec<(String, i64)>) -> Vec<String> {
        let now = app.clock.steady();
        let mut others = lock(&self.others);
        others.retain(|known, _| nodes.iter().any(|(node, _)| node == known));
        let mut is_left = |(node, last): &(String, i64)| {
            if node == app.node() || app.db.is_ours_alone() {
                return true;
            }
            let known = others.entry(node.clone()).or_insert((*last, now));
            if known.0 != *last {
                *known = (*last, now);
            }
            now.saturating_sub(known.1) >= LEFT
        };
        nodes.into_iter().filter(|node| is_left(node)).map(|(node, _)| node).collect()
    }

    /// What to write now: that whose commit was in doubt, or what has come together since.
    fn take_off(&self, next: &mut i64) -> Option<Arc<Flight>> {
        let mut flying = lock(&self.flying);
        if flying.is_none() {
            let taken = self.tally.take();
            let mut lines: Vec<Line> =
                taken.iter().flatten().map(|(slot, count)| Line::of(slot, count)).collect();
            let refusals = self.refusals.take();
            if !lines.is_empty() || !refusals.is_empty() {
                self.join_callers(&mut lines);
                journal::join(&mut lines);
                let number = *next;
                let notes = journal::notes(lines, PORTION, number);
                *next += notes.len().max(1) as i64;
                *flying = Some(Arc::new(Flight { number, notes, refusals }));
            }
        }
        flying.clone()
    }

    fn land(&self, flight: &Arc<Flight>) {
        let (mut flying, mut journal) = (lock(&self.flying), lock(&self.journal));
        journal.extend(flight.notes.iter().map(|note| (note.number, Arc::clone(note))));
        *flying = None;
    }

    /// Lets at most `MOST_CALLERS` of a key through in an hour; the rest is counted together.
    fn join_callers(&self, lines: &mut [Line]) {
        let Some(hour) = lines.iter().map(|line| line.hour).max() else { return };
        let mut seen = lock(&self.seen);
        if seen.hour != hour {
            *seen = Seen { hour, ..Seen::default() };
        }
        for line in lines {
            if !seen.tells_apart(line.key, hash_of(line)) {
                line.address = None;
                line.user_agent = SmolStr::default();
            }
        }
    }

    /// Is it time to add up what is written down? Soon when somebody reads, so that what is sorted by counts is right too;
    /// else now and then, or when it grows large.
    fn is_due(&self, steady: Duration) -> bool {
        let waited = steady.saturating_sub(Duration::from_millis(self.added_at.load(Ordering::Relaxed)));
        waited >= ADDED_UP_EVERY
            || lock(&self.journal).values().map(|note| note.lines.len()).sum::<usize>() >= LARGE
            || self.is_wanted.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash_of(line: &Line) -> [u8; 4] {
    let mut hasher = DefaultHasher::new();
    (line.secret, line.address, &line.user_agent).hash(&mut hasher);
    (hasher.finish() as u32).to_ne_bytes()
}

/// Writes down what was counted, in one transaction. After an error it is tried again with the next flush, under the same
/// number, so that a commit that did happen is not counted twice.
pub async fn write_down(app: &App) -> Result<Option<Arc<Flight>>, Error> {
    let usage = app.slice::<Usage>();
    let mut next = usage.next.lock().await;
    let Some(flight) = usage.take_off(&mut next) else { return Ok(None) };
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    if store::claim(&mut write, app.node(), flight.number, now).await? {
        for note in &flight.notes {
            let text = note.text().map_err(|error| Error::internal(error.to_string()))?;
            store::note(&mut write, app.node(), note.number, text).await?;
        }
        store::add_refusals(&mut write, &flight.refusals).await?;
        write.commit().await?;
    }
    usage.land(&flight);
    Ok(Some(flight))
}

/// Adds up what was written down by this server, and by those that have ended, in the tables that are read.
pub async fn add_up(app: &App, add_totals: AddTotals) -> Result<(), Error> {
    while add_up_portion(app, add_totals).await? {}
    Ok(())
}

/// The same when it is time, as far as it goes until it is time to write down again.
pub async fn add_up_when_due(app: &App, add_totals: AddTotals) -> Result<(), Error> {
    let (usage, began) = (app.slice::<Usage>(), app.clock.steady());
    if usage.is_due(began) {
        while add_up_portion(app, add_totals).await?
            && app.clock.steady().saturating_sub(began) < super::EVERY
        {}
    }
    Ok(())
}

/// Adds up a part of what is to be added up. True when there is more.
async fn add_up_portion(app: &App, add_totals: AddTotals) -> Result<bool, Error> {
    let usage = app.slice::<Usage>();
    let _turn = usage.next.lock().await;
    // One in doubt may be among the lines: first it is made certain.
    if lock(&usage.flying).is_some() {
        return Ok(false);
    }
    usage.is_wanted.store(false, Ordering::Relaxed);
    let added = move_portion(app, usage, add_totals).await;
    match added {
        Ok(false) => usage.added_at.store(app.clock.steady().as_millis() as u64, Ordering::Relaxed),
        // After an error it was perhaps committed, and readers see it twice: it is soon made certain.
        Ok(true) | Err(_) => usage.is_wanted.store(true, Ordering::Relaxed),
    }
    added
}

/// The lines go in the transaction that adds them, so that each is added once.
async fn move_portion(app: &App, usage: &Usage, add_totals: AddTotals) -> Result<bool, Error> {
    let nodes = store::nodes_with_notes(app.db.pool()).await?;
    let nodes = usage.ours_or_left(app, nodes);
    let has_ours = nodes.iter().any(|node| node == app.node());
    if !has_ours {
        // It may have been done by a commit whose answer was lost, or by another server.
        let _gate = usage.gate.write().await;
        lock(&usage.journal).clear();
    }
    if nodes.is_empty() {
        return Ok(false);
    }
    let mut write = app.db.write().await?;
    let mut batch = Batch::default();
    let (mut is_full, mut ours) = (false, None);
    for node in &nodes {
        while !is_full && let Some((number, text)) = store::take_note(&mut write, node).await? {
            match journal::read(&text) {
                Some(lines) => lines.iter().for_each(|line| batch.add(line)),
                None => {
                    tracing::error!(node, number, "a row of usage_journal cannot be read and is left out")
                }
            }
            ours = Some(number).filter(|_| node == app.node()).or(ours);
            is_full = batch.callers.len() >= PORTION;
        }
    }
    store::add(&mut write, &batch).await?;
    add_totals(&mut write, &batch).await?;
    let _gate = usage.gate.write().await;
    write.commit().await?;
    if let Some(last) = ours {
        lock(&usage.journal).retain(|number, _| *number > last);
    }
    // If another server has taken ours just now, the next look makes it certain.
    Ok(is_full || has_ours && ours.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::KeyId;

    #[test]
    fn a_hundred_callers_of_a_key_are_told_apart() {
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier");
        let mut seen = Seen::default();
        let caller = |n: u32| n.to_ne_bytes();
        let most = MOST_CALLERS as u32;
        for round in 0..2 {
            assert!((0..most).all(|n| seen.tells_apart(key(1), caller(n))), "{round}");
            assert!((most..2 * most).all(|n| !seen.tells_apart(key(1), caller(n))), "{round}");
        }
        assert!((0..10).all(|_| seen.tells_apart(key(2), caller(most))), "another key");
        assert_eq!((seen.one.len(), seen.several.len()), (1, 1));
    }
}
