//! What one flush writes: the counts added up for each of the tables.

use std::collections::BTreeMap;

use super::refusals::Refused;
use super::tally::{Count, DAY_IN_HOURS, Slot};
use crate::shared::{Compact, SecretId, Timestamp};
use crate::usage::Outcome;

/// Accepted requests and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub calls: i64,
    pub last_at: Timestamp,
}

impl Totals {
    pub(super) const NONE: Self = Self { calls: 0, last_at: Timestamp::from_millis(0) };

    pub(super) fn add(&mut self, requests: u64, at: Timestamp) {
        self.calls += requests as i64;
        self.last_at = self.last_at.max(at);
    }
}

/// What a caller sent: all requests, the last of them, and the last that was accepted, if one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    pub requests: i64,
    pub last_at: Timestamp,
    pub accepted_at: Timestamp,
}

impl Requests {
    const NEVER: Timestamp = Timestamp::from_millis(0);
    pub(super) const NONE: Self = Self { requests: 0, last_at: Self::NEVER, accepted_at: Self::NEVER };

    pub(super) fn join(&mut self, others: &Self) {
        self.requests += others.requests;
        self.last_at = self.last_at.max(others.last_at);
        self.accepted_at = self.accepted_at.max(others.accepted_at);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerKey {
    pub key: Compact,
    pub secret: SecretId,
    /// Empty for callers that are not told apart.
    pub address: String,
    pub user_agent: String,
}

/// Requests, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    pub key: Compact,
    pub org: Compact,
    pub requests: i64,
}

/// In the order of their keys, so that two processes that write at once do so in the same order.
#[derive(Clone, Default)]
pub struct Batch {
    pub hours: BTreeMap<(SecretId, i64, Outcome), Of>,
    pub org_hours: BTreeMap<(Compact, i64, Outcome), i64>,
    pub days: BTreeMap<(Compact, i64), i64>,
    pub keys: BTreeMap<Compact, Totals>,
    pub secrets: BTreeMap<SecretId, Totals>,
    pub callers: BTreeMap<CallerKey, Requests>,
    pub refusals: Vec<Refused>,
}

impl Batch {
    pub(super) fn add(&mut self, slot: &Slot, count: &Count) {
        let requests = count.requests as i64;
        self.hours
            .entry((slot.secret, slot.hour, slot.outcome))
            .or_insert(Of { key: count.key, org: count.org, requests: 0 })
            .requests += requests;
        *self.org_hours.entry((count.org, slot.hour, slot.outcome)).or_default() += requests;
        if slot.outcome == Outcome::Valid {
            let day = slot.hour.div_euclid(DAY_IN_HOURS);
            *self.days.entry((count.key, day)).or_default() += requests;
            self.keys.entry(count.key).or_insert(Totals::NONE).add(count.requests, count.last_at);
            self.secrets.entry(slot.secret).or_insert(Totals::NONE).add(count.requests, count.last_at);
        }
        let caller = CallerKey {
            key: count.key,
            secret: slot.secret,
            address: count.address.map(|address| address.to_string()).unwrap_or_default(),
            user_agent: count.user_agent.to_string(),
        };
        let accepted_at = if slot.outcome == Outcome::Valid { count.last_at } else { Requests::NEVER };
        let sent = Requests { requests, last_at: count.last_at, accepted_at };
        self.callers.entry(caller).or_insert(Requests::NONE).join(&sent);
    }

    pub fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.refusals.is_empty()
    }
}
