//! The accepted calls of the last 24 hours: pages show them before a change that stops such calls.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use leptos::prelude::*;

use crate::keys::server::{self as keys, Key};
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId, Timestamp};
use crate::ui::parts::{Time, counted};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, ChartRange, Hour, KeyCaller};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The recent calls with a key, or with one of its secrets.
#[derive(Clone, Debug, Default)]
pub struct RecentUse {
    pub calls: u64,
    /// The addresses that these calls came from.
    pub addresses: BTreeSet<String>,
    /// The last call, however long ago.
    last_at: Option<Timestamp>,
    last_address: String,
}

impl RecentUse {
    pub async fn of_key(app: &App, key: &Key) -> Result<Self, Error> {
        let (day, callers) = load(app, key.id).await?;
        Ok(Self::count(&day, &callers, app.clock.now()).last_at(key.last_used_at))
    }

    pub async fn of_secret(app: &App, key: &Key, secret: SecretId) -> Result<Self, Error> {
        let (mut day, mut callers) = load(app, key.id).await?;
        day.retain(|hour| hour.secret == secret.as_str());
        callers.retain(|caller| caller.secret == secret.as_str());
        let secrets = keys::secrets(app, key).await?;
        let last = secrets.into_iter().find(|used| used.id == secret).and_then(|used| used.last_used_at);
        Ok(Self::count(&day, &callers, app.clock.now()).last_at(last))
    }

    /// Counts what was accepted. The others lose nothing.
    pub fn count(day: &[Hour], callers: &[KeyCaller], now: Timestamp) -> Self {
        let valid = day.iter().filter(|hour| hour.outcome == Outcome::Valid);
        let calls = valid.map(|hour| u64::try_from(hour.requests).unwrap_or(0)).sum();
        let recent = |caller: &&KeyCaller| caller.accepted_at.is_some_and(|at| at >= now.minus(DAY));
        let addresses = callers.iter().filter(recent).map(|caller| caller.address.clone()).collect();
        let last = callers.iter().filter(recent).max_by_key(|caller| caller.accepted_at);
        Self {
            calls,
            addresses,
            last_at: last.and_then(|caller| caller.accepted_at),
            last_address: last.map(|caller| caller.address.clone()).unwrap_or_default(),
        }
    }

    fn last_at(self, last_at: Option<Timestamp>) -> Self {
        Self { last_at, ..self }
    }

    /// "312 calls in the last 24 h from 2 addresses"; None without calls.
    pub fn words(&self) -> Option<String> {
        let calls = counted(self.calls, "call", "calls");
        (self.calls > 0).then(|| format!("{calls} in the last 24 h{}", self.from()))
    }

    /// " from 2 addresses"
    fn from(&self) -> String {
        match self.addresses.len() as u64 {
            0 => String::new(),
            count => format!(" from {}", counted(count, "address", "addresses")),
        }
    }

    /// Two rows of a list of facts.
    pub fn rows(&self, now: Timestamp) -> AnyView {
        let (calls, from) = match self.calls {
            0 => ("No calls".to_owned(), String::new()),
            calls => (counted(calls, "call", "calls"), self.from()),
        };
        let address = (!self.last_address.is_empty()).then(|| {
            let address = self.last_address.clone();
            view! { " from " <span class="mono text-cap">{address}</span> }
        });
        let last = match self.last_at {
            Some(at) => view! { <Time at now/>{address} }.into_any(),
            None => view! { "Never used" }.into_any(),
        };
        view! {
            <div><dt>"In the last 24 h"</dt><dd><b class="num font-semi">{calls}</b>{from}</dd></div>
            <div><dt>"Last call"</dt><dd>{last}</dd></div>
        }
        .into_any()
    }
}

async fn load(app: &App, key: KeyId) -> Result<(Vec<Hour>, Vec<KeyCaller>), Error> {
    let now = app.clock.now();
    let hours = usage::hours_of(app, key, ChartRange::Day.from(now)).await?;
    Ok((hours, usage::callers_of(app, key, now.minus(DAY)).await?))
}

/// The accepted calls of several keys in the last 24 hours, without the keys that have none.
pub async fn recent_calls(app: &App, keys: &[KeyId]) -> Result<HashMap<KeyId, u64>, Error> {
    let mut calls: HashMap<KeyId, u64> = HashMap::new();
    for (sum, requests) in usage::sums(app, keys, ChartRange::Day.from(app.clock.now())).await? {
        if sum.outcome == Outcome::Valid && requests > 0 {
            *calls.entry(sum.key).or_default() += requests;
        }
    }
    Ok(calls)
}

/// The addresses that several keys were used from in the last 24 hours.
pub async fn recent_addresses(app: &App, keys: &[KeyId]) -> Result<BTreeSet<String>, Error> {
    let since = app.clock.now().minus(DAY);
    let mut addresses = BTreeSet::new();
    for key in keys {
        let callers = usage::callers_of(app, *key, since).await?;
        let accepted = callers.into_iter().filter(|caller| caller.accepted_at.is_some_and(|at| at >= since));
        addresses.extend(accepted.map(|caller| caller.address));
    }
    Ok(addresses)
}
