//! What is remembered so that the next check of a key costs about a microsecond: which tokens are proven, and what each
//! key is at present. Reading takes no lock that a writer holds.
//!
//! Two things are kept apart. A proof (this token is right, and that key's) holds until the secret ends. A state (role,
//! limits, times) is dropped at every change of the key and read again. A state that was being read while its key changed
//! is not put back, and no state is used once the change log has not been read for a while.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};

use super::checking::Checking;
use super::minute::Minute;
use super::state::{Org, State};
use super::token::Token;
use super::tries::Tries;
use super::wrong::{Known, Wrong};
use crate::platform::changes::{Heard, Kind};
use crate::platform::{Random, Workers};
use crate::shared::{Compact, KeyId, SecretId, Spread};

/// A remembered state may be used while the last successful reading of the change log began less than this ago.
const LEASE: Duration = Duration::from_secs(5);
/// More than this in the queue for hashing, or longer, and the answer is 503.
const MOST_WAITING: usize = 512;
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Memory {
    /// Under a key of this process: nobody outside can make two tokens meet.
    key: [u8; 32],
    /// With the place of the key whose token it is.
    proven: papaya::HashMap<Proof, Arc<Cell>, BuildHasherDefault<Spread>>,
    /// Asked when a token is proven and when a key changes, not by the checks in between.
    cells: [Mutex<HashSet<ByKey>>; SHARDS],
    orgs: papaya::HashMap<Compact, Arc<Org>>,
    pub(super) wrong: Wrong,
    pub(super) tries: Tries,
    pub(super) checking: Checking,
    pub(super) workers: Workers,
    /// Until when states may be used, in milliseconds of the steady clock.
    lease: AtomicU64,
    seen: AtomicI64,
}

/// A token under the keyed hash: 96 bits of it.
pub(super) type Digest = [u8; 12];

/// What is in a place.
pub(super) type Found = Guard<Option<Arc<State>>>;

/// That a token is right: the only one with its secret's identifier, by which it is found.
struct Proof {
    secret: SecretId,
    token: Digest,
}

// With the place, it is half a line of a processor's caches.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<(Proof, Arc<Cell>)>() <= 32);

impl Borrow<SecretId> for Proof {
    fn borrow(&self) -> &SecretId {
        &self.secret
    }
}

impl Hash for Proof {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.secret.hash(hasher);
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for Proof {}

/// The place of one key's state.
pub(super) struct Cell {
    pub key: Compact,
    state: ArcSwapOption<State>,
    /// The next one begins with every change; `GIVEN_UP` stays.
    generation: Mutex<u32>,
    pub minute: Minute,
}

const GIVEN_UP: u32 = u32::MAX;

// With its counts of holders it is one line of a processor's caches.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Cell>() <= 48);

/// Large tables grow by doubling: many small ones do so one after the other.
const SHARDS: usize = 64;

/// A place, found by its key.
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

/// What the first check of a token found.
#[derive(Clone)]
pub(super) enum Checked {
    Proven(Arc<Cell>),
    /// No such secret.
    Unknown,
    /// A secret that has ended, or not the secret that has this id.
    Wrong(Known),
    /// Too many wrong ones from the same address: not looked at.
    TooSoon(Duration),
}

impl Cell {
    fn new(key: Compact) -> Self {
        Self { key, state: ArcSwapOption::empty(), generation: Mutex::new(0), minute: Minute::default() }
    }

    pub fn state(&self) -> Found {
        self.state.load()
    }

    /// None once given up.
    pub fn generation(&self) -> Option<u32> {
        Some(*self.generation.lock().unwrap_or_else(PoisonError::into_inner)).filter(|now| *now != GIVEN_UP)
    }

    /// Puts a state in place if nothing has changed since `generation`.
    pub fn put(&self, state: &Arc<State>, generation: u32) -> bool {
        let now = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = *now == generation;
        if unchanged {
            self.state.store(Some(Arc::clone(state)));
        }
        unchanged
    }

    pub fn forget(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *generation != GIVEN_UP {
            *generation = (*generation + 1) % GIVEN_UP;
        }
        self.state.store(None);
    }

    fn give_up(&self) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation = GIVEN_UP;
        self.state.store(None);
    }
}

