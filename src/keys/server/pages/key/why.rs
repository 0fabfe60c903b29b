//! Why requests with a key were not accepted: each reason with its count, and a line that names the cause.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::keys::server::pages::refusals_path;
use crate::keys::server::{Key, RefusalSpan};
use crate::shared::Timestamp;
use crate::ui::parts::{ShareBar, Time, Wording, counted, grouped, words};
use crate::usage::Outcome;
use crate::usage::server::{ChartRange, Hour, KeyCaller, outcome_ink, outcome_reason};

/// The most names that a line lists.
const MOST_NAMES: usize = 3;

/// Returns None when every request of the range was accepted. `callers` are those of the last 30 days.
pub fn why(
    key: &Key,
    range: ChartRange,
    hours: &[Hour],
    callers: &[KeyCaller],
    now: Timestamp,
) -> Option<AnyView> {
    let first = range.first_hour(now);
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    for hour in hours.iter().filter(|hour| hour.hour >= first && hour.outcome != Outcome::Valid) {
        *counts.entry(hour.outcome).or_default() += u64::try_from(hour.requests).unwrap_or(0);
    }
    let mut counts: Vec<(Outcome, u64)> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let most = counts.first()?.1;
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let rows = counts.into_iter().map(|(outcome, count)| {
        let href = refusals_path(key.id, Some(outcome), RefusalSpan::default());
        let (cause, last) = (cause(outcome, key, now), last_caller(outcome, callers, now));
        view! {
            <li>
                <a class="underline-offset-3 hover:underline" href=href>{outcome_reason(outcome)}</a>
                <ShareBar ink=outcome_ink(outcome) percent=count * 100 / most/>
                <span class="num text-right font-medium">{grouped(count)}</span>
                <span class="say">{cause}{last}</span>
            </li>
        }
    });
    let title = match all {
        1 => "Why 1 request was not accepted".to_owned(),
        _ => format!("Why {} were not accepted", counted(all, "request", "requests")),
    };
    Some(
        view! {
            <h3 class="mt-6 mb-1 text-dense font-semi" id="why">{title}</h3>
            <ul class="why">{rows.collect_view()}</ul>
        }
        .into_any(),
    )
}

/// A sentence about the setting or state of the key that causes such refusals.
fn cause(outcome: Outcome, key: &Key, now: Timestamp) -> AnyView {
    let since = |before: &'static str, at: Timestamp| {
        view! { {before}<Time at now wording=Wording::Exact/>"." }.into_any()
    };
    match (outcome, key.disabled_at, key.revoked_at) {
        (Outcome::Disabled, Some(at), _) => return since("The key is disabled since ", at),
        (Outcome::Revoked, _, Some(at)) => return since("The key was revoked on ", at),
        _ => {}
    }
    match key.expires_at.filter(|end| outcome == Outcome::Expired && *end <= now) {
        Some(end) => since("The key expired on ", end),
        None => view! { {cause_words(outcome, key)} }.into_any(),
    }
}

fn cause_words(outcome: Outcome, key: &Key) -> String {
    let quota = key.customer.quota;
    match outcome {
        Outcome::Unknown => "They used the public id of this key with a wrong secret, or asked for another \
                             organization. Requests with the right secret are not affected."
            .to_owned(),
        Outcome::IpNotAllowed if key.ranges.is_empty() => "This key now allows every address.".to_owned(),
        Outcome::IpNotAllowed => format!("This key allows only {}.", listed(&key.ranges)),
        Outcome::RateLimited => match key.rate_limit {
            Some(limit) => {
                format!("They exceeded {} per minute.", counted(limit.into(), "request", "requests"))
            }
            None => "This key now has no limit of requests per minute.".to_owned(),
        },
        Outcome::QuotaExceeded => match quota {
            Some(quota) => {
                let (limit, period) = (grouped(quota.limit), quota.period.as_str());
                format!("These requests exceeded the quota of {limit} per {period}.")
            }
            None => "This key now has no quota.".to_owned(),
        },
        Outcome::PlanNotEligible => {
            "The organization's plan did not include the API. An owner can change the plan.".to_owned()
        }
        Outcome::Disabled => "The key was disabled at that time. It is enabled now.".to_owned(),
        Outcome::Expired if key.renewal.is_some() => {
            "The program had not renewed its login, which it must do every hour.".to_owned()
        }
        Outcome::Expired => "The key had expired at that time. It now expires later.".to_owned(),
        Outcome::Revoked => "They used a revoked secret of this key.".to_owned(),
        Outcome::RoleTooLow => {
            format!("This key is {}, and a higher role was asked for.", key.role.with_article())
        }
        Outcome::KindNotAllowed => {
            format!("{} keys are not accepted where it was used.", key.kind.label())
        }
        Outcome::InsufficientPermissions if key.customer.permissions.is_empty() => {
            "A permission was asked for, and this key has none.".to_owned()
        }
        Outcome::InsufficientPermissions => {
            format!(
                "A permission was asked for that this key does not have. It has {}.",
                listed(&key.customer.permissions)
            )
        }
        Outcome::Valid
        | Outcome::Missing
        | Outcome::Malformed
        | Outcome::PolicyRefused
        | Outcome::WrongAudience => outcome.reason().to_owned(),
    }
}

/// "a, b, c and 2 more".
fn listed(names: &[impl ToString]) -> String {
    let first: Vec<String> = names.iter().take(MOST_NAMES).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// " Last from 10.0.0.7, 2 min ago." Only the last refusal of each caller is known.
fn last_caller(outcome: Outcome, callers: &[KeyCaller], now: Timestamp) -> String {
    let refused = callers.iter().filter(|caller| !caller.address.is_empty());
    let refused = refused.filter_map(|caller| Some((caller.refusal?, &caller.address)));
    let last =
        refused.filter(|(refusal, _)| refusal.outcome == outcome).max_by_key(|(refusal, _)| refusal.at);
    last.map(|(refusal, address)| {
        let when = words(refusal.at, now, Wording::Relative).to_lowercase();
        format!(" Last from {address}, {when}.")
    })
    .unwrap_or_default()
}
