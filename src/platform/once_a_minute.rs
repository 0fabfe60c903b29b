//! Limits log lines that anybody can cause: a line is written at most once a minute, with the number of events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const MINUTE_MS: u64 = 60_000;

#[derive(Default)]
pub struct OnceAMinute {
    /// When the next line may be written, in milliseconds of `Clock::steady`.
    next: AtomicU64,
    /// Events since the last line.
    events: AtomicU64,
}

impl OnceAMinute {
    /// Counts an event. If a line may be written now, returns the number of events since the last line, this one included.
    pub fn count(&self, now: Duration) -> Option<u64> {
        self.events.fetch_add(1, Ordering::Relaxed);
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(MINUTE_MS);
        let is_due = now >= next
            && self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        is_due.then(|| self.events.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_minute_with_the_events_since_the_last_one() {
        let line = OnceAMinute::default();
        let count = |seconds| line.count(Duration::from_secs(seconds));
        assert_eq!(count(0), Some(1));
        assert_eq!((count(0), count(30), count(59)), (None, None, None));
        assert_eq!(count(60), Some(4));
        assert_eq!(count(119), None);
        assert_eq!(count(500), Some(2));
    }
}
