//! What this process knows about the state of its database, from errors and probes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::fault::Fault;

#[derive(Default)]
pub struct Condition {
    connections: watch::Sender<Connections>,
    responses: Mutex<Responses>,
    /// Counts the faults that end a cached readiness.
    faults: AtomicU64,
    /// A statement found a damaged page.
    has_damage: AtomicBool,
    /// A new connection could not read the file.
    is_unreadable: AtomicBool,
    /// The last check found that another program has written to the SQLite file or its log.
    is_foreign: AtomicBool,
    /// A write failed because the disk is full, and no probe has found room since.
    is_full: AtomicBool,
    /// When the first of the transactions that wait for the write lock began, on the steady clock. None once one of them got
    /// it.
    waiting_since: Mutex<Option<Duration>>,
}

#[derive(Clone, Copy, Default)]
struct Connections {
    /// The database cannot be reached.
    is_away: bool,
    /// Connections that were opened before this time of the steady clock no longer respond.
    lost_at: Option<Duration>,
}

/// When connections responded, all on the steady clock.
#[derive(Clone, Copy, Default)]
struct Responses {
    /// The last response of a connection that was older than `SETTLED`.
    last_settled: Duration,
    /// When a statement began that had no response in time. None once a connection that was open then has responded.
    silent_since: Option<Duration>,
}

/// The age from which the response of a connection proves that older ones may live too.
const SETTLED: Duration = Duration::from_secs(2);
/// The open connections are replaced at most once in this time, because a database that is only slow can look the same.
const REPLACEMENT_PAUSE: Duration = Duration::from_secs(60);

impl Condition {
    pub fn is_away(&self) -> bool {
        self.connections.borrow().is_away
    }

    /// Returns whether the value has changed.
    pub fn set_away(&self, away: bool) -> bool {
        self.connections.send_if_modified(|state| std::mem::replace(&mut state.is_away, away) != away)
    }

    /// Whether a connection that was opened at that time no longer responds.
    pub fn is_lost(&self, opened_at: Duration) -> bool {
        self.connections.borrow().lost_at.is_some_and(|lost_at| opened_at < lost_at)
    }

    /// When connections were lost last: those that were opened before this time.
    pub fn lost_at(&self) -> Option<Duration> {
        self.connections.borrow().lost_at
    }

    /// Waits until the database is away, or the connections that are open now are lost.
    pub async fn connections_lost(&self) {
        let mut state = self.connections.subscribe();
        let lost_before = state.borrow().lost_at;
        // The sender lives as long as the condition, which is borrowed here.
        let _ = state.wait_for(|state| state.is_away || state.lost_at != lost_before).await;
    }

    /// Records that a statement, which began at that time, had no response in time.
    pub fn note_silence(&self, began: Duration) {
        let mut responses = self.responses();
        if responses.last_settled < began {
            responses.silent_since.get_or_insert(began);
        }
    }

    /// Records that a connection has responded. If a statement had no response, and no connection that was open then has
    /// responded since, but this one, which is newer, does, the older ones are lost.
    pub fn note_response(&self, now: Duration, opened_at: Duration) {
        let mut responses = self.responses();
        if now.saturating_sub(opened_at) >= SETTLED {
            responses.last_settled = now;
        }
        let Some(silent_since) = responses.silent_since.take() else { return };
        if opened_at <= silent_since {
            return;
        }
        let are_replaced = self.connections.send_if_modified(|state| {
            let is_due = state.lost_at.is_none_or(|at| now.saturating_sub(at) >= REPLACEMENT_PAUSE);
            if is_due {
                state.lost_at = Some(opened_at);
            }
            is_due
        });
        if are_replaced {
            tracing::warn!("the database connections no longer respond; replacing them");
        }
    }

    fn responses(&self) -> MutexGuard<'_, Responses> {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an error that means a full disk or damage.
    pub fn note(&self, error: &sqlx::Error) {
        let flag = match Fault::of(error) {
            Fault::Damaged => &self.has_damage,
            Fault::Full => &self.is_full,
            _ => return,
        };
        flag.store(true, Ordering::Relaxed);
        self.note_fault();
    }

