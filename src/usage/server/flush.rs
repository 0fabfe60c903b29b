//! From memory to the journal, every second; and what readers of the tables lay over them until it is added up there.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::add_up::Other;
use super::backlog::Backlog;
use super::batch::Batch;
use super::callers::Seen;
use super::journal::{self, Line, Note, OrgHour, PORTION};
use super::refusals::{Refusals, Refused};
use super::rest::Busy;
use super::store;
use super::tally::{Tally, Use};
use crate::platform::db::Write;
use crate::platform::metrics::UsageStep;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// What is counted and not yet added up, for an app.
pub struct Usage {
    tally: Tally,
    refusals: Refusals,
    /// Taken for writing, until the commit is certain.
    flying: Mutex<Option<Arc<Flight>>>,
    backlog: Mutex<Backlog>,
    /// Held while what is added up is committed, so that a reader sees a count in the database or in memory, never in both.
    pub(super) gate: RwLock<()>,
    /// The number of the next flush. One at a time, and none while a portion of the journal is added up.
    pub(super) next: tokio::sync::Mutex<i64>,
    /// When all was last added up and until when that rests, by the steady clock in milliseconds.
    pub(super) added_at: AtomicU64,
    pub(super) rests_until: AtomicU64,
    /// Is it to be added up soon again?
    pub(super) is_wanted: AtomicBool,
    pub(super) busy: Busy,
    others: Mutex<HashMap<String, Other>>,
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
    /// The earlier notes that these were joined of, and how many they are.
    joins: Option<(RangeInclusive<i64>, usize)>,
}

impl Flight {
    /// What it brings that was not written down before.
    fn news(&self) -> &[Arc<Note>] {
        if self.joins.is_some() { &[] } else { &self.notes }
    }

    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.news().iter().flat_map(|note| &note.lines)
    }
}

