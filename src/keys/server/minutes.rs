//! The minutes of keys with a limit on requests, found by key. They do not end with what is remembered of a key or its
//! tokens, so a limit holds however many tokens are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::minute::Minute;
use crate::shared::Compact;

/// With fewer entries nothing is removed.
const FEW: usize = 1_024;

#[derive(Default)]
pub struct Minutes(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_key: HashMap<Compact, Arc<Minute>>,
    /// At this size those that are over are removed, so that at most twice as many are kept as are needed.
    remove_at: usize,
}

impl Minutes {
    /// One for all who count a key's requests. It is kept while somebody holds it or its window runs.
    pub fn of(&self, key: Compact, steady: Duration) -> Arc<Minute> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { by_key, remove_at } = &mut *entries;
        if by_key.len() >= *remove_at {
            // What only this map holds can be had from nowhere else meanwhile.
            by_key.retain(|_, minute| Arc::get_mut(minute).is_none_or(|minute| minute.is_running(steady)));
            *remove_at = FEW.max(2 * by_key.len());
        }
        Arc::clone(by_key.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    fn key(number: u32) -> Compact {
        let mut chance = [0; 10];
        chance[6..].copy_from_slice(&number.to_be_bytes());
        KeyId::new(Timestamp::from_millis(0), chance).compact().expect("an identifier")
    }

    #[test]
    fn only_running_and_held_minutes_are_kept() {
        let minutes = Minutes::default();
        let at = Duration::from_secs;
        let held = minutes.of(key(0), at(0));
        assert!(held.take(1, at(0)).allowed);
        for number in 1..100_000 {
            // A thousand keys in each minute.
            let now = at(u64::from(number / 1_000) * 60);
            assert!(minutes.of(key(number), now).take(1, now).allowed);
        }
        let kept = minutes.0.lock().expect("a lock").by_key.len();
        assert!(kept <= 2 * 1_001, "{kept}");
        assert!(
            !minutes.of(key(99_999), at(99 * 60)).take(1, at(99 * 60 + 59)).allowed,
            "its window still runs"
        );
        assert!(Arc::ptr_eq(&held, &minutes.of(key(0), at(100 * 60))), "somebody may still count in it");
    }
}
