//! Counts that are not yet written. Each thread counts into a part of its own, so that the lock around it is free but for
//! the moment in which a flush takes the counts away.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use smol_str::SmolStr;

use crate::shared::{Compact, SecretId, Timestamp};
use crate::usage::Outcome;

/// One request that presented a key.
pub struct Use<'a> {
    pub secret: SecretId,
    pub key: Compact,
    pub org: Compact,
    pub outcome: Outcome,
    pub address: Option<IpAddr>,
    pub user_agent: &'a str,
    pub request_id: &'a str,
}

/// What is counted apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub secret: SecretId,
    pub hour: i32,
    pub outcome: Outcome,
    /// A hash of address and user agent; 0 where too many are counted at once to tell them apart.
    caller: u64,
}

/// What differs between slots is chance already: identifiers that this server has drawn, and hashes under its key.
impl Hash for Slot {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.secret.word() ^ self.caller);
    }
}

/// Spreads one number over all bits of another.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let wide = u128::from(number) * 0x9E37_79B9_7F4A_7C15;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(super) struct Count {
    pub requests: u64,
    pub last_at: Timestamp,
    pub whose: Box<Whose>,
}

/// What is the same for all requests of a slot. Apart, so that a thousand slots stay near to a processor.
pub(super) struct Whose {
    pub key: Compact,
    pub org: Compact,
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

const _: () = assert!(size_of::<(Slot, Count)>() <= 56);

pub(super) type Counts = HashMap<Slot, Count, BuildHasherDefault<Spread>>;

/// More parts than threads that count, on any machine of our time.
const PARTS: usize = 64;
/// From here on callers of a part are no longer told apart until the next flush.
const MOST_SLOTS: usize = 20_000;

pub(super) struct Tally {
    parts: [Mutex<Counts>; PARTS],
    hasher: RandomState,
}

impl Tally {
    pub fn new() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    pub fn count(&self, now: Timestamp, used: &Use) {
        let mut caller = self.hasher.hash_one((used.address, used.user_agent)) | 1;
        let mut counts = self.parts[part_of_thread()].lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_SLOTS {
            caller = 0;
        }
        let hour = now.millis().div_euclid(HOUR) as i32;
        let slot = Slot { secret: used.secret, hour, outcome: used.outcome, caller };
        let count = counts.entry(slot).or_insert_with(|| {
            let user_agent = if caller == 0 { "" } else { used.user_agent };
            let whose = Whose {
                key: used.key,
                org: used.org,
                address: used.address.filter(|_| caller != 0),
                user_agent: user_agent.into(),
            };
            Count { requests: 0, last_at: now, whose: Box::new(whose) }
        });
        count.requests += 1;
        count.last_at = count.last_at.max(now);
    }

    /// Takes what was counted away. About as much comes next, for which there is room at once.
    pub fn take(&self) -> Vec<Counts> {
        let take = |part: &Mutex<Counts>| {
            let mut counts = part.lock().unwrap_or_else(PoisonError::into_inner);
            let room = Counts::with_capacity_and_hasher(counts.len(), BuildHasherDefault::default());
            std::mem::replace(&mut *counts, room)
        };
        self.parts.iter().map(take).filter(|counts| !counts.is_empty()).collect()
    }

    /// Looks at what is counted.
    pub fn each(&self, mut look: impl FnMut(&Slot, &Count)) {
        for part in &self.parts {
            let counts = part.lock().unwrap_or_else(PoisonError::into_inner);
            counts.iter().for_each(|(slot, count)| look(slot, count));
        }
    }
}

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY_IN_HOURS: i64 = 24;

fn part_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % PARTS);
    }
    MINE.with(Cell::get)
}
