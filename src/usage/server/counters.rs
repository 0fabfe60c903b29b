//! Requests counted in memory. Each thread counts into a shard of its own, so that the shard's lock is free except while a
//! flush takes the counts or a reader looks at them.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use smol_str::SmolStr;

use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// One request that presented a key.
pub struct KeyUse<'a> {
    pub secret: SecretId,
    pub key: KeyId,
    pub org: OrgId,
    pub outcome: Outcome,
    pub address: Option<IpAddr>,
    pub user_agent: &'a str,
    pub request_id: &'a str,
    /// An accepted request that is recorded like a refused one.
    pub is_sampled: bool,
    /// Whether the key had the permissions that the check asked for; None if it asked for none.
    pub permitted: Option<bool>,
}

/// The requests that are counted together. Slots sort by key first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub key: KeyId,
    pub secret: SecretId,
    /// Hours since the Unix epoch.
    pub hour: i64,
    pub outcome: Outcome,
    pub org: OrgId,
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

impl Slot {
    /// False when neither an address nor a user agent is known, or when the caller is not counted separately.
    pub fn has_caller(&self) -> bool {
        self.address.is_some() || !self.user_agent.is_empty()
    }

    pub fn without_caller(self) -> Self {
        Self { address: None, user_agent: SmolStr::default(), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub requests: u32,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Count {
    pub fn merge(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

pub type Line = (Slot, Count);

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;

/// Hours since the Unix epoch.
pub fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MILLIS)
}

/// Days since the Unix epoch.
pub fn day_of(hour: i64) -> i64 {
    hour.div_euclid(DAY_HOURS)
}

/// At least the number of threads on most machines. More threads share shards.
const SHARDS: usize = 64;
/// A shard with this many slots counts further requests without their callers until the next flush.
const MAX_SLOTS: usize = 20_000;

type Shard = HashMap<Slot, Count, foldhash::fast::RandomState>;

pub struct Counters {
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for Counters {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Counters {
    pub fn count(&self, now: Timestamp, used: &KeyUse) {
        let mut slot = Slot {
            key: used.key,
            secret: used.secret,
            hour: hour_of(now),
            outcome: used.outcome,
            org: used.org,
            address: used.address,
            user_agent: used.user_agent.into(),
        };
        let one = Count { requests: 1, first_at: now, last_at: now };
        let mut shard = lock(&self.shards[shard_of_thread()]);
        if shard.len() >= MAX_SLOTS {
            slot = slot.without_caller();
        }
        shard.entry(slot).and_modify(|count| count.merge(one)).or_insert(one);
    }

    /// Removes and returns all counts. A slot occurs once for each shard that counted it.
    pub fn take(&self) -> impl Iterator<Item = Line> {
        self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard)))
    }

    pub fn for_each(&self, mut look: impl FnMut(&Slot, &Count)) {
        for shard in &self.shards {
            lock(shard).iter().for_each(|(slot, count)| look(slot, count));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    SHARD.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counters: &Counters, secret: u32, address: Option<IpAddr>, user_agent: &str) {
        let secret = SecretId::parse(&format!("{secret:012}")).expect("an id");
        let (key, org, outcome) = (KeyId::NIL, OrgId::NIL, Outcome::Valid);
        let used = KeyUse {
            secret,
            key,
            org,
            outcome,
            address,
            user_agent,
            request_id: "",
            is_sampled: false,
            permitted: None,
        };
        counters.count(Timestamp::from_millis(0), &used);
    }

    #[test]
    fn memory_grows_with_slots_and_not_with_requests() {
        let counters = Counters::default();
        let (secrets, rounds) = (17_000, 4);
        for _ in 0..rounds {
            (0..secrets).for_each(|secret| count(&counters, secret, None, ""));
        }
        let lines: Vec<Line> = counters.take().collect();
        assert_eq!(lines.len(), secrets as usize);
        assert!(lines.iter().all(|(_, count)| count.requests == rounds));
        assert_eq!(counters.take().count(), 0);
    }

    #[test]
    fn a_flood_of_callers_does_not_grow_without_bound() {
        let counters = Counters::default();
        for number in 0..2 * MAX_SLOTS as u32 {
            count(&counters, 1, Some(IpAddr::from(number.to_be_bytes())), &format!("agent {number}"));
        }
        let lines: Vec<Line> = counters.take().collect();
        assert_eq!(lines.len(), MAX_SLOTS + 1);
        let requests: u32 = lines.iter().map(|(_, count)| count.requests).sum();
        assert_eq!(requests, 2 * MAX_SLOTS as u32);
    }
}
