//! Limits on attempts to sign in: by address, and by account and address. While many addresses guess the password of one
//! account, each network gets a few attempts a day for it, so that the owner can still sign in on a new device. A browser
//! that has signed in to the account before has a limit of its own, so that nobody can lock the owner out. The counts are in
//! memory, per process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::FixedWindow;
use crate::platform::http::address::{network, subscriber};

const WINDOW: Duration = Duration::from_secs(15 * 60);
const PER_ADDRESS: u32 = 30;
/// The most attempts on one account by one address, or by one browser that has signed in to the account before.
const PER_ACCOUNT: u32 = 10;
/// Attempts on one account by all browsers that have not signed in to it before. From this many on the account counts as
/// under attack.
const PER_ACCOUNT_IN_ALL: u32 = 100;
/// Attempts per day of one network on an account under attack.
const PER_NETWORK: u32 = 5;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The size of each of the two tables of counts.
const MAX_COUNTS: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ThrottleKey {
    Address(IpAddr),
    /// A browser that has not signed in to this account before, by its address.
    Stranger(String, IpAddr),
    /// All browsers that have not signed in to this account before.
    Strangers(String),
    /// Such browsers in one network.
    Network(String, IpAddr),
    /// A browser that has signed in to this account before, by the fingerprint of its token.
    TrustedBrowser(String, String),
}

struct AttemptCount {
    window: FixedWindow,
    /// Whether a refusal in this window was reported already.
    is_reported: bool,
}

/// An attempt was refused, because there were too many.
#[derive(Debug, PartialEq, Eq)]
pub struct Slowed {
    pub wait: Duration,
    /// True for the first refusal of this window, the only one that is recorded in the audit log.
    pub first: bool,
}

#[derive(Default)]
pub struct Throttle(Mutex<AttemptCounts>);

/// The counts in two tables. A count that is used moves to the first one; when that is full, it becomes the second one and the
/// former second one is dropped. So a flood of addresses removes only counts that were not used during 100,000 new ones.
#[derive(Default)]
struct AttemptCounts {
    recent: HashMap<ThrottleKey, AttemptCount>,
    older: HashMap<ThrottleKey, AttemptCount>,
}

impl AttemptCounts {
    fn get(&mut self, key: &ThrottleKey) -> Option<&mut AttemptCount> {
        if let Some((key, count)) = self.older.remove_entry(key) {
            self.insert(key, count);
        }
        self.recent.get_mut(key)
    }

    fn get_or_insert(&mut self, key: ThrottleKey, within: Duration) -> &mut AttemptCount {
        let new = || AttemptCount { window: FixedWindow::of(within), is_reported: false };
        if self.get(&key).is_none() {
            self.insert(key.clone(), new());
        }
        self.recent.entry(key).or_insert_with(new)
    }

    fn insert(&mut self, key: ThrottleKey, count: AttemptCount) {
        if self.recent.len() >= MAX_COUNTS {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, count);
    }

    fn remove(&mut self, key: &ThrottleKey) {
        self.recent.remove(key);
        self.older.remove(key);
    }
}

/// One attempt: its address, account and browser.
pub struct Attempt<'a> {
    pub address: IpAddr,
    pub account: &'a str,
    /// The fingerprint of the browser's token, if the browser has signed in to this account before.
    pub browser: Option<&'a str>,
    /// True if all strangers together share one budget for the account. For short secrets, such as the code of a second factor,
    /// because many networks with a few attempts each could guess it; and where the account is a network.
    pub is_shared: bool,
}

/// The most attempts of one subject in a window.
struct AttemptBudget {
    subject: ThrottleKey,
    most: u32,
    within: Duration,
}

impl Attempt<'_> {
    /// The budgets that the attempt takes from.
    fn budgets(&self) -> Vec<AttemptBudget> {
        let budget = |subject, most, within| AttemptBudget { subject, most, within };
        let account = || self.account.to_owned();
        if let Some(token) = self.browser {
            return vec![budget(
                ThrottleKey::TrustedBrowser(account(), token.to_owned()),
                PER_ACCOUNT,
                WINDOW,
            )];
        }
        let address = subscriber(self.address);
        vec![
            budget(ThrottleKey::Address(address), PER_ADDRESS, WINDOW),
            budget(ThrottleKey::Stranger(account(), address), PER_ACCOUNT, WINDOW),
            budget(ThrottleKey::Strangers(account()), PER_ACCOUNT_IN_ALL, WINDOW),
            budget(ThrottleKey::Network(account(), network(self.address)), PER_NETWORK, DAY),
        ]
    }
}

