//! The result of a check.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;

use super::cache::StateGuard;
use super::negative_cache::RejectedToken;
use super::quota::QuotaState;
use super::rate_limit::Rate;
use super::state::KeyState;
use crate::key_policy::PolicyRule;
use crate::permissions::server::Evaluation;
use crate::usage::Outcome;

#[derive(Debug)]
pub struct Verdict {
    pub outcome: Outcome,
    /// The key, if the token is verified. It may still be refused, for example because it expired.
    pub key: Option<VerifiedKey>,
    /// The key and organization, if the public id exists but the secret is wrong or has ended.
    pub rejected: Option<RejectedToken>,
    /// The state of the rate limit, if the key has one and the request reached it.
    pub rate: Option<Rate>,
    /// The state of the quota, if the key has one and the request reached it.
    pub quota: Option<QuotaState>,
    /// Which permissions of the query the key has, if the request reached it.
    pub permissions: Option<Evaluation>,
    /// The rule of the key policy that refused the request.
    pub rule: Option<PolicyRule>,
    /// How long to wait, if there were too many attempts with wrong secrets.
    pub retry_after: Option<Duration>,
}

impl Verdict {
    pub const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            key: None,
            rejected: None,
            rate: None,
            quota: None,
            permissions: None,
            rule: None,
            retry_after: None,
        }
    }

    pub(super) fn rejected(rejected: RejectedToken) -> Self {
        Self { rejected: Some(rejected), ..Self::of(rejected.outcome) }
    }
}

/// The key of a verified token: its state at the moment of the check.
#[derive(Debug)]
pub struct VerifiedKey(StateGuard);

impl VerifiedKey {
    /// None when the cache has no state.
    pub(super) fn cached(state: StateGuard) -> Option<Self> {
        state.is_some().then_some(Self(state))
    }

    pub(super) fn loaded(state: Arc<KeyState>) -> Self {
        Self(Guard::from_inner(Some(state)))
    }
}

impl Deref for VerifiedKey {
    type Target = KeyState;

    fn deref(&self) -> &KeyState {
        self.0.as_ref().expect("both constructors require a state")
    }
}
