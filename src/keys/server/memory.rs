//! What is remembered so that the next check of a key costs about a microsecond: which tokens are proven, and what each
//! key is at present. Reading takes no lock that a writer holds.
//!
//! Two things are kept apart. A proof (this token is right, and that key's) holds until the secret ends. A state (role,
//! limits, times) is dropped at every change of the key and read again. A state that was being read while its key changed
//! is not put back, and no state is used once the change log has not been read for a while.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::checking::Checking;
use super::first_check::{MOST_WAITING, PATIENCE};
use super::minutes::Minutes;
use super::proven::{Cell, Digest, Found, Place, Proven};
use super::state::Org;
use super::token::Token;
use super::tries::{AttemptSource, Tries};
use super::wrong::Wrong;
use crate::platform::changes::{Heard, Kind};
use crate::platform::{BlockingPool, Random};
use crate::shared::{Compact, KeyId, SecretId};

/// A remembered state may be used while the last successful reading of the change log began less than this ago.
const LEASE: Duration = Duration::from_secs(5);

pub struct Memory {
    /// Under a key of this process: nobody outside can make two tokens meet.
    key: [u8; 32],
    pub(super) proven: Proven,
    /// Asked when a token is proven and when a key changes, not by the checks in between.
    cells: [Mutex<HashSet<ByKey>>; SHARDS],
    orgs: papaya::HashMap<Compact, Arc<Org>>,
    pub(super) wrong: Wrong,
    pub(super) tries: Tries,
    pub(super) checking: Checking,
    /// Requests of the running minute, of keys with a limit.
    pub(super) minutes: Minutes,
    /// First checks of tokens, in turn for each address and public id.
    pub(super) checks: BlockingPool<AttemptSource>,
    /// The same for those who have sent a wrong secret of the same public id in this minute.
    pub(super) checks_after_wrong: BlockingPool<AttemptSource>,
    /// Hashing for people and services that make and rotate keys: no flood of checks is in its way.
    pub(super) new_secrets: BlockingPool,
    /// Until when states may be used, in milliseconds of the steady clock.
    lease: AtomicU64,
    seen: AtomicI64,
}

/// Large tables grow by doubling: many small ones do so one after the other.
const SHARDS: usize = 64;

/// A cell, found by its key.
struct ByKey(Arc<Cell>);

