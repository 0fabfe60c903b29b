//! The cache of keys, with which a check takes about a microsecond. Readers never wait for a lock that a writer holds.
//!
//! Two things are cached separately. A verified token (its secret is right, and belongs to this key) stays until the secret
//! ends. A key's state (role, limits, times) is dropped at every change of the key and read again. A state that was read
//! while its key changed is not cached, and no state is used once the change log has not been read for `LEASE`.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::attempt_limit::{AttemptLimit, AttemptSource};
use super::cache::{KeyEntry, TokenCache};
use super::digest::TokenDigest;
use super::negative_cache::NegativeCache;
use super::quota::Quotas;
use super::rate_limit::RateLimits;
use super::single_flight::SingleFlight;
use super::state::OrgCache;
use crate::keys::server::token::Token;
use crate::platform::changes::{ChangeEvent, ChangeKind};
use crate::platform::{BlockingPool, Random};
use crate::shared::{KeyId, SecretId};

/// A cached state may be used while the last successful reading of the change log began less than this ago.
const LEASE: Duration = Duration::from_secs(5);

/// When more hashes than this wait in a queue, or one waits longer, the response is 503. At the default cost two cores
/// compute about five thousand hashes in that time.
const MAX_WAITING: usize = 4_096;
const MAX_WAIT: Duration = Duration::from_secs(5);

pub struct KeyCache {
    digest_key: [u8; 32],
    pub(super) tokens: TokenCache,
    /// The entries by key. They are used when a token is verified and when a key changes, but not by the checks in between.
    entries: [Mutex<HashSet<EntryByKey>>; SHARDS],
    pub(super) orgs: OrgCache,
    pub(super) negative: NegativeCache,
    pub(super) attempts: AttemptLimit,
    pub(super) in_flight: SingleFlight,
    pub(super) rate_limits: RateLimits,
    pub(in crate::keys::server) quotas: Quotas,
    /// The threads that compute hashes for first checks, fair to each address and public id.
    pub(super) first_checks: BlockingPool<AttemptSource>,
    /// Hashes for first checks of sources that have sent a wrong secret with the same public id within the last minute.
    pub(super) checks_after_failures: BlockingPool<AttemptSource>,
    /// Hashes for reports of leaked keys, which nobody waits for.
    pub(super) leak_checks: BlockingPool,
    /// Hashes for creating and rotating keys, which a flood of checks must not delay.
    pub(in crate::keys::server) new_secrets: BlockingPool,
    /// The end of the lease on cached states, in milliseconds of the steady clock.
    lease: AtomicU64,
    position: AtomicI64,
}

/// A large table pauses when it doubles its size. Many small tables do so one at a time.
const SHARDS: usize = 64;

/// An entry in a set, hashed and compared by its key.
struct EntryByKey(Arc<KeyEntry>);

impl Borrow<KeyId> for EntryByKey {
    fn borrow(&self) -> &KeyId {
        &self.0.key
    }
}

impl Hash for EntryByKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.key.hash(hasher);
    }
}

impl PartialEq for EntryByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for EntryByKey {}

