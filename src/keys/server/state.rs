//! What a check must know of a key, as small as can be: there may be a million of them in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use smol_str::SmolStr;

use super::minute::{Minute, Rate};
use super::{Key, Memory};
use crate::orgs;
use crate::platform::{App, Error};
use crate::shared::{Compact, Kind, OrgId, Plan, Role, SecretId, Timestamp};
use crate::usage::Outcome;

#[derive(Debug, PartialEq, Eq)]
pub struct Org {
    pub id: Compact,
    pub name: String,
    pub plan: Plan,
}

#[derive(Debug)]
pub struct State {
    pub org: Arc<Org>,
    /// In whose name the key acts.
    pub creator: Compact,
    pub name: SmolStr,
    pub kind: Kind,
    pub role: Role,
    disabled: bool,
    revoked: bool,
    current: SecretId,
    expires_at: Timestamp,
    rare: Option<Box<Rare>>,
}

/// What few keys have.
#[derive(Debug)]
struct Rare {
    limit: Option<Limit>,
    previous: Option<(SecretId, Timestamp)>,
    /// None of them: every address is fine.
    ranges: Box<[IpNet]>,
}

/// How many requests a minute are allowed, and the minute in which they are counted: the key's, whichever state is current.
#[derive(Debug)]
pub struct Limit {
    requests: u32,
    minute: Arc<Minute>,
}

impl Limit {
    /// Takes one request from the minute's, if there is one left.
    pub fn take(&self, steady: Duration) -> Rate {
        self.minute.take(self.requests, steady)
    }
}

// With its counts of holders it fits a block of 96 bytes, which is in two lines of a processor's caches.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<State>() <= 80);

/// A key without an expiry ends with time itself.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl State {
    /// None where the key's row or its organization is gone.
    pub async fn read(app: &App, memory: &Memory, key: Compact) -> Result<Option<Self>, Error> {
        let Some(key) = super::store::find_by_id(app.db.pool(), &key.to_string()).await? else {
            return Ok(None);
        };
        let Some((name, plan)) = orgs::server::find(app, &key.org).await? else { return Ok(None) };
        let org = |id| memory.share(Org { id, name, plan });
        Self::of(&key, org, |id| memory.minutes.of(id, app.clock.steady())).map(Some)
    }

    fn of(
        key: &Key,
        org: impl FnOnce(Compact) -> Arc<Org>,
        minute: impl FnOnce(Compact) -> Arc<Minute>,
    ) -> Result<Self, Error> {
        let no_id = || Error::internal(format!("key {} has an identifier that is none", key.id));
        let org_id: &OrgId = &key.org;
        let limit = match key.rate_limit {
            Some(requests) => Some(Limit { requests, minute: minute(key.id.compact().ok_or_else(no_id)?) }),
            None => None,
        };
        Ok(Self {
            org: org(org_id.compact().ok_or_else(no_id)?),
            creator: key.created_by.compact().ok_or_else(no_id)?,
            name: key.name.as_str().into(),
            kind: key.kind,
            role: key.role,
            disabled: key.disabled_at.is_some(),
            revoked: key.revoked_at.is_some(),
            current: key.secret,
            expires_at: key.expires_at.unwrap_or(NEVER),
            rare: (limit.is_some() || key.previous.is_some() || !key.ranges.is_empty()).then(|| {
                Box::new(Rare { limit, previous: key.previous, ranges: key.ranges.as_slice().into() })
            }),
        })
    }

    /// Has both ends of it fetched from memory: a processor goes on with something else meanwhile.
    pub fn fetch(&self) {
        std::hint::black_box((self.revoked, self.creator, self.name.len()));
    }

    /// Does this proven secret still belong to the key?
    pub fn has(&self, secret: SecretId, now: Timestamp) -> bool {
        !self.revoked
            && (self.current == secret
                || self.previous().is_some_and(|(previous, until)| previous == secret && now < until))
    }

    /// All that are the key's, ended or not.
    pub fn secrets(&self) -> impl Iterator<Item = SecretId> {
        [Some(self.current), self.previous().map(|(secret, _)| secret)].into_iter().flatten()
    }

    fn previous(&self) -> Option<(SecretId, Timestamp)> {
        self.rare.as_ref()?.previous
    }

    /// What is wrong with the key itself, whatever is wanted of it.
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

    /// Without ranges every address is fine; with ranges an unknown one is not.
    pub fn allows(&self, address: Option<IpAddr>) -> bool {
        let ranges = self.rare.as_ref().map_or(&[][..], |rare| &rare.ranges);
        ranges.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                ranges.iter().any(|range| range.contains(&address))
            })
    }

    /// On requests a minute.
    pub fn limit(&self) -> Option<&Limit> {
        self.rare.as_ref()?.limit.as_ref()
    }

    pub fn secret(&self) -> SecretId {
        self.current
    }

    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at).filter(|at| *at != NEVER)
    }

    /// Of a key with two secrets.
    #[cfg(test)]
    pub fn rotating(key: Compact, current: SecretId, previous: SecretId) -> Self {
        let rare = Rare { limit: None, previous: Some((previous, NEVER)), ranges: [].into() };
        Self {
            org: Arc::new(Org { id: key, name: String::new(), plan: Plan::Free }),
            creator: key,
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
