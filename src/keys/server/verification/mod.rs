//! Checks whether a token is valid and its key meets the requirements. Every endpoint uses `verify`, which is the hot path.
//!
//! 1. Parse: length, shape and checksum of the text, without a lookup.
//! 2. Look up in memory. A verified token is found by its public id and recognized by its keyed hash. A token that was
//!    wrong a few seconds ago is refused.
//! 3. Otherwise read the secret's row and run one scrypt, however many requests wait for the result. The queue is fair to
//!    addresses and public ids, and sources that sent wrong secrets wait behind the others.
//! 4. Judge the key's state (revoked, expired, disabled), then organization, audience, plan, kind, role, address, key policy,
//!    permissions and, last, quota and rate limit, so that a request that is refused for another reason does not use them up.
//!
//! Until the secret is verified, no data of the key is used, and the response is the same for every reason. Whether a public id
//! exists is not secret: looking up one that does not exist is faster.

mod attempt_limit;
mod cache;
mod digest;
mod first_check;
mod key_cache;
mod negative_cache;
mod proof;
mod quota;
mod rate_limit;
mod request;
mod single_flight;
mod state;
mod trial;
mod verdict;

use std::sync::Arc;

pub use key_cache::KeyCache;
pub use proof::{ProvenSecret, prove};
pub use quota::QuotaState;
pub use rate_limit::Rate;
pub use request::{Kinds, PermissionRequirement, Presenter, Requirements};
pub use state::KeyState;
pub use trial::{Trial, TrialStep, try_token};
pub use verdict::{Verdict, VerifiedKey};

use super::token::Token;
use super::{Key, KeyMetrics, KeyQuota, store};
use crate::key_policy::PolicyRule;
use crate::permissions::server::{Evaluation, OrgPermissions, PermissionCache};
use crate::platform::db::Fault;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;
use crate::usage::server::{KeyUse, Usage};
use attempt_limit::{AttemptSource, PriorAttempts};
use cache::{Generation, KeyEntry};
use digest::TokenDigest;
use negative_cache::RejectedToken;
use single_flight::CheckResult;

pub async fn verify(
    app: &App,
    text: &str,
    requirements: &Requirements<'_>,
    presenter: &Presenter<'_>,
) -> Result<Verdict, Error> {
    if let Some(verdict) = verify_cached(app, text, requirements, presenter) {
        return Ok(verdict);
    }
    if app.db.is_unusable() {
        return Err(Fault::Away.into());
    }
    // Boxed, because this rare path would make the future of every request large.
    let verdict = Box::pin(app.db.or_lost(look_up(app, text, requirements, presenter))).await?;
    app.slice::<KeyMetrics>().checked(verdict.outcome);
    Ok(verdict)
}

/// Checks the token from memory alone. Returns None, and counts nothing, when the check needs the database.
pub fn verify_cached(
    app: &App,
    text: &str,
    requirements: &Requirements<'_>,
    presenter: &Presenter<'_>,
) -> Option<Verdict> {
    let verdict = check_in_memory(app, text, requirements, presenter)?;
    app.slice::<KeyMetrics>().checked(verdict.outcome);
    Some(verdict)
}

/// What is left of a key's quota.
pub async fn quota_state(app: &App, key: &Key) -> Result<Option<QuotaState>, Error> {
    let Some(KeyQuota { limit, period }) = key.customer.quota else { return Ok(None) };
    let quotas = &app.slice::<Arc<KeyCache>>().quotas;
    let quota = quotas.of(app, key.quota_with.unwrap_or(key.id), limit, period).await?;
    Ok(Some(quota.state(app.clock.now())))
}

/// The permissions that the organization lists, if they are in memory and may be used.
pub fn cached_permissions(app: &App, org: OrgId) -> Option<Arc<OrgPermissions>> {
    let is_current = app.slice::<Arc<KeyCache>>().is_current(app.clock.steady());
    app.slice::<Arc<PermissionCache>>().get(org).filter(|_| is_current)
}

