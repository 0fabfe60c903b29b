//! How many callers of a key are counted separately.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use indexmap::IndexSet;
use smol_str::SmolStr;

use super::counters::Slot;
use crate::shared::{KeyId, SecretId};

/// Callers of a key beyond this many in an hour are counted together.
pub const MAX_CALLERS: u8 = 100;

/// The callers that this process has counted separately in the current hour.
#[derive(Default)]
pub struct CallerLimit {
    hour: i64,
    /// Many keys share a caller, so each is stored once and has a number.
    callers: IndexSet<(Option<IpAddr>, SmolStr)>,
    admitted: HashSet<(SecretId, u32)>,
    counts: HashMap<KeyId, u8>,
}

impl CallerLimit {
    /// Clears all counts if a new hour has begun.
    pub fn begin_hour(&mut self, hour: i64) {
        if hour != self.hour {
            *self = Self { hour, ..Self::default() };
        }
    }

    /// The slot itself, or the one without a caller when its key has too many.
    pub fn limit(&mut self, slot: Slot) -> Slot {
        if !slot.has_caller() || self.admits(&slot) { slot } else { slot.without_caller() }
    }

    fn admits(&mut self, slot: &Slot) -> bool {
        let caller = (slot.address, slot.user_agent.clone());
        let number = self.callers.get_index_of(&caller);
        if number.is_some_and(|number| self.admitted.contains(&(slot.secret, number as u32))) {
            return true;
        }
        let count = self.counts.entry(slot.key).or_default();
        if *count == MAX_CALLERS {
            return false;
        }
        *count += 1;
        let (number, _) = self.callers.insert_full(caller);
        self.admitted.insert((slot.secret, number as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{OrgId, Timestamp};
    use crate::usage::Outcome;

    #[test]
    fn a_hundred_callers_of_a_key_are_counted_separately() {
        let most = MAX_CALLERS;
        let key = |n| KeyId::new(Timestamp::from_millis(0), [n; 10]);
        let slot = |n, caller: u8| Slot {
            key: key(n),
            secret: SecretId::parse("8fK2mQ4pXv7d").expect("an id"),
            hour: 480_000,
            outcome: Outcome::Valid,
            org: OrgId::NIL,
            address: Some(IpAddr::from([192, 0, 2, caller])),
            user_agent: "curl/8".into(),
        };
        let mut limit = CallerLimit::default();
        limit.begin_hour(480_000);
        for round in 0..2 {
            assert!((0..most).all(|n| limit.limit(slot(1, n)).has_caller()), "{round}");
            assert!((most..2 * most).all(|n| !limit.limit(slot(1, n)).has_caller()), "{round}");
        }
        assert_eq!(limit.callers.len(), usize::from(MAX_CALLERS), "refused callers take no memory");
        let secret = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        assert!(limit.limit(Slot { secret, ..slot(2, most) }).has_caller(), "another key");
        limit.begin_hour(480_001);
        assert!(limit.limit(slot(1, most)).has_caller(), "another hour");
    }
}
