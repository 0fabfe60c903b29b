//! How often somebody has tried tokens that are not proven, by address and public id. Whoever has sent wrong ones is not
//! refused, since the right one may come from the same address, but checked after the others; beyond the limit a wrong one
//! is told to wait. Proven tokens never come here, so whoever floods cannot slow the owner down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::http::address::subscriber;
use crate::shared::{Compact, SecretId};

const WINDOW: Duration = Duration::from_secs(60);
const IN_A_WINDOW: u32 = 20;
/// Beyond this the oldest windows go.
const MOST: usize = 50_000;

#[derive(Default)]
pub struct Tries(Mutex<HashMap<AttemptSource, Window>>);

/// Who tries which secret. An address that was told counts for the organization that told it alone: nobody can use up what
/// another's callers have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptSource {
    told_by: Option<Compact>,
    address: Option<IpAddr>,
    secret: SecretId,
}

impl AttemptSource {
    pub fn new(told_by: Option<Compact>, address: Option<IpAddr>, secret: SecretId) -> Self {
        Self { told_by, address: address.map(subscriber), secret }
    }
}

/// What came in the minute before a try, from the same address with the same public id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Nothing,
    /// Tokens that were wrong, or are still being checked.
    Tries,
    /// Too many of them; how long to wait.
    TooMany(Duration),
}

/// When it began, and the tries since.
type Window = (Duration, u32);

impl Tries {
    pub fn count(&self, steady: Duration, who: AttemptSource) -> Before {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST {
            tries.retain(|_, (start, _)| steady < *start + WINDOW);
            // With fewer removed, the next tries would soon walk through all of them again.
            if tries.len() > MOST / 2 {
                tries.clear();
            }
        }
        let (start, count) = tries.entry(who).or_insert((steady, 0));
        if steady >= *start + WINDOW {
            (*start, *count) = (steady, 0);
        }
        *count += 1;
        match *count {
            1 => Before::Nothing,
            2..=IN_A_WINDOW => Before::Tries,
            _ => Before::TooMany((*start + WINDOW).saturating_sub(steady)),
        }
    }

    /// The one counted last was right.
    pub fn forgive(&self, who: AttemptSource) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = tries.get_mut(&who) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                tries.remove(&who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    #[test]
    fn an_address_tries_one_id_twenty_times_a_minute() {
        let tries = Tries::default();
        let id = |text| SecretId::parse(text).expect("an id");
        let (mine, other) = (id("0AZaz9b8C7d6"), id("0AZaz9b8C7d7"));
        let who = |text: &str, id| AttemptSource::new(None, Some(text.parse().expect("an address")), id);
        for turn in 0..IN_A_WINDOW {
            let before = if turn == 0 { Before::Nothing } else { Before::Tries };
            assert_eq!(tries.count(Duration::ZERO, who("198.51.100.1", mine)), before);
        }
        assert_eq!(
            tries.count(Duration::from_secs(20), who("198.51.100.1", mine)),
            Before::TooMany(Duration::from_secs(40))
        );
        let another_address = tries.count(Duration::ZERO, who("198.51.100.2", mine));
        assert_eq!(another_address, Before::Nothing);
        assert_eq!(tries.count(Duration::ZERO, who("198.51.100.1", other)), Before::Nothing, "another id");
        let org = Some(KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier"));
        let told = AttemptSource { told_by: org, ..who("198.51.100.1", mine) };
        assert_eq!(tries.count(Duration::ZERO, told), Before::Nothing, "the same address, told by somebody");
        assert_eq!(tries.count(WINDOW, who("198.51.100.1", mine)), Before::Nothing, "later");
    }

    #[test]
    fn who_was_right_is_not_remembered() {
        let tries = Tries::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        let known = || tries.0.lock().expect("a lock").len();
        tries.count(Duration::ZERO, AttemptSource::new(None, None, id));
        tries.count(Duration::ZERO, AttemptSource::new(None, None, id));
        tries.forgive(AttemptSource::new(None, None, id));
        assert_eq!(known(), 1, "one of the two was wrong");
        tries.forgive(AttemptSource::new(None, None, id));
        assert_eq!(known(), 0);
    }

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let tries = Tries::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        for number in 0..(2 * MOST as u32) {
            tries.count(
                Duration::ZERO,
                AttemptSource::new(None, Some(IpAddr::from(number.to_be_bytes())), id),
            );
        }
        assert!(tries.0.lock().expect("a lock").len() <= MOST);
    }
}
