//! What happens to keys when a member leaves or an organization is deleted. The keys slice, which stands above this one,
//! implements the trait; `platform::Slices` holds the implementation.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, UserId};

/// A key that is not revoked, in the preview of its creator's removal.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    pub id: KeyId,
    pub name: String,
    pub kind: Kind,
    /// The key's visible prefix.
    pub prefix: String,
    /// Accepted requests in the last 24 hours.
    pub calls: u64,
    /// True if a command-line login created the key. It is revoked with the member; other keys are only if selected.
    pub is_login: bool,
}

#[async_trait]
pub trait KeyOffboarding: Send + Sync {
    /// The number of keys that each of these people created in the organization and that are not revoked. Counting stops at
    /// `most` for each. People without keys may be missing.
    async fn count_by_creator(
        &self,
        app: &App,
        org: OrgId,
        creators: &[UserId],
        most: i64,
    ) -> Result<HashMap<UserId, i64>, Error>;

    /// The keys that one person created and that are not revoked.
    async fn unrevoked_keys_of(
        &self,
        app: &App,
        org: OrgId,
        creator: UserId,
    ) -> Result<Vec<CreatedKey>, Error>;

    /// The number of the organization's keys that are not revoked.
    async fn count_unrevoked(&self, app: &App, org: OrgId) -> Result<i64, Error>;

    /// Part of a member's removal: revokes the member's command-line and selected keys, and withdraws what the member asked
    /// for. Returns the names of the keys.
    async fn revoke_for_member(
        &self,
        app: &App,
        write: &mut Write,
        actor: &Actor,
        creator: UserId,
        selected: &[KeyId],
    ) -> Result<Vec<String>, Error>;

    /// Part of an organization's deletion: revokes all of its keys.
    async fn revoke_all(&self, app: &App, write: &mut Write, org: OrgId) -> Result<(), Error>;
}

/// The implementation registered in `Slices`.
pub struct Offboarding(pub Box<dyn KeyOffboarding>);