impl Borrow<Compact> for ByKey {
    fn borrow(&self) -> &Compact {
        &self.0.key
    }
}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.key.hash(hasher);
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl Memory {
    pub fn new(random: &Random) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            key: random.bytes(),
            proven: Proven::default(),
            cells: std::array::from_fn(|_| Mutex::default()),
            orgs: papaya::HashMap::new(),
            wrong: Wrong::default(),
            tries: Tries::default(),
            checking: Checking::default(),
            minutes: Minutes::default(),
            checks: BlockingPool::new(cores, MOST_WAITING, PATIENCE),
            checks_after_wrong: BlockingPool::new(cores.div_ceil(2), MOST_WAITING, PATIENCE),
            new_secrets: BlockingPool::new(cores.div_ceil(2), MOST_WAITING, PATIENCE),
            lease: AtomicU64::new(0),
            seen: AtomicI64::new(-1),
        }
    }

    pub(super) fn digest(&self, token: &Token) -> Digest {
        let whole = blake3::keyed_hash(&self.key, token.body().as_bytes());
        whole.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Looks at the place of a token that is proven, and at what is there; gives the token's digest too.
    pub(super) fn with_proven<T>(
        &self,
        token: &Token,
        look: impl FnOnce(&Digest, &Place, Found) -> T,
    ) -> (Digest, Option<T>) {
        self.proven.with(token.id(), || self.digest(token), look)
    }

    pub(super) fn cell(&self, key: Compact) -> Arc<Cell> {
        let mut cells = self.cells_near(key);
        if let Some(ByKey(cell)) = cells.get(&key) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(Cell::new(key));
        cells.insert(ByKey(Arc::clone(&cell)));
        cell
    }

    fn cells_near(&self, key: Compact) -> MutexGuard<'_, HashSet<ByKey>> {
        let shard = usize::from(key.tail()[0]) % SHARDS;
        self.cells[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One copy of what many states say about their organization.
    pub(super) fn share(&self, org: Org) -> Arc<Org> {
        let orgs = self.orgs.pin();
        match orgs.get(&org.id).filter(|known| ***known == org) {
            Some(known) => Arc::clone(known),
            None => {
                let org = Arc::new(org);
                orgs.insert(org.id, Arc::clone(&org));
                org
            }
        }
    }

    /// How many tokens are proven.
    pub fn len(&self) -> usize {
        self.proven.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn may_use_states(&self, steady: Duration) -> bool {
        millis(steady) < self.lease.load(Ordering::Acquire)
    }

    /// The change log has been read up to here; there may be more of it.
    pub(super) fn read_to(&self, seen: i64) {
        self.seen.store(seen, Ordering::Release);
    }

    /// It has been read to its end, by a reading that began at `began`.
    pub(super) fn renew(&self, began: Duration) {
        self.lease.fetch_max(millis(began + LEASE), Ordering::AcqRel);
    }

    /// How long ago the last reading to the end began; before the first one, how long this process has run.
    pub(super) fn age_of_reading(&self, steady: Duration) -> Duration {
        let began = Duration::from_millis(self.lease.load(Ordering::Acquire)).saturating_sub(LEASE);
        steady.saturating_sub(began)
    }

    /// None before the first reading.
    pub(super) fn seen(&self) -> Option<i64> {
        Some(self.seen.load(Ordering::Acquire)).filter(|seen| *seen >= 0)
    }

    pub fn hear(&self, heard: Heard<'_>) {
        match heard {
            Heard::Change(change) if change.kind == Kind::Key => {
                let Some(key) = KeyId::from_text(&*change.id).compact() else { return };
                if let Some(ByKey(cell)) = self.cells_near(key).get(&key) {
                    self.proven.forget(cell);
                }
            }
            Heard::Change(change) if change.kind == Kind::Login => {}
            // A plan, which many states carry, or a gap. Rare.
            Heard::Change(_) | Heard::Gap => self.forget_states(),
        }
    }

    fn forget_states(&self) {
        for cells in &self.cells {
            cells
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .for_each(|ByKey(cell)| self.proven.forget(cell));
        }
    }

    /// Keeps what is remembered within bounds. What is given up is proven again when it comes again.
    pub fn tidy(&self, most: usize) {
        let excess = self.len().saturating_sub(most);
        if excess > 0 {
            self.proven.some(excess + most / 10, |secret, cell| self.give_up(secret, cell));
        }
    }

    /// Two secrets of a key share its cell. Where it was given up with one of them, the key may have another by now,
    /// which stays: nobody would tell it of changes any more.
    fn give_up(&self, secret: SecretId, cell: &Arc<Cell>) {
        self.proven.give_up(secret, cell);
        let key = cell.key;
        let mut cells = self.cells_near(key);
        if cells.get(&key).is_some_and(|ByKey(known)| Arc::ptr_eq(known, cell)) {
            cells.remove(&key);
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Timestamp;

    #[test]
    fn a_key_that_was_given_up_with_one_secret_keeps_its_next_cell() {
        let memory = Memory::new(&Random::seeded(1));
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier");
        let [old, new] = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e"].map(|id| SecretId::parse(id).expect("an id"));
        let first = memory.cell(key);
        memory.proven.remember(old, [1; 12], Arc::clone(&first));
        memory.proven.remember(new, [2; 12], Arc::clone(&first));
        memory.give_up(new, &first);
        let second = memory.cell(key);
        assert!(!Arc::ptr_eq(&first, &second));
        memory.proven.remember(new, [2; 12], Arc::clone(&second));
        memory.give_up(old, &first);
        assert!(Arc::ptr_eq(&second, &memory.cell(key)), "a change of the key is still heard there");
        assert_eq!(memory.len(), 1);
    }
}
