//! The organization's key policy where keys are created, changed, rotated and enabled.

use super::strong_keys::require_creator;
use super::{Refusal, beyond_bounds, store};
use crate::key_policy::server as key_policy;
use crate::key_policy::{KeyFacts, LoginConstraints, PolicyRules};
use crate::keys::server::{Key, OldSecret, PolicyKey};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, Permission};

/// The current rules of an organization.
pub async fn policy_rules(app: &App, org: OrgId) -> Result<PolicyRules, Error> {
    let policy = key_policy::of_org(app.db.pool(), org).await?;
    Ok(policy.map(|policy| policy.rules).unwrap_or_default())
}

/// The current rules, read in the transaction of a change. They cannot change until it commits, because changes of keys and
/// of the policy take the same lock.
pub(super) async fn rules_in_tx(write: &mut Write, org: OrgId) -> Result<PolicyRules, Error> {
    let policy = key_policy::of_org(&mut **write, org).await?;
    Ok(policy.map(|policy| policy.rules).unwrap_or_default())
}

/// The limits of the policy for a login whose key has this kind, or the reason why such logins are not allowed.
pub async fn login_constraints(
    app: &App,
    org: OrgId,
    kind: Kind,
) -> Result<Result<LoginConstraints, String>, Error> {
    Ok(policy_rules(app, org).await?.login_constraints(kind, app.clock.now()))
}

/// `login_constraints`, read in the transaction of the login.
pub async fn login_constraints_in_tx(
    app: &App,
    write: &mut Write,
    org: OrgId,
    kind: Kind,
) -> Result<Result<LoginConstraints, String>, Error> {
    Ok(rules_in_tx(write, org).await?.login_constraints(kind, app.clock.now()))
}

/// A batch of the organization's active keys, after an id. The preview of a policy reads all keys with it.
pub async fn policy_key_batch(
    app: &App,
    actor: &Actor,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<PolicyKey>, Error> {
    actor.require(Permission::See)?;
    active_keys(app, actor.org.org, after, limit).await
}

/// `policy_key_batch` without an actor, for jobs.
pub async fn active_keys(
    app: &App,
    org: OrgId,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<PolicyKey>, Error> {
    Ok(store::active_after(app.db.pool(), org, app.clock.now(), after, limit).await?)
}

/// The active keys whose current secret is older than the policy allows, oldest first. None if that rule is off.
pub async fn old_secrets(app: &App, actor: &Actor, most: i64) -> Result<Option<Vec<OldSecret>>, Error> {
    actor.require(Permission::See)?;
    let Some(age) = policy_rules(app, actor.org.org).await?.max_secret_age() else { return Ok(None) };
    let now = app.clock.now();
    let found = store::old_secrets(app.db.pool(), actor.org.org, now, now.minus(age), false, most).await?;
    Ok(Some(found))
}

impl Key {
    /// The properties that the rules of a key policy check.
    pub fn facts(&self) -> KeyFacts<'_> {
        KeyFacts {
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at,
            ranges: &self.ranges,
        }
    }
}

/// The rules that an edit violates. Only limits that the edit changes are checked.
pub(super) fn edit_violations(rules: &PolicyRules, old: &Key, new: &Key) -> Vec<(&'static str, String)> {
    let facts = new.facts();
    let life = rules.lifetime_violation(&facts).filter(|_| old.expires_at != new.expires_at);
    let ranges = rules.range_violation(&facts).filter(|_| old.ranges != new.ranges);
    life.into_iter().chain(ranges).collect()
}

/// Refuses to rotate or enable a key that violates a rule. The form has no matching fields, so the reasons are general
/// errors.
pub(super) async fn require_compliance(
    app: &App,
    actor: &Actor,
    write: Write,
    key: &Key,
    verb: &'static str,
) -> Result<Write, Refusal> {
    let mut write = require_creator(app, actor, write, key, verb).await?;
    let wrong = rules_in_tx(&mut write, key.org).await?.violations(&key.facts());
    if wrong.is_empty() {
        return Ok(write);
    }
    drop(write);
    let wrong = wrong.into_iter().map(|(_, why)| ("", why)).collect();
    Err(beyond_bounds(app, actor, verb, Some(key), wrong).await)
}
