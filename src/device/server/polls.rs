//! A cache of pending logins, and the rate limit of their polls. Polls of a cached login need no database query. A decision
//! removes the login from the cache by the change log. In memory, per process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::store::{LoginProtocol, LoginRequest};
use crate::platform::changes::{ChangeEvent, ChangeKind};
use crate::shared::{LoginId, Timestamp};

/// A poll may come this much early, because clocks and networks are not exact.
const GRACE: Duration = Duration::from_secs(1);
/// A poll that comes too early lengthens the interval by this much, up to `MAX_INTERVAL`.
const INTERVAL_STEP: Duration = Duration::from_secs(5);
const MAX_INTERVAL: Duration = Duration::from_secs(30);
/// Above this many entries, expired ones are removed.
const MAX_ENTRIES: usize = 20_000;

#[derive(Default)]
pub struct Polls(Mutex<PollTable>);

impl PollTable {
    fn put(&mut self, code: &str, login: PolledLogin, now: Timestamp) {
        if self.pending.len() > MAX_ENTRIES {
            self.pending.retain(|_, login| login.expires_at > now);
        }
        self.pending.insert(code.to_owned(), login);
    }
}

#[derive(Default)]
struct PollTable {
    /// Keyed by the fingerprint of the device code.
    pending: HashMap<String, PolledLogin>,
    /// Incremented by every decision, so that a login read before the decision is not cached as pending.
    generation: u64,
}

struct PolledLogin {
    login: LoginId,
    wire: LoginProtocol,
    client_id: String,
    expires_at: Timestamp,
    /// The time of the last accepted poll; None before the first.
    last_poll: Option<Duration>,
    interval: Duration,
}

impl PolledLogin {
    fn of(login: &LoginRequest, interval: Duration) -> Self {
        Self {
            login: login.id,
            wire: login.wire,
            client_id: login.client_id.clone(),
            expires_at: login.expires_at,
            last_poll: None,
            interval,
        }
    }

    /// Accepts a poll, or returns the new, longer interval if it comes too early. The interval is measured from the last
    /// accepted poll, so that some polls of a program that ignores the interval are still accepted.
    fn poll(&mut self, steady: Duration) -> Result<(), Duration> {
        if self.last_poll.is_some_and(|last| steady + GRACE < last + self.interval) {
            self.interval = (self.interval + INTERVAL_STEP).min(MAX_INTERVAL.max(self.interval));
            return Err(self.interval);
        }
        self.last_poll = Some(steady);
        Ok(())
    }
}

/// What identifies the login of a poll.
#[derive(Clone, Copy, Debug)]
pub struct PollIdentity<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    /// The fingerprint of the device code.
    pub code: &'a str,
}

impl Polls {
    /// Adds a login that was just created.
    pub fn begin(&self, generation: u64, code: &str, login: &LoginRequest, interval: Duration) {
        let mut table = self.lock();
        if table.generation == generation {
            table.put(code, PolledLogin::of(login, interval), login.created_at);
        }
    }

    /// Polls a cached login: accepts the poll, or returns the new interval if it comes too early. None if the login is not
    /// cached.
    pub fn poll_cached(
        &self,
        identity: &PollIdentity,
        now: Timestamp,
        steady: Duration,
    ) -> Option<Result<(), Duration>> {
        let mut table = self.lock();
        let login = table.pending.get_mut(identity.code)?;
        let same = login.wire == identity.wire && login.client_id == identity.client_id;
        (same && login.expires_at > now).then(|| login.poll(steady))
    }

    /// The current generation. Read it before the login is read or created.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Caches a login that was read as pending, and polls it like `poll_cached`.
    pub fn poll_and_cache(
        &self,
        generation: u64,
        code: &str,
        login: &LoginRequest,
        interval: Duration,
        (now, steady): (Timestamp, Duration),
    ) -> Result<(), Duration> {
        let mut table = self.lock();
        if let Some(cached) = table.pending.get_mut(code) {
            return cached.poll(steady);
        }
        let mut polled = PolledLogin::of(login, interval);
        let result = polled.poll(steady);
        if table.generation == generation {
            table.put(code, polled, now);
        }
        result
    }

