//! Limits how many rows refusals write. The first refusal of each source (a person, a key or an address) and action is written at
//! once; further ones are counted and become one row a minute. When refusals of very many sources come at the same time, the
//! budget of rows is used up, and further ones are counted by action and organization alone. All of it is in memory and
//! bounded. A count is lost only when the process is killed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::{By, Event};
use super::repeated::{RefusalSubject, Repeated};
use crate::shared::Timestamp;

/// The shortest time between two rows of one source and action.
const WINDOW: Duration = Duration::from_secs(60);
/// The most sources that are counted separately.
const MAX_SOURCES: usize = 2_000;
/// The most organizations in the combined counts.
const MAX_SUMMARIES: usize = 1_000;

/// The moment of a refusal: time since the start for the limits, the wall clock for the row.
#[derive(Clone, Copy)]
pub struct RefusalTime {
    pub steady: Duration,
    pub wall: Timestamp,
}

struct Counted {
    /// When the last row was written.
    written: Duration,
    /// The refusals since then.
    pending: Option<Repeated>,
}

impl Counted {
    fn add(&mut self, row: Repeated) {
        match &mut self.pending {
            Some(pending) => pending.add(row),
            None => self.pending = Some(row),
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        now >= self.written + WINDOW
    }
}

/// A burst of rows, and a refill rate per minute.
struct RowBudget {
    most: f64,
    a_minute: f64,
    available: f64,
    at: Duration,
}

impl RowBudget {
    fn new(most: f64, a_minute: f64) -> Self {
        Self { most, a_minute, available: most, at: Duration::ZERO }
    }

    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.available = (self.available + passed / 60.0 * self.a_minute).min(self.most);
        self.at = now;
        let is_enough = self.available >= 1.0;
        if is_enough {
            self.available -= 1.0;
        }
        is_enough
    }
}

struct Ledger {
    subjects: HashMap<RefusalSubject, Counted>,
    /// Rows of refusals of people who are not signed in, of people and keys, and rows of requests of the former.
    strangers: RowBudget,
    known: RowBudget,
    requests: RowBudget,
}

impl Ledger {
    fn may_write(&mut self, subject: &RefusalSubject, now: Duration) -> bool {
        let budget = if subject.is_stranger() { &mut self.strangers } else { &mut self.known };
        self.subjects.len() < MAX_SOURCES && budget.take(now)
    }

    /// Counts a refusal by its action and organization alone.
    fn summarize(&mut self, row: Repeated, now: Duration) {
        let summaries = self.subjects.keys().filter(|subject| subject.is_summary()).count();
        let mut summary = row.summarized(true);
        if summaries >= MAX_SUMMARIES && !self.subjects.contains_key(&summary.subject) {
            summary = summary.summarized(false);
        }
        self.count(summary, now);
    }

    fn count(&mut self, row: Repeated, now: Duration) {
        let counted = self.subjects.entry(row.subject.clone());
        counted.or_insert(Counted { written: now, pending: None }).add(row);
    }
}

/// The refusals of this process that are counted but not yet written.
pub struct Refusals(Mutex<Ledger>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Mutex::new(Ledger {
            subjects: HashMap::new(),
            strangers: RowBudget::new(60.0, 10.0),
            known: RowBudget::new(300.0, 60.0),
            requests: RowBudget::new(300.0, 30.0),
        }))
    }
}

/// Rows that are about to be written. If this is dropped before `written` is called, they are counted again and written later.
pub struct Due<'a> {
    refusals: &'a Refusals,
    now: Duration,
    rows: Vec<Repeated>,
}

impl Due<'_> {
    pub fn rows(&self) -> &[Repeated] {
        &self.rows
    }

    pub fn written(mut self) {
        self.rows.clear();
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let mut ledger = self.refusals.ledger();
        for row in std::mem::take(&mut self.rows) {
            ledger.count(row, self.now);
        }
    }
}

impl Refusals {
    /// Counts a refusal. Returns the row, if one must be written now.
    pub fn note(&self, by: &By, event: Event, now: RefusalTime) -> Option<Due<'_>> {
        let mut row = Repeated::once(by, event, now.wall);
        let mut ledger = self.ledger();
        match ledger.subjects.get_mut(&row.subject) {
            Some(counted) if !counted.is_due(now.steady) => {
                counted.add(row);
                return None;
            }
            _ => {}
        }
        let earlier = ledger.subjects.remove(&row.subject).and_then(|counted| counted.pending);
        if let Some(mut earlier) = earlier {
            earlier.add(row);
            row = earlier;
        }
        if !ledger.may_write(&row.subject, now.steady) {
            ledger.summarize(row, now.steady);
            return None;
        }
        let counted = Counted { written: now.steady, pending: None };
        ledger.subjects.insert(row.subject.clone(), counted);
        Some(Due { refusals: self, now: now.steady, rows: vec![row] })
    }

    /// Returns true if a stranger's request may have its own row. Otherwise it is counted.
    pub fn admits_request(&self, by: &By, event: &Event, now: RefusalTime) -> bool {
        let mut ledger = self.ledger();
        let is_admitted = ledger.requests.take(now.steady);
        if !is_admitted {
            ledger.summarize(Repeated::once(by, event.clone(), now.wall), now.steady);
        }
        is_admitted
    }

    /// The counted refusals that are due now; all of them at shutdown.
    pub fn due(&self, now: Duration, all: bool) -> Due<'_> {
        let mut ledger = self.ledger();
        let mut due: Vec<Repeated> = Vec::new();
        ledger.subjects.retain(|_, counted| {
            if !all && !counted.is_due(now) {
                return true;
            }
            due.extend(counted.pending.take());
            // Subjects whose rows are written below are inserted again.
            false
        });
        let mut rows = Vec::with_capacity(due.len());
        for row in due {
            if all || row.subject.is_summary() || ledger.may_write(&row.subject, now) {
                let counted = Counted { written: now, pending: None };
                ledger.subjects.insert(row.subject.clone(), counted);
                rows.push(row);
            } else {
                ledger.summarize(row, now);
            }
        }
        drop(ledger);
        Due { refusals: self, now, rows }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
