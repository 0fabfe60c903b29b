//! A small cache of tokens that were wrong in the last ten seconds, so that repeating one costs nothing. A wrong token never
//! becomes right, so dropping an entry early costs no more than another lookup.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::digest::TokenDigest;
use crate::shared::{KeyId, OrgId};
use crate::usage::Outcome;

/// The table of tokens whose public id does not exist has this many sets of two slots each. New entries overwrite old ones.
const SETS: usize = 1 << 15;
const TTL_SECONDS: u64 = 10;
/// A slot has 40 bits of the digest and, in these 24 bits, the second at which the entry expires.
const EXPIRY_BITS: u64 = (1 << 24) - 1;
/// The most entries for tokens whose public id exists. Each of them has cost one scrypt.
const MAX_REJECTED: usize = 10_000;

/// The key that a wrong token names, and why the token is refused: its secret is wrong or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedToken {
    pub key: KeyId,
    pub org: OrgId,
    pub outcome: Outcome,
}

pub struct NegativeCache {
    unknown: Box<[[AtomicU64; 2]]>,
    rejected: Mutex<HashMap<TokenDigest, (RejectedToken, Duration)>>,
}

impl Default for NegativeCache {
    fn default() -> Self {
        Self { unknown: (0..SETS).map(|_| Default::default()).collect(), rejected: Mutex::default() }
    }
}

impl NegativeCache {
    pub fn is_unknown(&self, digest: &TokenDigest, steady: Duration) -> bool {
        let (set, tag) = split(digest);
        let now = steady.as_secs() & EXPIRY_BITS;
        self.unknown[set].iter().map(|slot| slot.load(Ordering::Relaxed)).any(|entry| {
            let remaining = (entry & EXPIRY_BITS).wrapping_sub(now) & EXPIRY_BITS;
            entry & !EXPIRY_BITS == tag && entry != 0 && (1..=TTL_SECONDS).contains(&remaining)
        })
    }

    pub fn insert_unknown(&self, digest: &TokenDigest, steady: Duration) {
        let (set, tag) = split(digest);
        let entry = tag | (steady.as_secs() + TTL_SECONDS) & EXPIRY_BITS;
        let [first, second] = &self.unknown[set];
        // The previous entry of the first slot moves to the second.
        second.store(first.swap(entry, Ordering::Relaxed), Ordering::Relaxed);
    }

    pub fn rejected(&self, digest: &TokenDigest, steady: Duration) -> Option<RejectedToken> {
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        rejected.get(digest).filter(|(_, until)| steady < *until).map(|(rejected, _)| *rejected)
    }

    pub fn insert_rejected(&self, digest: &TokenDigest, token: RejectedToken, steady: Duration) {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        if rejected.len() >= MAX_REJECTED {
            rejected.clear();
        }
        rejected.insert(*digest, (token, steady + Duration::from_secs(TTL_SECONDS)));
    }
}

/// The index of the digest's set, and the tag that identifies the digest within it.
fn split(digest: &TokenDigest) -> (usize, u64) {
    let digest = digest.as_bytes();
    let set = usize::from(u16::from_le_bytes([digest[0], digest[1]])) % SETS;
    let tag = u64::from_le_bytes([0, 0, 0, digest[2], digest[3], digest[4], digest[5], digest[6]]);
    (set, tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;

    #[test]
    fn an_unknown_token_is_remembered_for_ten_seconds() {
        let negative = NegativeCache::default();
        let digest = TokenDigest::from(Random::seeded(1).bytes::<32>());
        let at = Duration::from_secs;
        assert!(!negative.is_unknown(&digest, at(100)));
        negative.insert_unknown(&digest, at(100));
        for (second, is_unknown) in [(100, true), (109, true), (110, false), (100 + EXPIRY_BITS, false)] {
            assert_eq!(negative.is_unknown(&digest, at(second)), is_unknown, "{second}");
        }
    }

    #[test]
    fn other_tokens_are_not_mistaken_for_unknown_ones() {
        let negative = NegativeCache::default();
        let random = Random::seeded(2);
        let digests: Vec<TokenDigest> = (0..1_000).map(|_| random.bytes::<32>().into()).collect();
        for digest in &digests {
            negative.insert_unknown(digest, Duration::ZERO);
        }
        let found = digests.iter().filter(|digest| negative.is_unknown(digest, Duration::ZERO)).count();
        assert!(found >= 998, "{found}");
        assert!(!(0..100_000).any(|_| negative.is_unknown(&random.bytes::<32>().into(), Duration::ZERO)));
    }
}
