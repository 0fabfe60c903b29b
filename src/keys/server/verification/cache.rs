//! The cache of verified tokens and of the states of their keys. A key's state is stored in the key's entry and, so that a
//! check reads one place only, a second time beside each of its tokens. Both copies change under the entry's lock, so that
//! no check finds a copy after the entry has dropped the state.

use std::borrow::Borrow;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

use super::digest::TokenDigest;
use super::state::KeyState;
use crate::shared::{KeyId, SecretId, Spread};

/// The verified tokens, by the public id of their secret.
#[derive(Default)]
pub struct TokenCache(papaya::HashMap<CacheKey, VerifiedToken, BuildHasherDefault<Spread>>);

/// A state as it is read from the cache: borrowed, without touching its reference count.
pub type StateGuard = Guard<Option<Arc<KeyState>>>;

/// A key of the map. Lookups, hashing and equality use the secret's id alone, since only one token with that id is right.
struct CacheKey {
    secret: SecretId,
    digest: TokenDigest,
}

/// A value of the map: the key that a token belongs to, and a copy of that key's state.
pub struct VerifiedToken {
    pub key: KeyId,
    pub entry: Arc<KeyEntry>,
    /// The state of the entry, or none. It is set only while the state lists this secret: the entry removes its copies
    /// by the secrets that its state lists.
    state: ArcSwapOption<KeyState>,
}

// A key and value of the map fit one cache line.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<(CacheKey, VerifiedToken)>() <= 64);

impl Borrow<SecretId> for CacheKey {
    fn borrow(&self) -> &SecretId {
        &self.secret
    }
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.secret.hash(hasher);
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for CacheKey {}

impl VerifiedToken {
    fn belongs_to(&self, entry: &KeyEntry) -> bool {
        std::ptr::eq(&*self.entry, entry)
    }