impl KeyCache {
    pub fn new(random: &Random) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            digest_key: random.bytes(),
            tokens: TokenCache::default(),
            entries: std::array::from_fn(|_| Mutex::default()),
            orgs: OrgCache::default(),
            negative: NegativeCache::default(),
            attempts: AttemptLimit::default(),
            in_flight: SingleFlight::default(),
            rate_limits: RateLimits::default(),
            quotas: Quotas::new(random),
            first_checks: BlockingPool::new(cores, MAX_WAITING, MAX_WAIT),
            checks_after_failures: BlockingPool::new(cores.div_ceil(2), MAX_WAITING, MAX_WAIT),
            leak_checks: BlockingPool::new(1, MAX_WAITING, MAX_WAIT),
            new_secrets: BlockingPool::new(cores.div_ceil(2), MAX_WAITING, MAX_WAIT),
            lease: AtomicU64::new(0),
            position: AtomicI64::new(-1),
        }
    }

    pub(super) fn digest(&self, token: &Token) -> TokenDigest {
        blake3::keyed_hash(&self.digest_key, token.body().as_bytes())
    }

    pub(super) fn entry(&self, key: KeyId) -> Arc<KeyEntry> {
        let mut entries = self.shard_of(key);
        if let Some(EntryByKey(entry)) = entries.get(&key) {
            return Arc::clone(entry);
        }
        let entry = Arc::new(KeyEntry::new(key));
        entries.insert(EntryByKey(Arc::clone(&entry)));
        entry
    }

    fn shard_of(&self, key: KeyId) -> MutexGuard<'_, HashSet<EntryByKey>> {
        let shard = usize::from(key.random_half()[0]) % SHARDS;
        self.entries[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of verified tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether cached states may be used: the lease has not ended.
    pub(in crate::keys::server) fn is_current(&self, steady: Duration) -> bool {
        millis(steady) < self.lease.load(Ordering::Acquire)
    }

    /// Records that the change log has been read up to this position. There may be more of it.
    pub(in crate::keys::server) fn set_change_log_position(&self, position: i64) {
        self.position.store(position, Ordering::Release);
    }

    /// Renews the lease after a reading, begun at `began`, that reached the end of the change log.
    pub(in crate::keys::server) fn renew_lease(&self, began: Duration) {
        self.lease.fetch_max(millis(began + LEASE), Ordering::AcqRel);
    }

    /// The time since the last complete reading began. Before the first one, how long this process has run.
    pub(in crate::keys::server) fn change_log_age(&self, steady: Duration) -> Duration {
        let began = Duration::from_millis(self.lease.load(Ordering::Acquire)).saturating_sub(LEASE);
        steady.saturating_sub(began)
    }

    /// The position up to which the change log has been read. None before the first reading.
    pub(in crate::keys::server) fn change_log_position(&self) -> Option<i64> {
        Some(self.position.load(Ordering::Acquire)).filter(|position| *position >= 0)
    }

    /// Drops the states that a change concerns.
    pub fn receive(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Change(change) if change.kind == ChangeKind::Key => {
                let Some(key) = KeyId::parse(&change.id) else { return };
                if let Some(EntryByKey(entry)) = self.shard_of(key).get(&key) {
                    entry.invalidate();
                }
            }
            ChangeEvent::Change(change)
                if matches!(change.kind, ChangeKind::Login | ChangeKind::Permissions) => {}
            // A change of an organization concerns many states, and a gap may concern any. Both are rare.
            ChangeEvent::Change(_) | ChangeEvent::Gap => self.invalidate_all(),
        }
    }

    fn invalidate_all(&self) {
        for entries in &self.entries {
            entries
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .for_each(|EntryByKey(entry)| entry.invalidate());
        }
    }

    /// Evicts the tokens beyond `max`, and some more. An evicted token is checked again at its next request.
    pub fn trim(&self, max: usize) {
        let excess = self.len().saturating_sub(max);
        if excess > 0 {
            for (secret, entry) in self.tokens.sample(excess + max / 10) {
                self.evict(secret, &entry);
            }
        }
    }

    /// Evicts a token and its entry, which two tokens of a key share. If the entry was evicted with the other token, the key
    /// may have a new entry by now. That one stays in the set, since otherwise it would miss changes of the key.
    fn evict(&self, secret: SecretId, entry: &Arc<KeyEntry>) {
        entry.evict();
        self.tokens.remove(secret);
        let mut entries = self.shard_of(entry.key);
        if entries.get(&entry.key).is_some_and(|EntryByKey(current)| Arc::ptr_eq(current, entry)) {
            entries.remove(&entry.key);
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
    fn evicting_a_token_with_an_old_entry_leaves_the_new_entry() {
        let cache = KeyCache::new(&Random::seeded(1));
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]);
        let [old, new] = ["8fK2mQ4pXv7d", "8fK2mQ4pXv7e"].map(|id| SecretId::parse(id).expect("an id"));
        let first = cache.entry(key);
        cache.tokens.insert(old, [1; 32].into(), Arc::clone(&first));
        cache.tokens.insert(new, [2; 32].into(), Arc::clone(&first));
        cache.evict(new, &first);
        let second = cache.entry(key);
        assert!(!Arc::ptr_eq(&first, &second));
        cache.tokens.insert(new, [2; 32].into(), Arc::clone(&second));
        cache.evict(old, &first);
        assert!(Arc::ptr_eq(&second, &cache.entry(key)), "the new entry still receives changes of the key");
        assert_eq!(cache.len(), 1);
    }
}
