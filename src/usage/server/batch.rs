//! Counts added up for each of the tables.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smol_str::SmolStr;

use super::journal::{Line, OrgHour};
use super::tally::{DAY_IN_HOURS, Source};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Accepted requests and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub calls: i64,
    pub last_at: Timestamp,
}

impl Totals {
    pub(super) const NONE: Self = Self { calls: 0, last_at: Timestamp::from_millis(0) };

    pub(super) fn add(&mut self, requests: i64, at: Timestamp) {
        self.calls += requests;
        self.last_at = self.last_at.max(at);
    }
}

/// What a caller sent: all requests, about when the first and the last of them, and the last that was accepted, if one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    pub requests: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub accepted_at: Timestamp,
}

impl Requests {
    const NEVER: Timestamp = Timestamp::from_millis(0);
    pub(super) const NONE: Self = Self {
        requests: 0,
        first_at: Timestamp::from_millis(i64::MAX),
        last_at: Self::NEVER,
        accepted_at: Self::NEVER,
    };

    pub(super) fn join(&mut self, others: &Self) {
        self.requests += others.requests;
        self.first_at = self.first_at.min(others.first_at);
        self.last_at = self.last_at.max(others.last_at);
        self.accepted_at = self.accepted_at.max(others.accepted_at);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerKey {
    pub key: KeyId,
    pub secret: SecretId,
    /// None for callers that are not told apart.
    pub address: Option<IpAddr>,
    pub user_agent: SmolStr,
}

/// Requests, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    pub key: KeyId,
    pub org: OrgId,
    pub requests: i64,
}

/// In the order of their keys, so that two processes that write at once do so in the same order.
#[derive(Clone, Default)]
pub struct Batch {
    pub hours: BTreeMap<(SecretId, i64, Outcome), Of>,
    pub org_hours: BTreeMap<OrgHour, i64>,
    pub days: BTreeMap<(KeyId, i64), i64>,
    pub keys: BTreeMap<KeyId, Totals>,
    pub secrets: BTreeMap<SecretId, Totals>,
    pub callers: BTreeMap<CallerKey, Requests>,
}

impl Batch {
    pub(super) fn add(&mut self, line: &Line) {
        let Line { secret, outcome, key, .. } = *line;
        let (requests, last_at) = (i64::from(line.requests), line.last_at());
        let Source { org, address, user_agent } = &*line.source;
        let (org, hour) = (*org, i64::from(line.hour));
        self.hours.entry((secret, hour, outcome)).or_insert(Of { key, org, requests: 0 }).requests +=
            requests;
        *self.org_hours.entry((org, hour, outcome)).or_default() += requests;
        let is_valid = outcome == Outcome::Valid;
        if is_valid {
            *self.days.entry((key, hour.div_euclid(DAY_IN_HOURS))).or_default() += requests;
            self.keys.entry(key).or_insert(Totals::NONE).add(requests, last_at);
            self.secrets.entry(secret).or_insert(Totals::NONE).add(requests, last_at);
        }
        let caller = CallerKey { key, secret, address: *address, user_agent: user_agent.clone() };
        let accepted_at = if is_valid { last_at } else { Requests::NEVER };
        self.callers.entry(caller).or_insert(Requests::NONE).join(&Requests {
            requests,
            first_at: line.first_at(),
            last_at,
            accepted_at,
        });
    }

    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }
}
