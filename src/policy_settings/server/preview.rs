//! Previews what a change of the policy would refuse. Each key is checked with the function that verification uses, at the
//! time when the grace period ends. Keys are read in batches, so that memory use does not depend on their number.

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::RequestedPolicy;
use super::preview_slots::PreviewSlots;
use crate::accounts::server as accounts;
use crate::key_policy::{CallerAddress, KeyPolicy, PolicyRule};
use crate::keys::server::{self as keys, PolicyKey};
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Role, Timestamp};
use crate::usage::server as usage;

/// The maximum number of keys that the preview lists.
pub const MAX_LISTED: usize = 50;
/// How many keys are read at once.
const BATCH_SIZE: usize = 5_000;
/// The maximum number of keys whose callers are compared with the allowed addresses.
const MAX_CALLERS_READ: usize = 200;
const RECENT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Clone, Debug)]
pub struct PolicyPreview {
    /// When all changed rules apply to existing keys.
    pub from: Timestamp,
    /// The active keys of the organization.
    pub keys: u64,
    /// Keys that are refused from then on, whatever address they are used from.
    pub refused: u64,
    /// Refused keys that were used in the last seven days.
    pub refused_in_use: u64,
    /// Keys that are refused later, because they reach the maximum lifetime before they expire.
    pub refused_later: u64,
    /// Keys that would be disabled because nobody uses them.
    pub idle: u64,
    /// The most recently used of the refused keys.
    pub refused_keys: Vec<PreviewedKey>,
    /// A lower bound on the callers of the listed keys in the last seven days.
    pub callers: usize,
    /// A lower bound on the callers of other keys whose addresses would not be allowed.
    pub outside_callers: usize,
    /// Whether every active key would be refused.
    pub refuses_every_key: bool,
    /// Whether the actor has keys with the role owner, and all of them would be refused.
    pub refuses_own_owner_keys: bool,
    /// The key that asks could not call again from its present address, or the keys that the actor created and that were used in
    /// the last seven days were used from refused addresses only.
    pub refuses_caller: bool,
}

#[derive(Clone, Debug)]
pub struct PreviewedKey {
    pub key: PolicyKey,
    pub rule: PolicyRule,
    pub creator: String,
    /// A lower bound on the callers of the last seven days.
    pub callers: usize,
    /// The address of the last caller.
    pub last_caller: Option<String>,
}

impl PolicyPreview {
    /// Whether the change must be confirmed with the organization's name.
    pub fn needs_confirmation(&self) -> bool {
        self.refuses_every_key || self.refuses_own_owner_keys || self.refuses_caller
    }
}

/// Computes what `requested` would refuse if it replaced `current` now.
pub async fn preview(
    app: &App,
    actor: &Actor,
    current: &KeyPolicy,
    requested: &RequestedPolicy,
) -> Result<PolicyPreview, Error> {
    let _slot = app.slice::<PreviewSlots>().begin(actor.org.org)?;
    compute(app, actor, current, requested).await
}

/// The same for a change that is being saved. Returns None if no rule becomes stricter.
pub async fn preview_of_change(
    app: &App,
    actor: &Actor,
    current: &KeyPolicy,
    requested: &RequestedPolicy,
) -> Result<Option<PolicyPreview>, Error> {
    if requested.rules.weakened_by(&current.rules).is_empty() {
        return Ok(None);
    }
    let _slot = app.slice::<PreviewSlots>().begin_saving(actor.org.org).await?;
    compute(app, actor, current, requested).await.map(Some)
}

async fn compute(
    app: &App,
    actor: &Actor,
    current: &KeyPolicy,
    requested: &RequestedPolicy,
) -> Result<PolicyPreview, Error> {
    let now = app.clock.now();
    let policy = current.changed_to(requested.rules.clone(), requested.grace(), now);
    let from = policy.all_apply_from().max(now);
    let mut builder = PreviewBuilder::new(&policy, actor, now, from);
    let mut after: Option<KeyId> = None;
    loop {
        let batch = keys::policy_key_batch(app, actor, after, BATCH_SIZE).await?;
        let is_last = batch.len() < BATCH_SIZE;
        after = batch.last().map(|key| key.id);
        batch.into_iter().for_each(|key| builder.add(key));
        if is_last {
            break;
        }
        // Other requests get a connection in between.
        tokio::task::yield_now().await;
    }
    builder.finish(app).await
}

/// Counts all keys, and collects the most recently used ones.
struct PreviewBuilder<'a> {
    policy: &'a KeyPolicy,
    actor: &'a Actor,
    now: Timestamp,
    from: Timestamp,
    keys: u64,
    refused: u64,
    refused_in_use: u64,
    refused_later: u64,
    idle: u64,
    own_owner_keys: u64,
    own_owner_keys_left: u64,
    is_caller_refused: bool,
    refused_keys: Vec<(PolicyKey, PolicyRule)>,
    /// Recently used keys that are not refused; the addresses of their callers are checked in the end.
    in_use: Vec<PolicyKey>,
}

impl<'a> PreviewBuilder<'a> {
    fn new(policy: &'a KeyPolicy, actor: &'a Actor, now: Timestamp, from: Timestamp) -> Self {
        Self {
            policy,
            actor,
            now,
            from,
            keys: 0,
            refused: 0,
            refused_in_use: 0,
            refused_later: 0,
            idle: 0,
            own_owner_keys: 0,
            own_owner_keys_left: 0,
            is_caller_refused: false,
            refused_keys: Vec::new(),
            in_use: Vec::new(),
        }
    }

