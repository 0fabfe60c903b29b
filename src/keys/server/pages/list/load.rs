//! Loads the list page's data with a fixed number of queries.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::query::Query;
use crate::accounts::server as accounts;
use crate::keys::StatusFilter;
use crate::keys::server::{self as keys, Filter, Key, KeyCount, KeyPage};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp, UserId};
use crate::ui::parts::{counted, grouped};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, Trend};

/// The statuses that the list offers as filters; None stands for all.
pub const OFFERED: [Option<StatusFilter>; 7] = [
    Some(StatusFilter::Active),
    Some(StatusFilter::Expiring),
    Some(StatusFilter::Rotating),
    Some(StatusFilter::Disabled),
    Some(StatusFilter::Expired),
    Some(StatusFilter::Revoked),
    None,
];

pub struct KeyListPage {
    pub rows: Vec<RowData>,
    /// The numbers of keys of each offered status, as far as the other filters select them.
    pub counts: Vec<KeyCount>,
    /// The organization has no key at all.
    pub is_first: bool,
    /// Which of the matching keys the page shows, such as "1–50 of 78 keys".
    pub summary: String,
    /// The people who created keys, by name.
    pub creators: Vec<(UserId, String)>,
    pub previous: String,
    pub next: String,
}

pub struct RowData {
    pub key: Key,
    pub trend: Option<Trend>,
    /// Requests refused by the rate limit since `limited_since`.
    pub limited: u64,
    /// For a key that is being rotated: its calls within a day, and how many of them used the old secret.
    pub share: Option<(u64, u64)>,
    pub creator: String,
    /// The key that created it.
    pub creating_key: Option<String>,
    pub may_manage: bool,
    pub may_enable: bool,
    pub may_rotate: bool,
    pub is_new: bool,
}

/// `fresh` is the key that was just created; it comes first, regardless of the order.
pub async fn load(
    app: &App,
    member: &Member,
    query: &Query,
    fresh: Option<Key>,
) -> Result<KeyListPage, Error> {
    let ((page, filter), offered) = tokio::try_join!(found(app, member, query), keys::creators(app, member))?;
    let KeyPage { mut keys, next, previous, matches } = page;
    let asked: Vec<_> = OFFERED.into_iter().chain([query.status_filter]).collect();
    let mut counts = keys::count_within(app, member, &filter, &asked).await?;
    let of_status = counts.pop().unwrap_or(KeyCount::counted(0));
    let has_none = counts.last().is_some_and(|all| all.number == 0);
    let is_first = has_none && keys::count(app, member, &[None]).await? == [0];
    let is_new = fresh.as_ref().map(|key| key.id);
    if let Some(fresh) = fresh {
        keys.retain(|key| key.id != fresh.id);
        keys.insert(0, fresh);
    }
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    let people = keys.iter().map(|key| &key.created_by).chain(&offered).chain(&query.creator);
    let people: BTreeSet<UserId> = people.cloned().collect();
    let people: Vec<UserId> = people.into_iter().collect();
    let (mut trends, limited, shares, creating_keys, names, rules) = tokio::try_join!(
        usage::trends(app, &ids),
        limited(app, &ids),
        shares(app, &keys),
        keys::creating_keys(app, &keys),
        accounts::names(app, &people),
        keys::policy_rules(app, member.org.org),
    )?;
    let name = |id: UserId| names.get(&id).cloned().unwrap_or_else(|| "somebody who is gone".to_owned());

    let rows = keys.into_iter().map(|key| RowData {
        trend: trends.remove(&key.id),
        limited: limited.get(&key.id).copied().unwrap_or(0),
        share: shares.get(&key.id).copied(),
        creator: if key.created_by == member.user { "you".to_owned() } else { name(key.created_by) },
        creating_key: key
            .created_by_key
            .as_ref()
            .and_then(|creating_key| creating_keys.get(creating_key).cloned()),
        may_manage: keys::may_manage(member, &key),
        may_enable: keys::may_enable(member, &key, &rules),
        may_rotate: keys::may_rotate(member, &key, &rules),
        is_new: is_new.as_ref() == Some(&key.id),
        key,
    });
    let rows: Vec<_> = rows.collect();
    let shown = rows.len() as u64;
    let chosen = query.creator.filter(|chosen| names.contains_key(chosen) && !offered.contains(chosen));
    let mut creators: Vec<_> = offered.into_iter().chain(chosen).map(|id| (id, name(id))).collect();
    creators.sort_by_key(|(_, name)| name.to_lowercase());
    let total = matches.map_or(of_status, KeyCount::counted);
    let is_whole = previous.is_none() && next.is_none();
    let from = if previous.is_none() { 0 } else { query.from };
    let mut query = query.clone();
    query.from = from;
    Ok(KeyListPage {
        summary: if is_whole { counted(shown, "key", "keys") } else { span(from, shown, total) },
        rows,
        counts,
        is_first,
        creators,
        previous: previous.map(|position| query.before(&position)).unwrap_or_default(),
        next: next.map(|position| query.after(&position, shown)).unwrap_or_default(),
    })
}

