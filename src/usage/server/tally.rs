//! Counts that are not yet written. Each thread counts into a part of its own, so that the lock around it is free but for
//! the moment in which a flush takes the counts away.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
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
    /// Its place in the part's list.
    source: u32,
}

/// What differs between most slots is chance already: identifiers that this server has drawn.
impl Hash for Slot {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let rest = (self.hour as u64) << 32 ^ (self.outcome as u64) << 24 ^ u64::from(self.source);
        hasher.write_u64(self.secret.word() ^ rest);
    }
}

/// Spreads one number over all bits: what is hashed so is hashed by one number.
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
    pub key: Compact,
    pub requests: u64,
    pub last_at: Timestamp,
}

const _: () = assert!(size_of::<(Slot, Count)>() <= 56);

/// Where requests came from, which many slots share, and the organization whose keys they presented.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub org: Compact,
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

impl Source {
    /// All those that are not told apart.
    pub(super) fn anybody(org: Compact) -> Self {
        Self { org, address: None, user_agent: SmolStr::default() }
    }

    pub(super) fn is_anybody(&self) -> bool {
        self.address.is_none() && self.user_agent.is_empty()
    }
}

/// What one thread has counted. Slots stand one after the other, in the order in which they came, and what finds them is
/// small: they may be more than a processor's caches hold.
#[derive(Default)]
pub(super) struct Part {
    counts: IndexMap<Slot, Count, BuildHasherDefault<Spread>>,
    sources: Vec<Arc<Source>>,
    /// Places of sources, by their hash under the process's key.
    places: HashMap<u64, u32, BuildHasherDefault<Spread>>,
}

impl Part {
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    pub fn slots(&self) -> impl Iterator<Item = (&Slot, &Count, &Arc<Source>)> {
        self.counts.iter().map(|(slot, count)| (slot, count, &self.sources[slot.source as usize]))
    }

    fn place_of(&mut self, hash: u64, org: Compact, address: Option<IpAddr>, user_agent: &str) -> u32 {
        *self.places.entry(hash).or_insert_with(|| {
            self.sources.push(Arc::new(Source { org, address, user_agent: user_agent.into() }));
            self.sources.len() as u32 - 1
        })
    }
}

/// More parts than threads that count, on any machine of our time.
const PARTS: usize = 64;
/// From here on callers of a part are no longer told apart until the next flush.
const MOST_SLOTS: usize = 20_000;

pub(super) struct Tally {
    parts: [Mutex<Part>; PARTS],
    hasher: RandomState,
}

impl Tally {
    pub fn new() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    pub fn count(&self, now: Timestamp, used: &Use) {
        let Use { org, mut address, mut user_agent, .. } = *used;
        let mut hash = self.hasher.hash_one((org, address, user_agent));
        let mut part = self.parts[part_of_thread()].lock().unwrap_or_else(PoisonError::into_inner);
        if part.len() >= MOST_SLOTS {
            (address, user_agent) = (None, "");
            hash = self.hasher.hash_one((org, address, user_agent));
        }
        let source = part.place_of(hash, org, address, user_agent);
        let hour = now.millis().div_euclid(HOUR) as i32;
        let slot = Slot { secret: used.secret, hour, outcome: used.outcome, source };
        let none = Count { key: used.key, requests: 0, last_at: now };
        let count = part.counts.entry(slot).or_insert(none);
        count.requests += 1;
        count.last_at = count.last_at.max(now);
    }

    /// Takes what was counted away. About as much comes next, for which there is room at once.
    pub fn take(&self) -> Vec<Part> {
        let take = |part: &Mutex<Part>| {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let counts = IndexMap::with_capacity_and_hasher(part.len(), BuildHasherDefault::default());
            std::mem::replace(&mut *part, Part { counts, ..Part::default() })
        };
        self.parts.iter().map(take).filter(|part| part.len() > 0).collect()
    }

    /// Looks at what is counted.
    pub fn each(&self, mut look: impl FnMut(&Slot, &Count, &Arc<Source>)) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.slots().for_each(|(slot, count, source)| look(slot, count, source));
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
