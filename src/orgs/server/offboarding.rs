//! The keys that remain when a member leaves or an organization is deleted. The keys slice, which stands above this
//! one,
//! implements the trait; `platform::Slices` holds the implementation.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, UserId};

/// An active key in the preview of its creator's removal.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    pub id: KeyId,
    pub name: String,
    pub kind: Kind,
    /// The key's visible prefix.
    pub prefix: String,
    /// Accepted requests in the last 24 hours.
    pub calls: u64,
    /// True if a command-line login created the key: it is revoked with the member. Other keys stay unless selected.
    pub goes: bool,
}

#[async_trait]
pub trait KeyOffboarding: Send + Sync {
    /// How many living keys each of these people has made in the organization, `most` at most; who has none may be left
    /// out.
    async fn count_by_maker(
        &self,
        app: &App,
        org: OrgId,
        makers: &[UserId],
        most: i64,
    ) -> Result<HashMap<UserId, i64>, Error>;

    /// The active keys that one person created.
    async fn made_by(&self, app: &App, org: OrgId, maker: UserId) -> Result<Vec<CreatedKey>, Error>;

    /// The number of the organization's active keys.
    async fn living(&self, app: &App, org: OrgId) -> Result<i64, Error>;

    /// Part of a member's removal: revokes the member's command-line and selected keys. Returns their names.
    async fn member_leaves(
        &self,
        app: &App,
        write: &mut Write,
        actor: &Actor,
        maker: UserId,
        ticked: &[KeyId],
    ) -> Result<Vec<String>, Error>;

    /// Part of an organization's deletion: revokes all of its keys.
    async fn organization_ends(&self, app: &App, write: &mut Write, org: OrgId) -> Result<(), Error>;
}

/// The implementation registered in `Slices`.
pub struct Offboarding(pub Box<dyn KeyOffboarding>);
