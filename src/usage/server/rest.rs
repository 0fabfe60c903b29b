//! How long adding up rests after a portion, so that those who ask are answered first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

/// How busy the threads are that answer requests.
#[derive(Default)]
pub struct Busy {
    /// When it was last asked for, and how long all of them had worked by then.
    last: Mutex<(Duration, Duration)>,
}

impl Busy {
    /// The share of their time in which they worked, from 0 to 1.
    pub fn since_last_asked(&self, steady: Duration) -> f64 {
        let metrics = Handle::current().metrics();
        let worked =
            (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, had_worked) = std::mem::replace(&mut *last, (steady, worked));
        let all = steady.saturating_sub(then) * metrics.num_workers() as u32;
        if all.is_zero() { 0.0 } else { worked.saturating_sub(had_worked).div_duration_f64(all).min(1.0) }
    }
}

/// It takes what is to spare of one processor, and of a server that is as busy as can be this part.
const LEAST: f64 = 0.01;
/// With so many lines that wait, it rests no more: they take memory.
const TOO_MANY: usize = 2_000_000;

pub fn rest(took: Duration, busy: f64, waiting: usize) -> Duration {
    let room = 1.0 - waiting.min(TOO_MANY) as f64 / TOO_MANY as f64;
    let spare = (1.0 - busy).max(LEAST);
    took.mul_f64((1.0 / spare - 1.0) * room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_rests_unless_much_waits() {
        let took = Duration::from_millis(100);
        assert_eq!(rest(took, 0.0, 10), Duration::ZERO);
        assert_eq!(rest(took, 0.5, 0), took);
        assert_eq!(rest(took, 0.75, TOO_MANY / 2), took * 3 / 2);
        assert_eq!(rest(took, 1.0, 0), 99 * took);
        for waiting in [TOO_MANY, 10 * TOO_MANY] {
            assert_eq!(rest(took, 1.0, waiting), Duration::ZERO);
        }
    }
}