/// An attempt whose secret is being checked. Dropping it takes the attempt back, so that a flood of requests that are too many
/// to be checked removes no other counts.
pub struct PendingAttempt<'a> {
    throttle: &'a Throttle,
    attempt: &'a Attempt<'a>,
    is_decided: bool,
}

impl PendingAttempt<'_> {
    pub fn decided(mut self) {
        self.is_decided = true;
    }
}

impl Drop for PendingAttempt<'_> {
    fn drop(&mut self) {
        if !self.is_decided {
            self.throttle.take_back(self.attempt);
        }
    }
}

impl Throttle {
    /// Counts the attempt before the secret is checked, so that concurrent attempts cannot exceed the limit.
    pub fn admit(&self, attempt: &Attempt<'_>, now: Duration) -> Result<(), Slowed> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budgets = attempt.budgets();
        let is_spent = |count: &AttemptCount, budget: &AttemptBudget| count.window.count(now) >= budget.most;
        // The remaining time for which the account counts as under attack; None if it does not.
        let attack_ends = budgets.iter().find_map(|budget| {
            let count = counts.get(&budget.subject).filter(|count| is_spent(count, budget))?;
            matches!(budget.subject, ThrottleKey::Strangers(_)).then(|| count.window.remaining(now))
        });
        for budget in &budgets {
            let longest = match budget.subject {
                ThrottleKey::Strangers(_) if !attempt.is_shared => continue,
                ThrottleKey::Network(..) => match attack_ends {
                    Some(wait) => wait,
                    None => continue,
                },
                _ => Duration::MAX,
            };
            if let Some(count) = counts.get(&budget.subject).filter(|count| is_spent(count, budget)) {
                let first = !std::mem::replace(&mut count.is_reported, true);
                return Err(Slowed { wait: longest.min(count.window.remaining(now)), first });
            }
        }
        for AttemptBudget { subject, within, .. } in budgets {
            let count = counts.get_or_insert(subject, within);
            if count.window.add(now) == 1 {
                count.is_reported = false;
            }
        }
        Ok(())
    }