pub async fn listed_permissions(app: &App, org: OrgId) -> Result<Arc<OrgPermissions>, Error> {
    match cached_permissions(app, org) {
        Some(listed) => Ok(listed),
        None if app.db.is_unusable() => Err(Fault::Away.into()),
        None => Ok(app.slice::<Arc<PermissionCache>>().load(app, org).await?),
    }
}

fn check_in_memory(
    app: &App,
    text: &str,
    requirements: &Requirements<'_>,
    presenter: &Presenter<'_>,
) -> Option<Verdict> {
    let Some(token) = Token::parse(text) else { return Some(Verdict::of(Outcome::Malformed)) };
    let cache: &KeyCache = app.slice::<Arc<KeyCache>>();
    let (now, steady) = (app.clock.now(), app.clock.steady());
    // Test the lease before reading a state: a lease renewed in between must not validate a state that was read earlier.
    let is_current = cache.is_current(steady);
    let digest = cache.digest(&token);
    if let Some(state) = cache.tokens.state(token.id(), &digest) {
        let key = VerifiedKey::cached(state).filter(|_| is_current)?;
        let request = VerifiedRequest { secret: token.id(), digest, now, requirements, presenter };
        return Some(judge(app, cache, &request, key));
    }
    if cache.negative.is_unknown(&digest, steady) {
        return Some(Verdict::of(Outcome::Unknown));
    }
    let rejected = cache.negative.rejected(&digest, steady)?;
    count_rejected(app, token.id(), &rejected, presenter);
    Some(Verdict::rejected(rejected))
}

/// Checks the token with the help of the database.
async fn look_up(
    app: &App,
    text: &str,
    requirements: &Requirements<'_>,
    presenter: &Presenter<'_>,
) -> Result<Verdict, Error> {
    let Some(token) = &Token::parse(text) else { return Ok(Verdict::of(Outcome::Malformed)) };
    let cache: &KeyCache = app.slice::<Arc<KeyCache>>();
    let digest = cache.digest(token);
    // A second round is needed only when the entry was evicted in the meantime.
    for _ in 0..3 {
        let entry = match cache.in_flight.run(digest, check(app, cache, token, &digest, presenter)).await? {
            CheckResult::Verified(entry) => entry,
            CheckResult::Unknown => return Ok(Verdict::of(Outcome::Unknown)),
            CheckResult::Rejected(rejected) => {
                count_rejected(app, token.id(), &rejected, presenter);
                return Ok(Verdict::rejected(rejected));
            }
            CheckResult::TooManyAttempts(wait) => {
                return Ok(Verdict { retry_after: Some(wait), ..Verdict::of(Outcome::Unknown) });
            }
        };
        match load(app, cache, &entry).await? {
            Some(state) => {
                let (secret, now) = (token.id(), app.clock.now());
                let request = VerifiedRequest { secret, digest, now, requirements, presenter };
                return Ok(judge(app, cache, &request, VerifiedKey::loaded(state)));
            }
            None => cache.tokens.remove(token.id()),
        }
    }
    Err(Error::Busy)
}

/// Reads the current state of a key and caches it, unless the key changed while it was read. Returns None when the entry
/// was evicted or the key no longer exists.
async fn load(app: &App, cache: &KeyCache, entry: &KeyEntry) -> Result<Option<Arc<KeyState>>, Error> {
    for _ in 0..100 {
        let is_current = cache.is_current(app.clock.steady());
        let generation = entry.generation();
        if generation == Generation::Evicted {
            return Ok(None);
        }
        let state = match entry.state().filter(|_| is_current) {
            // Another request stored the state meanwhile.
            Some(state) => return Ok(Some(state)),
            None => {
                app.slice::<KeyMetrics>().looked_up();
                let read =
                    KeyState::read(app, &cache.orgs, &cache.rate_limits, &cache.quotas, entry.key).await?;
                let Some(state) = read else { return Ok(None) };
                Arc::new(state)
            }
        };
        if entry.store(&state, generation) {
            return Ok(Some(state));
        }
    }
    Err(Error::Busy)
}

