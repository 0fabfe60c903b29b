//! Tries a key: what a check would decide, and which step refuses it. Nothing is counted and nothing is used up, so neither charts,
//! quotas, rate limits nor the time of the last use change. Used by people of the key's organization, who may see its keys.

use std::net::IpAddr;
use std::sync::Arc;

use super::attempt_limit::{AttemptSource, PriorAttempts};
use super::key_cache::KeyCache;
use super::quota::QuotaState;
use super::rate_limit::Rate;
use super::request::{PermissionRequirement, Presenter, Requirements};
use super::state::KeyState;
use super::{Admission, first_check, refuse};
use crate::key_policy::PolicyRule;
use crate::keys::server::store;
use crate::keys::server::token::Token;
use crate::permissions::server::Evaluation;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Timestamp};
use crate::usage::Outcome;

/// The steps of a check, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialStep {
    /// The text has the form of a key, with the right checksum.
    Form,
    /// A key of the organization has or had a secret with this public id.
    Known,
    /// The key is not revoked, and the secret was not replaced.
    Current,
    Secret,
    Expiry,
    Disabled,
    /// The key is accepted at other places than `/api/mcp`.
    Audience,
    Plan,
    Kind,
    Role,
    Address,
    Policy,
    Permissions,
    Quota,
    RateLimit,
}

impl TrialStep {
    pub const ALL: [Self; 15] = [
        Self::Form,
        Self::Known,
        Self::Current,
        Self::Secret,
        Self::Expiry,
        Self::Disabled,
        Self::Audience,
        Self::Plan,
        Self::Kind,
        Self::Role,
        Self::Address,
        Self::Policy,
        Self::Permissions,
        Self::Quota,
        Self::RateLimit,
    ];

    /// The step that refuses a key whose secret is right.
    const fn refusing(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Valid => None,
            Outcome::Missing | Outcome::Malformed => Some(Self::Form),
            Outcome::Unknown => Some(Self::Known),
            Outcome::Revoked => Some(Self::Current),
            Outcome::Expired => Some(Self::Expiry),
            Outcome::Disabled => Some(Self::Disabled),
            Outcome::WrongAudience => Some(Self::Audience),
            Outcome::PlanNotEligible => Some(Self::Plan),
            Outcome::KindNotAllowed => Some(Self::Kind),
            Outcome::RoleTooLow => Some(Self::Role),
            Outcome::IpNotAllowed => Some(Self::Address),
            Outcome::PolicyRefused => Some(Self::Policy),
            Outcome::InsufficientPermissions => Some(Self::Permissions),
            Outcome::QuotaExceeded => Some(Self::Quota),
            Outcome::RateLimited => Some(Self::RateLimit),
        }
    }
}

/// The result of a trial.
#[derive(Debug)]
pub struct Trial {
    /// The outcome of a check with the same requirements.
    pub outcome: Outcome,
    /// The step that refuses the key. Later ones were not reached.
    pub failed: Option<TrialStep>,
    /// The key with this public id.
    pub key: Option<KeyId>,
    /// The key's state, if the secret is right.
    pub state: Option<Arc<KeyState>>,
    pub rate: Option<Rate>,
    pub quota: Option<QuotaState>,
    pub permissions: Option<Evaluation>,
    pub rule: Option<PolicyRule>,
}

impl Trial {
    const fn stopped(failed: TrialStep, outcome: Outcome, key: Option<KeyId>) -> Self {
        Self {
            outcome,
            failed: Some(failed),
            key,
            state: None,
            rate: None,
            quota: None,
            permissions: None,
            rule: None,
        }
    }
}

/// A key of another organization has the same result as one that does not exist, after the same work.
pub async fn try_token(
    app: &App,
    org: OrgId,
    text: &str,
    requirements: &Requirements<'_>,
    address: Option<IpAddr>,
) -> Result<Trial, Error> {
    let Some(token) = &Token::parse(text) else {
        return Ok(Trial::stopped(TrialStep::Form, Outcome::Malformed, None));
    };
    let found = store::find_secret(app.db.pool(), token.id()).await?;
    let Some(row) = found.filter(|row| row.org == org) else {
        return Ok(Trial::stopped(TrialStep::Known, Outcome::Unknown, None));
    };
    let cache: &KeyCache = app.slice::<Arc<KeyCache>>();
    let now = app.clock.now();
    let state = KeyState::read(app, &cache.orgs, &cache.rate_limits, &cache.quotas, row.key).await?;
    let Some(state) = state.filter(|state| row.hash.is_some() && state.has(token.id(), now)) else {
        return Ok(Trial::stopped(TrialStep::Current, Outcome::Revoked, Some(row.key)));
    };
    // These hashes wait behind those of services.
    let source = AttemptSource::new(Some(org), None, token.id());
    if !first_check::is_right(app, cache, token, &row, source, PriorAttempts::Few).await? {
        return Ok(Trial::stopped(TrialStep::Secret, Outcome::Unknown, Some(row.key)));
    }
    let presenter = Presenter { address, reported_by: Some(org), ..Presenter::default() };
    let Admission { outcome, rate, quota, permissions, rule } = match state.validity(now) {
        Outcome::Valid => preview(app, &state, requirements, &presenter, now),
        refused => Admission::of(refused),
    };
    let failed = TrialStep::refusing(outcome);
    let key = Some(row.key);
    Ok(Trial { outcome, failed, key, state: Some(Arc::new(state)), rate, quota, permissions, rule })
}

/// Decides as `admit` does, but counts nothing.
fn preview(
    app: &App,
    state: &KeyState,
    requirements: &Requirements<'_>,
    presenter: &Presenter<'_>,
    now: Timestamp,
) -> Admission {
    if let Some(refused) = refuse(app, state, requirements, presenter, now) {
        return refused;
    }
    let permissions = requirements
        .permissions
        .map(|PermissionRequirement { query, listed }| listed.preview(query, &state.permissions));
    let rate = state.limit().map(|limit| limit.state(app.clock.steady()));
    let quota = state.quota().map(|quota| quota.state(now));
    let outcome = if permissions.is_some_and(|evaluation| !evaluation.is_met) {
        Outcome::InsufficientPermissions
    } else if state.quota().is_some_and(|quota| !quota.has(requirements.cost, now)) {
        Outcome::QuotaExceeded
    } else if rate.is_some_and(|rate| !rate.is_allowed) {
        Outcome::RateLimited
    } else {
        Outcome::Valid
    };
    Admission { rate, quota, permissions, ..Admission::of(outcome) }
}
