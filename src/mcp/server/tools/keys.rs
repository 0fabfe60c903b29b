//! The tools that find and show keys.

use std::time::Duration;

use rmcp::model::CallToolResponse;

use super::{ToolCall, answer, within};
use crate::keys::StatusFilter;
use crate::keys::server::{self as keys, Filter, Key, Order, Position};
use crate::mcp::server::arguments::{KeyArgument, ListKeysArguments, StaleKeysArguments};
use crate::mcp::server::bodies::{KeyDetail, KeyPageBody, KeySummary, StaleKeysBody};
use crate::mcp::server::failure::ToolFailure;
use crate::mcp::server::find_key::find_key;
use crate::shared::{Kind, Timestamp, contains_token};
use crate::ui::parts::counted;

const DAY: u64 = 24 * 60 * 60;
/// Pages of this many keys are read to find unused ones.
const STALE_PAGE: usize = 100;
/// How many pages are read at most.
const MAX_STALE_PAGES: usize = 10;

pub async fn list_keys(
    call: &ToolCall<'_>,
    arguments: ListKeysArguments,
) -> Result<CallToolResponse, ToolFailure> {
    let page = keys::list(call.app, call.actor, &filter(arguments)?).await?;
    let sentence = match page.keys.len() as u64 {
        0 => "No key matches.".to_owned(),
        count if page.next.is_some() => format!("{}, and there are more.", counted(count, "key", "keys")),
        count => format!("{}.", counted(count, "key", "keys")),
    };
    let body = KeyPageBody {
        keys: KeySummary::load_all(call.app, &page.keys).await?,
        next_cursor: page.next.map(|next| next.to_text()),
    };
    answer(sentence, &body)
}

fn filter(arguments: ListKeysArguments) -> Result<Filter, ToolFailure> {
    let wrong = |what: &str| ToolFailure::Text(format!("{what} The schema of the tool names the values."));
    let (descending, sort) = match arguments.sort.as_deref() {
        None => (true, Order::Created.as_str()),
        Some(sort) => sort.strip_prefix('-').map_or((false, sort), |sort| (true, sort)),
    };
    let order = Order::parse(sort).ok_or_else(|| wrong("sort: There is no such order."))?;
    let status = match arguments.status.as_deref() {
        None => None,
        Some(text) => {
            Some(StatusFilter::parse(text).ok_or_else(|| wrong("status: There is no such status."))?)
        }
    };
    let kind = match arguments.kind.as_deref() {
        None => None,
        Some(text) => Some(Kind::parse(text).ok_or_else(|| wrong("kind: There is no such kind."))?),
    };
    let after = match arguments.cursor.as_deref() {
        None => None,
        Some(text) => Some(Position::parse(text, order).ok_or_else(|| {
            ToolFailure::text("cursor: Pass the next_cursor of a page with the same sort, or nothing.")
        })?),
    };
    let limit = within("limit", arguments.limit, 50, 1, 100)?;
    let mut filter = Filter {
        status_filter: status,
        kind,
        order,
        descending,
        after,
        limit: usize::try_from(limit).unwrap_or(STALE_PAGE),
        ..Filter::default()
    };
    if let Some(text) = arguments.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        if contains_token(text) {
            return Err(ToolFailure::text("search: This is the secret of a key. Never pass one to a tool."));
        }
        filter.search(text);
    }
    Ok(filter)
}

pub async fn get_key(call: &ToolCall<'_>, arguments: KeyArgument) -> Result<CallToolResponse, ToolFailure> {
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let status = key.status(call.app.clock.now()).as_str();
    let sentence = format!("{} is {status}, with the role {}.", key.name, key.role);
    answer(sentence, &KeyDetail::load(call.app, &key).await?)
}

pub async fn find_stale_keys(
    call: &ToolCall<'_>,
    arguments: StaleKeysArguments,
) -> Result<CallToolResponse, ToolFailure> {
    let unused_days = within("unused_days", arguments.unused_days, 60, 1, 3_650)?;
    let limit = usize::try_from(within("limit", arguments.limit, 50, 1, 100)?).unwrap_or(STALE_PAGE);
    let span = Duration::from_secs(unused_days.unsigned_abs() * DAY);
    let (found, has_more) = stale_keys(call, call.app.clock.now().minus(span), limit).await?;
    let number = counted(found.len() as u64, "key was", "keys were");
    let sentence = format!("{number} not used for {}.", counted(unused_days.unsigned_abs(), "day", "days"));
    let keys = KeySummary::load_all(call.app, &found).await?;
    answer(sentence, &StaleKeysBody { keys, unused_days, has_more })
}

/// Active keys without a call since `since`, the longest unused first, and whether there are more. New keys do not count.
async fn stale_keys(
    call: &ToolCall<'_>,
    since: Timestamp,
    limit: usize,
) -> Result<(Vec<Key>, bool), ToolFailure> {
    let mut stale = Vec::new();
    let mut filter = Filter {
        status_filter: Some(StatusFilter::Active),
        order: Order::LastUsed,
        limit: STALE_PAGE,
        ..Filter::default()
    };
    for _ in 0..MAX_STALE_PAGES {
        let page = keys::list(call.app, call.actor, &filter).await?;
        let is_over = page.keys.last().is_none_or(|key| key.last_used_at.is_some_and(|at| at > since));
        let unused =
            |key: &Key| key.last_used_at.unwrap_or(key.created_at) <= since && key.created_at <= since;
        stale.extend(page.keys.into_iter().filter(unused));
        match page.next {
            Some(next) if !is_over && stale.len() <= limit => filter.after = Some(next),
            _ => break,
        }
    }
    let has_more = stale.len() > limit;
    stale.truncate(limit);
    Ok((stale, has_more))
}
