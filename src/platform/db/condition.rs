//! What this process has noticed of its database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::fault::Fault;

#[derive(Default)]
pub struct Condition {
    is_away: watch::Sender<bool>,
    /// A statement met a damaged page.
    has_damage: AtomicBool,
    /// A new connection could not read the file.
    is_unreadable: AtomicBool,
    /// A write failed because the disk is full, and no probe has found room since.
    is_full: AtomicBool,
    /// When the first of the transactions began that have been waiting for the write lock, on a steady clock. None once one
    /// has got it.
    waiting_since: Mutex<Option<Duration>>,
}

impl Condition {
    pub fn is_away(&self) -> bool {
        *self.is_away.borrow()
    }

    /// True when that is new.
    pub fn set_away(&self, away: bool) -> bool {
        self.is_away.send_if_modified(|known| std::mem::replace(known, away) != away)
    }

    /// Ready once the database is away.
    pub async fn gone(&self) {
        // The sender lives as long as the condition, which is borrowed here.
        let _ = self.is_away.subscribe().wait_for(|away| *away).await;
    }

    /// Remembers damage that an error tells of.
    pub fn note(&self, error: &sqlx::Error) {
        match Fault::of(error) {
            Fault::Damaged => self.has_damage.store(true, Ordering::Relaxed),
            Fault::Full => self.is_full.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    /// A probe found ample room. Other commits do not prove it: they may fit into pages that are there.
    pub fn note_room(&self) {
        self.is_full.store(false, Ordering::Relaxed);
    }

    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// A transaction asks for the write lock.
    pub fn note_begin(&self, now: Duration) {
        self.lock_waiting().get_or_insert(now);
    }

    /// A transaction got the write lock, or failed. Nothing is noted of one that was given up.
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

    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
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
}
