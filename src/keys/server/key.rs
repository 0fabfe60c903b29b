//! A key as the database has it.

use ipnet::IpNet;

use crate::keys::Status;
use crate::keys::model::Times;
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
    /// Where it may be used from; empty: anywhere.
    pub ranges: Vec<IpNet>,
    /// The secret that is handed out.
    pub secret: SecretId,
    /// The one before it, and until when.
    pub previous: Option<(SecretId, Timestamp)>,
    pub created_at: Timestamp,
    pub created_by: UserId,
    /// The key that made it, where one did.
    pub created_by_key: Option<KeyId>,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// Accepted requests of all its secrets.
    pub calls: i64,
    pub last_used_at: Option<Timestamp>,
    /// Where a login of a command line made it.
    pub login: Option<Login>,
}

/// What a login of a command line was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What people call the device, or the program where that gave no name.
    pub device: String,
    /// None: the program keeps no identity of its device, and every login of it makes a further key.
    pub device_id: Option<String>,
    /// Programs on one device hold keys of their own.
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

    /// While both secrets are valid: the one before, and its cut-off.
    pub fn rotation(&self, now: Timestamp) -> Option<(SecretId, Timestamp)> {
        self.previous.filter(|(_, until)| *until > now && self.revoked_at.is_none())
    }

    /// Does this secret still open the key? Whether the key itself works is its status.
    pub fn accepts(&self, secret: SecretId, now: Timestamp) -> bool {
        self.secret == secret || self.rotation(now).is_some_and(|(former, _)| former == secret)
    }

    /// What lists and logs show of the token.
    pub fn prefix(&self) -> String {
        format!("{}_{}…", self.kind.prefix(), self.secret)
    }
}
