//! The state of a key that a check needs. It is compact, since there may be a million of them in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use smol_str::SmolStr;

use super::rate_limit::{Rate, RateLimits, RateWindow};
use crate::keys::server::{Key, store};
use crate::orgs;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, Plan, Role, SecretId, Timestamp, UserId};
use crate::usage::Outcome;

#[derive(Debug, PartialEq, Eq)]
pub struct Org {
    pub id: OrgId,
    pub name: String,
    pub plan: Plan,
}

/// The organizations of cached states. States of the same organization share one copy.
#[derive(Default)]
pub struct OrgCache(papaya::HashMap<OrgId, Arc<Org>>);

impl OrgCache {
    /// Returns the shared copy of an organization, replacing one that differs.
    pub fn share(&self, org: Org) -> Arc<Org> {
        let orgs = self.0.pin();
        match orgs.get(&org.id).filter(|known| ***known == org) {
            Some(known) => Arc::clone(known),
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
    pub org: Arc<Org>,
    /// The person in whose name the key acts.
    pub creator: UserId,
    pub name: SmolStr,
    pub kind: Kind,
    pub role: Role,
    disabled: bool,
    revoked: bool,
    current: SecretId,
    expires_at: Timestamp,
    rare: Option<Box<RareProperties>>,
}

/// Properties that few keys have.
#[derive(Debug)]
struct RareProperties {
    limit: Option<RateLimit>,
    previous: Option<(SecretId, Timestamp)>,
    /// Empty: any address is allowed.
    ranges: Box<[IpNet]>,
}

/// How many requests a minute are allowed, and the window that counts them. All states of a key share the window.
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
}

// With the reference counts of its `Arc` it has 96 bytes, which are in two cache lines.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<KeyState>() <= 80);

/// The expiry of a key without one.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl KeyState {
    /// Returns None when the key or its organization no longer exists.
    pub async fn read(
        app: &App,
        orgs: &OrgCache,
        limits: &RateLimits,
        key: KeyId,
    ) -> Result<Option<Self>, Error> {
        let Some(key) = store::find_by_id(app.db.pool(), &key.to_string()).await? else {
            return Ok(None);
        };
        let Some((name, plan)) = orgs::server::find(app, key.org).await? else { return Ok(None) };
        let org = |id| orgs.share(Org { id, name, plan });
        Self::of(&key, org, |id| limits.of(id, app.clock.steady())).map(Some)
    }

    fn of(
        key: &Key,
        org: impl FnOnce(OrgId) -> Arc<Org>,
        window: impl FnOnce(KeyId) -> Arc<RateWindow>,
    ) -> Result<Self, Error> {
        let limit = key.rate_limit.map(|requests| RateLimit { requests, window: window(key.id) });
        Ok(Self {
            org: org(key.org),
            creator: key.created_by,
            name: key.name.as_str().into(),
            kind: key.kind,
            role: key.role,
            disabled: key.disabled_at.is_some(),
            revoked: key.revoked_at.is_some(),
            current: key.secret,
            expires_at: key.expires_at.unwrap_or(NEVER),
            rare: (limit.is_some() || key.previous.is_some() || !key.ranges.is_empty()).then(|| {
                Box::new(RareProperties {
                    limit,
                    previous: key.previous,
                    ranges: key.ranges.as_slice().into(),
                })
            }),
        })
    }

    /// Makes the processor fetch both cache lines of the state while it does other work.
    pub fn prefetch(&self) {
        std::hint::black_box((self.revoked, self.creator, self.name.len()));
    }

    /// Whether this verified secret still belongs to the key.
    pub fn has(&self, secret: SecretId, now: Timestamp) -> bool {
        !self.revoked
            && (self.current == secret
                || self.previous().is_some_and(|(previous, until)| previous == secret && now < until))
    }

    /// The current and the previous secret, whether or not they have ended.
    pub fn secrets(&self) -> impl Iterator<Item = SecretId> {
        [Some(self.current), self.previous().map(|(secret, _)| secret)].into_iter().flatten()
    }

    fn previous(&self) -> Option<(SecretId, Timestamp)> {
        self.rare.as_ref()?.previous
    }

    /// Whether the key itself is valid, before any requirements.
    pub fn standing(&self, now: Timestamp) -> Outcome {
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
        let ranges = self.rare.as_ref().map_or(&[][..], |rare| &rare.ranges);
        ranges.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                ranges.iter().any(|range| range.contains(&address))
            })
    }

    /// The limit on requests per minute.
    pub fn limit(&self) -> Option<&RateLimit> {
        self.rare.as_ref()?.limit.as_ref()
    }

    pub fn secret(&self) -> SecretId {
        self.current
    }

    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at).filter(|at| *at != NEVER)
    }

    /// The state of a key with two secrets.
    #[cfg(test)]
    pub fn rotating(current: SecretId, previous: SecretId) -> Self {
        let rare = RareProperties { limit: None, previous: Some((previous, NEVER)), ranges: [].into() };
        Self {
            org: Arc::new(Org { id: OrgId::NIL, name: String::new(), plan: Plan::Free }),
            creator: UserId::NIL,
            name: SmolStr::default(),
            kind: Kind::Live,
            role: Role::Member,
            disabled: false,
            revoked: false,
            current,
            expires_at: NEVER,
            rare: Some(Box::new(rare)),
        }
    }
}
