//! When a failed delivery is tried again: at first soon, then less and less often, for a day.

use std::time::Duration;

use crate::platform::Random;
use crate::shared::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long a delivery is tried.
pub const RETRY_PERIOD: Duration = Duration::from_secs(24 * HOUR);
/// An endpoint at which everything failed for so long is turned off.
pub const MAX_FAILING_TIME: Duration = Duration::from_secs(5 * 24 * HOUR);

/// Seconds before the second attempt, the third, and so on. The last one repeats.
const DELAYS: [u64; 8] = [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR];

/// The time of the next attempt after so many failures. Up to a fifth is added at random, so that deliveries that failed
/// together do not come back together.
pub fn next_attempt(random: &Random, now: Timestamp, failures: u32) -> Timestamp {
    let place = (failures.saturating_sub(1) as usize).min(DELAYS.len() - 1);
    let delay = DELAYS[place] * 1_000;
    let jitter = u64::from(u32::from_le_bytes(random.bytes())) * (delay / 5) / u64::from(u32::MAX);
    now.plus(Duration::from_millis(delay + jitter))
}

/// How long an endpoint is left alone after further failures in a row, so that it is called once a minute in the end, however
/// many deliveries wait.
pub fn pause_after(failures: i64) -> Duration {
    let doublings = u32::try_from(failures).unwrap_or(0).min(4);
    Duration::from_secs((5 << doublings).min(MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_and_fill_a_day() {
        let random = Random::seeded(1);
        let start = Timestamp::from_millis(0);
        let (mut at, mut failures, mut last) = (start, 0, Duration::ZERO);
        while at.since(start) < RETRY_PERIOD {
            failures += 1;
            let next = next_attempt(&random, at, failures);
            let delay = next.since(at);
            let least = DELAYS[(failures as usize - 1).min(7)];
            assert!(delay >= Duration::from_secs(least) && delay.as_millis() <= u128::from(least * 1_200));
            assert!(delay > last || failures > 8);
            (at, last) = (next, delay);
        }
        assert_eq!([0, 1, 2, 3, 4, 99].map(|count| pause_after(count).as_secs()), [5, 10, 20, 40, 60, 60]);
        assert!((12..=16).contains(&failures), "{failures}");
    }
}
