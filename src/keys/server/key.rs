//! A key as it is stored in the database.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::keys::model::Times;
use crate::keys::{CallSample, QuotaPeriod, Status};
use crate::shared::{KeyId, Kind, OrgId, Role, SecretId, Timestamp, UserId};

#[derive(Clone, Debug)]
pub struct Key {
    pub id: KeyId,
    pub org: OrgId,
    pub name: String,
    pub kind: Kind,
    pub role: Role,
    pub note: String,
    /// Requests per minute.
    pub rate_limit: Option<u32>,
    /// The key under whose id its requests per minute are counted. None: under its own.
    pub counts_with: Option<KeyId>,
    /// The networks it may be used from. Empty: anywhere.
    pub ranges: Vec<IpNet>,
    /// The current secret.
    pub secret: SecretId,
    /// The previous secret, and its cut-off.
    pub previous: Option<(SecretId, Timestamp)>,
    pub created_at: Timestamp,
    pub created_by: UserId,
    /// The key that created it, if one did.
    pub created_by_key: Option<KeyId>,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The secret that was found in public, if one was.
    pub leaked: Option<SecretId>,
    /// The accepted requests with any of its secrets.
    pub calls: i64,
    pub last_used_at: Option<Timestamp>,
    /// The login of a command line that created it, if one did.
    pub login: Option<Login>,
    pub customer: Customer,
    /// The key under whose id the use of its quota is counted. None: under its own.
    pub quota_with: Option<KeyId>,
    /// The sample of accepted calls that was turned on last. It may be over.
    pub sample: Option<CallSample>,
    /// The one place where the key is accepted. None: everywhere.
    pub audience: Option<KeyAudience>,
    /// The secrets of a login that its program renews.
    pub renewal: Option<SecretRenewal>,
}

/// A place that accepts keys which are accepted nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAudience {
    /// `/api/mcp`.
    Mcp,
}

impl KeyAudience {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        (text == Self::Mcp.as_str()).then_some(Self::Mcp)
    }
}

/// The secrets of a key whose program renews them every hour. This is no rotation: nobody is notified, and the key does not count
/// as rotating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretRenewal {
    /// When the current secret ends.
    pub until: Timestamp,
    /// The secret before the last renewal, and when it ends.
    pub replaced: Option<(SecretId, Timestamp)>,
}

impl SecretRenewal {
    /// After a renewal. The secret before it works until `overlap_ends`, or until its own end.
    pub fn renewed(self, replaced: SecretId, overlap_ends: Timestamp, until: Timestamp) -> Self {
        Self { until, replaced: Some((replaced, overlap_ends.min(self.until))) }
    }
}

/// The fields of a key that is handed to a customer. Only admins and owners set them; checks enforce or return them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// The customer's id in the organization's own system.
    pub external_id: Option<String>,
    /// A JSON object.
    pub metadata: Option<String>,
    /// The names of its permissions, sorted.
    pub permissions: Vec<String>,
    pub quota: Option<KeyQuota>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyQuota {
    pub limit: u64,
    pub period: QuotaPeriod,
}

impl fmt::Display for KeyQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a {}", self.limit, self.period.as_str())
    }
}

/// The device and program of a command line's login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name of the device, or of the program if it sent none.
    pub device: String,
    /// None: the program does not identify its device, and each of its logins creates another key.
    pub device_id: Option<String>,
    /// The program. Each program on a device has its own key.
    pub product: String,
}

impl Key {
    pub fn status(&self, now: Timestamp) -> Status {
        let times = Times {
            revoked: self.revoked_at,
            expires: self.expires_at,
            disabled: self.disabled_at,
            previous_until: self.previous.map(|(_, until)| until),
        };
        Status::at(now, &times)
    }

    /// The previous secret and its cut-off, while both secrets are valid.
    pub fn rotation(&self, now: Timestamp) -> Option<(SecretId, Timestamp)> {
        self.previous.filter(|(_, until)| *until > now && self.revoked_at.is_none())
    }

    /// Whether this secret is still valid for the key. Whether the key itself is valid is its status.
    pub fn accepts(&self, secret: SecretId, now: Timestamp) -> bool {
        let Some(SecretRenewal { until, replaced }) = self.renewal else {
            return self.secret == secret || self.rotation(now).is_some_and(|(former, _)| former == secret);
        };
        let is_replaced = replaced.is_some_and(|(former, end)| former == secret && now < end);
        self.revoked_at.is_none() && (is_replaced || self.secret == secret && now < until)
    }

    /// The sample of accepted calls that is recorded now.
    pub fn sample(&self, now: Timestamp) -> Option<CallSample> {
        self.sample.filter(|sample| sample.is_on(now) && self.revoked_at.is_none())
    }

    /// Whether the key's ranges do not contain this address.
    pub fn excludes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !self.ranges.is_empty() && !self.ranges.iter().any(|range| range.contains(&address))
    }

    /// Whether a secret was found in public, and the key had to end or still has that secret.
    pub fn is_leaked(&self) -> bool {
        self.leaked.is_some_and(|leaked| {
            let is_previous = self.previous.is_some_and(|(previous, _)| previous == leaked);
            self.revoked_at.is_some() || leaked == self.secret || is_previous
        })
    }

    /// The beginning of the token, as lists and logs show it.
    pub fn prefix(&self) -> String {
        format!("{}_{}…", self.kind.prefix(), self.secret)
    }
}
