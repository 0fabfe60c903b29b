//! How the keys of an organization were used in the last 24 hours, for the page that changes its plan.

use std::cmp::Reverse;

use leptos::prelude::*;

use super::super::recent_use::{recent_addresses, recent_calls};
use crate::keys::StatusFilter;
use crate::keys::server::{self as keys, Filter, Key, MAX_COUNTED, Order};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::ui::parts::{Glyph, capped, counted, grouped};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, ChartRange};

/// The most recently used keys whose calls are counted one by one. With more keys, the numbers are lower bounds.
const MAX_KEYS: usize = 50;
/// Keys that the page names.
const MAX_NAMED: usize = 3;

pub struct PlanImpact {
    active: i64,
    /// The accepted requests of the organization.
    calls: u64,
    /// The keys of these requests, the most used first.
    used: Vec<(Key, u64)>,
    /// Whether there are further such keys.
    has_more: bool,
    addresses: usize,
}

impl PlanImpact {
    pub async fn load(app: &App, member: &Member) -> Result<Self, Error> {
        let since = ChartRange::Day.from(app.clock.now());
        let counts = keys::count(app, member, &[Some(StatusFilter::Active)]).await?;
        let hours = usage::hours_of_org(app, member.org.org, since).await?;
        let valid = hours.into_iter().filter(|(_, outcome, _)| *outcome == Outcome::Valid);
        let filter = Filter {
            status_filter: Some(StatusFilter::Active),
            order: Order::LastUsed,
            descending: true,
            limit: MAX_KEYS,
            ..Filter::default()
        };
        let listed = keys::list(app, member, &filter).await?;
        let recent = |key: &&Key| key.last_used_at.is_some_and(|at| at >= since);
        let has_more = listed.keys.len() == MAX_KEYS && listed.keys.last().is_some_and(|key| recent(&key));
        let ids: Vec<KeyId> = listed.keys.iter().filter(recent).map(|key| key.id).collect();
        let calls = recent_calls(app, &ids).await?;
        let used = listed.keys.into_iter().filter_map(|key| calls.get(&key.id).map(|calls| (key, *calls)));
        let mut used: Vec<_> = used.collect();
        used.sort_by_key(|(_, calls)| Reverse(*calls));
        let ids: Vec<KeyId> = used.iter().map(|(key, _)| key.id).collect();
        Ok(Self {
            active: counts.first().copied().unwrap_or(0),
            calls: valid.map(|(.., requests)| u64::try_from(requests).unwrap_or(0)).sum(),
            addresses: recent_addresses(app, &ids).await?.len(),
            used,
            has_more,
        })
    }

    /// "All 17 active keys", at the beginning of a sentence with a plural.
    pub fn active_keys(&self) -> String {
        match self.active {
            1 => "Your one active key and any new keys".to_owned(),
            0 => "New keys".to_owned(),
            active => format!("All {} active keys", capped(active, MAX_COUNTED)),
        }
    }

    /// Rows of a list of facts.
    pub fn rows(self) -> AnyView {
        let least = if self.has_more { "at least " } else { "" };
        let keys = counted(self.used.len() as u64, "key", "keys");
        let addresses = counted(self.addresses as u64, "address", "addresses");
        let (calls, with) = match self.calls {
            0 => ("No calls".to_owned(), String::new()),
            calls => {
                (counted(calls, "call", "calls"), format!(" with {least}{keys} from {least}{addresses}"))
            }
        };
        let more = self.used.len().saturating_sub(MAX_NAMED) as u64;
        let names = self.used.into_iter().take(MAX_NAMED).map(|(key, calls)| {
            let (seed, kind) = (key.secret.to_string(), key.kind);
            view! {
                <li class="flex items-center gap-2.5">
                    <Glyph seed kind/>
                    <span class="min-w-0 font-medium [overflow-wrap:anywhere]" dir="auto">{key.name}</span>
                    <span class="num ml-auto whitespace-nowrap text-ink-3">{counted(calls, "call", "calls")}</span>
                </li>
            }
        });
        let names = names.collect_view();
        let rest = (more > 0).then(|| {
            let text = format!("and {least}{} more", grouped(more));
            view! { <li class="text-ink-3">{text}</li> }
        });
        let most_used = (self.calls > 0).then(|| {
            view! { <div><dt>"Most used"</dt><dd><ul class="grid gap-1">{names}{rest}</ul></dd></div> }
        });
        view! {
            <div><dt>"In the last 24 h"</dt><dd><b class="num font-semi">{calls}</b>{with}</dd></div>
            {most_used}
        }
        .into_any()
    }
}
