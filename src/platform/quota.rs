//! Limits how much of a resource each owner, such as a person or an organization, uses at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of current uses by owner.
pub struct Quota<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One use of a quota. It ends when this is dropped.
pub struct QuotaUse<K: Eq + Hash> {
    quota: Quota<K>,
    owner: K,
}

impl<K> Default for Quota<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Quota<K> {
    /// Counts one more use. None if the owner has `max` already.
    pub fn take(&self, owner: K, max: usize) -> Option<QuotaUse<K>> {
        let mut counts = self.counts();
        let count = counts.entry(owner.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(QuotaUse { quota: Self(Arc::clone(&self.0)), owner })
    }

    /// The owners with at least one use.
    pub fn owners(&self) -> Vec<K> {
        self.counts().keys().cloned().collect()
    }
}

impl<K> Quota<K> {
    fn counts(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for QuotaUse<K> {
    fn drop(&mut self) {
        let mut counts = self.quota.counts();
        let Some(count) = counts.get_mut(&self.owner) else { return };
        *count -= 1;
        if *count == 0 {
            counts.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_a_quota_of_its_own() {
        let quota = Quota::default();
        let uses: Vec<_> = (0..2).map(|_| quota.take("one", 2).expect("within the quota")).collect();
        assert!(quota.take("one", 2).is_none());
        assert!(quota.take("two", 2).is_some());
        drop(uses);
        assert!(quota.counts().is_empty());
    }
}
