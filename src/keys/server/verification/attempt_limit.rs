//! Counts attempts with tokens that are not verified, by address and public id. A source that sent wrong secrets is not
//! refused, since the right secret may come from the same address, but its tokens are checked after those of other sources.
//! Beyond the limit, the response to a wrong token contains a time to wait. Verified tokens are never counted here, so a
//! flood cannot slow down the key's owner.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::FixedWindow;
use crate::platform::http::address::subscriber;
use crate::shared::{OrgId, SecretId};

const WINDOW: Duration = Duration::from_secs(60);
const MAX_PER_WINDOW: u32 = 20;
/// At this many sources, windows that have ended are removed.
const MAX_SOURCES: usize = 50_000;

#[derive(Default)]
pub struct AttemptLimit(Mutex<HashMap<AttemptSource, FixedWindow>>);

/// The origin of an attempt, and the public id it tries. An address that an organization's service reported counts for that
/// organization alone, so that no organization can use up the attempts of another's callers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptSource {
    reported_by: Option<OrgId>,
    address: Option<IpAddr>,
    secret: SecretId,
}

impl AttemptSource {
    pub fn new(reported_by: Option<OrgId>, address: Option<IpAddr>, secret: SecretId) -> Self {
        Self { reported_by, address: address.map(subscriber), secret }
    }
}

/// The earlier attempts of the same source within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorAttempts {
    Zero,
    /// Some tokens were wrong or are still being checked.
    Few,
    /// Too many; with the time until the window ends.
    TooMany(Duration),
}

impl AttemptLimit {
    /// Counts an attempt and returns those before it.
    pub fn record(&self, steady: Duration, source: AttemptSource) -> PriorAttempts {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= MAX_SOURCES {
            attempts.retain(|_, window| window.is_running(steady));
            // If little was removed, the next attempts would soon scan the whole table again.
            if attempts.len() > MAX_SOURCES / 2 {
                attempts.clear();
            }
        }
        let window = attempts.entry(source).or_insert(FixedWindow::of(WINDOW));
        match window.add(steady) {
            1 => PriorAttempts::Zero,
            2..=MAX_PER_WINDOW => PriorAttempts::Few,
            _ => PriorAttempts::TooMany(window.remaining(steady)),
        }
    }

    /// Takes back one attempt, because its token was right.
    pub fn forgive(&self, steady: Duration, source: AttemptSource) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = attempts.get_mut(&source) {
            window.take_back();
            if !window.is_running(steady) {
                attempts.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_try_one_public_id_twenty_times_a_minute() {
        let attempts = AttemptLimit::default();
        let id = |text| SecretId::parse(text).expect("an id");
        let (mine, other) = (id("0AZaz9b8C7d6"), id("0AZaz9b8C7d7"));
        let source = |text: &str, id| AttemptSource::new(None, Some(text.parse().expect("an address")), id);
        for number in 0..MAX_PER_WINDOW {
            let prior = if number == 0 { PriorAttempts::Zero } else { PriorAttempts::Few };
            assert_eq!(attempts.record(Duration::ZERO, source("198.51.100.1", mine)), prior);
        }
        assert_eq!(
            attempts.record(Duration::from_secs(20), source("198.51.100.1", mine)),
            PriorAttempts::TooMany(Duration::from_secs(40))
        );
        let another_address = attempts.record(Duration::ZERO, source("198.51.100.2", mine));
        assert_eq!(another_address, PriorAttempts::Zero);
        assert_eq!(
            attempts.record(Duration::ZERO, source("198.51.100.1", other)),
            PriorAttempts::Zero,
            "another id"
        );
        let org = Some(OrgId::NIL);
        let reported = AttemptSource { reported_by: org, ..source("198.51.100.1", mine) };
        assert_eq!(
            attempts.record(Duration::ZERO, reported),
            PriorAttempts::Zero,
            "the same address, reported by an organization"
        );
        assert_eq!(attempts.record(WINDOW, source("198.51.100.1", mine)), PriorAttempts::Zero, "later");
    }

    #[test]
    fn a_source_with_only_right_tokens_is_removed() {
        let attempts = AttemptLimit::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        let source_count = || attempts.0.lock().expect("a lock").len();
        attempts.record(Duration::ZERO, AttemptSource::new(None, None, id));
        attempts.record(Duration::ZERO, AttemptSource::new(None, None, id));
        attempts.forgive(Duration::ZERO, AttemptSource::new(None, None, id));
        assert_eq!(source_count(), 1, "one of the two was wrong");
        attempts.forgive(Duration::ZERO, AttemptSource::new(None, None, id));
        assert_eq!(source_count(), 0);
    }

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let attempts = AttemptLimit::default();
        let id = SecretId::parse("0AZaz9b8C7d6").expect("an id");
        for number in 0..(2 * MAX_SOURCES as u32) {
            attempts.record(
                Duration::ZERO,
                AttemptSource::new(None, Some(IpAddr::from(number.to_be_bytes())), id),
            );
        }
        assert!(attempts.0.lock().expect("a lock").len() <= MAX_SOURCES);
    }
}
