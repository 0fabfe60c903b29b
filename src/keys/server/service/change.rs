//! Editing, disabling and enabling a key. Its role and kind never change.

use serde_json::Value;

use super::customer::{CustomerDraft, QuotaDraft, resolve_permissions};
use super::draft::check;
use super::policy::{edit_violations, require_compliance, rules_in_tx};
use super::strong_keys::extended_fields;
use super::{
    Grants, Refusal, TAKEN, beyond_bounds, conclude, lock_key, lock_key_with_bounds, name_key,
    require_for_customers, store,
};
use crate::audit::{self, Event};
use crate::keys::server::{Customer, Key};
use crate::keys::{CallSample, Status};
use crate::orgs::server::Actor;
use crate::permissions::server as permissions;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission, Timestamp};

/// The fields to change. None leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub name: Option<String>,
    pub note: Option<String>,
    pub expires_at: Option<Option<Timestamp>>,
    pub rate_limit: Option<Option<i64>>,
    pub ranges: Option<Vec<String>>,
    pub external_id: Option<String>,
    pub metadata: Option<String>,
    pub permissions: Option<Vec<String>>,
    pub quota: Option<Option<QuotaDraft>>,
    /// Record one in so many accepted calls for a week; `Some(None)` ends that.
    pub sample_one_in: Option<Option<i64>>,
}

impl Edit {
    /// The fields of the customer after the edit.
    fn customer(&self, old: &Customer) -> CustomerDraft {
        let old = CustomerDraft::of(old);
        CustomerDraft {
            external_id: self.external_id.clone().unwrap_or(old.external_id),
            metadata: self.metadata.clone().unwrap_or(old.metadata),
            permissions: self.permissions.clone().unwrap_or(old.permissions),
            quota: self.quota.clone().unwrap_or(old.quota),
        }
    }
}

const RATES: &str = "Log one in 10, 100 or 1,000 accepted calls, or none.";
const REVOKED: &str = "This key is revoked. That cannot be undone.";

/// An edit that changes nothing writes no audit row.
pub async fn edit(app: &App, actor: &Actor, id: KeyId, edit: &Edit) -> Result<Key, Refusal> {
    let (mut write, old, bounds) = lock_key_with_bounds(app, actor, id, "edit", Grants::NewLimits).await?;
    let now = app.clock.now();
    if old.revoked_at.is_some() {
        return Err(Refusal::State(REVOKED));
    }
    let old = Key { sample: old.sample(now), ..old };
    let ranges = edit.ranges.clone().unwrap_or_else(|| old.ranges.iter().map(ToString::to_string).collect());
    // Only a new expiry is checked, so that a past one does not prevent other edits.
    let expires_at = edit.expires_at.filter(|new| *new != old.expires_at);
    let checked = check(
        now,
        edit.name.as_deref().unwrap_or(&old.name),
        edit.note.as_deref().unwrap_or(&old.note),
        expires_at.flatten(),
        edit.rate_limit.unwrap_or(old.rate_limit.map(i64::from)),
        &ranges,
        &edit.customer(&old.customer),
    )?;
    if checked.customer != old.customer && !actor.may(Permission::ManagePermissions) {
        drop(write);
        let refusal = require_for_customers(app, actor, "edit", Some(&old)).await;
        return Err(refusal.err().unwrap_or(Error::OutOfStep).into());
    }
    let sample = match edit.sample_one_in {
        None => old.sample,
        Some(None) => None,
        Some(Some(one_in)) => {
            let begun =
                CallSample::begin(one_in, now).ok_or_else(|| Refusal::field("sample_one_in", RATES))?;
            Some(begun)
        }
    };
    // An actor without a rate limit may let the key be counted by itself.
    let is_limited = bounds.as_ref().is_some_and(|bounds| bounds.rate_limit.is_some());
    let counts_with = old.counts_with.filter(|_| is_limited || checked.rate_limit == old.rate_limit);
    let has_quota = bounds.as_ref().is_some_and(|bounds| bounds.quota.is_some());
    let quota_with = old.quota_with.filter(|_| has_quota || checked.customer.quota == old.customer.quota);
    let mut key = Key {
        counts_with,
        quota_with,
        customer: checked.customer,
        name: checked.name,
        note: checked.note,
        expires_at: expires_at.unwrap_or(old.expires_at),
        rate_limit: checked.rate_limit,
        ranges: checked.ranges,
        sample,
        // The previous secret must not outlive the key.
        previous: old.previous.map(|(secret, until)| match expires_at {
            Some(Some(end)) => (secret, until.min(end)),
            _ => (secret, until),
        }),
        ..old.clone()
    };
    let changed = differences(&old, &key);
    if changed.is_empty() {
        return Ok(old);
    }
    // A new name or note grants nothing, so only changed limits are compared.
    let limits = |key: &Key| (key.expires_at, key.rate_limit, key.ranges.clone(), key.customer.quota);
    if let Some(bounds) = bounds.filter(|_| limits(&old) != limits(&key)) {
        let wrong = bounds.exceeded_by(&key);
        if !wrong.is_empty() {
            drop(write);
            return Err(beyond_bounds(app, actor, "edit", Some(&old), wrong).await);
        }
    }
    let rules = rules_in_tx(&mut write, key.org).await?;
    let mut wrong = edit_violations(&rules, &old, &key);
    if rules.needs_approval(key.role) {
        wrong.extend(extended_fields(&old, &key));
        // Counted by itself, the key could be used more.
        (key.counts_with, key.quota_with) = (old.counts_with, old.quota_with);
    }
    if !wrong.is_empty() {
        drop(write);
        return Err(beyond_bounds(app, actor, "edit", Some(&old), wrong).await);
    }
    if !store::update(&mut write, &key, &name_key(&key.name)).await? {
        return Err(Refusal::field("name", TAKEN));
    }
    if key.customer.permissions != old.customer.permissions {
        let ids = resolve_permissions(&mut write, key.org, &key.customer.permissions).await?;
        permissions::set_of_key(&mut write, key.id, &ids).await?;
    }
    let event =
        changed.into_iter().fold(Event::new("key.edited"), |event, (name, from)| event.detail(name, from));
    conclude(app, actor, write, &key, event).await?;
    Ok(key)
}

