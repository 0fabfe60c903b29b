//! Refused requests by their id: whoever was refused is told an id and no reason, and an admin of the key's organization
//! finds the reason by that id. Of each key only so many in an hour, so that a flood neither fills the database nor hides
//! what happens to other keys.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::flush::Usage;
use super::store;
use super::tally::{HOUR, Use};
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Noted of one key in an hour.
const OF_A_KEY: u32 = 60;
/// Kept until the next flush, about a second.
const AT_ONCE: usize = 1_000;
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A refused request of a key that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub request_id: String,
    pub at: Timestamp,
    pub org: OrgId,
    pub key: KeyId,
    pub secret: SecretId,
    pub outcome: Outcome,
    pub address: Option<IpAddr>,
}

#[derive(Default)]
pub struct Refusals(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    hour: i64,
    of_keys: HashMap<KeyId, u32>,
    waiting: Vec<Refused>,
}

impl Refusals {
    pub fn note(&self, at: Timestamp, used: &Use) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = at.millis().div_euclid(HOUR);
        if noted.hour != hour {
            noted.hour = hour;
            noted.of_keys.clear();
        }
        if noted.waiting.len() >= AT_ONCE {
            return;
        }
        let count = noted.of_keys.entry(used.key).or_default();
        if *count >= OF_A_KEY {
            return;
        }
        *count += 1;
        noted.waiting.push(Refused {
            request_id: used.request_id.to_owned(),
            at,
            org: used.org,
            key: used.key,
            secret: used.secret,
            outcome: used.outcome,
            address: used.address,
        });
    }

    pub fn take(&self) -> Vec<Refused> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }

    /// Laid over what is written: these are not yet.
    pub fn waiting(&self) -> Vec<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting.clone()
    }
}

/// What is told of a refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub at: Timestamp,
    pub key: KeyId,
    pub secret: SecretId,
    pub outcome: Outcome,
    /// Empty where it is not known.
    pub address: String,
}

/// Why a request with one of the organization's keys was refused.
pub async fn refusal(app: &App, org: OrgId, request_id: &str) -> Result<Option<Reason>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let found =
        usage.refusals().into_iter().find(|refused| refused.request_id == request_id && refused.org == org);
    match found {
        Some(refused) => Ok(Some(Reason {
            at: refused.at,
            key: refused.key,
            secret: refused.secret,
            outcome: refused.outcome,
            address: store::text_of(refused.address),
        })),
        None => Ok(store::refusal(&mut *reading.db, org, request_id).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;

    #[test]
    fn a_flood_with_one_key_hides_no_other() {
        let refusals = Refusals::default();
        let random = Random::seeded(1);
        let key = || KeyId::new(Timestamp::from_millis(0), random.bytes());
        let (flooded, other, org) = (key(), key(), OrgId::NIL);
        let note = |key, millis| {
            let secret = SecretId::parse("0AZaz9b8C7d6").expect("an id");
            let (address, outcome) = (None, Outcome::Revoked);
            let used = Use { secret, key, org, outcome, address, user_agent: "", request_id: "req_1" };
            refusals.note(Timestamp::from_millis(millis), &used);
        };
        for _ in 0..1_000 {
            note(flooded, 5);
        }
        note(other, 6);
        let taken = refusals.take();
        assert_eq!(taken.len(), OF_A_KEY as usize + 1);
        assert_eq!(taken.last().map(|refused| refused.key), Some(other));
        note(flooded, 7);
        assert_eq!(refusals.take(), []);
        note(flooded, HOUR);
        assert_eq!(refusals.take().len(), 1, "another hour");
    }
}