    /// Call it after `admit`. Unless the attempt is decided, it does not count: the server was too busy, or the client left.
    pub fn pending<'a>(&'a self, attempt: &'a Attempt<'a>) -> PendingAttempt<'a> {
        PendingAttempt { throttle: self, attempt, is_decided: false }
    }

    fn take_back(&self, attempt: &Attempt<'_>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for budget in attempt.budgets() {
            let Some(count) = counts.get(&budget.subject) else { continue };
            count.window.take_back();
            if count.window.is_unused() {
                counts.remove(&budget.subject);
            }
        }
    }

    /// Takes a successful attempt back. Earlier attempts stay counted, except those of the same network, where somebody
    /// knows the password.
    pub fn forgive(&self, attempt: &Attempt<'_>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for budget in attempt.budgets() {
            if matches!(budget.subject, ThrottleKey::Network(..)) {
                counts.remove(&budget.subject);
            } else if let Some(count) = counts.get(&budget.subject) {
                count.window.take_back();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(address: &str, account: &'a str, browser: Option<&'a str>) -> Attempt<'a> {
        Attempt { address: address.parse().expect("an address"), account, browser, is_shared: false }
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
        // The owner on another device, the owner's browser on the same address, and other accounts are not slowed.
        assert_eq!(throttle.admit(&attempt("198.51.100.1", "alice", None), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("203.0.113.1", "alice", Some("hers")), now), Ok(()));
        assert_eq!(throttle.admit(&attempt("203.0.113.1", "bob", None), now), Ok(()));
        assert_eq!(throttle.admit(&stranger, now + WINDOW), Ok(()));
    }

    /// A hundred attempts from a hundred addresses.
    fn attack(throttle: &Throttle, is_shared: bool, now: Duration) {
        for n in 0..PER_ACCOUNT_IN_ALL {
            let address = format!("10.0.0.{n}");
            assert_eq!(
                throttle.admit(&Attempt { is_shared, ..attempt(&address, "alice", None) }, now),
                Ok(())
            );
        }
    }

    #[test]
    fn a_new_device_can_sign_in_while_many_addresses_guess() {
        let throttle = Throttle::default();
        attack(&throttle, false, Duration::ZERO);
        let device = attempt("198.51.100.1", "alice", None);
        for _ in 0..PER_NETWORK {
            assert_eq!(throttle.admit(&device, Duration::ZERO), Ok(()));
        }
        let refused = throttle.admit(&device, Duration::ZERO);
        assert_eq!(refused, Err(Slowed { wait: WINDOW, first: true }));
        // Its attempts count for a day, as long as the attack goes on.
        attack(&throttle, false, WINDOW);
        assert!(throttle.admit(&device, WINDOW).is_err());
        assert_eq!(throttle.admit(&device, WINDOW * 2), Ok(()), "the attack has ended");
        // After a successful sign-in the earlier attempts of that network do not count.
        throttle.forgive(&device);
        attack(&throttle, false, WINDOW * 3);
        assert_eq!(throttle.admit(&device, WINDOW * 3), Ok(()));
        // Neighbours within a /48 count as one network.
        attack(&throttle, false, WINDOW * 4);
        let neighbour = |n: u32| format!("2001:db8:7:{n}::1");
        for n in 0..PER_NETWORK {
            assert_eq!(throttle.admit(&attempt(&neighbour(n), "alice", None), WINDOW * 4), Ok(()));
        }
        assert!(throttle.admit(&attempt(&neighbour(9), "alice", None), WINDOW * 4).is_err());
        assert_eq!(throttle.admit(&attempt("2001:db8:8::1", "alice", None), WINDOW * 4), Ok(()));
        assert_eq!(throttle.admit(&attempt(&neighbour(9), "bob", None), WINDOW * 4), Ok(()));
    }

    #[test]
    fn attempts_on_short_secrets_share_one_budget() {
        let throttle = Throttle::default();
        attack(&throttle, true, Duration::ZERO);
        let code = Attempt { is_shared: true, ..attempt("198.51.100.1", "alice", None) };
        assert!(throttle.admit(&code, Duration::ZERO).is_err());
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit(&attempt("10.0.0.0", "alice", Some("hers")), Duration::ZERO), Ok(()));
        }
        assert!(throttle.admit(&attempt("10.0.0.0", "alice", Some("hers")), Duration::ZERO).is_err());
    }

    #[test]
    fn a_flood_of_addresses_makes_no_room_for_guesses() {
        let throttle = Throttle::default();
        let mut addresses = (0_u32..).map(|n| format!("2001:db8:{:x}:{:x}::1", n >> 16, n & 0xffff));
        let guess = attempt("203.0.113.1", "alice", None);
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit(&guess, Duration::ZERO), Ok(()));
            for address in addresses.by_ref().take(20_000) {
                let _ = throttle.admit(&attempt(&address, &address, None), Duration::ZERO);
                let _ = throttle.admit(&attempt(&address, &address, None), Duration::ZERO);
            }
        }
        assert!(throttle.admit(&guess, Duration::ZERO).is_err());
        let counts = throttle.0.lock().expect("no panic");
        assert!(counts.recent.len() <= MAX_COUNTS && counts.older.len() <= MAX_COUNTS);
    }

    #[test]
    fn an_attempt_that_is_not_decided_leaves_no_count() {
        let throttle = Throttle::default();
        let guess = attempt("203.0.113.1", "alice", None);
        for _ in 0..2 * PER_ACCOUNT {
            assert_eq!(throttle.admit(&guess, Duration::ZERO), Ok(()));
            drop(throttle.pending(&guess));
        }
        assert!(throttle.0.lock().expect("no panic").recent.is_empty());
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit(&guess, Duration::ZERO), Ok(()));
            throttle.pending(&guess).decided();
        }
        assert!(throttle.admit(&guess, Duration::ZERO).is_err());
    }

    #[test]
    fn one_address_is_slowed_across_accounts() {
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
    fn successful_attempts_do_not_use_up_the_budget() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            let attempt = attempt("203.0.113.1", "alice", None);
            assert_eq!(throttle.admit(&attempt, Duration::ZERO), Ok(()));
            throttle.forgive(&attempt);
        }
    }
}
