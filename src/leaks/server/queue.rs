//! Reported tokens that wait to be examined, in memory only. The queue is fair to reporters, and no reporter can fill it
//! alone. It never drops an accepted token: when it is full it refuses the report, and the reporter must send it again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::report::ReportedToken;
use crate::audit::Origin;
use crate::platform::GrowingLimit;
use crate::platform::fair_queue::FairQueue;
use crate::platform::http::address::subscriber;

/// The approximate amount of memory that waiting tokens may use.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The part of it that one reporter can use.
const MAX_BYTES_PER_REPORTER: usize = MAX_BYTES / 2;
/// The estimated memory of a waiting token without its texts.
const OVERHEAD: usize = 256;

/// A token that waits to be examined.
pub struct WaitingToken {
    pub reported: ReportedToken,
    pub report: Arc<ReportOrigin>,
}

/// Who sent a report.
pub struct ReportOrigin {
    pub origin: Origin,
    /// Signed by GitHub.
    pub is_signed: bool,
}

pub struct LeakQueue {
    state: Mutex<QueueState>,
    arrival: Notify,
    /// The time limit for examining one token, including the wait for its turn to be hashed.
    pub limit: GrowingLimit,
}

impl Default for LeakQueue {
    fn default() -> Self {
        let limit = GrowingLimit::new(Duration::from_secs(10));
        Self { state: Mutex::default(), arrival: Notify::new(), limit }
    }
}

#[derive(Default)]
struct QueueState {
    waiting: FairQueue<Option<IpAddr>, WaitingToken>,
    /// The token that is being examined. It stays here until it is finished, even if the round is cancelled.
    current: Option<Arc<WaitingToken>>,
    bytes: usize,
    bytes_by_reporter: HashMap<Option<IpAddr>, usize>,
}

impl WaitingToken {
    fn bytes(&self) -> usize {
        let ReportedToken { token, url, source } = &self.reported;
        OVERHEAD + token.expose().len() + url.len() + source.len()
    }

    fn reporter(&self) -> Option<IpAddr> {
        self.report.origin.address.map(subscriber)
    }
}

impl LeakQueue {
    /// Adds the tokens of a report. Returns false, and adds none, when there is no room for all.
    pub fn add(&self, report: ReportOrigin, tokens: Vec<ReportedToken>) -> bool {
        let report = Arc::new(report);
        let tokens: Vec<WaitingToken> = tokens
            .into_iter()
            .map(|reported| WaitingToken { reported, report: Arc::clone(&report) })
            .collect();
        let Some(reporter) = tokens.first().map(WaitingToken::reporter) else { return true };
        let bytes: usize = tokens.iter().map(WaitingToken::bytes).sum();
        let mut state = self.state();
        let used = state.bytes_by_reporter.get(&reporter).copied().unwrap_or_default();
        if state.bytes + bytes > MAX_BYTES || used + bytes > MAX_BYTES_PER_REPORTER {
            return false;
        }
        state.bytes += bytes;
        state.bytes_by_reporter.insert(reporter, used + bytes);
        for token in tokens {
            // The limit is the one on memory above, so nothing is refused or replaced here.
            state.waiting.push(reporter, token, usize::MAX);
        }
        drop(state);
        self.arrival.notify_one();
        true
    }

    /// The token to examine now: the one that was not finished, or else the next one.
    pub fn current(&self) -> Option<Arc<WaitingToken>> {
        let mut state = self.state();
        if state.current.is_none() {
            state.current = state.waiting.pop().map(Arc::new);
        }
        state.current.clone()
    }

    /// Removes the token that `current` returned.
    pub fn finish(&self) {
        let mut state = self.state();
        let Some(done) = state.current.take() else { return };
        let (bytes, reporter) = (done.bytes(), done.reporter());
        state.bytes = state.bytes.saturating_sub(bytes);
        if let Some(used) = state.bytes_by_reporter.get_mut(&reporter) {
            *used = used.saturating_sub(bytes);
            if *used == 0 {
                state.bytes_by_reporter.remove(&reporter);
            }
        }
    }

    pub fn len(&self) -> usize {
        let state = self.state();
        state.waiting.len() + usize::from(state.current.is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until a report arrives. Returns at once if one has arrived since the last call.
    pub async fn arrival(&self) {
        self.arrival.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Secret;

    fn report(address: [u8; 4]) -> ReportOrigin {
        let origin = Origin { address: Some(IpAddr::from(address)), ..Origin::local() };
        ReportOrigin { origin, is_signed: false }
    }

    fn tokens(names: &[&str], url: &str) -> Vec<ReportedToken> {
        let token = |name: &&str| ReportedToken {
            token: Secret::new(*name),
            url: url.to_owned(),
            source: String::new(),
        };
        names.iter().map(token).collect()
    }

    fn name(queue: &LeakQueue) -> Option<String> {
        queue.current().map(|token| token.reported.token.expose().to_owned())
    }

    #[test]
    fn reporters_take_turns_and_an_unfinished_token_is_returned_again() {
        let queue = LeakQueue::default();
        assert!(queue.add(report([10, 0, 0, 1]), tokens(&["a1", "a2"], "")));
        assert!(queue.add(report([10, 0, 0, 2]), tokens(&["b1"], "")));
        let mut order = Vec::new();
        while let Some(name) = name(&queue) {
            assert_eq!(self::name(&queue).as_ref(), Some(&name), "it was not finished");
            queue.finish();
            order.push(name);
        }
        assert_eq!(order, ["a1", "b1", "a2"]);
        let state = queue.state();
        assert!(state.bytes == 0 && state.bytes_by_reporter.is_empty());
    }

    #[test]
    fn one_reporter_cannot_fill_the_queue_and_a_full_one_refuses_the_whole_report() {
        let queue = LeakQueue::default();
        let url = "u".repeat(MAX_BYTES_PER_REPORTER / 4);
        let add = |address, count| queue.add(report(address), tokens(&vec!["t"; count], &url));
        assert!(add([10, 0, 0, 1], 2));
        assert!(!add([10, 0, 0, 1], 2), "half of the memory is the most");
        assert_eq!(queue.len(), 2, "nothing of a refused report waits");
        assert!(add([10, 0, 0, 2], 3));
        assert!(add([10, 0, 0, 3], 2));
        assert!(!add([10, 0, 0, 4], 1), "it is full");
        queue.current().expect("a token");
        queue.finish();
        assert!(add([10, 0, 0, 4], 1));
    }
}