/// What is written down, at one moment: nothing moves on from one place to the next while it is held.
struct Moment<'a> {
    notes: Vec<Arc<Note>>,
    _still: MutexGuard<'a, Option<Arc<Flight>>>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            tally: Tally::new(),
            refusals: Refusals::default(),
            flying: Mutex::default(),
            backlog: Mutex::default(),
            gate: RwLock::default(),
            next: tokio::sync::Mutex::new(1),
            added_at: AtomicU64::new(0),
            rests_until: AtomicU64::new(0),
            is_wanted: AtomicBool::new(false),
            busy: Busy::default(),
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

    fn hold(&self) -> Moment<'_> {
        let flying = lock(&self.flying);
        let mut notes: Vec<_> = self.backlog().notes().cloned().collect();
        notes.extend(flying.iter().flat_map(|flight| flight.news()).cloned());
        Moment { notes, _still: flying }
    }

    /// What is counted of some keys and not yet added up.
    pub fn pending(&self, keys: impl IntoIterator<Item = KeyId>) -> Batch {
        let mut keys: Vec<KeyId> = keys.into_iter().collect();
        keys.sort_unstable();
        let mut batch = Batch::default();
        let moment = self.hold();
        for note in &moment.notes {
            note.of_keys(&keys).for_each(|line| batch.add(line));
        }
        self.tally.each(|line| {
            if keys.binary_search(&line.key).is_ok() {
                batch.add(line);
            }
        });
        batch
    }

    /// The same of an organization, by hour and outcome; the same hour may come twice.
    pub fn pending_of(&self, org: OrgId) -> Vec<(OrgHour, i64)> {
        let moment = self.hold();
        let notes = moment.notes.iter().flat_map(|note| &note.orgs);
        let mut pending: Vec<_> = notes.filter(|((of, ..), _)| *of == org).copied().collect();
        self.tally.each(|line| {
            if line.source.org == org {
                pending.push(((org, line.hour.into(), line.outcome), line.requests.into()));
            }
        });
        pending
    }

    /// Refusals that are not yet written.
    pub fn refusals(&self) -> Vec<Refused> {
        let flying = lock(&self.flying);
        let mut refusals = flying.as_ref().map(|flight| flight.refusals.clone()).unwrap_or_default();
        refusals.extend(self.refusals.waiting());
        refusals
    }

    /// Requests that are counted and not yet written down, or not certainly.
    pub fn unwritten(&self) -> u64 {
        let flying = lock(&self.flying);
        let lines = flying.iter().flat_map(|flight| flight.lines());
        let taken_off: u64 = lines.map(|line| u64::from(line.requests)).sum();
        taken_off + self.tally.requests()
    }

    /// Was a key's secret accepted lately, by what this server counts or any has written down?
    pub async fn has_counted(
        &self,
        app: &App,
        write: &mut Write,
        key: KeyId,
        secret: SecretId,
    ) -> Result<bool, Error> {
        if self.pending([key]).secrets.contains_key(&secret) {
            return Ok(true);
        }
        let texts = store::notes_of_others_with(write, app.node(), secret).await?;
        let mut read = texts.iter().filter_map(|text| journal::read(text));
        Ok(read.any(|lines| lines.accepts(secret)))
    }

    pub(super) fn backlog(&self) -> MutexGuard<'_, Backlog> {
        lock(&self.backlog)
    }

    pub(super) fn others(&self) -> MutexGuard<'_, HashMap<String, Other>> {
        lock(&self.others)
    }

    /// Is there a flush of which it is not certain whether it was committed?
    pub(super) fn is_in_doubt(&self) -> bool {
        lock(&self.flying).is_some()
    }

    /// What to write now: that whose commit was in doubt, or what has come together since.
    fn take_off(&self, next: &mut i64) -> Option<Arc<Flight>> {
        let mut flying = lock(&self.flying);
        if flying.is_none() {
            let number = *next;
            let notes = self.notes_of(self.tally.take(), number);
            let refusals = self.refusals.take();
            if !notes.is_empty() || !refusals.is_empty() {
                *next += notes.len().max(1) as i64;
                *flying = Some(Arc::new(Flight { number, notes, refusals, joins: None }));
            }
        }
        flying.clone()
    }

    /// Texts, each in the order of its keys: what makes up one as it is, the rest together.
    fn notes_of(&self, (mut full, mut rest): (Vec<Vec<Line>>, Vec<Line>), first: i64) -> Vec<Arc<Note>> {
        let mut seen = lock(&self.seen);
        seen.begin(full.iter().flatten().chain(&rest).map(|line| line.hour).max());
        for lines in full.iter_mut().chain([&mut rest]) {
            seen.join(lines);
            journal::join(lines);
        }
        let full = (first..).zip(full).map(|(number, lines)| Arc::new(Note::new(number, lines)));
        let mut notes: Vec<_> = full.collect();
        notes.extend(journal::notes(rest, PORTION, first + notes.len() as i64));
        notes
    }

    fn land(&self, flight: &Flight) {
        let (mut flying, mut backlog) = (lock(&self.flying), self.backlog());
        match &flight.joins {
            Some((joined, _)) => backlog.put_joined(&flight.notes, joined),
            None => backlog.put(&flight.notes),
        }
        *flying = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what was counted, in one transaction. After an error it is tried again with the next flush, under the same
/// number, so that a commit that did happen is not counted twice.
pub async fn write_down(app: &App) -> Result<Option<Arc<Flight>>, Error> {
    let usage = app.slice::<Usage>();
    let mut next = usage.next.lock().await;
    let Some(flight) = usage.take_off(&mut next) else { return Ok(None) };
    let written = fly(app, usage, &flight).await;
    written.inspect_err(|_| app.metrics.operations.usage_failed(UsageStep::WriteDown))?;
    Ok(Some(flight))
}

/// Joins what is written down when much of it has come together: each slot is then in it once, however often it was
/// written, and adding up a text changes rows that are near each other.
pub async fn join_when_much(app: &App) -> Result<(), Error> {
    let is_much = app.slice::<Usage>().backlog().is_worth_joining();
    if is_much { join(app).await } else { Ok(()) }
}

/// The same however much there is.
pub async fn join(app: &App) -> Result<(), Error> {
    let usage = app.slice::<Usage>();
    let mut next = usage.next.lock().await;
    if usage.is_in_doubt() {
        return Ok(());
    }
    let (notes, after): (Vec<_>, _) = {
        let backlog = usage.backlog();
        (backlog.notes().cloned().collect(), backlog.added_to())
    };
    let (Some(first), Some(last)) = (notes.first(), notes.last()) else { return Ok(()) };
    let joins = Some((first.number..=last.number, notes.len()));
    let number = *next;
    let joined = tokio::task::spawn_blocking(move || journal::joined(&notes, after, PORTION, number)).await;
    let notes = joined.map_err(|error| Error::internal(error.to_string()))?;
    *next += notes.len() as i64;
    let flight = Arc::new(Flight { number, notes, refusals: Vec::new(), joins });
    *lock(&usage.flying) = Some(Arc::clone(&flight));
    let written = fly(app, usage, &flight).await;
    written.inspect_err(|_| app.metrics.operations.usage_failed(UsageStep::Join))
}

async fn fly(app: &App, usage: &Usage, flight: &Flight) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if store::claim(&mut write, app.node(), flight.number, app.clock.now()).await? {
        let written = put(app, &mut write, flight).await;
        // It was not committed before, and is not now. What was to be joined stays as it is, and no news waits for it.
        if !matches!(written, Ok(true)) && flight.joins.is_some() {
            *lock(&usage.flying) = None;
        }
        if !written? {
            usage.add_up_soon();
            return Ok(());
        }
        write.commit().await?;
    }
    usage.land(flight);
    Ok(())
}

