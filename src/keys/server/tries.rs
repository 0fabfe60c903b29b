//! How often somebody may try tokens that are not proven, by address and public id: before hashing, and without touching
//! anything of the key. Proven tokens never come here, so whoever floods cannot slow the owner down.

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
pub struct Tries(Mutex<HashMap<Who, Window>>);

/// Who tries which secret. An address that was told counts for the organization that told it alone: nobody can use up what
/// another's callers have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Who {
    told_by: Option<Compact>,
    address: Option<IpAddr>,
    secret: SecretId,
}

impl Who {
    pub fn new(told_by: Option<Compact>, address: Option<IpAddr>, secret: SecretId) -> Self {
        Self { told_by, address: address.map(subscriber), secret }
    }
}

/// When it began, and the tries since.
type Window = (Duration, u32);

impl Tries {
    /// Counts a try. How long to wait, if there were too many.
    pub fn wait(&self, steady: Duration, who: Who) -> Option<Duration> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST {
            tries.retain(|_, (start, _)| steady < *start + WINDOW);
            if tries.len() >= MOST {
                tries.clear();
            }
        }
        let (start, count) = tries.entry(who).or_insert((steady, 0));
        if steady >= *start + WINDOW {
            (*start, *count) = (steady, 0);
        }
        *count += 1;
        (*count > IN_A_WINDOW).then(|| (*start + WINDOW).saturating_sub(steady))
    }

    /// The one counted last was right.
    pub fn forgive(&self, who: Who) {
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
        let who = |text: &str, id| Who::new(None, Some(text.parse().expect("an address")), id);
        for _ in 0..IN_A_WINDOW {
            assert_eq!(tries.wait(Duration::ZERO, who("198.51.100.1", mine)), None);
        }
        assert_eq!(
            tries.wait(Duration::from_secs(20), who("198.51.100.1", mine)),
            Some(Duration::from_secs(40))
        );
        assert_eq!(tries.wait(Duration::ZERO, who("198.51.100.2", mine)), None, "another address");
        assert_eq!(tries.wait(Duration::ZERO, who("198.51.100.1", other)), None, "another id");
        let org = Some(KeyId::new(Timestamp::from_millis(0), [1; 10]).compact().expect("an identifier"));
        let told = Who { told_by: org, ..who("198.51.100.1", mine) };
        assert_eq!(tries.wait(Duration::ZERO, told), None, "the same address, told by somebody");
        assert_eq!(tries.wait(WINDOW, who("198.51.100.1", mine)), None, "later");
    }

    #[test]
    fn who_was_right_is_not_remembered() {
        let tries = Tries::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        let known = || tries.0.lock().expect("a lock").len();
        tries.wait(Duration::ZERO, Who::new(None, None, id));
        tries.wait(Duration::ZERO, Who::new(None, None, id));
        tries.forgive(Who::new(None, None, id));
        assert_eq!(known(), 1, "one of the two was wrong");
        tries.forgive(Who::new(None, None, id));
        assert_eq!(known(), 0);
    }

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let tries = Tries::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        for number in 0..(2 * MOST as u32) {
            tries.wait(Duration::ZERO, Who::new(None, Some(IpAddr::from(number.to_be_bytes())), id));
        }
        assert!(tries.0.lock().expect("a lock").len() <= MOST);
    }
}
