//! Queries about refused requests: those that are not yet written, and the table.

use std::time::Duration;

use super::pending::Usage;
use super::refusals::{RETENTION, RefusedRequest};
use super::store;
use super::store::{RefusalFilter, RefusalReason, RefusalScope, RefusedKey, RefusedKeyLimits};
use crate::platform::{App, Error};
use crate::shared::{OrgId, Timestamp};

/// Wrong secrets for a key in an hour that need attention.
const FLOOD: i64 = 100;
/// The most keys of each kind.
const MOST_KEYS: usize = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);

fn reason(refused: RefusedRequest) -> RefusalReason {
    RefusalReason {
        request_id: refused.request_id,
        at: refused.at,
        key: refused.key,
        secret: refused.secret,
        outcome: refused.outcome,
        address: store::address_text(refused.address),
        permitted: refused.permitted,
    }
}

/// Why a request with one of the organization's keys was refused, or that it was accepted.
pub async fn refusal(app: &App, org: OrgId, request_id: &str) -> Result<Option<RefusalReason>, Error> {
    let is_it = |refused: &RefusedRequest| refused.org == org && refused.request_id == request_id;
    // Memory first, because a refusal leaves it only after it is in the table.
    if let Some(refused) = app.slice::<Usage>().pending_refusals(is_it).pop() {
        return Ok(Some(reason(refused)));
    }
    Ok(store::refusal(app.db.pool(), org, request_id).await?)
}

/// The last refused requests and sampled calls of a key or an organization, the newest first. Of a flood, the first ones of each hour are recorded.
pub async fn refusals_of(
    app: &App,
    scope: RefusalScope,
    filter: &RefusalFilter,
) -> Result<Vec<RefusalReason>, Error> {
    let pending = app.slice::<Usage>().pending_refusals(|refused| match scope {
        RefusalScope::Key(key) => refused.key == key,
        RefusalScope::Org(org) => refused.org == org,
    });
    let since = app.clock.now().minus(RETENTION);
    let mut refusals = store::refusals_of(app.db.pool(), scope, since, filter).await?;
    // A refusal that was written meanwhile is in both.
    let is_new = |refused: &RefusalReason| {
        filter.admits(refused) && !refusals.iter().any(|stored| stored.request_id == refused.request_id)
    };
    let pending: Vec<RefusalReason> = pending.into_iter().map(reason).filter(is_new).collect();
    refusals.extend(pending);
    refusals.sort_by_key(|refused| std::cmp::Reverse(refused.position()));
    refusals.truncate(filter.limit);
    Ok(refusals)
}

/// When `refused_keys` begins to count wrong secrets: at the beginning of the previous hour.
pub fn flood_start(now: Timestamp) -> Timestamp {
    now.minus(HOUR).hour()
}

/// The organization's keys with at least a hundred wrong secrets in this hour or the previous one, and those that were
/// called from an address which they do not allow within a day. Counts that are not rolled up yet are not included.
pub async fn refused_keys(app: &App, org: OrgId) -> Result<Vec<RefusedKey>, Error> {
    let now = app.clock.now();
    let limits = RefusedKeyLimits {
        flood_from: flood_start(now),
        flood: FLOOD,
        addresses_from: now.minus(HOUR * 24),
        most: MOST_KEYS,
    };
    Ok(store::refused_keys(app.db.pool(), org, limits).await?)
}