    /// Counts a refusal whose reason a probe would find too.
    pub fn note_fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Records that a probe found ample room. Other commits do not prove that, because they may fit into existing pages.
    pub fn note_room(&self) {
        self.is_full.store(false, Ordering::Relaxed);
    }

    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Records that a transaction requests the write lock.
    pub fn note_begin(&self, now: Duration) {
        self.lock_waiting().get_or_insert(now);
    }

    /// Records that a transaction got the write lock or failed. One that timed out changes nothing.
    pub fn note_begun(&self, begun: Result<(), &sqlx::Error>) {
        if begun.err().map(Fault::of) != Some(Fault::Locked) {
            *self.lock_waiting() = None;
        }
    }

    /// Whether transactions have been waiting for the write lock for longer than this.
    pub fn is_locked(&self, now: Duration, longest: Duration) -> bool {
        self.lock_waiting().is_some_and(|since| now.saturating_sub(since) >= longest)
    }

    fn lock_waiting(&self) -> MutexGuard<'_, Option<Duration>> {
        self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_unreadable(&self) {
        self.is_unreadable.store(true, Ordering::Relaxed);
    }

    pub fn has_damage(&self) -> bool {
        self.has_damage.load(Ordering::Relaxed) || self.is_unreadable()
    }

    /// Notes the result of a check of the SQLite file.
    pub fn note_check(&self, result: Result<(), Fault>) {
        let is_foreign = matches!(result, Err(Fault::Overwritten | Fault::LogDamaged));
        self.is_foreign.store(is_foreign, Ordering::Relaxed);
    }

    /// Whether rows that are read may be those of another database.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign.load(Ordering::Relaxed)
    }

    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_lock_counts_from_the_first_transaction_that_waits() {
        let condition = Condition::default();
        let at = Duration::from_secs;
        let is_locked = |now| condition.is_locked(at(now), at(5));
        let busy = sqlx::Error::from(Fault::Locked);
        condition.note_begin(at(1));
        condition.note_begin(at(4));
        assert!(!is_locked(5) && is_locked(6));
        condition.note_begun(Err(&busy));
        assert!(is_locked(6));
        condition.note_begun(Ok(()));
        assert!(!is_locked(100));
    }

    #[test]
    fn only_connections_from_before_the_loss_are_lost() {
        let condition = Condition::default();
        let at = Duration::from_secs;
        assert!(!condition.is_lost(at(1)));
        condition.note_silence(at(2));
        condition.note_response(at(4), at(3));
        assert!(condition.is_lost(at(1)) && !condition.is_lost(at(3)));
        // Requests that begin afterwards do not use them.
        assert!(condition.connections_lost().now_or_never().is_none());
        condition.set_away(true);
        assert!(condition.connections_lost().now_or_never().is_some());
    }

    #[test]
    fn new_connections_that_respond_prove_that_silent_older_ones_are_lost() {
        let at = Duration::from_secs;
        let condition = Condition::default();
        condition.note_response(at(10), at(1));
        condition.note_silence(at(9));
        condition.note_response(at(12), at(11));
        assert!(!condition.is_lost(at(1)), "an older one responded after the silent statement began");
        condition.note_silence(at(13));
        condition.note_response(at(16), at(1));
        condition.note_response(at(17), at(16));
        assert!(!condition.is_lost(at(1)), "an older one responded at last");
        condition.note_response(at(20), at(19));
        condition.note_silence(at(18));
        condition.note_response(at(22), at(21));
        assert!(condition.is_lost(at(1)), "only connections that were opened since respond");
    }

    #[test]
    fn a_slow_database_does_not_lose_its_connections_again_and_again() {
        let at = Duration::from_secs;
        let condition = Condition::default();
        let replaced = (0..120).filter(|second| {
            condition.note_silence(at(*second));
            condition.note_response(at(second + 1), at(second + 1));
            condition.is_lost(at(*second))
        });
        assert_eq!(replaced.count(), 2);
    }
}
