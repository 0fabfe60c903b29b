//! Counts that are not yet written. Each thread counts into a part of its own, so that the lock around it is free but for
//! the moment in which a flush takes the counts away. A part stays about as small as a processor's caches: what does not
//! fit makes way, as lines.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::journal::{self, Line, PORTION};
use crate::shared::{KeyId, OrgId, SecretId, Spread, Timestamp};
use crate::usage::Outcome;

/// One request that presented a key.
pub struct Use<'a> {
    pub secret: SecretId,
    pub key: KeyId,
    pub org: OrgId,
    pub outcome: Outcome,
    pub address: Option<IpAddr>,
    pub user_agent: &'a str,
    pub request_id: &'a str,
}

/// What is counted apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    secret: SecretId,
    hour: i32,
    outcome: Outcome,
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

struct Count {
    key: KeyId,
    requests: u32,
    /// Milliseconds of the hour.
    last: u32,
}

const _: () = assert!(size_of::<(Slot, Count)>() <= 48);

/// Where requests came from, which many slots share, and the organization whose keys they presented.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub org: OrgId,
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

impl Source {
    /// All those that are not told apart.
    pub(super) fn anybody(org: OrgId) -> Self {
        Self { org, address: None, user_agent: SmolStr::default() }
    }

    pub(super) fn is_anybody(&self) -> bool {
        self.address.is_none() && self.user_agent.is_empty()
    }
}

/// What one thread has counted.
#[derive(Default)]
struct Part {
    counts: IndexMap<Slot, Count, BuildHasherDefault<Spread>>,
    /// In all of its slots.
    requests: u64,
    sources: Vec<Arc<Source>>,
    /// Places of sources, by their hash under the process's key.
    places: HashMap<u64, u32, BuildHasherDefault<Spread>>,
    /// What has made way, a text's worth each.
    full: Vec<Vec<Line>>,
    /// How many of them have been joined.
    joined: usize,
}

impl Part {
    fn slots(&self) -> usize {
        self.full.len() * PORTION + self.counts.len()
    }

    /// The lines of `counts` in the order of their keys, so many at once. What is sorted is small: lines are not.
    fn lines(&self, at_once: usize) -> Vec<Vec<Line>> {
        let mut order: Vec<(KeyId, u32)> =
            (0..).zip(self.counts.values()).map(|(place, count)| (count.key, place)).collect();
        order.sort_unstable();
        let slot = |(_, place): &(KeyId, u32)| self.counts.get_index(*place as usize);
        let line = |place| slot(place).map(|slot| self.line(slot));
        order.chunks(at_once).map(|places| places.iter().filter_map(line).collect()).collect()
    }

    fn line(&self, (slot, count): (&Slot, &Count)) -> Line {
        Line {
            secret: slot.secret,
            hour: slot.hour,
            outcome: slot.outcome,
            key: count.key,
            source: Arc::clone(&self.sources[slot.source as usize]),
            requests: count.requests,
            first: count.last,
            last: count.last,
        }
    }

    fn make_way(&mut self) {
        let mut lines = self.lines(PORTION);
        self.full.append(&mut lines);
        self.counts.clear();
        // While nothing can be written down, the same slots come again and again.
        if self.full.len() >= MUCH.max(2 * self.joined) {
            let mut lines: Vec<Line> = std::mem::take(&mut self.full).into_iter().flatten().collect();
            journal::join(&mut lines);
            self.full = lines.chunks(PORTION).map(<[Line]>::to_vec).collect();
            self.joined = self.full.len();
        }
    }

    /// Its memory is used again by about as much, and not kept for more.
    fn forget(&mut self) {
        let most = 2 * self.slots();
        self.requests = 0;
        self.counts.clear();
        self.sources.clear();
        self.places.clear();
        self.counts.shrink_to(most);
        self.sources.shrink_to(most);
        self.places.shrink_to(most);
    }

    fn place_of(&mut self, hash: u64, org: OrgId, address: Option<IpAddr>, user_agent: &str) -> u32 {
        *self.places.entry(hash).or_insert_with(|| {
            self.sources.push(Arc::new(Source { org, address, user_agent: user_agent.into() }));
            self.sources.len() as u32 - 1
        })
    }
}

/// More parts than threads that count, on any machine of our time.
const PARTS: usize = 64;
/// So many slots stand in a part. Of fewer, each is one line at a flush, however often it was used.
const AT_ONCE: usize = 8 * PORTION;
/// So many texts come together in more than a second only. A test need not count as much.
const MUCH: usize = if cfg!(test) { 24 } else { 160 };
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
        if part.slots() >= MOST_SLOTS {
            (address, user_agent) = (None, "");
            hash = self.hasher.hash_one((org, address, user_agent));
        }
        let source = part.place_of(hash, org, address, user_agent);
        let (hour, last) = (now.millis().div_euclid(HOUR) as i32, now.millis().rem_euclid(HOUR) as u32);
        let slot = Slot { secret: used.secret, hour, outcome: used.outcome, source };
        let count = part.counts.entry(slot).or_insert(Count { key: used.key, requests: 0, last });
        count.requests = count.requests.saturating_add(1);
        count.last = count.last.max(last);
        part.requests += 1;
        if part.counts.len() >= AT_ONCE {
            part.make_way();
        }
    }

    /// Takes what was counted away: what has made way, and the rest.
    pub fn take(&self) -> (Vec<Vec<Line>>, Vec<Line>) {
        let (mut full, mut rest) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            rest.extend(part.lines(AT_ONCE).into_iter().flatten());
            part.forget();
            full.append(&mut part.full);
            part.joined = 0;
        }
        (full, rest)
    }

    /// How many requests are counted and not taken away.
    pub fn requests(&self) -> u64 {
        let parts =
            self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).requests);
        parts.sum()
    }

    /// Looks at what is counted.
    pub fn each(&self, mut look: impl FnMut(&Line)) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.full.iter().flatten().for_each(&mut look);
            part.counts.iter().for_each(|slot| look(&part.line(slot)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::KeyId;

    #[test]
    fn slots_that_cannot_be_written_down_do_not_grow_with_requests() {
        let tally = Tally::new();
        let id = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]);
        let secrets: Vec<SecretId> =
            (0..17_000).filter_map(|n| SecretId::parse(&format!("{n:012}"))).collect();
        let rounds = 4;
        for secret in secrets.iter().cycle().take(rounds * secrets.len()).copied() {
            let (key, org, outcome) = (id(1), OrgId::NIL, Outcome::Valid);
            let used = Use { secret, key, org, outcome, address: None, user_agent: "", request_id: "" };
            tally.count(Timestamp::from_millis(0), &used);
        }
        let (full, rest) = tally.take();
        let lines: Vec<Line> = full.into_iter().flatten().chain(rest).collect();
        assert!(lines.len() < 3 * secrets.len(), "{}", lines.len());
        assert_eq!(lines.iter().map(|line| line.requests as usize).sum::<usize>(), rounds * secrets.len());
    }
}
