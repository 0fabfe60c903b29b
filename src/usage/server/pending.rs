//! Usage that is counted and not yet rolled up: in the counters, in a flush, and then in this process's rows of the
//! journal. Readers add it to what the tables contain.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::batch::Batch;
use super::callers::CallerLimit;
use super::counters::{Count, Counters, KeyUse, Line, Slot};
use super::nodes::OtherNodes;
use super::refusals::{RefusalBuffer, RefusedRequest};
use crate::platform::{App, Error, GrowingLimit};
use crate::shared::{KeyId, OrgId, Timestamp};
use crate::usage::Outcome;

/// A flush with more lines writes several rows, so that a roll-up can take them in portions.
pub const ROW_LINES: usize = 2_000;

pub struct Usage {
    counters: Counters,
    refusals: RefusalBuffer,
    journaled: Mutex<Journaled>,
    /// Closed while a roll-up commits, so that a reader finds a count in the tables or in memory, never in both.
    gate: RwLock<()>,
    worker: tokio::sync::Mutex<Worker>,
    /// The time limits of writing a flush, and of rolling up a portion.
    pub flush_limit: GrowingLimit,
    pub portion_limit: GrowingLimit,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            counters: Counters::default(),
            refusals: RefusalBuffer::default(),
            journaled: Mutex::default(),
            gate: RwLock::default(),
            worker: tokio::sync::Mutex::default(),
            flush_limit: GrowingLimit::new(Duration::from_secs(3)),
            portion_limit: GrowingLimit::new(Duration::from_secs(5)),
        }
    }
}

/// What has left the counters.
#[derive(Default)]
struct Journaled {
    /// The flush that is being written, or whose commit is in doubt.
    flush: Option<Arc<Flush>>,
    /// Rows that are committed, by number.
    rows: BTreeMap<i64, Arc<Vec<Line>>>,
}

/// State of writing and rolling up, which do not run at the same time.
#[derive(Default)]
pub struct Worker {
    flushed_rows: i64,
    callers: CallerLimit,
    /// Whether nothing was counted since the flush before.
    pub is_idle: bool,
    /// When the next roll-up is due, by the steady clock.
    pub rollup_due: Duration,
    pub others: OtherNodes,
}

/// What is written in one transaction.
#[derive(Debug)]
pub struct Flush {
    /// The number of the first row. No other flush of this process has it.
    pub number: i64,
    rows: Vec<Arc<Vec<Line>>>,
    pub refusals: Vec<RefusedRequest>,
}

impl Flush {
    pub fn rows(&self) -> impl Iterator<Item = (i64, &Arc<Vec<Line>>)> {
        (self.number..).zip(&self.rows)
    }

    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.rows.iter().flat_map(|row| row.iter())
    }
}

/// A connection for reading the tables while the gate is open. The connection is acquired before the gate, in the same order as by
/// writers. Otherwise a writer that waits for the gate and a reader that waits for a connection could deadlock.
pub struct Reading<'a> {
    pub db: PoolConnection<Any>,
    _gate: RwLockReadGuard<'a, ()>,
}

impl Usage {
    /// Counts a request. This waits for nothing but the lock of the thread's counters.
    pub fn count(&self, now: Timestamp, used: &KeyUse) {
        self.counters.count(now, used);
        if used.is_sampled || used.outcome != Outcome::Valid {
            self.refusals.record(now, used);
        }
    }

