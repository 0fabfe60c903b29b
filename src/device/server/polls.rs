//! Logins that are still pending, as they were made or read once, and how fast their devices ask. Asking is answered from
//! here until somebody decides, which is event of like any change; so it reads nothing and never writes. In memory, per
//! process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::store::{LoginProtocol, LoginRequest};
use crate::platform::changes::{ChangeEvent, ChangeKind};
use crate::shared::{LoginId, Timestamp};

/// A poll may come this much early, because clocks and networks are not exact.
const GRACE: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_secs(5);
const SLOWEST: Duration = Duration::from_secs(30);
/// Above this many entries, expired ones are removed.
const MOST: usize = 20_000;

#[derive(Default)]
pub struct Polls(Mutex<PollTable>);

impl PollTable {
    fn put(&mut self, code: &str, waiting: PolledLogin, now: Timestamp) {
        if self.waiting.len() > MOST {
            self.waiting.retain(|_, waiting| waiting.expires_at > now);
        }
        self.waiting.insert(code.to_owned(), waiting);
    }
}

#[derive(Default)]
struct PollTable {
    /// Keyed by the fingerprint of the device code.
    waiting: HashMap<String, PolledLogin>,
    /// Incremented by every decision, so that a login read before the decision is not cached as pending.
    generation: u64,
}

struct PolledLogin {
    login: LoginId,
    wire: LoginProtocol,
    client_id: String,
    expires_at: Timestamp,
    /// The time of the last accepted poll; None before the first.
    last: Option<Duration>,
    interval: Duration,
}

impl PolledLogin {
    fn of(login: &LoginRequest, interval: Duration) -> Self {
        Self {
            login: login.id,
            wire: login.wire,
            client_id: login.client_id.clone(),
            expires_at: login.expires_at,
            last: None,
            interval,
        }
    }

    /// The first time is always in time. Too early: the interval that holds from here on. It is measured from the last
    /// time that was accepted, so that a program which never changes its pace is answered now and then.
    fn ask(&mut self, steady: Duration) -> Result<(), Duration> {
        if self.last.is_some_and(|last| steady + GRACE < last + self.interval) {
            self.interval = (self.interval + STEP).min(SLOWEST.max(self.interval));
            return Err(self.interval);
        }
        self.last = Some(steady);
        Ok(())
    }
}

/// Whose question it is.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    /// The fingerprint of the device code.
    pub code: &'a str,
}

impl Polls {
    /// Adds a login that was just created.
    pub fn begin(&self, generation: u64, code: &str, login: &LoginRequest, interval: Duration) {
        let mut known = self.lock();
        if known.generation == generation {
            known.put(code, PolledLogin::of(login, interval), login.created_at);
        }
    }

    /// Returns whether a cached pending login may be polled now; None if the login is not cached.
    pub fn ask(&self, asking: &Asking, now: Timestamp, steady: Duration) -> Option<Result<(), Duration>> {
        let mut known = self.lock();
        let waiting = known.waiting.get_mut(asking.code)?;
        let same = waiting.wire == asking.wire && waiting.client_id == asking.client_id;
        (same && waiting.expires_at > now).then(|| waiting.ask(steady))
    }

    /// The current generation. Read it before the login is read or created.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Caches a login that was read as pending, and returns whether it may be polled now.
    pub fn ask_anew(
        &self,
        generation: u64,
        code: &str,
        login: &LoginRequest,
        interval: Duration,
        (now, steady): (Timestamp, Duration),
    ) -> Result<(), Duration> {
        let mut known = self.lock();
        if let Some(waiting) = known.waiting.get_mut(code) {
            return waiting.ask(steady);
        }
        let mut waiting = PolledLogin::of(login, interval);
        let asked = waiting.ask(steady);
        if known.generation == generation {
            known.put(code, waiting, now);
        }
        asked
    }

