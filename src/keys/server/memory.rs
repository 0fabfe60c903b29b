//! What is remembered so that the next check of a key costs about a microsecond: which tokens are proven, and what each
//! key is at present. Reading takes no lock that a writer holds.
//!
//! Two things are kept apart. A proof (this token is right, and that key's) holds until the secret ends. A state (role,
//! limits, times) is dropped at every change of the key and read again. A state that was being read while its key changed
//! is not put back, and no state is used once the change log has not been read for a while.
//!
//! A key's state stands in the key's cell and, so that a check finds all in one place, beside the proofs of its secrets.
//! It comes and goes there under the cell's lock, so that no later check finds what the cell has forgotten.

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
    proven: papaya::HashMap<Proof, Place, BuildHasherDefault<Spread>>,
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

/// Whose a proven token is, and how that key is at present.
pub(super) struct Place {
    pub key: Compact,
    pub cell: Arc<Cell>,
    /// The one of the cell, or none. Only of a key that has this secret, or nobody would take it away.
    state: ArcSwapOption<State>,
}

// A proof and its place are a block of 64 bytes, one line of a processor's caches.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<(Proof, Place)>() <= 64);

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

impl Place {
    fn set(&self, state: Option<&Arc<State>>) {
        if self.state.load().as_ref().map(Arc::as_ptr) != state.map(Arc::as_ptr) {
            self.state.store(state.cloned());
        }
    }
}

/// One key, which may have two secrets.
pub(super) struct Cell {
    pub key: Compact,
    kept: Mutex<Kept>,
    pub minute: Minute,
}

#[derive(Default)]
struct Kept {
    state: Option<Arc<State>>,
    /// The next one begins with every change; `GIVEN_UP` stays.
    generation: u32,
}

const GIVEN_UP: u32 = u32::MAX;

