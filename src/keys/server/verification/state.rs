//! The part of a key's data that a check needs.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ipnet::IpNet;

use super::quota::{Quotas, RequestQuota};
use super::rate_limit::{Rate, RateLimits, RateWindow};
use crate::key_policy::server as key_policy;
use crate::key_policy::{CallerAddress, KeyFacts, KeyPolicy, PolicyRule};
use crate::keys::CallSample;
use crate::keys::server::{KeyAudience, KeyQuota, store};
use crate::orgs;
use crate::permissions::server as permissions;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, PermissionId, Plan, Role, SecretId, Timestamp, UserId};
use crate::usage::Outcome;

#[derive(Debug, PartialEq, Eq)]
pub struct Org {
    pub id: OrgId,
    pub name: String,
    pub plan: Plan,
    /// The key policy, if it has rules about requests.
    pub policy: Option<Box<KeyPolicy>>,
}

/// The organizations of cached states. States of the same organization share one copy.
#[derive(Default)]
pub struct OrgCache(papaya::HashMap<OrgId, Arc<Org>>);

impl OrgCache {
    /// Returns the shared copy of an organization, replacing one that differs.
    pub fn share(&self, org: Org) -> Arc<Org> {
        let orgs = self.0.pin();
        match orgs.get(&org.id).filter(|shared| ***shared == org) {
            Some(shared) => Arc::clone(shared),
            None => {
                let org = Arc::new(org);
                orgs.insert(org.id, Arc::clone(&org));
                org
            }
        }
    }
}

#[derive(Debug)]
pub struct KeyState {
    pub id: KeyId,
    pub org: Arc<Org>,
    /// The person in whose name the key acts.
    pub creator: UserId,
    pub name: Box<str>,
    pub kind: Kind,
    pub role: Role,
    created_at: Timestamp,
    disabled: bool,
    revoked: bool,
    current: SecretId,
    /// When the key expires, or earlier, when the current secret of a renewed login ends.
    expires_at: Timestamp,
    limit: Option<RateLimit>,
    quota: Option<Box<RequestQuota>>,
    /// Sorted.
    pub permissions: Box<[PermissionId]>,
    pub external_id: Option<Box<str>>,
    /// A JSON object.
    pub metadata: Option<Box<str>>,
    /// The secret before the current one, and until when it works.
    previous: Option<(SecretId, Timestamp)>,
    /// Empty: any address is allowed.
    ranges: Box<[IpNet]>,
    /// The one place where the key is accepted.
    audience: Option<KeyAudience>,
    sampler: Option<Box<CallSampler>>,
}

/// Chooses the accepted calls that are recorded: the first and then one in so many.
#[derive(Debug)]
struct CallSampler {
    sample: CallSample,
    calls: AtomicU32,
}

/// How many requests a minute are allowed, and the window that counts them. All states of a key share the window, and so do
/// the keys that it created or rotated while it was limited.
#[derive(Debug)]
pub struct RateLimit {
    requests: u32,
    window: Arc<RateWindow>,
}

impl RateLimit {
    /// Counts a request, if the limit allows another one.
    pub fn take(&self, steady: Duration) -> Rate {
        self.window.take(self.requests, steady)
    }

    /// The limit before a request, which is not counted.
    pub fn state(&self, steady: Duration) -> Rate {
        self.window.state(self.requests, steady)
    }
}

