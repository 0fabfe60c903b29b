//! The keys of an organization with the most requests.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::chart::ChartRange;
use super::counters::{day_of, hour_of};
use super::pending::Usage;
use super::{queries, store};
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId};
use crate::usage::Outcome;

/// The keys whose requests are added up: the first ones of each day. With a million keys in use, adding up all of them would take
/// seconds. A key that is never among the first ones of a day is not found, even if its sum is larger than theirs.
const CANDIDATES: usize = 12;

/// The requests of a key in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopKey {
    pub key: KeyId,
    pub calls: u64,
    pub refused: u64,
}

impl TopKey {
    pub fn requests(&self) -> u64 {
        self.calls.saturating_add(self.refused)
    }
}

/// At most `most` keys, the one with the most requests first.
pub async fn top_keys(app: &App, org: OrgId, range: ChartRange, most: usize) -> Result<Vec<TopKey>, Error> {
    let now = app.clock.now();
    let from = range.from(now);
    // Memory first, because counts leave it only after they are in the table.
    let mut pending: Vec<(KeyId, i64)> = app.slice::<Usage>().pending_keys_of(org).into_iter().collect();
    pending.sort_unstable_by_key(|(key, requests)| (Reverse(*requests), *key));
    let mut candidates: BTreeSet<KeyId> = pending.into_iter().take(CANDIDATES).map(|(key, _)| key).collect();
    let days = day_of(hour_of(from))..=day_of(hour_of(now));
    candidates.extend(store::busiest_keys(app.db.pool(), org, days, CANDIDATES).await?);
    let candidates: Vec<KeyId> = candidates.into_iter().collect();
    let mut sums: HashMap<KeyId, TopKey> = HashMap::new();
    for (sum, requests) in queries::sums(app, &candidates, from).await? {
        let top = sums.entry(sum.key).or_insert(TopKey { key: sum.key, calls: 0, refused: 0 });
        let count = if sum.outcome == Outcome::Valid { &mut top.calls } else { &mut top.refused };
        *count = count.saturating_add(requests);
    }
    let mut top: Vec<TopKey> = sums.into_values().filter(|top| top.requests() > 0).collect();
    top.sort_unstable_by_key(|top| (Reverse(top.requests()), top.key));
    top.truncate(most);
    Ok(top)
}