/// "51–78 of 78 keys". The total is at least what is shown: keys are created while pages are read, and `from` is a part of the address.
fn span(from: u64, shown: u64, total: KeyCount) -> String {
    let to = from.saturating_add(shown);
    let beyond = i64::try_from(to).unwrap_or(i64::MAX).max(total.number);
    let total = KeyCount { number: beyond, ..total };
    format!("{}–{} of {total} keys", grouped(from.saturating_add(1)), grouped(to))
}

/// Searches for keys, and returns the filter that found them. A text without the prefix of a kind is part of a name, unless a public
/// id begins with it.
pub async fn found(app: &App, member: &Member, query: &Query) -> Result<(KeyPage, Filter), Error> {
    let filter = query.filter();
    if let Some(start) = query.bare_start() {
        let by_start = Filter { name: None, secret: Some(start.to_owned()), ..filter.clone() };
        let page = keys::list(app, member, &by_start).await?;
        if !page.keys.is_empty() {
            return Ok((page, by_start));
        }
    }
    let page = keys::list(app, member, &filter).await?;
    // The text may also be an owner.
    if page.keys.is_empty() && filter.name.is_some() && filter.external_id.is_none() {
        let by_owner = Filter { name: None, external_id: Some(query.text.clone()), ..filter.clone() };
        let page = keys::list(app, member, &by_owner).await?;
        if !page.keys.is_empty() {
            return Ok((page, by_owner));
        }
    }
    Ok((page, filter))
}

/// Usage is stored by hour, so this begins with the previous one: in a new hour there would be nothing to see.
pub fn limited_since(now: Timestamp) -> Timestamp {
    now.minus(Duration::from_secs(60 * 60)).hour()
}

async fn limited(app: &App, ids: &[KeyId]) -> Result<HashMap<KeyId, u64>, Error> {
    let from = limited_since(app.clock.now());
    let mut limited = HashMap::new();
    for (sum, requests) in usage::sums(app, ids, from).await? {
        if sum.outcome == Outcome::RateLimited {
            *limited.entry(sum.key).or_default() += requests;
        }
    }
    Ok(limited)
}

async fn shares(app: &App, keys: &[Key]) -> Result<HashMap<KeyId, (u64, u64)>, Error> {
    let now = app.clock.now();
    let rotating: HashMap<KeyId, String> =
        keys.iter().filter_map(|key| key.rotation(now).map(|(old, _)| (key.id, old.to_string()))).collect();
    let ids: Vec<KeyId> = rotating.keys().copied().collect();
    let mut shares: HashMap<KeyId, (u64, u64)> = HashMap::new();
    for (sum, requests) in usage::sums(app, &ids, now.minus(Duration::from_secs(24 * 60 * 60))).await? {
        let is_old = rotating.get(&sum.key) == Some(&sum.secret);
        let (all, old) = shares.entry(sum.key).or_default();
        *all += requests;
        *old += if is_old { requests } else { 0 };
    }
    Ok(shares)
}