/// False where another server took this one for ended and has added up some of what was to be joined: it is not written
/// again.
async fn put(app: &App, write: &mut Write, flight: &Flight) -> Result<bool, Error> {
    if let Some((joined, count)) = &flight.joins
        && store::take_notes(write, app.node(), joined).await? != *count
    {
        return Ok(false);
    }
    for note in &flight.notes {
        let text = note.text().map_err(|error| Error::internal(error.to_string()))?;
        store::note(write, app.node(), note.number, text).await?;
    }
    store::add_refusals(write, &flight.refusals).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::batch::Totals;
    use super::super::callers::MOST_CALLERS;
    use super::super::tally::HOUR;
    use super::*;

    #[test]
    fn callers_beyond_a_hundred_are_counted_with_those_that_nobody_knows() {
        let usage = Usage::default();
        let id = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]);
        let secret = SecretId::parse("8fK2mQ4pXv7d").expect("an id");
        let count = |address: Option<IpAddr>, user_agent: &str| {
            let outcome = Outcome::Valid;
            let used =
                Use { secret, key: id(1), org: OrgId::NIL, outcome, address, user_agent, request_id: "" };
            usage.count(Timestamp::from_millis(0), &used);
        };
        let lines = |first| -> Vec<Line> {
            let notes = usage.notes_of(usage.tally.take(), first);
            notes.iter().flat_map(|note| note.lines.clone()).collect()
        };
        let most = MOST_CALLERS as u32;
        for round in 0..2 {
            count(None, "");
            for n in 0..most + 2 {
                count(Some(IpAddr::from(n.to_be_bytes())), "curl/8");
            }
            let lines = lines(1 + round);
            assert_eq!(lines.len(), MOST_CALLERS + 1, "{round}");
            let anybody: Vec<_> = lines.iter().filter(|line| line.source.is_anybody()).collect();
            assert_eq!((anybody.len(), anybody[0].requests), (1, 3), "{round}");
        }
    }

    /// As many as make up texts of their own, and what is counted after them.
    #[test]
    fn slots_that_make_way_are_counted_like_others() {
        let usage = Usage::default();
        let id = |n: u16| {
            let chance = [[0; 2], n.to_be_bytes()].concat().repeat(3);
            KeyId::new(Timestamp::from_millis(0), *chance.first_chunk().expect("ten bytes"))
        };
        let secret = SecretId::parse("8fK2mQ4pXv7d").expect("an id");
        let slots = 8 * PORTION as u16 + 7;
        let count = |n: u16| {
            let (key, org) = (id(n), OrgId::NIL);
            let secret = SecretId::parse(&format!("{n:012}")).unwrap_or(secret);
            let used = Use {
                secret,
                key,
                org,
                outcome: Outcome::Valid,
                address: None,
                user_agent: "",
                request_id: "",
            };
            usage.count(Timestamp::from_millis(HOUR + i64::from(n)), &used);
        };
        (0..slots).rev().for_each(count);
        (0..slots).for_each(count);
        for flushes in 0..2 {
            let all: Vec<KeyId> = (0..slots).map(id).collect();
            let pending = usage.pending(all);
            assert_eq!(pending.keys.len(), usize::from(slots), "{flushes}");
            let expected = |n: u16| Totals { calls: 2, last_at: Timestamp::from_millis(HOUR + i64::from(n)) };
            for n in [0, 1, PORTION as u16, slots - 1] {
                assert_eq!(pending.keys.get(&id(n)), Some(&expected(n)), "{flushes}");
            }
            let orgs = usage.pending_of(OrgId::NIL);
            assert_eq!(orgs.iter().map(|(_, requests)| requests).sum::<i64>(), 2 * i64::from(slots));
            if flushes == 0 {
                let flight = usage.take_off(&mut 1).expect("something");
                assert!(
                    flight
                        .notes
                        .iter()
                        .all(|note| note.lines.len() <= PORTION
                            && note.lines.is_sorted_by_key(|line| line.key))
                );
                let numbers: Vec<i64> = flight.notes.iter().map(|note| note.number).collect();
                assert_eq!(numbers, (1..=17).collect::<Vec<_>>());
                assert!(usage.tally.take().1.is_empty());
            }
        }
    }
}
