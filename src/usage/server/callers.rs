//! Which callers of a key are told apart.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};

use super::journal::Line;
use super::tally::{Source, Spread};
use crate::shared::Compact;

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
    several: HashMap<Compact, Vec<[u8; 4]>>,
}

impl Seen {
    /// Lets at most `MOST_CALLERS` of a key through in an hour; the rest is counted together.
    pub fn join(&mut self, hour: i32, lines: &mut [Line]) {
        if self.hour != hour {
            *self = Self { hour, ..Self::default() };
        }
        for line in lines.iter_mut().filter(|line| !line.source.is_anybody()) {
            let caller = self.hasher.hash_one((line.secret, &line.source)) as u32;
            if !self.tells_apart(line.key, caller.to_ne_bytes()) {
                line.source = Source::anybody(line.source.org).into();
            }
        }
    }

    /// May this caller of the key be told apart?
    fn tells_apart(&mut self, key: Compact, caller: [u8; 4]) -> bool {
        if let Some(known) = self.several.get_mut(&key) {
            let is_known = known.contains(&caller);
            let room = known.len() < MOST_CALLERS;
            if room && !is_known {
                known.push(caller);
            }
            return is_known || room;
        }
        let tail = u64::from_ne_bytes(key.tail());
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
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier");
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