    /// Opens a connection for reading the tables and then adding the pending counts.
    pub async fn reading(&self, app: &App) -> Result<Reading<'_>, Error> {
        let db = app.db.pool().acquire().await?;
        Ok(Reading { db, _gate: self.gate.read().await })
    }

    /// The pending counts of some keys.
    pub fn pending(&self, keys: impl IntoIterator<Item = KeyId>) -> Batch {
        let mut keys: Vec<KeyId> = keys.into_iter().collect();
        keys.sort_unstable();
        let mut batch = Batch::default();
        self.for_each_pending(|slot, count| {
            if keys.binary_search(&slot.key).is_ok() {
                batch.add(slot, count);
            }
        });
        batch
    }

    /// The pending requests of an organization by hour and outcome.
    pub fn pending_of_org(&self, org: OrgId) -> BTreeMap<(i64, Outcome), i64> {
        let mut hours = BTreeMap::new();
        self.for_each_pending(|slot, count| {
            if slot.org == org {
                *hours.entry((slot.hour, slot.outcome)).or_default() += i64::from(count.requests);
            }
        });
        hours
    }

    /// The pending requests of an organization by key.
    pub fn pending_keys_of(&self, org: OrgId) -> HashMap<KeyId, i64> {
        let mut keys = HashMap::new();
        self.for_each_pending(|slot, count| {
            if slot.org == org {
                *keys.entry(slot.key).or_default() += i64::from(count.requests);
            }
        });
        keys
    }

    fn for_each_pending(&self, mut look: impl FnMut(&Slot, &Count)) {
        // Locked to the end, so that no line moves from the counters to a flush meanwhile.
        let journaled = self.journaled();
        let rows = journaled.rows.values().flat_map(|row| row.iter());
        let in_flush = journaled.flush.iter().flat_map(|flush| flush.lines());
        rows.chain(in_flush).for_each(|(slot, count)| look(slot, count));
        self.counters.for_each(look);
    }

    /// Refused requests and sampled calls that are not yet written.
    pub fn pending_refusals(&self, is_wanted: impl Fn(&RefusedRequest) -> bool) -> Vec<RefusedRequest> {
        // Locked to the end, so that none moves from the buffer to a flush meanwhile.
        let journaled = self.journaled();
        let in_flush = journaled.flush.iter().flat_map(|flush| &flush.refusals);
        let mut refusals: Vec<_> = in_flush.filter(|refused| is_wanted(refused)).cloned().collect();
        refusals.extend(self.refusals.find(is_wanted));
        refusals
    }

    /// The number of counted requests that a crash would lose or might lose.
    pub fn unwritten(&self) -> u64 {
        let journaled = self.journaled();
        let lines = journaled.flush.iter().flat_map(|flush| flush.lines());
        let mut requests: u64 = lines.map(|(_, count)| u64::from(count.requests)).sum();
        self.counters.for_each(|_, count| requests += u64::from(count.requests));
        requests
    }

    pub async fn worker(&self) -> tokio::sync::MutexGuard<'_, Worker> {
        self.worker.lock().await
    }

    /// Returns the flush to write: the one whose commit is in doubt, or what was counted since the last one.
    pub fn begin_flush(&self, worker: &mut Worker) -> Option<Arc<Flush>> {
        let mut journaled = self.journaled();
        if journaled.flush.is_none() {
            let lines = worker.limit_callers(self.counters.take().collect());
            let refusals = self.refusals.take();
            worker.is_idle = lines.is_empty();
            if lines.is_empty() && refusals.is_empty() {
                return None;
            }
            let rows: Vec<_> = lines.chunks(ROW_LINES).map(|lines| Arc::new(lines.to_vec())).collect();
            let number = worker.flushed_rows + 1;
            worker.flushed_rows += rows.len().max(1) as i64;
            journaled.flush = Some(Arc::new(Flush { number, rows, refusals }));
        }
        journaled.flush.clone()
    }

    /// Call this when the flush is certainly committed. Its lines are then in the journal.
    pub fn finish_flush(&self, flush: &Flush) {
        let mut journaled = self.journaled();
        journaled.rows.extend(flush.rows().map(|(number, row)| (number, Arc::clone(row))));
        journaled.flush = None;
    }

    pub fn is_in_doubt(&self) -> bool {
        self.journaled().flush.is_some()
    }

    /// How many lines are in the journal.
    pub fn journaled_lines(&self) -> usize {
        self.journaled().rows.values().map(|row| row.len()).sum()
    }

    pub async fn close_gate(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// Removes the rows up to this number, which are no longer in the journal. The closed gate proves that nobody is reading.
    pub fn forget_rows(&self, last: i64, _gate: &RwLockWriteGuard<'_, ()>) {
        self.journaled().rows.retain(|number, _| *number > last);
    }

    fn journaled(&self) -> MutexGuard<'_, Journaled> {
        self.journaled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// Lines in the order of their slots, each slot once.
    fn limit_callers(&mut self, counted: Vec<Line>) -> Vec<Line> {
        if let Some(hour) = counted.iter().map(|(slot, _)| slot.hour).max() {
            self.callers.begin_hour(hour);
        }
        let mut lines: BTreeMap<Slot, Count> = BTreeMap::new();
        for (slot, count) in counted {
            let slot = self.callers.limit(slot);
            lines.entry(slot).and_modify(|sum| sum.merge(count)).or_insert(count);
        }
        lines.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::shared::SecretId;
    use crate::usage::server::batch::CallTotals;
    use crate::usage::server::callers::MAX_CALLERS;

    fn key(n: u16) -> KeyId {
        let [high, low] = n.to_be_bytes();
        KeyId::new(Timestamp::from_millis(0), [0, 0, 0, 0, high, low, 0, 0, 0, 0])
    }

    fn count(usage: &Usage, n: u16, address: Option<IpAddr>, user_agent: &str) {
        let secret = SecretId::parse(&format!("{n:012}")).expect("an id");
        let (org, outcome) = (OrgId::NIL, Outcome::Valid);
        let used = KeyUse {
            secret,
            key: key(n),
            org,
            outcome,
            address,
            user_agent,
            request_id: "",
            is_sampled: false,
            permitted: None,
        };
        usage.count(Timestamp::from_millis(i64::from(n)), &used);
    }

    #[test]
    fn callers_beyond_a_hundred_are_counted_with_those_that_are_unknown() {
        let (usage, mut worker) = (Usage::default(), Worker::default());
        for round in 0..2 {
            count(&usage, 1, None, "");
            for n in 0..u32::from(MAX_CALLERS) + 2 {
                count(&usage, 1, Some(IpAddr::from(n.to_be_bytes())), "curl/8");
            }
            let flush = usage.begin_flush(&mut worker).expect("a flush");
            assert_eq!(flush.lines().count(), usize::from(MAX_CALLERS) + 1, "{round}");
            let unknown: Vec<_> = flush.lines().filter(|(slot, _)| !slot.has_caller()).collect();
            assert_eq!((unknown.len(), unknown[0].1.requests), (1, 3), "{round}");
            usage.finish_flush(&flush);
        }
    }

    #[test]
    fn a_large_flush_is_written_in_rows_and_its_counts_are_pending_throughout() {
        let (usage, mut worker) = (Usage::default(), Worker::default());
        let keys = 8 * ROW_LINES as u16 + 7;
        (0..keys).rev().chain(0..keys).for_each(|n| count(&usage, n, None, ""));
        let expect_pending = |stage: &str| {
            let pending = usage.pending((0..keys).map(key));
            assert_eq!(pending.keys.len(), usize::from(keys), "{stage}");
            for n in [0, 1, ROW_LINES as u16, keys - 1] {
                let expected = CallTotals { calls: 2, last_at: Timestamp::from_millis(i64::from(n)) };
                assert_eq!(pending.keys.get(&key(n)), Some(&expected), "{stage}");
            }
            let of_org = usage.pending_of_org(OrgId::NIL);
            assert_eq!(of_org, BTreeMap::from([((0, Outcome::Valid), 2 * i64::from(keys))]), "{stage}");
        };
        expect_pending("counted");
        let flush = usage.begin_flush(&mut worker).expect("a flush");
        assert!(
            flush.rows().all(|(_, row)| row.len() <= ROW_LINES && row.is_sorted_by_key(|(slot, _)| slot.key))
        );
        assert_eq!(flush.rows().map(|(number, _)| number).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
        assert_eq!(usage.unwritten(), 2 * u64::from(keys));
        expect_pending("in a flush");
        usage.finish_flush(&flush);
        assert_eq!(usage.unwritten(), 0);
        expect_pending("in the journal");
        assert!(usage.begin_flush(&mut worker).is_none());
        count(&usage, 0, None, "");
        assert_eq!(usage.begin_flush(&mut worker).expect("a flush").number, 10);
    }

    /// The next flush begins only after the previous one was certainly committed.
    #[test]
    fn a_flush_in_doubt_is_written_again_unchanged() {
        let (usage, mut worker) = (Usage::default(), Worker::default());
        count(&usage, 1, None, "");
        let first = usage.begin_flush(&mut worker).expect("a flush");
        count(&usage, 2, None, "");
        let again = usage.begin_flush(&mut worker).expect("the same flush");
        assert!(Arc::ptr_eq(&first, &again) && usage.is_in_doubt());
        assert_eq!(usage.unwritten(), 2);
        usage.finish_flush(&again);
        let next = usage.begin_flush(&mut worker).expect("a flush");
        assert_eq!((next.number, next.lines().count()), (2, 1));
    }
}