/// Verifies the token. Only one request at a time runs this for a token, so it looks into the caches again: the previous
/// one may have stored its result there.
async fn check(
    app: &App,
    cache: &KeyCache,
    token: &Token<'_>,
    digest: &TokenDigest,
    presenter: &Presenter<'_>,
) -> Result<CheckResult, Error> {
    if let Some(entry) = cache.tokens.entry(token.id(), digest) {
        return Ok(CheckResult::Verified(entry));
    }
    if cache.negative.is_unknown(digest, app.clock.steady()) {
        return Ok(CheckResult::Unknown);
    }
    if let Some(rejected) = cache.negative.rejected(digest, app.clock.steady()) {
        return Ok(CheckResult::Rejected(rejected));
    }
    let source = AttemptSource::new(presenter.reported_by, presenter.address, token.id());
    let prior = cache.attempts.record(app.clock.steady(), source);
    let wait = match prior {
        PriorAttempts::TooMany(wait) => Some(wait),
        PriorAttempts::Zero | PriorAttempts::Few => None,
    };
    app.slice::<KeyMetrics>().looked_up();
    let Some(row) = store::find_secret(app.db.pool(), token.id()).await? else {
        cache.negative.insert_unknown(digest, app.clock.steady());
        return Ok(wait.map_or(CheckResult::Unknown, CheckResult::TooManyAttempts));
    };
    let (key, org) = (row.key, row.org);
    let is_right = match (first_check::is_right(app, cache, token, &row, source, prior).await, wait) {
        (Err(Error::Busy), Some(wait)) => return Ok(CheckResult::TooManyAttempts(wait)),
        (result, _) => result?,
    };
    if is_right {
        let entry = remember(app, cache, token, digest, key);
        cache.attempts.forgive(app.clock.steady(), source);
        return Ok(CheckResult::Verified(entry));
    }
    let outcome = if row.hash.is_some() { Outcome::Unknown } else { Outcome::Revoked };
    let rejected = RejectedToken { key, org, outcome };
    cache.negative.insert_rejected(digest, rejected, app.clock.steady());
    Ok(wait.map_or(CheckResult::Rejected(rejected), CheckResult::TooManyAttempts))
}

/// Caches a token that was just verified.
fn remember(
    app: &App,
    cache: &KeyCache,
    token: &Token<'_>,
    digest: &TokenDigest,
    key: KeyId,
) -> Arc<KeyEntry> {
    let entry = cache.entry(key);
    // The hash exists, so the secret is valid. If the cached state does not list the secret, another process has just
    // added it, and the cached state, or one that is being read, may be older than that.
    if entry.state().is_none_or(|state| !state.has(token.id(), app.clock.now())) {
        entry.invalidate();
    }
    cache.tokens.insert(token.id(), *digest, Arc::clone(&entry));
    entry
}

/// A request with a verified token.
struct VerifiedRequest<'a> {
    secret: SecretId,
    digest: TokenDigest,
    now: Timestamp,
    requirements: &'a Requirements<'a>,
    presenter: &'a Presenter<'a>,
}

/// Compares the key's state with the requirements, and counts the request.
fn judge(app: &App, cache: &KeyCache, request: &VerifiedRequest, key: VerifiedKey) -> Verdict {
    let VerifiedRequest { secret, digest, now, requirements, presenter } = *request;
    if !key.has(secret, now) {
        cache.tokens.remove(secret);
        let rejected = RejectedToken { key: key.id, org: key.org.id, outcome: Outcome::Revoked };
        // The hash may exist until the next sweep. Without this entry, the token would be hashed again on every request.
        cache.negative.insert_rejected(&digest, rejected, app.clock.steady());
        count(app, now, &use_of(secret, key.id, key.org.id, Outcome::Revoked, presenter));
        return Verdict::rejected(rejected);
    }
    let admission = match key.validity(now) {
        Outcome::Valid => admit(app, &key, requirements, presenter, now),
        refused => Admission::of(refused),
    };
    let Admission { outcome, rate, quota, permissions, rule } = admission;
    count(
        app,
        now,
        &KeyUse {
            is_sampled: outcome == Outcome::Valid && key.samples(now),
            permitted: permissions.map(|evaluation| evaluation.is_met),
            ..use_of(secret, key.id, key.org.id, outcome, presenter)
        },
    );
    Verdict { outcome, key: Some(key), rejected: None, rate, quota, permissions, rule, retry_after: None }
}