impl Memory {
    pub fn new(random: &Random) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            key: random.bytes(),
            proven: papaya::HashMap::default(),
            cells: std::array::from_fn(|_| Mutex::default()),
            orgs: papaya::HashMap::new(),
            wrong: Wrong::default(),
            tries: Tries::default(),
            checking: Checking::default(),
            workers: Workers::new(cores, MOST_WAITING, PATIENCE),
            lease: AtomicU64::new(0),
            seen: AtomicI64::new(-1),
        }
    }

    fn digest(&self, token: &Token) -> Digest {
        let whole = blake3::keyed_hash(&self.key, token.body().as_bytes());
        whole.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Looks at the place of a token that is proven, and at what is there; gives the token's digest too. Nothing is copied:
    /// that would write to counts of holders. All is asked for first, so that it is fetched while the digest is made.
    pub(super) fn with_proven<T>(
        &self,
        token: &Token,
        look: impl FnOnce(&Digest, &Arc<Cell>, Found) -> T,
    ) -> (Digest, Option<T>) {
        let proven = self.proven.pin();
        let found = proven.get_key_value(&token.id()).map(|(proof, cell)| (proof, cell, cell.state()));
        if let Some((.., state)) = &found
            && let Some(state) = &**state
        {
            state.fetch();
        }
        let digest = self.digest(token);
        let found = found.filter(|(proof, ..)| proof.token == digest);
        (digest, found.map(|(_, cell, state)| look(&digest, cell, state)))
    }

    pub(super) fn remember(&self, secret: SecretId, token: Digest, cell: Arc<Cell>) {
        self.proven.pin().insert(Proof { secret, token }, cell);
    }

    /// The secret has ended, or its key's cell was given up.
    pub(super) fn forget_proof(&self, secret: SecretId) {
        self.proven.pin().remove(&secret);
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

    /// None before the first reading.
    pub(super) fn seen(&self) -> Option<i64> {
        Some(self.seen.load(Ordering::Acquire)).filter(|seen| *seen >= 0)
    }

    pub fn hear(&self, heard: Heard<'_>) {
        match heard {
            Heard::Change(change) if change.kind == Kind::Key => {
                let Some(key) = KeyId::from_text(&*change.id).compact() else { return };
                if let Some(ByKey(cell)) = self.cells_near(key).get(&key) {
                    cell.forget();
                }
            }
            Heard::Change(change) if change.kind == Kind::Login => {}
            // A plan, which many states carry, or a gap. Rare.
            Heard::Change(_) | Heard::Gap => self.forget_states(),
        }
    }

    fn forget_states(&self) {
        for cells in &self.cells {
            cells.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|ByKey(cell)| cell.forget());
        }
    }

    /// Keeps what is remembered within bounds. What is given up is proven again when it comes again.
    pub fn tidy(&self, most: usize) {
        let excess = self.proven.len().saturating_sub(most);
        if excess == 0 {
            return;
        }
        for (proof, cell) in self.proven.pin().iter().take(excess + most / 10) {
            self.give_up(proof.secret, cell);
        }
    }

    /// Two secrets of a key share its place. Where it was given up with one of them, the key may have another by now,
    /// which stays: nobody would tell it of changes any more.
    fn give_up(&self, secret: SecretId, cell: &Arc<Cell>) {
        cell.give_up();
        self.forget_proof(secret);
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
    fn a_key_that_was_given_up_with_one_secret_keeps_its_next_place() {
        let memory = Memory::new(&Random::seeded(1));
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier");
        let [old, new] = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e"].map(|id| SecretId::parse(id).expect("an id"));
        let first = memory.cell(key);
        memory.remember(old, [1; 12], Arc::clone(&first));
        memory.remember(new, [2; 12], Arc::clone(&first));
        memory.give_up(new, &first);
        let second = memory.cell(key);
        assert!(!Arc::ptr_eq(&first, &second));
        memory.remember(new, [2; 12], Arc::clone(&second));
        memory.give_up(old, &first);
        assert!(Arc::ptr_eq(&second, &memory.cell(key)), "a change of the key is still heard there");
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn a_proof_takes_the_place_of_the_one_before_it() {
        let memory = Memory::new(&Random::seeded(1));
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier");
        let secret = SecretId::parse("8fK2mQ4pXv7d").expect("an id");
        memory.remember(secret, [1; 12], memory.cell(key(1)));
        memory.remember(secret, [2; 12], memory.cell(key(2)));
        let proven = memory.proven.pin();
        let (proof, cell) = proven.get_key_value(&secret).expect("a proof");
        assert_eq!((proof.token, cell.key), ([2; 12], key(2)));
    }
}
