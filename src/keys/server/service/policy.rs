//! The organization's key policy where keys are created, changed, rotated and enabled.

use super::strong_keys::require_creator;
use super::{Refusal, beyond_bounds, store};
use crate::key_policy::server as key_policy;
use crate::key_policy::{KeyFacts, LoginTerms, PolicyRules};
use crate::keys::server::{Key, OldSecret, PolicyKey};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Permission};

/// The present rules of an organization.
pub async fn policy_rules(app: &App, org: OrgId) -> Result<PolicyRules, Error> {
    let policy = key_policy::of_org(app.db.pool(), org).await?;
    Ok(policy.map(|policy| policy.rules).unwrap_or_default())
}

/// The rules within the transaction of a change. The policy is changed under the organization's lock, which changes of keys
/// take too.
pub(super) async fn rules_now(write: &mut Write, org: OrgId) -> Result<PolicyRules, Error> {
    let policy = key_policy::of_org(&mut **write, org).await?;
    Ok(policy.map(|policy| policy.rules).unwrap_or_default())
}

/// What a login to the organization may get, or why there is none.
pub async fn login_terms(app: &App, org: OrgId) -> Result<Result<LoginTerms, String>, Error> {
    Ok(policy_rules(app, org).await?.login_terms(app.clock.now()))
}

/// The same within the transaction of the login.
pub async fn login_terms_now(
    app: &App,
    write: &mut Write,
    org: OrgId,
) -> Result<Result<LoginTerms, String>, Error> {
    Ok(rules_now(write, org).await?.login_terms(app.clock.now()))
}

/// The active keys of an organization after an id, in portions, so that the preview of a policy needs little memory.
pub async fn policy_portion(
    app: &App,
    actor: &Actor,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<PolicyKey>, Error> {
    actor.require(Permission::See)?;
    active_keys(app, actor.org.org, after, limit).await
}

/// The same for jobs.
pub async fn active_keys(
    app: &App,
    org: OrgId,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<PolicyKey>, Error> {
    Ok(store::active_after(app.db.pool(), org, app.clock.now(), after, limit).await?)
}

/// The active keys whose current secret is older than the policy says, the oldest first. None without that rule.
pub async fn old_secrets(app: &App, actor: &Actor, most: i64) -> Result<Option<Vec<OldSecret>>, Error> {
    actor.require(Permission::See)?;
    let Some(age) = policy_rules(app, actor.org.org).await?.oldest_secret() else { return Ok(None) };
    let now = app.clock.now();
    let found = store::old_secrets(app.db.pool(), actor.org.org, now, now.minus(age), false, most).await?;
    Ok(Some(found))
}

impl Key {
    /// What the rules of a key policy judge.
    pub fn facts(&self) -> KeyFacts<'_> {
        KeyFacts {
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at,
            ranges: &self.ranges,
        }
    }
}

/// What the rules say against a change of limits: only a changed limit is judged.
pub(super) fn objections_to_edit(rules: &PolicyRules, old: &Key, new: &Key) -> Vec<(&'static str, String)> {
    let facts = new.facts();
    let life = rules.objection_to_life(&facts).filter(|_| old.expires_at != new.expires_at);
    let ranges = rules.objection_to_ranges(&facts).filter(|_| old.ranges != new.ranges);
    life.into_iter().chain(ranges).collect()
}

/// Refuses to rotate or enable a key that breaks a rule. The form has no fields for the reasons, so they belong to none.
pub(super) async fn require_policy(
    app: &App,
    actor: &Actor,
    write: Write,
    key: &Key,
    verb: &'static str,
) -> Result<Write, Refusal> {
    let mut write = require_creator(app, actor, write, key, verb).await?;
    let wrong = rules_now(&mut write, key.org).await?.objections(&key.facts());
    if wrong.is_empty() {
        return Ok(write);
    }
    drop(write);
    let wrong = wrong.into_iter().map(|(_, why)| ("", why)).collect();
    Err(beyond_bounds(app, actor, verb, Some(key), wrong).await)
}
