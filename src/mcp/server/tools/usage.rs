//! The tools about the requests with a key.

use std::collections::BTreeMap;
use std::time::Duration;

use rmcp::model::CallToolResponse;

use super::{ToolCall, answer, within};
use crate::keys::server::RecentUse;
use crate::mcp::server::arguments::{KeyCallersArguments, KeyUsageArguments};
use crate::mcp::server::bodies::{AgentCaller, KeyCallersBody, KeyUsageBody, ReasonCount, UsagePeriod};
use crate::mcp::server::failure::ToolFailure;
use crate::mcp::server::find_key::find_key;
use crate::shared::Timestamp;
use crate::ui::parts::counted;
use crate::usage::Outcome;
use crate::usage::server::{self as usage, Hour};

const HOUR: i64 = 3_600;
const HOURS_OF_A_DAY: i64 = 24;
/// More hours than this are given by day.
const MAX_HOURLY: i64 = 72;
/// The most callers in an answer.
const MAX_CALLERS: usize = 100;

pub async fn key_usage(
    call: &ToolCall<'_>,
    arguments: KeyUsageArguments,
) -> Result<CallToolResponse, ToolFailure> {
    let hours = within("hours", arguments.hours, 24, 1, 2_160)?;
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let to = call.app.clock.now();
    let from = to.minus(seconds((hours - 1) * HOUR)).hour();
    let counts = usage::hours_of(call.app, key.id, from).await?;
    let by_day = hours > MAX_HOURLY;
    let requests = |accepted: bool| -> i64 {
        counts.iter().filter(|hour| is_accepted(hour) == accepted).map(|hour| hour.requests).sum()
    };
    let (accepted, refused) = (requests(true), requests(false));
    let mut reasons: BTreeMap<&str, i64> = BTreeMap::new();
    for hour in counts.iter().filter(|hour| !is_accepted(hour)) {
        *reasons.entry(hour.outcome.as_str()).or_default() += hour.requests;
    }
    let sentence = format!(
        "{} accepted and {} refused since {from}.",
        counted(accepted.unsigned_abs(), "request was", "requests were"),
        refused.unsigned_abs()
    );
    let body = KeyUsageBody {
        key_id: key.id.to_string(),
        from: from.to_string(),
        to: to.to_string(),
        accepted,
        refused,
        refused_by_reason: reasons
            .into_iter()
            .map(|(reason, requests)| ReasonCount { reason: reason.to_owned(), requests })
            .collect(),
        period: if by_day { "day" } else { "hour" }.to_owned(),
        periods: periods(&counts, if by_day { HOURS_OF_A_DAY } else { 1 }),
    };
    answer(sentence, &body)
}

fn is_accepted(hour: &Hour) -> bool {
    hour.outcome == Outcome::Valid
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

/// Adds up hours to periods of this many hours.
fn periods(counts: &[Hour], hours: i64) -> Vec<UsagePeriod> {
    let mut periods: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for hour in counts {
        let (accepted, refused) = periods.entry(hour.hour.div_euclid(hours)).or_default();
        *(if is_accepted(hour) { accepted } else { refused }) += hour.requests;
    }
    let start = |period: i64| Timestamp::from_millis(period * hours * HOUR * 1_000).to_string();
    let periods = periods.into_iter().map(|(period, (accepted, refused))| UsagePeriod {
        starts_at: start(period),
        accepted,
        refused,
    });
    periods.collect()
}

pub async fn who_uses_key(
    call: &ToolCall<'_>,
    arguments: KeyCallersArguments,
) -> Result<CallToolResponse, ToolFailure> {
    let days = within("days", arguments.days, 30, 1, 90)?;
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let since = call.app.clock.now().minus(seconds(days * HOURS_OF_A_DAY * HOUR));
    let mut found = usage::callers_of(call.app, key.id, since).await?;
    let recent = RecentUse::of_key(call.app, &key).await?;
    let has_more = found.len() > MAX_CALLERS;
    found.truncate(MAX_CALLERS);
    let callers: Vec<_> = found
        .into_iter()
        .map(|caller| AgentCaller {
            uses_current_secret: caller.secret == key.secret.as_str(),
            address: caller.address,
            user_agent: caller.user_agent,
            first_at: caller.first_at.to_string(),
            last_at: caller.last_at.to_string(),
            last_accepted_at: caller.accepted_at.map(|at| at.to_string()),
            requests: caller.requests,
        })
        .collect();
    let sentence = match recent.words() {
        Some(words) => format!("{}: {words}.", key.name),
        None => format!("Nobody has used {} in the last 24 hours.", key.name),
    };
    let body = KeyCallersBody {
        key_id: key.id.to_string(),
        calls_in_24_hours: i64::try_from(recent.calls).unwrap_or(i64::MAX),
        last_used_at: key.last_used_at.map(|at| at.to_string()),
        callers,
        has_more,
    };
    answer(sentence, &body)
}