    /// Receives a change from the change log, and removes decided logins from the cache.
    pub fn receive(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Change(change) if change.kind == ChangeKind::Login => {
                let mut table = self.lock();
                table.generation += 1;
                table.pending.retain(|_, login| login.login.to_string() != change.id);
            }
            ChangeEvent::Change(_) => {}
            ChangeEvent::Gap => {
                let mut table = self.lock();
                table.generation += 1;
                table.pending.clear();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, PollTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{LoginStatus, UserCode};
    use crate::platform::changes::Change;

    const INTERVAL: Duration = Duration::from_secs(5);
    const NOW: Timestamp = Timestamp::from_millis(0);

    fn polled_login() -> PolledLogin {
        PolledLogin {
            login: LoginId::NIL,
            wire: LoginProtocol::OAuth,
            client_id: "a client".to_owned(),
            expires_at: Timestamp::from_millis(600_000),
            last_poll: Some(Duration::ZERO),
            interval: INTERVAL,
        }
    }

    #[test]
    fn a_poll_that_comes_too_early_lengthens_the_interval() {
        let mut login = polled_login();
        let mut poll = |at: f64| login.poll(Duration::from_secs_f64(at));
        assert_eq!(poll(4.0), Ok(()), "a second of grace");
        let secs = Duration::from_secs;
        assert_eq!(poll(6.0), Err(secs(10)));
        assert_eq!(poll(6.1), Err(secs(15)));
        for interval in [20, 25, 30, 30] {
            assert_eq!(poll(6.2), Err(secs(interval)));
        }
        assert_eq!(poll(33.0), Ok(()), "measured from the last accepted poll");
    }

    #[test]
    fn some_polls_of_a_program_that_ignores_the_interval_are_accepted() {
        for period in [1, 2, 3] {
            let mut login = polled_login();
            let accepted = (1..600 / period).filter(|n| login.poll(Duration::from_secs(n * period)).is_ok());
            // The first poll is always accepted.
            assert!(accepted.count() + 1 >= 20, "every {period} s");
        }
    }

    #[test]
    fn an_interval_above_the_maximum_is_not_changed() {
        let mut login = PolledLogin { interval: Duration::from_secs(60), ..polled_login() };
        assert_eq!(login.poll(Duration::from_secs(1)), Err(Duration::from_secs(60)));
    }

    #[test]
    fn a_cached_login_ends_when_it_expires_or_is_decided() {
        let polls = Polls::default();
        polls.lock().pending.insert("code".to_owned(), polled_login());
        let of = |wire, client_id| PollIdentity { wire, client_id, code: "code" };
        let later = |millis: i64, identity: &PollIdentity| {
            polls.poll_cached(
                identity,
                Timestamp::from_millis(millis),
                Duration::from_millis(millis.unsigned_abs()),
            )
        };
        assert_eq!(later(5_000, &of(LoginProtocol::OAuth, "a client")), Some(Ok(())));
        assert_eq!(later(10_000, &of(LoginProtocol::ArmorIq, "a client")), None, "another protocol");
        assert_eq!(later(10_000, &of(LoginProtocol::OAuth, "another")), None, "another client");
        assert_eq!(later(600_000, &of(LoginProtocol::OAuth, "a client")), None, "expired");
        let change = |kind, id: LoginId| Change { kind, id: id.to_string() };
        let other = LoginId::new(NOW, [0; 10]);
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Key, LoginId::NIL)));
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Login, other)));
        assert_eq!(later(20_000, &of(LoginProtocol::OAuth, "a client")), Some(Ok(())));
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Login, LoginId::NIL)));
        assert_eq!(later(30_000, &of(LoginProtocol::OAuth, "a client")), None);
        assert_eq!(polls.generation(), 2);
        polls.lock().pending.insert("code".to_owned(), polled_login());
        polls.receive(ChangeEvent::Gap);
        assert_eq!(later(30_000, &of(LoginProtocol::OAuth, "a client")), None);
    }

    #[test]
    fn a_login_that_was_decided_while_it_was_read_is_not_cached() {
        let polls = Polls::default();
        let login = LoginRequest {
            id: LoginId::NIL,
            user_code: UserCode::parse("BCDFGHJK").expect("a code"),
            wire: LoginProtocol::OAuth,
            client_id: "a client".to_owned(),
            scope: None,
            product: String::new(),
            device_id: None,
            device_name: String::new(),
            address: String::new(),
            user_agent: String::new(),
            created_at: NOW,
            expires_at: Timestamp::from_millis(600_000),
            status: LoginStatus::Pending,
            redeem_until: None,
            decided_by: None,
            org: None,
            role: None,
            key: None,
        };
        let steady = Duration::ZERO;
        let generation = polls.generation();
        polls.receive(ChangeEvent::Gap);
        assert_eq!(polls.poll_and_cache(generation, "code", &login, INTERVAL, (NOW, steady)), Ok(()));
        let identity = PollIdentity { wire: login.wire, client_id: &login.client_id, code: "code" };
        assert_eq!(polls.poll_cached(&identity, NOW, steady), None);
        let generation = polls.generation();
        assert_eq!(polls.poll_and_cache(generation, "code", &login, INTERVAL, (NOW, steady)), Ok(()));
        assert_eq!(polls.poll_cached(&identity, NOW, INTERVAL), Some(Ok(())));
    }
}
