//! Which callers of a key are told apart.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

use super::journal::Line;
use super::tally::Source;
use crate::shared::{KeyId, Spread};

/// Beyond this many, callers of a key are counted together.
pub const MOST_CALLERS: usize = 100;

/// Callers that this process has written in the hour, as short hashes: of two that are taken for one both are told apart.
#[derive(Default)]
pub struct Seen {
    hour: i32,
    /// Under a key of its own: nobody outside can make many callers look like one that is known.
    hasher: RandomState,
    /// Of keys with one, which is most keys, and there may be a million of them: by the end of the key's identifier.
    one: HashMap<u64, [u8; 4], BuildHasherDefault<Spread>>,
    several: HashMap<KeyId, Vec<[u8; 4]>>,
}

impl Seen {
    /// In the hour that has come, all is forgotten of the one before.
    pub fn begin(&mut self, hour: Option<i32>) {
        if let Some(hour) = hour.filter(|hour| *hour != self.hour) {
            *self = Self { hour, ..Self::default() };
        }
    }

    /// Lets at most `MOST_CALLERS` of a key through in an hour; the rest is counted together.
    pub fn join(&mut self, lines: &mut [Line]) {
        // Lines that follow each other mostly came from the same source.
        let mut last: Option<(*const Source, u64)> = None;
        for line in lines.iter_mut().filter(|line| !line.source.is_anybody()) {
            let source = Arc::as_ptr(&line.source);
            let hash = match last {
                Some((known, hash)) if known == source => hash,
                _ => self.hasher.hash_one(&line.source),
            };
            last = Some((source, hash));
            let mut caller = Spread::default();
            caller.write_u64(hash ^ line.secret.word());
            if !self.tells_apart(line.key, (caller.finish() as u32).to_ne_bytes()) {
                line.source = Source::anybody(line.source.org).into();
            }
        }
    }

    /// May this caller of the key be told apart?
    fn tells_apart(&mut self, key: KeyId, caller: [u8; 4]) -> bool {
        if let Some(known) = self.several.get_mut(&key) {
            let is_known = known.contains(&caller);
            let room = known.len() < MOST_CALLERS;
            if room && !is_known {
                known.push(caller);
            }
            return is_known || room;
        }
        let tail = u64::from_ne_bytes(key.random_half());
        let first = *self.one.entry(tail).or_insert(caller);
        if first != caller {
            self.one.remove(&tail);
            self.several.insert(key, vec![first, caller]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    #[test]
    fn a_hundred_callers_of_a_key_are_told_apart() {
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]);
        let mut seen = Seen::default();
        let caller = |n: u32| n.to_ne_bytes();
        let most = MOST_CALLERS as u32;
        for round in 0..2 {
            assert!((0..most).all(|n| seen.tells_apart(key(1), caller(n))), "{round}");
            assert!((most..2 * most).all(|n| !seen.tells_apart(key(1), caller(n))), "{round}");
        }
        assert!((0..10).all(|_| seen.tells_apart(key(2), caller(most))), "another key");
        assert_eq!((seen.one.len(), seen.several.len()), (1, 1));
    }
}