/// The result of comparing a valid key with the requirements.
struct Admission {
    outcome: Outcome,
    rate: Option<Rate>,
    quota: Option<QuotaState>,
    permissions: Option<Evaluation>,
    rule: Option<PolicyRule>,
}

impl Admission {
    const fn of(outcome: Outcome) -> Self {
        Self { outcome, rate: None, quota: None, permissions: None, rule: None }
    }
}

/// Checks all requirements but permissions, quota and rate limit. Returns None if they are met.
fn refuse(
    app: &App,
    state: &KeyState,
    requirements: &Requirements<'_>,
    presenter: &Presenter,
    now: Timestamp,
) -> Option<Admission> {
    if requirements.org.is_some_and(|org| org != state.org.id) {
        return Some(Admission::of(Outcome::Unknown));
    }
    if !state.is_for(requirements.audience) {
        return Some(Admission::of(Outcome::WrongAudience));
    }
    if requirements.plan && !app.config.keys.api_plans.contains(&state.org.plan) {
        return Some(Admission::of(Outcome::PlanNotEligible));
    }
    if !requirements.kinds.contains(state.kind) {
        return Some(Admission::of(Outcome::KindNotAllowed));
    }
    if state.role < requirements.least_role {
        return Some(Admission::of(Outcome::RoleTooLow));
    }
    if !state.allows(presenter.address) {
        return Some(Admission::of(Outcome::IpNotAllowed));
    }
    let rule = state.refused_by(presenter.address, now)?;
    Some(Admission { rule: Some(rule), ..Admission::of(Outcome::PolicyRefused) })
}

fn admit(
    app: &App,
    state: &KeyState,
    requirements: &Requirements<'_>,
    presenter: &Presenter,
    now: Timestamp,
) -> Admission {
    if let Some(refused) = refuse(app, state, requirements, presenter, now) {
        return refused;
    }
    let permissions = requirements
        .permissions
        .map(|PermissionRequirement { query, listed }| listed.evaluate(query, &state.permissions, now));
    if permissions.is_some_and(|evaluation| !evaluation.is_met) {
        return Admission { permissions, ..Admission::of(Outcome::InsufficientPermissions) };
    }
    // Neither limit is used up by a request that the other one refuses.
    let (quota, cost) = (state.quota(), requirements.cost);
    let limit = state.limit().filter(|_| quota.is_none_or(|quota| quota.has(cost, now)));
    let rate = limit.map(|limit| limit.take(app.clock.steady()));
    if rate.is_some_and(|rate| !rate.is_allowed) {
        return Admission { rate, permissions, ..Admission::of(Outcome::RateLimited) };
    }
    let (outcome, quota) = match quota.map(|quota| quota.take(cost, now)) {
        None => (Outcome::Valid, None),
        Some(Ok(used)) => (Outcome::Valid, Some(used)),
        Some(Err(exceeded)) => (Outcome::QuotaExceeded, Some(exceeded)),
    };
    Admission { rate, quota, permissions, ..Admission::of(outcome) }
}

fn count_rejected(app: &App, secret: SecretId, rejected: &RejectedToken, presenter: &Presenter) {
    let used = use_of(secret, rejected.key, rejected.org, rejected.outcome, presenter);
    count(app, app.clock.now(), &used);
}

fn use_of<'a>(
    secret: SecretId,
    key: KeyId,
    org: OrgId,
    outcome: Outcome,
    presenter: &Presenter<'a>,
) -> KeyUse<'a> {
    let Presenter { address, user_agent, request_id, .. } = *presenter;
    KeyUse { secret, key, org, outcome, address, user_agent, request_id, is_sampled: false, permitted: None }
}

fn count(app: &App, now: Timestamp, used: &KeyUse) {
    app.slice::<Usage>().count(now, used);
}
