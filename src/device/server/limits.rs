//! Rate limits of code requests, wrong codes and organization switches. The counts are in memory, per process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::http::address::subscriber;
use crate::platform::{App, Error, FixedWindow};
use crate::shared::UserId;

const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(10 * 60);
/// Switching to another organization creates a key and sends an email.
const MAX_NEW_KEYS: u32 = 10;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Above this many entries, expired ones are removed.
const MAX_ENTRIES: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum LimitedSubject {
    NewCodes(IpAddr),
    WrongByPerson(UserId),
    WrongByAddress(IpAddr),
    NewKeys(UserId),
}

/// The most attempts of one subject in a window.
struct LimitRule {
    subject: LimitedSubject,
    most: u32,
    window: Duration,
}

#[derive(Default)]
pub struct LoginLimits {
    counts: Mutex<HashMap<LimitedSubject, FixedWindow>>,
    creation: tokio::sync::Mutex<()>,
}

/// A code lookup in progress. It counts as a wrong code until the code is found.
pub struct LookupAttempt<'a> {
    app: &'a App,
    limits: Vec<LimitRule>,
}

impl LoginLimits {
    pub fn new_code(app: &App, address: IpAddr) -> Result<(), Error> {
        let most = app.config.device.device_codes_per_minute;
        let subject = LimitedSubject::NewCodes(subscriber(address));
        app.slice::<Self>().take(&[LimitRule { subject, most, window: MINUTE }], app.clock.steady())
    }

    /// Locked while pending logins are counted and one is added, so that concurrent requests cannot exceed the limit.
    pub async fn lock_creation(app: &App) -> tokio::sync::MutexGuard<'_, ()> {
        app.slice::<Self>().creation.lock().await
    }

    /// Counts a switch by one of the person's keys.
    pub fn new_key(app: &App, user: UserId) -> Result<(), Error> {
        let limit =
            LimitRule { subject: LimitedSubject::NewKeys(user), most: MAX_NEW_KEYS, window: TEN_MINUTES };
        app.slice::<Self>().take(&[limit], app.clock.steady())
    }

    /// Counts the attempt before checking the limit, so that concurrent attempts cannot exceed it.
    pub fn look_up<'a>(app: &'a App, user: UserId, address: IpAddr) -> Result<LookupAttempt<'a>, Error> {
        let settings = &app.config.device;
        let limits = vec![
            LimitRule {
                subject: LimitedSubject::WrongByPerson(user),
                most: settings.device_wrong_codes_per_person,
                window: TEN_MINUTES,
            },
            LimitRule {
                subject: LimitedSubject::WrongByAddress(subscriber(address)),
                most: settings.device_wrong_codes_per_address,
                window: HOUR,
            },
        ];
        app.slice::<Self>().take(&limits, app.clock.steady())?;
        Ok(LookupAttempt { app, limits })
    }

    fn take(&self, limits: &[LimitRule], now: Duration) -> Result<(), Error> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() > MAX_ENTRIES {
            counts.retain(|_, window| window.is_running(now));
        }
        // Still full, so this is a flood of addresses. Clearing the table is safer than growing or scanning it each
        // time.
        if counts.len() > MAX_ENTRIES {
            counts.retain(|subject, _| {
                matches!(subject, LimitedSubject::WrongByPerson(_) | LimitedSubject::NewKeys(_))
            });
        }
        let spent = limits.iter().filter_map(|limit| {
            let window = counts.get(&limit.subject)?;
            (window.count(now) >= limit.most).then(|| window.remaining(now))
        });
        if let Some(wait) = spent.max() {
            // Round up to at least one second, so that a client that waits this long is accepted.
            return Err(Error::TooMany(Duration::from_millis(
                wait.as_millis().div_ceil(1_000) as u64 * 1_000,
            )));
        }
        for LimitRule { subject, window, .. } in limits {
            counts.entry(subject.clone()).or_insert(FixedWindow::of(*window)).add(now);
        }
        Ok(())
    }
}

impl LookupAttempt<'_> {
    /// The code was found, so the lookup does not count as wrong. Earlier wrong codes still count.
    pub fn found(self) {
        let limits = self.app.slice::<LoginLimits>();
        let mut counts = limits.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in &self.limits {
            if let Some(window) = counts.get_mut(&limit.subject) {
                window.take_back();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(address: &str) -> LimitRule {
        let subject = LimitedSubject::NewCodes(subscriber(address.parse().expect("an address")));
        LimitRule { subject, most: 3, window: MINUTE }
    }

    #[test]
    fn a_client_that_waits_as_long_as_the_error_says_is_accepted() {
        let limits = LoginLimits::default();
        let at = Duration::from_millis;
        for _ in 0..3 {
            assert!(limits.take(&[codes("203.0.113.1")], at(500)).is_ok());
        }
        let Err(Error::TooMany(wait)) = limits.take(&[codes("203.0.113.1")], at(1_200)) else {
            panic!("the limit is reached");
        };
        assert_eq!(wait, Duration::from_secs(60), "59.3 seconds, rounded up");
        assert!(limits.take(&[codes("203.0.113.2")], at(1_200)).is_ok(), "another address");
        assert!(limits.take(&[codes("203.0.113.1")], at(1_200) + wait).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let limits = LoginLimits::default();
        for n in 0..2 * MAX_ENTRIES {
            let _ = limits.take(&[codes(&format!("2001:db8:{:x}:{:x}::1", n >> 16, n & 0xffff))], MINUTE);
        }
        let counts = limits.counts.lock().expect("no panic").len();
        assert!(counts <= MAX_ENTRIES + 1, "{counts}");
    }

    #[test]
    fn addresses_in_one_64_share_a_limit() {
        let limits = LoginLimits::default();
        for n in 0..3 {
            assert!(limits.take(&[codes(&format!("2001:db8::{n}"))], MINUTE).is_ok());
        }
        assert!(limits.take(&[codes("2001:db8::ffff")], MINUTE).is_err());
        assert!(limits.take(&[codes("2001:db8:0:1::1")], MINUTE).is_ok());
    }
}
