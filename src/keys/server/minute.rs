//! Requests per minute of one key, exact within a process: a window of sixty seconds that begins with its first request,
//! in one number that is only ever replaced whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const WINDOW: u64 = 60_000;
/// The lower bits count; the rest is the window's beginning in milliseconds, plus one so that 0 is no window.
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

#[derive(Debug, Default)]
pub struct Minute(AtomicU64);

/// What a request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
    /// Until the window ends.
    pub reset: Duration,
    pub allowed: bool,
}

/// The bits that hold a moment.
fn moment(steady: Duration) -> u64 {
    u64::try_from(steady.as_millis()).unwrap_or(u64::MAX >> COUNT_BITS) + 1
}

impl Minute {
    /// Would a request now count in a window that has begun before?
    pub fn is_running(&self, steady: Duration) -> bool {
        let start = self.0.load(Ordering::Acquire) >> COUNT_BITS;
        start != 0 && moment(steady) < start + WINDOW
    }

    /// Takes one request from the minute's, if there is one left.
    pub fn take(&self, limit: u32, steady: Duration) -> Rate {
        let now = moment(steady);
        let mut old = self.0.load(Ordering::Acquire);
        loop {
            let (mut start, mut count) = (old >> COUNT_BITS, old & COUNT);
            if start == 0 || now >= start + WINDOW {
                (start, count) = (now, 0);
            }
            let allowed = count < u64::from(limit).min(COUNT);
            let count = count + u64::from(allowed);
            let remaining = limit.saturating_sub(count as u32);
            let reset = Duration::from_millis((start + WINDOW).saturating_sub(now));
            let rate = Rate { limit, remaining, reset, allowed };
            if !allowed {
                return rate;
            }
            let new = start << COUNT_BITS | count;
            match self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return rate,
                Err(changed) => old = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_request() {
        let minute = Minute::default();
        let at = Duration::from_millis;
        let first = minute.take(2, at(30_000));
        assert_eq!(first, Rate { limit: 2, remaining: 1, reset: at(60_000), allowed: true });
        assert_eq!(
            minute.take(2, at(89_000)),
            Rate { limit: 2, remaining: 0, reset: at(1_000), allowed: true }
        );
        assert_eq!(minute.take(2, at(89_999)), Rate { limit: 2, remaining: 0, reset: at(1), allowed: false });
        assert!(minute.take(2, at(90_000)).allowed);
        assert!(!minute.take(1, at(90_001)).allowed, "a lowered limit holds at once");
        assert!(minute.take(3, at(90_001)).allowed, "a raised one too");
    }

    #[test]
    fn of_two_hundred_at_once_exactly_fifty_pass() {
        let minute = Minute::default();
        let passed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..25).filter(|_| minute.take(50, Duration::ZERO).allowed).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
        });
        assert_eq!(passed, 50);
    }
}
