//! A time limit for work that is repeated until it succeeds. It doubles with each timeout in a row, so that work that is only
//! slow succeeds in the end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::Clock;

/// Up to eight times the first limit.
const MAX_DOUBLINGS: u32 = 3;

pub struct GrowingLimit {
    first: Duration,
    timeouts: AtomicU32,
}

impl GrowingLimit {
    pub const fn new(first: Duration) -> Self {
        Self { first, timeouts: AtomicU32::new(0) }
    }

    /// The limit of the next try.
    pub fn current(&self) -> Duration {
        self.first * 2_u32.pow(self.timeouts.load(Ordering::Relaxed).min(MAX_DOUBLINGS))
    }

    /// Returns None when the work took too long. It is then dropped.
    pub async fn run<T>(&self, clock: &Clock, work: impl Future<Output = T>) -> Option<T> {
        let began = clock.steady();
        let Ok(done) = tokio::time::timeout(self.current(), work).await else {
            self.timeouts.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        // Otherwise work that always takes a little longer than the first limit would time out every other time.
        if clock.steady().saturating_sub(began) < self.first {
            self.timeouts.store(0, Ordering::Relaxed);
        }
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Timestamp;

    #[tokio::test]
    async fn the_limit_grows_until_work_succeeds_in_time() {
        const FIRST: Duration = Duration::from_millis(5);
        let (limit, clock) = (GrowingLimit::new(FIRST), Clock::manual(Timestamp::from_millis(0)));
        for expected in [1, 2, 4, 8, 8] {
            assert_eq!(limit.current(), expected * FIRST);
            assert!(limit.run(&clock, std::future::pending::<()>()).await.is_none());
        }
        let slow = async { clock.advance(3 * FIRST) };
        assert!(limit.run(&clock, slow).await.is_some());
        assert_eq!(limit.current(), 8 * FIRST, "it was too slow for the first limit");
        assert!(limit.run(&clock, async {}).await.is_some());
        assert_eq!(limit.current(), FIRST);
    }
}
