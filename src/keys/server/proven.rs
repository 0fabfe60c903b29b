//! Proven tokens, and how their keys are at present. A key's state stands in the key's cell and, so that a check finds all
//! in one place, beside the proofs of its secrets. It comes and goes there under the cell's lock, so that no later check
//! finds what the cell has forgotten.

use std::borrow::Borrow;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

use super::state::State;
use crate::shared::{Compact, SecretId, Spread};

#[derive(Default)]
pub struct Proven(papaya::HashMap<Proof, Place, BuildHasherDefault<Spread>>);

/// A token under the keyed hash: 96 bits of it.
pub type Digest = [u8; 12];

/// What is in a place.
pub type Found = Guard<Option<Arc<State>>>;

/// That a token is right: the only one with its secret's identifier, by which it is found.
struct Proof {
    secret: SecretId,
    token: Digest,
}

/// Whose a proven token is, and how that key is at present.
pub struct Place {
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
    fn is_with(&self, cell: &Cell) -> bool {
        std::ptr::eq(&*self.cell, cell)
    }

    fn set(&self, state: Option<&Arc<State>>) {
        if self.state.load().as_ref().map(Arc::as_ptr) != state.map(Arc::as_ptr) {
            self.state.store(state.cloned());
        }
    }
}

/// One key, which may have two secrets.
pub struct Cell {
    pub key: Compact,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    state: Option<Arc<State>>,
    /// The next one begins with every change; `GIVEN_UP` stays.
    generation: u32,
}

const GIVEN_UP: u32 = u32::MAX;

// With its counts of holders it fits a block of 64 bytes.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Cell>() <= 40);

