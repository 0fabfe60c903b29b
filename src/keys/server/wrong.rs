//! A small, short memory of tokens that were wrong, so that trying one again costs nothing. A wrong token never becomes
//! right, so the worst that forgetting does is one more look-up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::proven::Digest;
use crate::shared::Compact;
use crate::usage::Outcome;

/// Tokens whose public id does not exist: two places for each of so many beginnings, overwritten as they come.
const SETS: usize = 1 << 15;
const KEEP: u64 = 10;
/// 40 bits of the digest, 24 of the second in which to forget.
const SECONDS: u64 = (1 << 24) - 1;
/// Tokens whose public id exists; each has cost a scrypt before it comes here.
const MOST_KNOWN: usize = 10_000;

/// A token that is wrong for a key that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub key: Compact,
    pub org: Compact,
    pub outcome: Outcome,
}

pub struct Wrong {
    unknown: Box<[[AtomicU64; 2]]>,
    known: Mutex<HashMap<Digest, (Known, Duration)>>,
}

impl Default for Wrong {
    fn default() -> Self {
        Self { unknown: (0..SETS).map(|_| Default::default()).collect(), known: Mutex::default() }
    }
}

impl Wrong {
    pub fn is_unknown(&self, digest: &Digest, steady: Duration) -> bool {
        let (set, tag) = split(digest);
        let now = steady.as_secs() & SECONDS;
        self.unknown[set].iter().map(|place| place.load(Ordering::Relaxed)).any(|entry| {
            let left = (entry & SECONDS).wrapping_sub(now) & SECONDS;
            entry & !SECONDS == tag && entry != 0 && (1..=KEEP).contains(&left)
        })
    }

    pub fn remember_unknown(&self, digest: &Digest, steady: Duration) {
        let (set, tag) = split(digest);
        let entry = tag | (steady.as_secs() + KEEP) & SECONDS;
        let [first, second] = &self.unknown[set];
        // The older one moves to the second place.
        second.store(first.swap(entry, Ordering::Relaxed), Ordering::Relaxed);
    }

    pub fn known(&self, digest: &Digest, steady: Duration) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).filter(|(_, until)| steady < *until).map(|(known, _)| *known)
    }

    pub fn remember_known(&self, digest: &Digest, what: Known, steady: Duration) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(*digest, (what, steady + Duration::from_secs(KEEP)));
    }
}

/// Where its places are, and how it is known there.
fn split(digest: &Digest) -> (usize, u64) {
    let set = usize::from(u16::from_le_bytes([digest[0], digest[1]])) % SETS;
    let tag = u64::from_le_bytes([0, 0, 0, digest[2], digest[3], digest[4], digest[5], digest[6]]);
    (set, tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;

    #[test]
    fn a_wrong_token_is_known_for_ten_seconds() {
        let wrong = Wrong::default();
        let digest = Random::seeded(1).bytes();
        let at = Duration::from_secs;
        assert!(!wrong.is_unknown(&digest, at(100)));
        wrong.remember_unknown(&digest, at(100));
        for (second, is) in [(100, true), (109, true), (110, false), (100 + SECONDS, false)] {
            assert_eq!(wrong.is_unknown(&digest, at(second)), is, "{second}");
        }
    }

    #[test]
    fn others_are_not_taken_for_it() {
        let wrong = Wrong::default();
        let random = Random::seeded(2);
        let digests: Vec<Digest> = (0..1_000).map(|_| random.bytes()).collect();
        for digest in &digests {
            wrong.remember_unknown(digest, Duration::ZERO);
        }
        let kept = digests.iter().filter(|digest| wrong.is_unknown(digest, Duration::ZERO)).count();
        assert!(kept >= 998, "{kept}");
        assert!(!(0..100_000).any(|_| wrong.is_unknown(&random.bytes(), Duration::ZERO)));
    }
}