    fn add(&mut self, key: PolicyKey) {
        self.keys += 1;
        let facts = key.facts();
        let is_expired = key.expires_at.is_some_and(|end| end <= self.from);
        let rule = self.policy.refusing_rule(&facts, CallerAddress::Any, self.from).filter(|_| !is_expired);
        if self.actor.key == Some(key.id) {
            let address = self.actor.by.origin.address.map_or(CallerAddress::Unknown, CallerAddress::At);
            self.is_caller_refused = self.policy.refusing_rule(&facts, address, self.from).is_some();
        }
        let stops = self.policy.first_refusal(&facts, self.from);
        let is_own = key.role == Role::Owner && key.created_by == self.actor.user;
        self.own_owner_keys += u64::from(is_own);
        self.own_owner_keys_left += u64::from(is_own && rule.is_none() && !is_expired);
        let idle = self.policy.idle_time(self.from);
        let is_idle = idle.is_some_and(|time| self.now.since(key.unused_since()) > time);
        self.idle += u64::from(is_idle && rule.is_none());
        let is_recent = key.last_used_at.is_some_and(|at| self.now.since(at) <= RECENT);
        match rule {
            Some(rule) => {
                self.refused += 1;
                self.refused_in_use += u64::from(is_recent);
                self.refused_keys.push((key, rule));
                if self.refused_keys.len() >= 4 * MAX_LISTED {
                    sort_by_use(&mut self.refused_keys, |(key, _)| key);
                    self.refused_keys.truncate(MAX_LISTED);
                }
            }
            None => {
                self.refused_later += u64::from(stops.is_some());
                let is_limited = !self.policy.rules.allowed_ranges.is_empty();
                if is_recent && is_limited {
                    self.in_use.push(key);
                    if self.in_use.len() >= 4 * MAX_CALLERS_READ {
                        sort_by_use(&mut self.in_use, |key| key);
                        self.in_use.truncate(MAX_CALLERS_READ);
                    }
                }
            }
        }
    }

    async fn finish(mut self, app: &App) -> Result<PolicyPreview, Error> {
        sort_by_use(&mut self.refused_keys, |(key, _)| key);
        self.refused_keys.truncate(MAX_LISTED);
        sort_by_use(&mut self.in_use, |key| key);
        self.in_use.truncate(MAX_CALLERS_READ);
        let creators: Vec<_> = self.refused_keys.iter().map(|(key, _)| key.created_by).collect();
        let names = accounts::names(app, &creators).await?;
        let since = self.now.minus(RECENT);
        let mut all = BTreeSet::new();
        let mut refused_keys = Vec::with_capacity(self.refused_keys.len());
        for (key, rule) in std::mem::take(&mut self.refused_keys) {
            let callers = match key.last_used_at.is_some_and(|at| at >= since) {
                true => usage::callers_of(app, key.id, since).await?,
                false => Vec::new(),
            };
            // Callers whose requests were all refused lose nothing.
            let callers: Vec<_> = callers
                .into_iter()
                .filter(|caller| caller.accepted_at.is_some_and(|at| at >= since))
                .collect();
            let last_caller = callers.first().map(|caller| match caller.address.as_str() {
                "" => "an unknown address".to_owned(),
                address => address.to_owned(),
            });
            let distinct: BTreeSet<_> =
                callers.into_iter().map(|caller| (caller.address, caller.user_agent)).collect();
            let callers = distinct.len();
            all.extend(distinct);
            let creator = names.get(&key.created_by).cloned().unwrap_or_default();
            refused_keys.push(PreviewedKey { key, rule, creator, callers, last_caller });
        }
        let outside = self.outside_callers(app, since).await?;
        let has_key_left = self.refused < self.keys;
        Ok(PolicyPreview {
            from: self.from,
            keys: self.keys,
            refused: self.refused,
            refused_in_use: self.refused_in_use,
            refused_later: self.refused_later,
            idle: self.idle,
            refused_keys,
            callers: all.len(),
            outside_callers: outside.callers,
            refuses_every_key: self.keys > 0 && !has_key_left,
            refuses_own_owner_keys: self.own_owner_keys > 0 && self.own_owner_keys_left == 0,
            refuses_caller: self.is_caller_refused || outside.are_all_own,
        })
    }

    /// Counts the recent callers of keys that are not refused whose addresses the new rules would refuse. An unknown address is not allowed.
    async fn outside_callers(&self, app: &App, since: Timestamp) -> Result<OutsideCallers, Error> {
        let mut outside = BTreeSet::new();
        let (mut own, mut own_outside) = (0, 0);
        for key in &self.in_use {
            let facts = key.facts();
            let (mut accepted, mut refused) = (0, 0);
            for caller in usage::callers_of(app, key.id, since).await? {
                if caller.accepted_at.is_none() {
                    continue;
                }
                accepted += 1;
                let address = caller.address.parse().map_or(CallerAddress::Unknown, CallerAddress::At);
                if self.policy.refusing_rule(&facts, address, self.from).is_some() {
                    refused += 1;
                    outside.insert((caller.address, caller.user_agent));
                }
            }
            if key.created_by == self.actor.user && accepted > 0 {
                own += 1;
                own_outside += u32::from(accepted == refused);
            }
        }
        Ok(OutsideCallers { callers: outside.len(), are_all_own: own > 0 && own == own_outside })
    }
}

/// Callers from addresses that are not allowed.
struct OutsideCallers {
    callers: usize,
    /// All keys of the actor that were used lately were used from such addresses only.
    are_all_own: bool,
}

/// The most recently used first.
fn sort_by_use<T>(items: &mut [T], key: impl Fn(&T) -> &PolicyKey) {
    items.sort_by_key(|item| std::cmp::Reverse((key(item).last_used_at, key(item).id)));
}