impl Cell {
    pub fn new(key: Compact) -> Self {
        Self { key, kept: Mutex::default() }
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

impl Proven {
    /// Looks at the place of a secret and at what is there, if the digest is the proven one. Nothing is copied: that would
    /// write to counts of holders. All is asked for first, so that it is fetched while the digest is made.
    pub fn with<T>(
        &self,
        secret: SecretId,
        digest: impl FnOnce() -> Digest,
        look: impl FnOnce(&Digest, &Place, Found) -> T,
    ) -> (Digest, Option<T>) {
        let proven = self.0.pin();
        let found = proven.get_key_value(&secret).map(|(proof, place)| (proof, place, place.state.load()));
        if let Some((.., state)) = &found
            && let Some(state) = &**state
        {
            state.fetch();
        }
        let digest = digest();
        let found = found.filter(|(proof, ..)| proof.token == digest);
        (digest, found.map(|(_, place, state)| look(&digest, place, state)))
    }

    pub fn remember(&self, secret: SecretId, token: Digest, cell: Arc<Cell>) {
        let place = Place { key: cell.key, cell, state: ArcSwapOption::empty() };
        self.0.pin().insert(Proof { secret, token }, place);
    }

    /// The secret has ended, or its key's cell was given up. A proof with another cell is a later one, and stays.
    pub fn remove(&self, secret: SecretId, cell: &Cell) {
        let _ = self.0.pin().remove_if(&secret, |_, place| place.is_with(cell));
    }

    /// Puts a key's state in its places if nothing has changed since `generation`.
    pub fn put(&self, cell: &Cell, state: &Arc<State>, generation: u32) -> bool {
        let mut kept = cell.lock();
        let unchanged = kept.generation == generation;
        if unchanged {
            self.set(cell, &mut kept, Some(state));
        }
        unchanged
    }

    /// The key has changed, or may have.
    pub fn forget(&self, cell: &Cell) {
        let mut kept = cell.lock();
        if kept.generation != GIVEN_UP {
            kept.generation = (kept.generation + 1) % GIVEN_UP;
        }
        self.set(cell, &mut kept, None);
    }

    /// A place changes at once from one state to the next: who finds none there comes here, too.
    fn set(&self, cell: &Cell, kept: &mut Kept, state: Option<&Arc<State>>) {
        let proven = self.0.pin();
        for secret in kept.state.iter().chain(state).flat_map(|state| state.secrets()) {
            if let Some(place) = proven.get(&secret).filter(|place| place.is_with(cell)) {
                place.set(state.filter(|state| state.secrets().any(|its| its == secret)));
            }
        }
        kept.state = state.cloned();
    }

    /// A key whose cell was given up has another one by its next check.
    pub fn give_up(&self, secret: SecretId, cell: &Cell) {
        let mut kept = cell.lock();
        kept.generation = GIVEN_UP;
        self.set(cell, &mut kept, None);
        self.remove(secret, cell);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// So many of them, in no order.
    pub fn some(&self, most: usize, mut look: impl FnMut(SecretId, &Arc<Cell>)) {
        self.0.pin().iter().take(most).for_each(|(proof, place)| look(proof.secret, &place.cell));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    fn key(n: u8) -> Compact {
        KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier")
    }

    fn secret(text: &str) -> SecretId {
        SecretId::parse(text).expect("an id")
    }

    /// A key with a current secret and a former one, both proven, and another's.
    fn rotating(proven: &Proven) -> (Arc<Cell>, Arc<State>, [SecretId; 3]) {
        let secrets = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e", "8fK2mQ4pXv7f"].map(secret);
        let cell = Arc::new(Cell::new(key(1)));
        secrets.iter().for_each(|secret| proven.remember(*secret, [1; 12], Arc::clone(&cell)));
        let state = Arc::new(State::rotating(cell.key, secrets[0], secrets[1]));
        (cell, state, secrets)
    }

    fn stands(proven: &Proven, secrets: [SecretId; 3]) -> [bool; 3] {
        let all = proven.0.pin();
        secrets.map(|secret| all.get(&secret).is_some_and(|place| place.state.load().is_some()))
    }

    #[test]
    fn a_state_stands_beside_its_own_secrets_until_it_is_forgotten() {
        let proven = Proven::default();
        let (cell, state, secrets) = rotating(&proven);
        let generation = || cell.generation().expect("not given up").0;
        let old = generation();
        assert!(proven.put(&cell, &state, old));
        assert_eq!(stands(&proven, secrets), [true, true, false]);
        // Proven again, so that its place is a new one.
        proven.remember(secrets[1], [1; 12], Arc::clone(&cell));
        assert_eq!(stands(&proven, secrets), [true, false, false]);
        assert!(proven.put(&cell, &state, old));
        assert_eq!(stands(&proven, secrets), [true, true, false]);

        proven.forget(&cell);
        assert_eq!(stands(&proven, secrets), [false; 3]);
        assert!(!proven.put(&cell, &state, old), "it was read before the change");
        assert_eq!(stands(&proven, secrets), [false; 3]);

        // The next state has another former secret.
        assert!(proven.put(&cell, &state, generation()));
        let next = Arc::new(State::rotating(cell.key, secrets[2], secrets[0]));
        assert!(proven.put(&cell, &next, generation()));
        assert_eq!(stands(&proven, secrets), [true, false, true]);

        proven.give_up(secrets[2], &cell);
        assert_eq!(stands(&proven, secrets), [false; 3]);
        assert!(cell.generation().is_none());
    }

    #[test]
    fn who_puts_the_same_state_again_takes_it_from_nobody() {
        let proven = Proven::default();
        let (cell, state, secrets) = rotating(&proven);
        let (generation, _) = cell.generation().expect("not given up");
        assert!(proven.put(&cell, &state, generation));
        std::thread::scope(|scope| {
            let putting = scope.spawn(|| (0..20_000).all(|_| proven.put(&cell, &state, generation)));
            while !putting.is_finished() {
                assert_eq!(stands(&proven, secrets), [true, true, false]);
            }
            assert!(putting.join().expect("no panic"));
        });
    }

    #[test]
    fn a_proof_takes_the_place_of_the_one_before_it() {
        let proven = Proven::default();
        let secret = secret("8fK2mQ4pXv7d");
        let [first, second] = [1, 2].map(|number| Arc::new(Cell::new(key(number))));
        proven.remember(secret, [1; 12], Arc::clone(&first));
        proven.remember(secret, [2; 12], Arc::clone(&second));
        proven.remove(secret, &first);
        let all = proven.0.pin();
        let (proof, place) = all.get_key_value(&secret).expect("a proof");
        assert_eq!((proof.token, place.key), ([2; 12], key(2)));
        proven.remove(secret, &second);
        assert_eq!(proven.len(), 0);
    }
}
