//! Sums of lines, for each of the tables that a roll-up updates.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smol_str::SmolStr;

use super::counters::{Count, Slot, day_of};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

const NEVER: Timestamp = Timestamp::from_millis(0);

/// Accepted requests and the time of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTotals {
    pub calls: i64,
    pub last_at: Timestamp,
}

impl Default for CallTotals {
    fn default() -> Self {
        Self { calls: 0, last_at: NEVER }
    }
}

impl CallTotals {
    fn add(&mut self, count: &Count) {
        self.calls += i64::from(count.requests);
        self.last_at = self.last_at.max(count.last_at);
    }
}

/// Requests of a secret in an hour with an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourTotals {
    pub key: KeyId,
    pub org: OrgId,
    pub requests: i64,
}

/// Requests of a key in a day, and how many of them were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayTotals {
    pub org: OrgId,
    pub calls: i64,
    pub requests: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerId {
    pub key: KeyId,
    pub secret: SecretId,
    /// None, like an empty user agent, for callers that are not counted separately.
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

/// Requests of a caller, accepted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerTotals {
    pub requests: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// The last request that was accepted; 0 if there was none.
    pub accepted_at: Timestamp,
    pub refused: i64,
    /// The last request that was refused.
    pub refusal: Option<(Timestamp, Outcome)>,
}

/// The maps are ordered, so that two processes that write at once lock rows in the same order.
#[derive(Clone, Default)]
pub struct Batch {
    pub hours: BTreeMap<(SecretId, i64, Outcome), HourTotals>,
    pub org_hours: BTreeMap<(OrgId, i64, Outcome), i64>,
    pub days: BTreeMap<(KeyId, i64), DayTotals>,
    pub keys: BTreeMap<KeyId, CallTotals>,
    pub secrets: BTreeMap<SecretId, CallTotals>,
    pub callers: BTreeMap<CallerId, CallerTotals>,
}

impl Batch {
    pub fn add(&mut self, slot: &Slot, count: &Count) {
        let Slot { key, secret, hour, outcome, org, address, .. } = *slot;
        let requests = i64::from(count.requests);
        let none = HourTotals { key, org, requests: 0 };
        self.hours.entry((secret, hour, outcome)).or_insert(none).requests += requests;
        *self.org_hours.entry((org, hour, outcome)).or_default() += requests;
        let is_valid = outcome == Outcome::Valid;
        let none = DayTotals { org, calls: 0, requests: 0 };
        let of_day = self.days.entry((key, day_of(hour))).or_insert(none);
        of_day.requests += requests;
        if is_valid {
            of_day.calls += requests;
            self.keys.entry(key).or_default().add(count);
            self.secrets.entry(secret).or_default().add(count);
        }
        let caller = CallerId { key, secret, address, user_agent: slot.user_agent.clone() };
        let Count { first_at, last_at, .. } = *count;
        let none =
            CallerTotals { requests: 0, first_at, last_at, accepted_at: NEVER, refused: 0, refusal: None };
        let totals = self.callers.entry(caller).or_insert(none);
        totals.requests += requests;
        totals.first_at = totals.first_at.min(first_at);
        totals.last_at = totals.last_at.max(last_at);
        if is_valid {
            totals.accepted_at = totals.accepted_at.max(last_at);
        } else {
            totals.refused += requests;
            totals.refusal = totals.refusal.max(Some((last_at, outcome)));
        }
    }
}