/// The old and new values of the changed fields, for the audit log.
fn differences(old: &Key, new: &Key) -> Vec<(&'static str, Value)> {
    let values = |key: &Key| {
        let ranges: Vec<String> = key.ranges.iter().map(ToString::to_string).collect();
        let Customer { external_id, metadata, permissions, quota } = key.customer.clone();
        [
            Value::from(key.name.clone()),
            Value::from(key.note.clone()),
            Value::from(key.expires_at.map(|at| at.to_string())),
            Value::from(key.rate_limit),
            Value::from(ranges),
            Value::from(external_id),
            Value::from(metadata),
            Value::from(permissions),
            Value::from(quota.map(|quota| quota.to_string())),
            Value::from(key.sample.map(|sample| sample.to_string())),
            Value::from(key.sample.map(|sample| sample.until.to_string())),
        ]
    };
    let names = [
        ("name", "name_was"),
        ("note", "note_was"),
        ("expires_at", "expires_at_was"),
        ("rate_limit", "rate_limit_was"),
        ("ranges", "ranges_were"),
        ("external_id", "external_id_was"),
        ("metadata", "metadata_was"),
        ("permissions", "permissions_were"),
        ("quota", "quota_was"),
        ("logged_calls", "logged_calls_were"),
        ("logged_until", "logged_until_was"),
    ];
    let pairs = names.into_iter().zip(values(old).into_iter().zip(values(new)));
    let changed = pairs.filter(|(_, (was, is))| was != is);
    changed.flat_map(|((name, name_of_old), (was, is))| [(name, is), (name_of_old, was)]).collect()
}

/// Audit actions after which an earlier change can no longer be undone, because somebody has changed the same state.
const STATE_CHANGES: [&str; 4] = ["key.disabled", "key.enabled", "key.leaked", "key.revoked"];
const CHANGED_SINCE: &str = "Somebody has changed this key since then. Nothing was undone.";

/// Refuses to undo a change that was made at or after `since`, unless it is the only one since then.
async fn require_latest(write: &mut Write, id: KeyId, since: Option<Timestamp>) -> Result<(), Refusal> {
    if let Some(since) = since
        && !audit::is_only_change_since(write, id, &STATE_CHANGES, since).await?
    {
        return Err(Refusal::State(CHANGED_SINCE));
    }
    Ok(())
}

/// Disables a key until `enable`.
pub async fn disable(app: &App, actor: &Actor, id: KeyId) -> Result<Key, Refusal> {
    disable_unless_changed(app, actor, id, None).await
}

/// Disables a key that was enabled at or after `since`. Changes nothing if anything else happened to its state.
pub async fn undo_enable(app: &App, actor: &Actor, id: KeyId, since: Timestamp) -> Result<Key, Refusal> {
    disable_unless_changed(app, actor, id, Some(since)).await
}

async fn disable_unless_changed(
    app: &App,
    actor: &Actor,
    id: KeyId,
    since: Option<Timestamp>,
) -> Result<Key, Refusal> {
    let (mut write, mut key) = lock_key(app, actor, id, "disable", Grants::Nothing).await?;
    require_latest(&mut write, id, since).await?;
    let now = app.clock.now();
    match key.status(now) {
        Status::Revoked => return Err(Refusal::State(REVOKED)),
        _ if key.disabled_at.is_some() => return Err(Refusal::State("This key is disabled already.")),
        _ => {}
    }
    key.disabled_at = Some(now);
    store::set_disabled(&mut write, id, key.disabled_at).await?;
    conclude(app, actor, write, &key, Event::new("key.disabled")).await?;
    Ok(key)
}

pub async fn enable(app: &App, actor: &Actor, id: KeyId) -> Result<Key, Refusal> {
    enable_unless_changed(app, actor, id, None).await
}

/// Enables a key that was disabled at or after `since`. Changes nothing if anything else happened to its state.
pub async fn undo_disable(app: &App, actor: &Actor, id: KeyId, since: Timestamp) -> Result<Key, Refusal> {
    enable_unless_changed(app, actor, id, Some(since)).await
}

async fn enable_unless_changed(
    app: &App,
    actor: &Actor,
    id: KeyId,
    since: Option<Timestamp>,
) -> Result<Key, Refusal> {
    let (mut write, mut key) = lock_key(app, actor, id, "enable", Grants::Power).await?;
    require_latest(&mut write, id, since).await?;
    let now = app.clock.now();
    match key.status(now) {
        Status::Revoked => return Err(Refusal::State(REVOKED)),
        _ if key.disabled_at.is_none() => return Err(Refusal::State("This key is not disabled.")),
        _ => {}
    }
    let mut write = require_compliance(app, actor, write, &key, "enable").await?;
    key.disabled_at = None;
    store::set_enabled(&mut write, id, now).await?;
    conclude(app, actor, write, &key, Event::new("key.enabled")).await?;
    Ok(key)
}
