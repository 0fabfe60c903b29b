//! The cache of verified tokens, and the entries of their keys. All tokens of a key share its entry, which holds the key's
//! state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

use super::digest::TokenDigest;
use super::state::KeyState;
use crate::shared::{KeyId, SecretId};

/// The verified tokens, by the public id of their secret. Only one token with that id is right.
#[derive(Default)]
pub struct TokenCache(papaya::HashMap<SecretId, VerifiedToken, foldhash::fast::RandomState>);

struct VerifiedToken {
    digest: TokenDigest,
    entry: Arc<KeyEntry>,
}

/// A state borrowed from the cache: its reference count, to which all threads would write, does not change.
pub type StateGuard = Guard<Option<Arc<KeyState>>>;

/// The entry of one key.
pub struct KeyEntry {
    pub key: KeyId,
    /// None after a change, until the next check reads the state again.
    state: ArcSwapOption<KeyState>,
    generation: Mutex<Generation>,
}

/// Which changes a state includes. A change advances the generation, so that a state that was read before the change is
/// not stored after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    Number(u64),
    /// The entry is no longer notified of changes and stores no state any more.
    Evicted,
}

impl KeyEntry {
    pub fn new(key: KeyId) -> Self {
        Self { key, state: ArcSwapOption::empty(), generation: Mutex::new(Generation::Number(0)) }
    }

    fn lock(&self) -> MutexGuard<'_, Generation> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> Option<Arc<KeyState>> {
        self.state.load_full()
    }

    /// The current generation. Read it before reading the state that is to be stored.
    pub fn generation(&self) -> Generation {
        *self.lock()
    }

    /// Stores the key's state. Returns false if the key has changed since `generation`.
    pub fn store(&self, state: &Arc<KeyState>, generation: Generation) -> bool {
        let current = self.lock();
        let is_current = *current == generation && generation != Generation::Evicted;
        if is_current {
            self.state.store(Some(Arc::clone(state)));
        }
        is_current
    }

    /// Drops the state, because the key has changed.
    pub fn invalidate(&self) {
        let mut current = self.lock();
        if let Generation::Number(number) = *current {
            *current = Generation::Number(number + 1);
        }
        self.state.store(None);
    }

    /// The key gets a new entry at its next check.
    pub fn evict(&self) {
        let mut current = self.lock();
        *current = Generation::Evicted;
        self.state.store(None);
    }
}

impl TokenCache {
    /// The state of a verified token's key. The state may be missing; None if the token is not cached.
    pub fn state(&self, secret: SecretId, digest: &TokenDigest) -> Option<StateGuard> {
        self.find(secret, digest, |entry| entry.state.load())
    }

    pub fn entry(&self, secret: SecretId, digest: &TokenDigest) -> Option<Arc<KeyEntry>> {
        self.find(secret, digest, Arc::clone)
    }

    fn find<T>(
        &self,
        secret: SecretId,
        digest: &TokenDigest,
        read: impl FnOnce(&Arc<KeyEntry>) -> T,
    ) -> Option<T> {
        let tokens = self.0.pin();
        tokens.get(&secret).filter(|token| token.digest == *digest).map(|token| read(&token.entry))
    }

    pub fn insert(&self, secret: SecretId, digest: TokenDigest, entry: Arc<KeyEntry>) {
        self.0.pin().insert(secret, VerifiedToken { digest, entry });
    }

    /// Removes a token because its secret has ended or its entry was evicted. If it is still right, its next check inserts it
    /// again.
    pub fn remove(&self, secret: SecretId) {
        self.0.pin().remove(&secret);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// At most `max` tokens with their entries, in no particular order.
    pub fn sample(&self, max: usize) -> Vec<(SecretId, Arc<KeyEntry>)> {
        let tokens = self.0.pin();
        tokens.iter().take(max).map(|(secret, token)| (*secret, Arc::clone(&token.entry))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> SecretId {
        SecretId::parse("8fK2mQ4pXv7d").expect("an id")
    }

    fn state() -> Arc<KeyState> {
        Arc::new(KeyState::with_secret(secret()))
    }

    #[test]
    fn a_state_that_was_read_before_a_change_is_not_stored_after_it() {
        let entry = KeyEntry::new(KeyId::NIL);
        let generation = entry.generation();
        assert!(entry.store(&state(), generation) && entry.state().is_some());
        entry.invalidate();
        assert!(entry.state().is_none());
        assert!(!entry.store(&state(), generation) && entry.state().is_none());
        assert!(entry.store(&state(), entry.generation()) && entry.state().is_some());
    }

    #[test]
    fn an_evicted_entry_stores_no_state() {
        let entry = KeyEntry::new(KeyId::NIL);
        assert!(entry.store(&state(), entry.generation()));
        entry.evict();
        entry.invalidate();
        assert!(entry.state().is_none());
        assert!(!entry.store(&state(), entry.generation()) && entry.state().is_none());
    }

    #[test]
    fn a_token_is_found_by_its_digest_and_its_state_changes_with_the_entry() {
        let tokens = TokenCache::default();
        let entry = Arc::new(KeyEntry::new(KeyId::NIL));
        let [right, wrong] = [[1; 32], [2; 32]].map(TokenDigest::from);
        assert!(tokens.state(secret(), &right).is_none());
        tokens.insert(secret(), right, Arc::clone(&entry));
        assert!(tokens.state(secret(), &wrong).is_none());
        assert!(tokens.state(secret(), &right).is_some_and(|state| state.is_none()));
        entry.store(&state(), entry.generation());
        assert!(tokens.state(secret(), &right).is_some_and(|state| state.is_some()));
        tokens.remove(secret());
        assert_eq!(tokens.len(), 0);
    }
}
