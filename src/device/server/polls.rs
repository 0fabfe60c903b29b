//! How fast devices ask. Only of what is still pending: it keeps eager programs from asking the database for nothing.
//! Kept in memory, per process, so that asking never writes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::shared::LoginId;

/// A little early is in time: clocks and networks are not exact.
const GRACE: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_secs(5);
const SLOWEST: Duration = Duration::from_secs(30);
/// Past this many entries those of codes that have ended are swept.
const MOST: usize = 10_000;

struct Pace {
    /// The last time that was not too early.
    last: Duration,
    interval: Duration,
}

#[derive(Default)]
pub struct Polls(Mutex<HashMap<LoginId, Pace>>);

impl Polls {
    /// The first time is always in time. Too early: the interval that holds from here on. It is measured from the last
    /// time that was accepted, so that a program which never changes its pace is answered now and then.
    pub fn ask(
        &self,
        id: &LoginId,
        interval: Duration,
        life: Duration,
        now: Duration,
    ) -> Result<(), Duration> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() > MOST {
            paces.retain(|_, pace| now < pace.last + life);
        }
        let Some(pace) = paces.get_mut(id) else {
            paces.insert(id.clone(), Pace { last: now, interval });
            return Ok(());
        };
        if now + GRACE < pace.last + pace.interval {
            pace.interval = (pace.interval + STEP).min(SLOWEST.max(interval));
            return Err(pace.interval);
        }
        pace.last = now;
        Ok(())
    }

    /// It was decided; nobody is slowed any more.
    pub fn forget(&self, id: &LoginId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(600);
    const INTERVAL: Duration = Duration::from_secs(5);

    fn login(n: u8) -> LoginId {
        LoginId::from_text(format!("login {n}"))
    }

    #[test]
    fn who_is_too_early_waits_longer_each_time() {
        let polls = Polls::default();
        let ask = |at: f64| polls.ask(&login(1), INTERVAL, LIFE, Duration::from_secs_f64(at));
        assert_eq!(ask(0.0), Ok(()));
        assert_eq!(ask(4.0), Ok(()), "a second of grace");
        let secs = Duration::from_secs;
        assert_eq!(ask(6.0), Err(secs(10)));
        assert_eq!(ask(6.1), Err(secs(15)));
        for wanted in [20, 25, 30, 30] {
            assert_eq!(ask(6.2), Err(secs(wanted)));
        }
        assert_eq!(ask(33.0), Ok(()), "measured from the last that was accepted");
        assert_eq!(polls.ask(&login(2), INTERVAL, LIFE, secs(33)), Ok(()), "another device");
        polls.forget(&login(1));
        assert_eq!(ask(33.1), Ok(()));
    }

    #[test]
    fn a_program_at_a_fixed_pace_is_answered_now_and_then() {
        let polls = Polls::default();
        for pace in [1, 2, 3] {
            let answered = (0..600 / pace).filter(|n| {
                polls.ask(&login(pace as u8), INTERVAL, LIFE, Duration::from_secs(n * pace)).is_ok()
            });
            assert!(answered.count() >= 20, "every {pace} s");
        }
    }
}
