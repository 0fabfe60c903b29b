//! Refused requests by their request id. The caller of a refused request receives the id and no reason; an admin of the key's
//! organization finds the reason by that id. The number per key and hour is limited, so that a flood neither fills the database
//! nor hides the refusals of other keys. Accepted calls of a key are recorded in the same way if somebody asked for a sample.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counters::{KeyUse, hour_of};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Recorded refusals per key and hour, and as many accepted calls.
const MAX_PER_KEY: u32 = 60;
/// Recorded requests per flush.
const MAX_PER_FLUSH: usize = 1_000;
/// With this many, a flush takes no more accepted calls, so that there is room for refusals.
const MAX_BEFORE_ACCEPTED: usize = 500;
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A refused request with a key that exists, or an accepted call of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    pub request_id: String,
    pub at: Timestamp,
    pub org: OrgId,
    pub key: KeyId,
    pub secret: SecretId,
    pub outcome: Outcome,
    pub address: Option<IpAddr>,
    /// Whether the key had the permissions that the check asked for; None if it asked for none.
    pub permitted: Option<bool>,
}

/// Recorded requests that are not yet in a flush.
#[derive(Default)]
pub struct RefusalBuffer(Mutex<Buffered>);

#[derive(Default)]
struct Buffered {
    hour: i64,
    /// By key, and whether the requests were accepted.
    of_keys: HashMap<(KeyId, bool), u32>,
    requests: Vec<RefusedRequest>,
}

impl RefusalBuffer {
    pub fn record(&self, at: Timestamp, used: &KeyUse) {
        let mut buffered = self.lock();
        let hour = hour_of(at);
        if buffered.hour != hour {
            buffered.hour = hour;
            buffered.of_keys.clear();
        }
        let is_accepted = used.outcome == Outcome::Valid;
        let most = if is_accepted { MAX_BEFORE_ACCEPTED } else { MAX_PER_FLUSH };
        if buffered.requests.len() >= most {
            return;
        }
        let count = buffered.of_keys.entry((used.key, is_accepted)).or_default();
        if *count >= MAX_PER_KEY {
            return;
        }
        *count += 1;
        buffered.requests.push(RefusedRequest {
            request_id: used.request_id.to_owned(),
            at,
            org: used.org,
            key: used.key,
            secret: used.secret,
            outcome: used.outcome,
            address: used.address,
            permitted: used.permitted,
        });
    }

    pub fn take(&self) -> Vec<RefusedRequest> {
        std::mem::take(&mut self.lock().requests)
    }

    pub fn find(&self, is_wanted: impl Fn(&RefusedRequest) -> bool) -> Vec<RefusedRequest> {
        self.lock().requests.iter().filter(|refused| is_wanted(refused)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Buffered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> KeyId {
        KeyId::new(Timestamp::from_millis(0), [n; 10])
    }

    fn record(refusals: &RefusalBuffer, key: KeyId, outcome: Outcome, millis: i64) {
        let secret = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        let is_sampled = outcome == Outcome::Valid;
        let used = KeyUse {
            secret,
            key,
            org: OrgId::NIL,
            outcome,
            address: None,
            user_agent: "",
            request_id: "req_1",
            is_sampled,
            permitted: None,
        };
        refusals.record(Timestamp::from_millis(millis), &used);
    }

    #[test]
    fn a_flood_with_one_key_hides_no_other() {
        let refusals = RefusalBuffer::default();
        let (flooded, other) = (key(1), key(2));
        let record = |key, millis| record(&refusals, key, Outcome::Revoked, millis);
        for _ in 0..1_000 {
            record(flooded, 5);
        }
        record(other, 6);
        let taken = refusals.take();
        assert_eq!(taken.len(), MAX_PER_KEY as usize + 1);
        assert_eq!(taken.last().map(|refused| refused.key), Some(other));
        record(flooded, 7);
        assert_eq!(refusals.take(), []);
        record(flooded, 3_600_000);
        assert_eq!(refusals.take().len(), 1, "another hour");
    }

    #[test]
    fn accepted_calls_hide_no_refusals() {
        let refusals = RefusalBuffer::default();
        for n in 0..20 {
            for _ in 0..100 {
                record(&refusals, key(n), Outcome::Valid, 5);
            }
        }
        for n in 0..10 {
            for _ in 0..100 {
                record(&refusals, key(n), Outcome::Disabled, 5);
            }
        }
        let taken = refusals.take();
        let accepted = taken.iter().filter(|request| request.outcome == Outcome::Valid).count();
        assert_eq!((accepted, taken.len()), (MAX_BEFORE_ACCEPTED, MAX_PER_FLUSH));
        let of_first = taken.iter().filter(|request| request.key == key(0));
        assert_eq!(
            of_first.count(),
            2 * MAX_PER_KEY as usize,
            "refusals and accepted calls are counted apart"
        );
    }
}
