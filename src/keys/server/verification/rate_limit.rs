//! Rate limits: requests per minute of each key, exact within a process. A window of sixty seconds begins with its first
//! request. Windows are independent of the cache of tokens, so a limit holds however many tokens are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::platform::FixedWindow;
use crate::shared::KeyId;

const MINUTE: Duration = Duration::from_secs(60);

/// The requests of one key in the current window.
#[derive(Debug)]
pub struct RateWindow(Mutex<FixedWindow>);

/// The state of a rate limit after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
    /// The time until the window ends.
    pub reset: Duration,
    pub is_allowed: bool,
}

impl Default for RateWindow {
    fn default() -> Self {
        Self(Mutex::new(FixedWindow::of(MINUTE)))
    }
}

impl RateWindow {
    /// Whether the window has begun and not yet ended.
    pub fn is_running(&self, steady: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_running(steady)
    }

    /// Whether the window allows another request, which is not counted.
    pub fn state(&self, limit: u32, steady: Duration) -> Rate {
        let window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = limit.saturating_sub(window.count(steady));
        Rate { limit, remaining, reset: window.remaining(steady), is_allowed: remaining > 0 }
    }

    /// Counts a request, if the window allows another one.
    pub fn take(&self, limit: u32, steady: Duration) -> Rate {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_allowed = window.count(steady) < limit;
        let count = if is_allowed { window.add(steady) } else { window.count(steady) };
        Rate { limit, remaining: limit.saturating_sub(count), reset: window.remaining(steady), is_allowed }
    }
}

/// Below this many entries nothing is removed.
const MIN_SIZE: usize = 1_024;

/// The windows of all keys with a rate limit.
#[derive(Default)]
pub struct RateLimits(Mutex<RateWindows>);

#[derive(Default)]
struct RateWindows {
    by_key: HashMap<KeyId, Arc<RateWindow>>,
    /// At this size windows that have ended are removed, so that the map has at most twice as many entries as needed.
    sweep_at: usize,
}

impl RateLimits {
    /// The window of a key, shared by all its states and those of the keys that count with it. It stays in the map while it
    /// is in use or runs.
    pub fn of(&self, key: KeyId, steady: Duration) -> Arc<RateWindow> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let RateWindows { by_key, sweep_at } = &mut *entries;
        if by_key.len() >= *sweep_at {
            // A window that only this map refers to cannot be cloned meanwhile, since the map is locked.
            by_key.retain(|_, window| Arc::get_mut(window).is_none_or(|window| window.is_running(steady)));
            *sweep_at = MIN_SIZE.max(2 * by_key.len());
        }
        Arc::clone(by_key.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    #[test]
    fn a_window_begins_with_its_first_request() {
        let window = RateWindow::default();
        let at = Duration::from_millis;
        let first = window.take(2, at(30_000));
        assert_eq!(first, Rate { limit: 2, remaining: 1, reset: at(60_000), is_allowed: true });
        assert_eq!(
            window.take(2, at(89_000)),
            Rate { limit: 2, remaining: 0, reset: at(1_000), is_allowed: true }
        );
        assert_eq!(
            window.take(2, at(89_999)),
            Rate { limit: 2, remaining: 0, reset: at(1), is_allowed: false }
        );
        assert!(window.take(2, at(90_000)).is_allowed);
        assert!(!window.take(1, at(90_001)).is_allowed, "a lowered limit holds at once");
        assert!(window.take(3, at(90_001)).is_allowed, "a raised one too");
    }

    #[test]
    fn of_two_hundred_concurrent_requests_exactly_fifty_pass() {
        let window = RateWindow::default();
        let passed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| (0..25).filter(|_| window.take(50, Duration::ZERO).is_allowed).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
        });
        assert_eq!(passed, 50);
    }

    fn key(number: u32) -> KeyId {
        let mut chance = [0; 10];
        chance[6..].copy_from_slice(&number.to_be_bytes());
        KeyId::new(Timestamp::from_millis(0), chance)
    }

    #[test]
    fn only_windows_that_run_or_are_in_use_stay() {
        let limits = RateLimits::default();
        let at = Duration::from_secs;
        let shared = limits.of(key(0), at(0));
        assert!(shared.take(1, at(0)).is_allowed);
        for number in 1..100_000 {
            // A thousand keys in each minute.
            let now = at(u64::from(number / 1_000) * 60);
            assert!(limits.of(key(number), now).take(1, now).is_allowed);
        }
        let count = limits.0.lock().expect("a lock").by_key.len();
        assert!(count <= 2 * 1_001, "{count}");
        assert!(
            !limits.of(key(99_999), at(99 * 60)).take(1, at(99 * 60 + 59)).is_allowed,
            "its window still runs"
        );
        assert!(Arc::ptr_eq(&shared, &limits.of(key(0), at(100 * 60))), "a window in use stays");
    }
}
