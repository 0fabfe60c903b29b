//! The devices that a person logged in, for the profile. The device slice, which stands above this one, implements the
//! trait; `platform::Slices` holds the implementation.

use async_trait::async_trait;

use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Timestamp, UserId};

/// A device with an active key.
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
    /// The person's devices in all organizations, newest first.
    async fn devices_of(&self, app: &App, user: UserId) -> Result<Vec<LoggedInDevice>, Error>;
    /// Revokes the keys of all the person's devices and returns their number.
    async fn log_out(&self, app: &App, write: &mut Write, user: UserId) -> Result<usize, Error>;
}

/// The implementation registered in `Slices`.
pub struct Devices(pub Box<dyn DeviceLogins>);
