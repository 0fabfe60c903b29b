//! Quotas: how many units a key may use in a day or month (UTC), exact within a process. A request uses one unless the service
//! states another cost. The counts are in memory and
//! written about once a second; a crash loses at most those of that second. Each process writes its own row with the whole
//! count, so that a write whose commit was in doubt can be repeated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::keys::QuotaPeriod;
use crate::keys::server::store::{self, QuotaRow};
use crate::platform::{App, Error, GrowingLimit, PutBack, Random};
use crate::shared::{KeyId, Timestamp};

/// The quota of a key, and the counter that it may share with the keys that it created.
#[derive(Debug)]
pub struct RequestQuota {
    limit: u64,
    counter: Arc<QuotaCounter>,
}

/// The state of a quota after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    pub limit: u64,
    pub remaining: u64,
    pub period: QuotaPeriod,
    /// The time until the next day or month begins.
    pub reset: Duration,
}

impl RequestQuota {
    /// Whether at least the cost is left.
    pub fn has(&self, cost: u32, now: Timestamp) -> bool {
        self.counter.lock(now).used() + u64::from(cost) <= self.limit
    }

    /// Uses up the cost. Fails, and uses nothing, when less is left.
    pub fn take(&self, cost: u32, now: Timestamp) -> Result<QuotaState, QuotaState> {
        let mut uses = self.counter.lock(now);
        if uses.used() + u64::from(cost) > self.limit {
            return Err(self.state_of(&uses, now));
        }
        uses.here += u64::from(cost);
        let state = self.state_of(&uses, now);
        let must_queue = cost > 0 && !uses.is_queued;
        uses.is_queued |= must_queue;
        drop(uses);
        if must_queue {
            lock(&self.counter.queue).push(Arc::clone(&self.counter));
        }
        Ok(state)
    }

    pub fn state(&self, now: Timestamp) -> QuotaState {
        self.state_of(&self.counter.lock(now), now)
    }

    fn state_of(&self, uses: &PeriodUse, now: Timestamp) -> QuotaState {
        let remaining = self.limit.saturating_sub(uses.used());
        QuotaState { limit: self.limit, remaining, period: self.counter.period, reset: uses.end.since(now) }
    }
}

/// The counters that have changed since they were written.
type WriteQueue = Arc<Mutex<Vec<Arc<QuotaCounter>>>>;

#[derive(Debug)]
pub struct QuotaCounter {
    key: KeyId,
    period: QuotaPeriod,
    uses: Mutex<PeriodUse>,
    queue: WriteQueue,
}

/// What was used up in the current period.
#[derive(Debug)]
struct PeriodUse {
    start: Timestamp,
    /// The start of the next period.
    end: Timestamp,
    here: u64,
    /// By other processes, among them earlier ones on this machine.
    elsewhere: u64,
    /// Whether the counter waits to be written.
    is_queued: bool,
}

impl PeriodUse {
    fn of(period: QuotaPeriod, now: Timestamp, here: u64, elsewhere: u64) -> Self {
        Self { start: period.start(now), end: period.next(now), here, elsewhere, is_queued: false }
    }

    fn used(&self) -> u64 {
        self.here + self.elsewhere
    }
}

impl QuotaCounter {
    /// Begins a new period when the last one has ended.
    fn lock(&self, now: Timestamp) -> MutexGuard<'_, PeriodUse> {
        let mut uses = lock(&self.uses);
        // A clock that steps back does not begin an earlier period again.
        if now >= uses.end {
            *uses = PeriodUse { is_queued: uses.is_queued, ..PeriodUse::of(self.period, now, 0, 0) };
        }
        uses
    }
}

/// Below this many counters none is removed.
const MIN_SIZE: usize = 1_024;

/// The counters of all keys with a quota.
pub struct Quotas {
    counters: Mutex<QuotaCounters>,
    queue: WriteQueue,
    /// The name of this process in the table.
    process: String,
    write_limit: GrowingLimit,
}

const WRITE_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Default)]
struct QuotaCounters {
    by_key: HashMap<(KeyId, QuotaPeriod), Arc<QuotaCounter>>,
    /// At this size, counters that are neither in use nor waiting to be written are removed.
    sweep_at: usize,
}

impl Quotas {
    pub fn new(random: &Random) -> Self {
        Self {
            counters: Mutex::default(),
            queue: WriteQueue::default(),
            process: random.base62(16),
            write_limit: GrowingLimit::new(WRITE_TIMEOUT),
        }
    }

    /// The quota of a key, whose uses are counted under `counted_as`.
    pub async fn of(
        &self,
        app: &App,
        counted_as: KeyId,
        limit: u64,
        period: QuotaPeriod,
    ) -> Result<RequestQuota, sqlx::Error> {
        if let Some(counter) = lock(&self.counters).by_key.get(&(counted_as, period)) {
            return Ok(RequestQuota { limit, counter: Arc::clone(counter) });
        }
        let now = app.clock.now();
        let used =
            store::quota_use(app.db.pool(), counted_as, period, period.start(now), &self.process).await?;
        let mut counters = lock(&self.counters);
        let QuotaCounters { by_key, sweep_at } = &mut *counters;
        if by_key.len() >= *sweep_at {
            // One that waits to be written is in the queue too.
            by_key.retain(|_, counter| Arc::strong_count(counter) > 1);
            *sweep_at = MIN_SIZE.max(2 * by_key.len());
        }
        let new = || {
            let uses = PeriodUse::of(period, now, used.here, used.elsewhere);
            let queue = Arc::clone(&self.queue);
            Arc::new(QuotaCounter { key: counted_as, period, uses: Mutex::new(uses), queue })
        };
        let counter = Arc::clone(by_key.entry((counted_as, period)).or_insert_with(new));
        Ok(RequestQuota { limit, counter })
    }

    /// How many quotas have use that is not yet in the database.
    pub fn unwritten(&self) -> usize {
        lock(&self.queue).len()
    }

    /// Writes the counters that have changed. After a failure they are written the next time.
    pub async fn write(&self, app: &App) -> Result<(), Error> {
        let queued = std::mem::take(&mut *lock(&self.queue));
        if queued.is_empty() {
            return Ok(());
        }
        let queued = PutBack::new(queued, |mut queued: Vec<Arc<QuotaCounter>>| {
            // Some have been queued again by now.
            queued.retain(|counter| !std::mem::replace(&mut lock(&counter.uses).is_queued, true));
            lock(&self.queue).extend(queued);
        });
        let rows: Vec<QuotaRow> = queued.iter().map(|counter| counter.row()).collect();
        let write = store::write_quota_use(&app.db, &self.process, &rows);
        app.db.in_time(&self.write_limit, write).await?;
        queued.finish();
        Ok(())
    }
}

impl QuotaCounter {
    /// The row to write. Requests from now on queue the counter again.
    fn row(&self) -> QuotaRow {
        let mut uses = lock(&self.uses);
        uses.is_queued = false;
        QuotaRow { key: self.key, period: self.period, start: uses.start, used: uses.here }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
