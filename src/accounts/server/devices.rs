//! The devices that somebody logged in, for the profile. Their keys are the business of a slice above this one, which
//! says here what it knows; `platform::Slices` carries it.

use async_trait::async_trait;

use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Timestamp, UserId};

/// A device that holds a living key.
#[derive(Clone, Debug)]
pub struct LoggedInDevice {
    pub key: KeyId,
    pub key_name: String,
    pub org: OrgId,
    pub name: String,
    pub since: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// Its key is expired or disabled.
    pub is_off: bool,
}

#[async_trait]
pub trait DeviceLogins: Send + Sync {
    /// In all organizations, the newest first.
    async fn devices_of(&self, app: &App, user: &UserId) -> Result<Vec<LoggedInDevice>, Error>;
    /// Takes the keys of all their devices away; how many.
    async fn log_out(&self, app: &App, write: &mut Write, user: &UserId) -> Result<usize, Error>;
}

/// What `Slices` holds.
pub struct Devices(pub Box<dyn DeviceLogins>);
