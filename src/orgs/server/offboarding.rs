//! What members and organizations leave behind: keys. They are the business of a slice above this one, which says here
//! what it knows and does about them; `platform::Slices` carries it.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, UserId};

/// A living key that somebody made, as the preview of their removal shows it.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    pub id: KeyId,
    pub name: String,
    pub kind: Kind,
    /// How it begins, as lists show it.
    pub prefix: String,
    /// Accepted requests of the last 24 hours.
    pub calls: u64,
    /// Made by a login of a command line: it is revoked with its maker. The others stay unless ticked.
    pub goes: bool,
}

#[async_trait]
pub trait KeyOffboarding: Send + Sync {
    /// How many living keys each of these people has made in the organization, `most` at most; who has none may be left
    /// out.
    async fn count_by_maker(
        &self,
        app: &App,
        org: &OrgId,
        makers: &[UserId],
        most: i64,
    ) -> Result<HashMap<UserId, i64>, Error>;

    /// The living keys of one maker.
    async fn made_by(&self, app: &App, org: &OrgId, maker: &UserId) -> Result<Vec<CreatedKey>, Error>;

    /// How many keys of the organization live.
    async fn living(&self, app: &App, org: &OrgId) -> Result<i64, Error>;

    /// Part of a member's removal: revokes the keys that go with them and the ticked ones of theirs. Returns the names.
    async fn member_leaves(
        &self,
        app: &App,
        write: &mut Write,
        actor: &Actor,
        maker: &UserId,
        ticked: &[KeyId],
    ) -> Result<Vec<String>, Error>;

    /// Part of an organization's deletion: revokes all of its keys.
    async fn organization_ends(&self, app: &App, write: &mut Write, org: &OrgId) -> Result<(), Error>;
}

/// What `Slices` holds.
pub struct Offboarding(pub Box<dyn KeyOffboarding>);