    pub fn receive(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Change(change) if change.kind == ChangeKind::Login => {
                let mut known = self.lock();
                known.generation += 1;
                known.waiting.retain(|_, waiting| waiting.login.to_string() != change.id);
            }
            ChangeEvent::Change(_) => {}
            ChangeEvent::Gap => {
                let mut known = self.lock();
                known.generation += 1;
                known.waiting.clear();
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

    fn waiting() -> PolledLogin {
        PolledLogin {
            login: LoginId::NIL,
            wire: LoginProtocol::OAuth,
            client_id: "a client".to_owned(),
            expires_at: Timestamp::from_millis(600_000),
            last: Some(Duration::ZERO),
            interval: INTERVAL,
        }
    }

    #[test]
    fn who_is_too_early_waits_longer_each_time() {
        let mut waiting = waiting();
        let mut ask = |at: f64| waiting.ask(Duration::from_secs_f64(at));
        assert_eq!(ask(4.0), Ok(()), "a second of grace");
        let secs = Duration::from_secs;
        assert_eq!(ask(6.0), Err(secs(10)));
        assert_eq!(ask(6.1), Err(secs(15)));
        for wanted in [20, 25, 30, 30] {
            assert_eq!(ask(6.2), Err(secs(wanted)));
        }
        assert_eq!(ask(33.0), Ok(()), "measured from the last that was accepted");
    }

    #[test]
    fn a_program_at_a_fixed_pace_is_answered_now_and_then() {
        for pace in [1, 2, 3] {
            let mut waiting = waiting();
            let answered = (1..600 / pace).filter(|n| waiting.ask(Duration::from_secs(n * pace)).is_ok());
            // The first poll is always accepted.
            assert!(answered.count() + 1 >= 20, "every {pace} s");
        }
    }

    #[test]
    fn a_pace_above_the_slowest_is_kept() {
        let mut waiting = PolledLogin { interval: Duration::from_secs(60), ..waiting() };
        assert_eq!(waiting.ask(Duration::from_secs(1)), Err(Duration::from_secs(60)));
    }

    #[test]
    fn what_is_known_ends_with_its_time_and_with_a_decision() {
        let polls = Polls::default();
        polls.lock().waiting.insert("code".to_owned(), waiting());
        let of = |wire, client_id| Asking { wire, client_id, code: "code" };
        let later = |millis: i64, asking: &Asking| {
            polls.ask(asking, Timestamp::from_millis(millis), Duration::from_millis(millis.unsigned_abs()))
        };
        assert_eq!(later(5_000, &of(LoginProtocol::OAuth, "a client")), Some(Ok(())));
        assert_eq!(later(10_000, &of(LoginProtocol::ArmorIq, "a client")), None, "another wire");
        assert_eq!(later(10_000, &of(LoginProtocol::OAuth, "another")), None, "another client");
        assert_eq!(later(600_000, &of(LoginProtocol::OAuth, "a client")), None, "its time has run out");
        let change = |kind, id: LoginId| Change { kind, id: id.to_string() };
        let other = LoginId::new(NOW, [0; 10]);
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Key, LoginId::NIL)));
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Login, other)));
        assert_eq!(later(20_000, &of(LoginProtocol::OAuth, "a client")), Some(Ok(())));
        polls.receive(ChangeEvent::Change(&change(ChangeKind::Login, LoginId::NIL)));
        assert_eq!(later(30_000, &of(LoginProtocol::OAuth, "a client")), None);
        assert_eq!(polls.generation(), 2);
        polls.lock().waiting.insert("code".to_owned(), waiting());
        polls.receive(ChangeEvent::Gap);
        assert_eq!(later(30_000, &of(LoginProtocol::OAuth, "a client")), None);
    }

    #[test]
    fn what_was_decided_while_it_was_read_is_not_kept() {
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
        let before = polls.generation();
        polls.receive(ChangeEvent::Gap);
        assert_eq!(polls.ask_anew(before, "code", &login, INTERVAL, (NOW, steady)), Ok(()));
        let asking = Asking { wire: login.wire, client_id: &login.client_id, code: "code" };
        assert_eq!(polls.ask(&asking, NOW, steady), None);
        assert_eq!(polls.ask_anew(polls.generation(), "code", &login, INTERVAL, (NOW, steady)), Ok(()));
        assert_eq!(polls.ask(&asking, NOW, INTERVAL), Some(Ok(())));
    }
}
