//! How often one may try. By address: whoever tries many accounts is slowed. By account and address: whoever tries one
//! account is slowed there, and, far later, strangers everywhere. A browser that has signed in to the account before has
//! a budget of its own and no other, so that nobody can lock the owner out. Counts live in memory, per process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::http::address::subscriber;

const WINDOW: Duration = Duration::from_secs(15 * 60);
const PER_ADDRESS: u32 = 30;
/// Of one stranger's address, or of one known browser.
const PER_ACCOUNT: u32 = 10;
/// Of all strangers together.
const PER_ACCOUNT_IN_ALL: u32 = 100;
/// Past this many entries the spent ones are swept; a flood of new addresses cannot eat the memory.
const MOST: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    /// A browser that has not signed in to this account before, by its address.
    Stranger(String, IpAddr),
    /// All of those.
    Strangers(String),
    /// One that has, by its token.
    Known(String, String),
}

struct Count {
    since: Duration,
    tries: u32,
    /// A refusal was told of already.
    told: bool,
}

/// Too many tries.
#[derive(Debug, PartialEq, Eq)]
pub struct Slowed {
    pub wait: Duration,
    /// The first refusal of this window: worth a row of the audit log, and only one.
    pub first: bool,
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
    fn subjects(&self) -> Vec<(Subject, u32)> {
        let account = self.account.to_owned();
        match self.known {
            Some(token) => vec![(Subject::Known(account, token.to_owned()), PER_ACCOUNT)],
            None => {
                let address = subscriber(self.address);
                vec![
                    (Subject::Address(address), PER_ADDRESS),
                    (Subject::Stranger(account.clone(), address), PER_ACCOUNT),
                    (Subject::Strangers(account), PER_ACCOUNT_IN_ALL),
                ]
            }
        }
    }
}

impl Throttle {
    /// Counts the attempt before it is judged, so that many at once cannot slip through.
    pub fn admit(&self, attempt: &Attempt<'_>, now: Duration) -> Result<(), Slowed> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain_when_full(now);
        let subjects = attempt.subjects();
        for (subject, most) in &subjects {
            let spent = |count: &&mut Count| now < count.since + WINDOW && count.tries >= *most;
            if let Some(count) = counts.get_mut(subject).filter(spent) {
                let first = !std::mem::replace(&mut count.told, true);
                return Err(Slowed { wait: count.since + WINDOW - now, first });
            }
        }
        for (subject, _) in subjects {
            let count = counts.entry(subject).or_insert(Count { since: now, tries: 0, told: false });
            if now >= count.since + WINDOW {
                *count = Count { since: now, tries: 0, told: false };
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
        if self.len() >= MOST {
            self.retain(|_, count| count.tries > 1);
        }
        // Still full: a flood. Forgetting is safer than refusing everybody or growing.
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
    fn a_stranger_is_slowed_and_the_owner_is_not() {
        let throttle = Throttle::default();
        let now = Duration::from_secs(5);
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit(&attempt("203.0.113.1", "alice", None), now), Ok(()));
        }
        let stranger = attempt("203.0.113.1", "alice", None);
        assert_eq!(throttle.admit(&stranger, now), Err(Slowed { wait: WINDOW, first: true }));
        assert_eq!(throttle.admit(&stranger, now), Err(Slowed { wait: WINDOW, first: false }));
        // The owner on another device, on the same address with her own browser, and everybody else are free.
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "alice", None), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("203.0.113.1", "alice", Some("hers")), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("203.0.113.1", "bob", None), now), Ok(()));
        assert_eq!(throttle.admit(&stranger, now + WINDOW), Ok(()));
    }

    #[test]
    fn many_addresses_are_slowed_together_and_the_owner_is_not() {
        let throttle = Throttle::default();
        for n in 0..PER_ACCOUNT_IN_ALL {
            let from = format!("10.0.{}.{}", n / 5, n % 5);
            assert_eq!(throttle.admit(&attempt(&from, "alice", None), Duration::ZERO), Ok(()));
        }
        assert!(throttle.admit(&attempt("198.51.100.1", "alice", None), Duration::ZERO).is_err());
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit(&attempt("10.0.0.0", "alice", Some("hers")), Duration::ZERO), Ok(()));
        }
        assert!(throttle.admit(&attempt("10.0.0.0", "alice", Some("hers")), Duration::ZERO).is_err());
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