/// The expiry of a key without one.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl KeyState {
    /// Returns None when the key or its organization no longer exists.
    pub async fn read(
        app: &App,
        orgs: &OrgCache,
        limits: &RateLimits,
        quotas: &Quotas,
        key: KeyId,
    ) -> Result<Option<Self>, Error> {
        let Some(key) = store::find_by_id(app.db.pool(), key).await? else { return Ok(None) };
        let Some((name, plan)) = orgs::server::find(app, key.org).await? else { return Ok(None) };
        let policy = key_policy::of_org(app.db.pool(), key.org).await?;
        let policy = policy.filter(|policy| policy.rules.can_refuse_requests()).map(Box::new);
        let permissions = permissions::ids_of_key(app.db.pool(), key.id).await?;
        let quota = match key.customer.quota {
            Some(KeyQuota { limit, period }) => {
                let counted_as = key.quota_with.unwrap_or(key.id);
                Some(Box::new(quotas.of(app, counted_as, limit, period).await?))
            }
            None => None,
        };
        let window = || limits.of(key.counts_with.unwrap_or(key.id), app.clock.steady());
        let ends = [key.expires_at, key.renewal.map(|renewal| renewal.until)].into_iter().flatten().min();
        Ok(Some(Self {
            id: key.id,
            org: orgs.share(Org { id: key.org, name, plan, policy }),
            creator: key.created_by,
            name: key.name.into(),
            kind: key.kind,
            role: key.role,
            created_at: key.created_at,
            disabled: key.disabled_at.is_some(),
            revoked: key.revoked_at.is_some(),
            current: key.secret,
            expires_at: ends.unwrap_or(NEVER),
            limit: key.rate_limit.map(|requests| RateLimit { requests, window: window() }),
            quota,
            permissions: permissions.into(),
            external_id: key.customer.external_id.map(Into::into),
            metadata: key.customer.metadata.map(Into::into),
            previous: key.previous.or(key.renewal.and_then(|renewal| renewal.replaced)),
            ranges: key.ranges.into(),
            audience: key.audience,
            sampler: key.sample.map(|sample| Box::new(CallSampler { sample, calls: AtomicU32::new(0) })),
        }))
    }

    /// Whether this verified secret still belongs to the key.
    pub fn has(&self, secret: SecretId, now: Timestamp) -> bool {
        !self.revoked
            && (self.current == secret
                || self.previous.is_some_and(|(previous, until)| previous == secret && now < until))
    }

    /// Whether the key itself is valid, before any requirements.
    pub fn validity(&self, now: Timestamp) -> Outcome {
        if self.revoked {
            Outcome::Revoked
        } else if self.expires_at <= now {
            Outcome::Expired
        } else if self.disabled {
            Outcome::Disabled
        } else {
            Outcome::Valid
        }
    }

    /// Without ranges any address is allowed. With ranges, an unknown address is refused.
    pub fn allows(&self, address: Option<IpAddr>) -> bool {
        self.ranges.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.ranges.iter().any(|range| range.contains(&address))
            })
    }

    /// Whether the key is accepted at a place, or at no place in particular.
    pub fn is_for(&self, place: Option<KeyAudience>) -> bool {
        self.audience.is_none() || self.audience == place
    }

    /// The rule of the organization's key policy that refuses a request from this address.
    pub fn refused_by(&self, address: Option<IpAddr>, now: Timestamp) -> Option<PolicyRule> {
        let policy = self.org.policy.as_deref()?;
        let facts = KeyFacts {
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at(),
            ranges: &self.ranges,
        };
        policy.refusing_rule(&facts, address.map_or(CallerAddress::Unknown, CallerAddress::At), now)
    }

    /// Whether an accepted call at this time is recorded.
    pub fn samples(&self, now: Timestamp) -> bool {
        self.sampler.as_deref().is_some_and(|CallSampler { sample, calls }| {
            sample.is_on(now) && calls.fetch_add(1, Ordering::Relaxed) % sample.one_in == 0
        })
    }

    /// The limit on requests per minute.
    pub fn limit(&self) -> Option<&RateLimit> {
        self.limit.as_ref()
    }

    /// The quota of a day or month.
    pub fn quota(&self) -> Option<&RequestQuota> {
        self.quota.as_deref()
    }

    pub fn secret(&self) -> SecretId {
        self.current
    }

    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at).filter(|at| *at != NEVER)
    }

    #[cfg(test)]
    pub fn with_secret(current: SecretId) -> Self {
        Self {
            id: KeyId::NIL,
            org: Arc::new(Org { id: OrgId::NIL, name: String::new(), plan: Plan::Free, policy: None }),
            creator: UserId::NIL,
            name: Box::default(),
            kind: Kind::Live,
            role: Role::Member,
            created_at: NEVER,
            disabled: false,
            revoked: false,
            current,
            expires_at: NEVER,
            limit: None,
            quota: None,
            permissions: Box::default(),
            external_id: None,
            metadata: None,
            previous: None,
            ranges: Box::default(),
            audience: None,
            sampler: None,
        }
    }
}
