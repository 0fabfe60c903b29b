//! The retry schedule of failed deliveries: with growing delays, for one day.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};

use crate::platform::Random;
use crate::shared::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long a delivery is tried.
pub const RETRY_PERIOD: Duration = Duration::from_secs(24 * HOUR);
/// An endpoint is turned off after all attempts have failed for this long.
pub const MAX_FAILING_TIME: Duration = Duration::from_secs(5 * 24 * HOUR);

/// The longest wait that a receiver can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(HOUR);

/// Seconds before the second attempt, the third, and so on. The last one repeats.
const DELAYS: [u64; 8] = [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR];

/// The time of the next attempt after this many failures. Up to a fifth of the delay is added at random, so that deliveries
/// that failed together are not retried together.
pub fn next_attempt(random: &Random, now: Timestamp, failures: u32) -> Timestamp {
    let index = (failures.saturating_sub(1) as usize).min(DELAYS.len() - 1);
    let delay = DELAYS[index] * 1_000;
    let jitter = u64::from(u32::from_le_bytes(random.bytes())) * (delay / 5) / u64::from(u32::MAX);
    now.plus(Duration::from_millis(delay + jitter))
}

/// Until when a receiver that responds with 429 or 503 asks for a pause, at most for an hour. `Retry-After` contains a number
/// of seconds or a date.
pub fn retry_after(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large is a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Timestamp::from_millis(i64::try_from(since_1970.as_millis()).ok()?).since(now)
    };
    (!wait.is_zero()).then(|| now.plus(wait.min(MAX_RETRY_AFTER)))
}

/// How long nothing is sent to an endpoint after this many further failures in a row. In the end it is called once a minute,
/// however many deliveries wait.
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

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date_and_an_hour_at_most() {
        // Sun, 06 Nov 1994 08:49:37 GMT.
        let now = Timestamp::from_millis(784_111_777_000);
        let wait = |status, text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().expect("a header"))]);
            retry_after(status, &headers, now).map(|until| until.since(now).as_secs())
        };
        for (text, seconds) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("3600", Some(3_600)),
            ("86400", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3_600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
        ] {
            assert_eq!(wait(429, text), seconds, "{text:?}");
        }
        assert_eq!([503, 500, 200].map(|status| wait(status, "120")), [Some(120), None, None]);
        assert_eq!(retry_after(429, &HeaderMap::new(), now), None);
    }
}