    fn set_state(&self, state: Option<&Arc<KeyState>>) {
        if self.state.load().as_ref().map(Arc::as_ptr) != state.map(Arc::as_ptr) {
            self.state.store(state.cloned());
        }
    }
}

/// The entry of one key, shared by its tokens: during a rotation a key has two.
pub struct KeyEntry {
    pub key: KeyId,
    current: Mutex<EntryState>,
}

#[derive(Default)]
struct EntryState {
    state: Option<Arc<KeyState>>,
    /// Incremented at every change of the key. `EVICTED` is final.
    generation: u32,
}

const EVICTED: u32 = u32::MAX;

// With the reference counts of its `Arc` it fits one cache line.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<KeyEntry>() <= 40);

impl KeyEntry {
    pub fn new(key: KeyId) -> Self {
        Self { key, current: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, EntryState> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> Option<Arc<KeyState>> {
        self.lock().state.clone()
    }

    /// The generation and its state. None once the entry is evicted.
    pub fn generation(&self) -> Option<(u32, Option<Arc<KeyState>>)> {
        let current = self.lock();
        (current.generation != EVICTED).then(|| (current.generation, current.state.clone()))
    }
}

impl TokenCache {
    /// Finds the token of a secret and, if its digest matches, passes the token and the state to `read`. Nothing is cloned,
    /// since that would write to reference counts. The entry and state are read before the digest is computed, so that the
    /// processor fetches them meanwhile.
    pub fn look_up<T>(
        &self,
        secret: SecretId,
        digest: impl FnOnce() -> TokenDigest,
        read: impl FnOnce(&TokenDigest, &VerifiedToken, StateGuard) -> T,
    ) -> (TokenDigest, Option<T>) {
        let tokens = self.0.pin();
        let found = tokens
            .get_key_value(&secret)
            .map(|(cache_key, verified)| (cache_key, verified, verified.state.load()));
        if let Some((.., state)) = &found
            && let Some(state) = &**state
        {
            state.prefetch();
        }
        let digest = digest();
        let found = found.filter(|(cache_key, ..)| cache_key.digest == digest);
        (digest, found.map(|(_, verified, state)| read(&digest, verified, state)))
    }

    pub fn insert(&self, secret: SecretId, digest: TokenDigest, entry: Arc<KeyEntry>) {
        let verified = VerifiedToken { key: entry.key, entry, state: ArcSwapOption::empty() };
        self.0.pin().insert(CacheKey { secret, digest }, verified);
    }

    /// Removes a token because its secret has ended or its entry was evicted. A token with another entry was inserted
    /// later, and stays.
    pub fn remove(&self, secret: SecretId, entry: &KeyEntry) {
        let _ = self.0.pin().remove_if(&secret, |_, verified| verified.belongs_to(entry));
    }

    /// Stores a key's state in its entry and beside its tokens. Returns false, and stores nothing, if the key has changed
    /// since `generation`.
    pub fn store_state(&self, entry: &KeyEntry, state: &Arc<KeyState>, generation: u32) -> bool {
        let mut current = entry.lock();
        let unchanged = current.generation == generation;
        if unchanged {
            self.replace_state(entry, &mut current, Some(state));
        }
        unchanged
    }

    /// Drops the state of a key that has changed, or may have.
    pub fn invalidate(&self, entry: &KeyEntry) {
        let mut current = entry.lock();
        if current.generation != EVICTED {
            current.generation = (current.generation + 1) % EVICTED;
        }
        self.replace_state(entry, &mut current, None);
    }

    /// Each copy changes in one step from the old state to the new one. If it were empty in between, the requests that find
    /// it empty would come here as well.
    fn replace_state(&self, entry: &KeyEntry, current: &mut EntryState, state: Option<&Arc<KeyState>>) {
        let tokens = self.0.pin();
        for secret in current.state.iter().chain(state).flat_map(|state| state.secrets()) {
            if let Some(verified) = tokens.get(&secret).filter(|verified| verified.belongs_to(entry)) {
                verified.set_state(state.filter(|state| state.secrets().any(|its| its == secret)));
            }
        }
        current.state = state.cloned();
    }

    /// Evicts an entry for good. The key gets a new entry at its next check.
    pub fn evict(&self, secret: SecretId, entry: &KeyEntry) {
        let mut current = entry.lock();
        current.generation = EVICTED;
        self.replace_state(entry, &mut current, None);
        self.remove(secret, entry);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Calls `visit` with at most `most` tokens, in no particular order.
    pub fn sample(&self, most: usize, mut visit: impl FnMut(SecretId, &Arc<KeyEntry>)) {
        self.0
            .pin()
            .iter()
            .take(most)
            .for_each(|(cache_key, verified)| visit(cache_key.secret, &verified.entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    fn key(n: u8) -> KeyId {
        KeyId::new(Timestamp::from_millis(0), [n; 10])
    }

    fn secret(text: &str) -> SecretId {
        SecretId::parse(text).expect("an id")
    }

    /// A key with a current and a previous secret, and three cached tokens: theirs, and that of a third secret.
    fn rotating(tokens: &TokenCache) -> (Arc<KeyEntry>, Arc<KeyState>, [SecretId; 3]) {
        let secrets = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e", "8fK2mQ4pXv7f"].map(secret);
        let entry = Arc::new(KeyEntry::new(key(1)));
        secrets.iter().for_each(|secret| tokens.insert(*secret, [1; 12], Arc::clone(&entry)));
        let state = Arc::new(KeyState::rotating(secrets[0], secrets[1]));
        (entry, state, secrets)
    }

    fn copies(tokens: &TokenCache, secrets: [SecretId; 3]) -> [bool; 3] {
        let all = tokens.0.pin();
        secrets.map(|secret| all.get(&secret).is_some_and(|verified| verified.state.load().is_some()))
    }

    #[test]
    fn a_state_is_stored_beside_its_own_tokens_until_it_is_invalidated() {
        let tokens = TokenCache::default();
        let (entry, state, secrets) = rotating(&tokens);
        let generation = || entry.generation().expect("not evicted").0;
        let old = generation();
        assert!(tokens.store_state(&entry, &state, old));
        assert_eq!(copies(&tokens, secrets), [true, true, false]);
        // Inserting the token again replaces it, without a copy of the state.
        tokens.insert(secrets[1], [1; 12], Arc::clone(&entry));
        assert_eq!(copies(&tokens, secrets), [true, false, false]);
        assert!(tokens.store_state(&entry, &state, old));
        assert_eq!(copies(&tokens, secrets), [true, true, false]);

        tokens.invalidate(&entry);
        assert_eq!(copies(&tokens, secrets), [false; 3]);
        assert!(!tokens.store_state(&entry, &state, old), "the state was read before the change");
        assert_eq!(copies(&tokens, secrets), [false; 3]);

        // The next state has another previous secret.
        assert!(tokens.store_state(&entry, &state, generation()));
        let next = Arc::new(KeyState::rotating(secrets[2], secrets[0]));
        assert!(tokens.store_state(&entry, &next, generation()));
        assert_eq!(copies(&tokens, secrets), [true, false, true]);

        tokens.evict(secrets[2], &entry);
        assert_eq!(copies(&tokens, secrets), [false; 3]);
        assert!(entry.generation().is_none());
    }

    #[test]
    fn storing_the_same_state_again_never_removes_a_copy() {
        let tokens = TokenCache::default();
        let (entry, state, secrets) = rotating(&tokens);
        let (generation, _) = entry.generation().expect("not evicted");
        assert!(tokens.store_state(&entry, &state, generation));
        std::thread::scope(|scope| {
            let putting = scope.spawn(|| (0..20_000).all(|_| tokens.store_state(&entry, &state, generation)));
            while !putting.is_finished() {
                assert_eq!(copies(&tokens, secrets), [true, true, false]);
            }
            assert!(putting.join().expect("no panic"));
        });
    }

    #[test]
    fn inserting_a_token_again_replaces_it() {
        let tokens = TokenCache::default();
        let secret = secret("8fK2mQ4pXv7d");
        let [first, second] = [1, 2].map(|number| Arc::new(KeyEntry::new(key(number))));
        tokens.insert(secret, [1; 12], Arc::clone(&first));
        tokens.insert(secret, [2; 12], Arc::clone(&second));
        tokens.remove(secret, &first);
        let all = tokens.0.pin();
        let (cache_key, verified) = all.get_key_value(&secret).expect("a cache_key");
        assert_eq!((cache_key.digest, verified.key), ([2; 12], key(2)));
        tokens.remove(secret, &second);
        assert_eq!(tokens.len(), 0);
    }
}
