//! How often one may try. By address: whoever tries many accounts is slowed. By account: whoever tries one account from
//! many addresses is slowed, but not a browser that has signed in to it before, which has a budget of its own, so that
//! nobody can lock the owner out. Counts live in memory, per process, and forget.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::http::address::subscriber;

const WINDOW: Duration = Duration::from_secs(15 * 60);
const PER_ADDRESS: u32 = 30;
const PER_ACCOUNT: u32 = 10;
/// Past this many entries the spent ones are swept; a flood of new addresses cannot eat the memory.
const MOST: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    /// All browsers that have not signed in to this account before.
    Strangers(String),
    /// One that has.
    Known(String),
}

struct Count {
    since: Duration,
    tries: u32,
}

#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Subject, Count>>);

/// One attempt: from where, on which account, by which browser.
pub struct Attempt<'a> {
    pub address: IpAddr,
    pub account: &'a str,
    /// The fingerprint of the browser's token, when this account knows it.
    pub known: Option<&'a str>,
}

impl Attempt<'_> {
    fn subjects(&self) -> [(Subject, u32); 2] {
        let account = match self.known {
            Some(token) => Subject::Known(token.to_owned()),
            None => Subject::Strangers(self.account.to_owned()),
        };
        [(Subject::Address(subscriber(self.address)), PER_ADDRESS), (account, PER_ACCOUNT)]
    }
}

impl Throttle {
    /// Counts the attempt before it is judged, so that many at once cannot slip through. The error is how long to wait.
    pub fn admit(&self, attempt: &Attempt<'_>, now: Duration) -> Result<(), Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain_when_full(now);
        let subjects = attempt.subjects();
        for (subject, most) in &subjects {
            if let Some(count) =
                counts.get(subject).filter(|count| now < count.since + WINDOW && count.tries >= *most)
            {
                return Err(count.since + WINDOW - now);
            }
        }
        for (subject, _) in subjects {
            let count = counts.entry(subject).or_insert(Count { since: now, tries: 0 });
            if now >= count.since + WINDOW {
                *count = Count { since: now, tries: 0 };
            }
            count.tries += 1;
        }
        Ok(())
    }

    /// A success takes its own attempt back; what others tried stays counted.
    pub fn forgive(&self, attempt: &Attempt<'_>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, _) in attempt.subjects() {
            if let Some(count) = counts.get_mut(&subject) {
                count.tries = count.tries.saturating_sub(1);
            }
        }
    }
}

trait RetainWhenFull {
    fn retain_when_full(&mut self, now: Duration);
}

impl RetainWhenFull for HashMap<Subject, Count> {
    fn retain_when_full(&mut self, now: Duration) {
        if self.len() >= MOST {
            self.retain(|_, count| now < count.since + WINDOW);
        }
        // Still full of fresh ones: a flood. Forgetting is safer than refusing everybody or growing.
        if self.len() >= MOST {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(address: &str, account: &'a str, known: Option<&'a str>) -> Attempt<'a> {
        Attempt { address: address.parse().expect("an address"), account, known }
    }

    #[test]
    fn strangers_are_slowed_and_the_owner_is_not() {
        let throttle = Throttle::default();
        let now = Duration::from_secs(5);
        for n in 0..PER_ACCOUNT {
            let from = format!("203.0.113.{n}");
            assert_eq!(throttle.admit(&attempt(&from, "alice", None), now), Ok(()));
        }
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "alice", None), now), Err(WINDOW));
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "alice", Some("hers")), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "bob", None), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "alice", None), now + WINDOW), Ok(()));
    }

    #[test]
    fn one_address_is_slowed_whatever_it_tries() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS {
            let account = format!("person{n}");
            assert_eq!(throttle.admit(&attempt("2001:db8::1", &account, None), Duration::ZERO), Ok(()));
        }
        let neighbour = attempt("2001:db8::ffff", "another", None);
        assert!(throttle.admit(&neighbour, Duration::ZERO).is_err());
        assert!(throttle.admit(&attempt("2001:db8:0:1::1", "another", None), Duration::ZERO).is_ok());
    }

    #[test]
    fn successes_do_not_use_the_budget_up() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            let attempt = attempt("203.0.113.1", "alice", None);
            assert_eq!(throttle.admit(&attempt, Duration::ZERO), Ok(()));
            throttle.forgive(&attempt);
        }
    }
}