// With its counts of holders it is a block of 64 bytes.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Cell>() <= 48);

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
        Self { key, kept: Mutex::default(), minute: Minute::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> Option<Arc<State>> {
        self.lock().state.clone()
    }

    /// With the state of it. None once given up.
    pub fn generation(&self) -> Option<(u32, Option<Arc<State>>)> {
        let kept = self.lock();
        (kept.generation != GIVEN_UP).then(|| (kept.generation, kept.state.clone()))
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
        look: impl FnOnce(&Digest, &Place, Found) -> T,
    ) -> (Digest, Option<T>) {
        let proven = self.proven.pin();
        let found =
            proven.get_key_value(&token.id()).map(|(proof, place)| (proof, place, place.state.load()));
        if let Some((.., state)) = &found
            && let Some(state) = &**state
        {
            state.fetch();
        }
        let digest = self.digest(token);
        let found = found.filter(|(proof, ..)| proof.token == digest);
        (digest, found.map(|(_, place, state)| look(&digest, place, state)))
    }

    pub(super) fn remember(&self, secret: SecretId, token: Digest, cell: Arc<Cell>) {
        let place = Place { key: cell.key, cell, state: ArcSwapOption::empty() };
        self.proven.pin().insert(Proof { secret, token }, place);
    }

    /// The secret has ended, or its key's cell was given up.
    pub(super) fn forget_proof(&self, secret: SecretId) {
        self.proven.pin().remove(&secret);
    }

    /// Puts a key's state in its places if nothing has changed since `generation`.
    pub(super) fn put(&self, cell: &Cell, state: &Arc<State>, generation: u32) -> bool {
        let mut kept = cell.lock();
        let unchanged = kept.generation == generation;
        if unchanged {
            self.set(cell, &mut kept, Some(state));
        }
        unchanged
    }

    /// The key has changed, or may have.
    pub(super) fn forget(&self, cell: &Cell) {
        let mut kept = cell.lock();
        if kept.generation != GIVEN_UP {
            kept.generation = (kept.generation + 1) % GIVEN_UP;
        }
        self.set(cell, &mut kept, None);
    }

    /// A place changes at once from one state to the next: who finds none there comes here, too.
    fn set(&self, cell: &Cell, kept: &mut Kept, state: Option<&Arc<State>>) {
        let proven = self.proven.pin();
        for secret in kept.state.iter().chain(state).flat_map(|state| state.secrets()) {
            if let Some(place) = proven.get(&secret).filter(|place| std::ptr::eq(&*place.cell, cell)) {
                place.set(state.filter(|state| state.secrets().any(|its| its == secret)));
            }
        }
        kept.state = state.cloned();
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
                    self.forget(cell);
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
                .for_each(|ByKey(cell)| self.forget(cell));
        }
    }

    /// Keeps what is remembered within bounds. What is given up is proven again when it comes again.
    pub fn tidy(&self, most: usize) {
        let excess = self.proven.len().saturating_sub(most);
        if excess == 0 {
            return;
        }
        for (proof, place) in self.proven.pin().iter().take(excess + most / 10) {
            self.give_up(proof.secret, &place.cell);
        }
    }

    /// Two secrets of a key share its cell. Where it was given up with one of them, the key may have another by now,
    /// which stays: nobody would tell it of changes any more.
    fn give_up(&self, secret: SecretId, cell: &Arc<Cell>) {
        {
            let mut kept = cell.lock();
            kept.generation = GIVEN_UP;
            self.set(cell, &mut kept, None);
        }
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
    fn a_key_that_was_given_up_with_one_secret_keeps_its_next_cell() {
        let memory = Memory::new(&Random::seeded(1));
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier");
        let [old, new] = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e"].map(secret);
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

    fn secret(text: &str) -> SecretId {
        SecretId::parse(text).expect("an id")
    }

    /// A key with a current secret and a former one, both proven, and another's.
    fn rotating(memory: &Memory) -> (Arc<Cell>, Arc<State>, [SecretId; 3]) {
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier");
        let secrets = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e", "8fK2mQ4pXv7f"].map(secret);
        let cell = memory.cell(key);
        secrets.iter().for_each(|secret| memory.remember(*secret, [1; 12], Arc::clone(&cell)));
        (cell, Arc::new(State::rotating(key, secrets[0], secrets[1])), secrets)
    }

    fn stands(memory: &Memory, secrets: [SecretId; 3]) -> [bool; 3] {
        let proven = memory.proven.pin();
        secrets.map(|secret| proven.get(&secret).is_some_and(|place| place.state.load().is_some()))
    }

    #[test]
    fn a_state_stands_beside_its_own_secrets_until_it_is_forgotten() {
        let memory = Memory::new(&Random::seeded(1));
        let (cell, state, secrets) = rotating(&memory);
        let generation = || cell.generation().expect("not given up").0;
        let old = generation();
        assert!(memory.put(&cell, &state, old));
        assert_eq!(stands(&memory, secrets), [true, true, false]);
        // Proven again, so that its place is a new one.
        memory.remember(secrets[1], [1; 12], Arc::clone(&cell));
        assert_eq!(stands(&memory, secrets), [true, false, false]);
        assert!(memory.put(&cell, &state, old));
        assert_eq!(stands(&memory, secrets), [true, true, false]);

        memory.forget(&cell);
        assert_eq!(stands(&memory, secrets), [false; 3]);
        assert!(!memory.put(&cell, &state, old), "it was read before the change");
        assert_eq!(stands(&memory, secrets), [false; 3]);

        // The next state has another former secret.
        assert!(memory.put(&cell, &state, generation()));
        let next = Arc::new(State::rotating(cell.key, secrets[2], secrets[0]));
        assert!(memory.put(&cell, &next, generation()));
        assert_eq!(stands(&memory, secrets), [true, false, true]);

        memory.give_up(secrets[2], &cell);
        assert_eq!(stands(&memory, secrets), [false; 3]);
        assert!(cell.generation().is_none());
    }

    #[test]
    fn who_puts_the_same_state_again_takes_it_from_nobody() {
        let memory = Memory::new(&Random::seeded(1));
        let (cell, state, secrets) = rotating(&memory);
        let (generation, _) = cell.generation().expect("not given up");
        assert!(memory.put(&cell, &state, generation));
        std::thread::scope(|scope| {
            let putting = scope.spawn(|| (0..20_000).all(|_| memory.put(&cell, &state, generation)));
            while !putting.is_finished() {
                assert_eq!(stands(&memory, secrets), [true, true, false]);
            }
            assert!(putting.join().expect("no panic"));
        });
    }

    #[test]
    fn a_proof_takes_the_place_of_the_one_before_it() {
        let memory = Memory::new(&Random::seeded(1));
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier");
        let secret = secret("8fK2mQ4pXv7d");
        memory.remember(secret, [1; 12], memory.cell(key(1)));
        memory.remember(secret, [2; 12], memory.cell(key(2)));
        let proven = memory.proven.pin();
        let (proof, place) = proven.get_key_value(&secret).expect("a proof");
        assert_eq!((proof.token, place.key), ([2; 12], key(2)));
    }
}
