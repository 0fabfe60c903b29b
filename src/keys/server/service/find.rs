//! Reading keys. Usage that is counted but not yet rolled up is added to the stored totals.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::super::store::{Filter, KeyPage, SecretUse};
use super::store;
use crate::keys::StatusFilter;
use crate::keys::server::{Key, name_key};
use crate::orgs::server::Actor;
use crate::permissions::model::wider_wildcards;
use crate::permissions::server::{self as permissions, ListedPermission};
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission, PermissionId, SecretId, UserId};
use crate::ui::parts::capped;
use crate::usage::server::Usage;

pub async fn find(app: &App, actor: &Actor, id: KeyId) -> Result<Key, Error> {
    actor.require(Permission::See)?;
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut key = store::find(&mut reading.db, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    overlay(usage, std::slice::from_mut(&mut key));
    Ok(key)
}

pub async fn list(app: &App, actor: &Actor, filter: &Filter) -> Result<KeyPage, Error> {
    actor.require(Permission::See)?;
    let usage = app.slice::<Usage>();
    let filter = with_granting(app, actor, filter).await?;
    let mut reading = usage.reading(app).await?;
    let mut page = store::list(&mut reading.db, actor.org.org, app.clock.now(), &filter).await?;
    overlay(usage, &mut page.keys);
    Ok(page)
}

/// The filter with the permissions that grant the one that it names.
async fn with_granting(app: &App, actor: &Actor, filter: &Filter) -> Result<Filter, Error> {
    let mut filter = filter.clone();
    if let Some(name) = &filter.permission {
        filter.granted_by = Some(granting(&permissions::list(app, actor).await?, name));
    }
    Ok(filter)
}

/// The ids of the listed permissions that grant a name: its own, then those of the wildcards above it. Empty if the name is
/// not listed.
fn granting(listed: &[ListedPermission], name: &str) -> Vec<PermissionId> {
    let id_of =
        |name: &str| listed.iter().find(|permission| permission.name == name).map(|permission| permission.id);
    let Some(own) = id_of(name) else { return Vec::new() };
    std::iter::once(own).chain(wider_wildcards(name).filter_map(|wildcard| id_of(&wildcard))).collect()
}

/// The keys that have a permission.
#[derive(Debug, Default)]
pub struct Holders {
    /// Counting stops one beyond `MAX_COUNTED`.
    pub count: i64,
    /// Some of them, each with the wildcard through which it has the permission, if it does not have it itself.
    pub first: Vec<(Key, Option<String>)>,
}

pub type PermissionHolders = HashMap<PermissionId, Holders>;

/// Keys of each permission that a page shows.
const HOLDERS_SHOWN: usize = 5;

/// The keys that have these permissions. `all` is the list of the organization.
pub async fn permission_holders(
    app: &App,
    actor: &Actor,
    all: &[ListedPermission],
    shown: &[ListedPermission],
) -> Result<PermissionHolders, Error> {
    actor.require(Permission::See)?;
    let pool = app.db.pool();
    let granting: Vec<_> = shown.iter().map(|permission| granting(all, &permission.name)).collect();
    let permissions: BTreeSet<PermissionId> = granting.iter().flatten().copied().collect();
    let permissions: Vec<PermissionId> = permissions.into_iter().collect();
    let counts = store::count_holders(pool, &granting, MAX_COUNTED + 1).await?;
    let newest = store::newest_holders(pool, &permissions, HOLDERS_SHOWN as i64).await?;
    let first: Vec<_> = granting.iter().map(|ids| merge_newest(ids, &newest)).collect();
    let keys: BTreeSet<KeyId> = first.iter().flatten().map(|(key, _)| *key).collect();
    let keys = store::find_all(pool, &keys.into_iter().collect::<Vec<_>>()).await?;
    let named = |(key, through): (KeyId, PermissionId), own: PermissionId| {
        let wildcard = all.iter().find(|listed| listed.id == through && through != own);
        Some((keys.get(&key)?.clone(), wildcard.map(|listed| listed.name.clone())))
    };
    let holders = shown.iter().zip(counts).zip(first).map(|((permission, count), first)| {
        let first = first.into_iter().filter_map(|holder| named(holder, permission.id)).collect();
        (permission.id, Holders { count, first })
    });
    Ok(holders.collect())
}

/// The newest keys with one of these permissions, each with the first of them that it has. `newest` has as many for each
/// permission as are shown, so none is missing.
fn merge_newest(
    permissions: &[PermissionId],
    newest: &HashMap<PermissionId, Vec<KeyId>>,
) -> Vec<(KeyId, PermissionId)> {
    let mut merged: Vec<(KeyId, PermissionId)> = Vec::new();
    for permission in permissions {
        for key in newest.get(permission).into_iter().flatten() {
            if !merged.iter().any(|(known, _)| known == key) {
                merged.push((*key, *permission));
            }
        }
    }
    merged.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key));
    merged.truncate(HOLDERS_SHOWN);
    merged
}

/// Counting stops one beyond this number; pages show more as "1,000+".
pub const MAX_COUNTED: i64 = 1_000;

/// The number of keys that match each filter, up to one beyond `MAX_COUNTED`. None counts all keys.
pub async fn count(app: &App, actor: &Actor, filters: &[Option<StatusFilter>]) -> Result<Vec<i64>, Error> {
    actor.require(Permission::See)?;
    Ok(store::count(app.db.pool(), actor.org.org, app.clock.now(), filters, MAX_COUNTED).await?)
}

/// A number of keys, or a lower bound of it. Pages show bounds as "1,000+".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCount {
    pub number: i64,
    pub is_exact: bool,
}

impl KeyCount {
    /// Of a number that was counted up to one beyond `MAX_COUNTED`.
    pub fn counted(number: i64) -> Self {
        Self { number: number.min(MAX_COUNTED), is_exact: number <= MAX_COUNTED }
    }
}

impl fmt::Display for KeyCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One beyond the maximum gets the plus sign.
        let beyond = if self.is_exact { 0 } else { 1 };
        f.write_str(&capped(self.number + beyond, self.number))
    }
}

/// The number of keys that the filter selects, for each status; the status of the filter itself has no effect. If it selects more
/// than `MAX_COUNTED` keys, the numbers are bounds.
pub async fn count_within(
    app: &App,
    actor: &Actor,
    filter: &Filter,
    asked: &[Option<StatusFilter>],
) -> Result<Vec<KeyCount>, Error> {
    if !filter.has_conditions() {
        return Ok(count(app, actor, asked).await?.into_iter().map(KeyCount::counted).collect());
    }
    actor.require(Permission::See)?;
    let filter = with_granting(app, actor, filter).await?;
    let (org, now) = (actor.org.org, app.clock.now());
    // The number of all comes last.
    let asked: Vec<_> = asked.iter().copied().chain([None]).collect();
    let mut db = app.db.pool().acquire().await?;
    let mut counts = store::count_within(&mut db, org, now, &filter, &asked, MAX_COUNTED).await?;
    let is_exact = counts.pop().is_some_and(|all| all <= MAX_COUNTED);
    Ok(counts.into_iter().map(|number| KeyCount { is_exact, ..KeyCount::counted(number) }).collect())
}

/// The key with this name that is not revoked.
pub async fn find_by_name(app: &App, actor: &Actor, name: &str) -> Result<Option<KeyId>, Error> {
    actor.require(Permission::See)?;
    Ok(store::find_named(app.db.pool(), actor.org.org, &name_key(name.trim())).await?)
}

/// The key that has, or had, the secret with this public id.
pub async fn find_by_secret(app: &App, actor: &Actor, secret: SecretId) -> Result<Option<KeyId>, Error> {
    actor.require(Permission::See)?;
    let found = store::find_secret(app.db.pool(), secret).await?;
    Ok(found.filter(|row| row.org == actor.org.org).map(|row| row.key))
}

/// At most a hundred of the people who have created keys, in no particular order.
pub async fn creators(app: &App, actor: &Actor) -> Result<Vec<UserId>, Error> {
    actor.require(Permission::See)?;
    Ok(store::creators(app.db.pool(), actor.org.org, 100).await?)
}

/// The names of the keys that created these keys.
pub async fn creating_keys(app: &App, keys: &[Key]) -> Result<HashMap<KeyId, String>, Error> {
    let ids: BTreeSet<KeyId> = keys.iter().filter_map(|key| key.created_by_key).collect();
    Ok(store::names(app.db.pool(), &ids.into_iter().collect::<Vec<_>>()).await?)
}

/// A key's latest secrets, the newest first, and when each was last accepted.
pub async fn secrets(app: &App, key: &Key) -> Result<Vec<SecretUse>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut secrets = store::secrets_of(&mut *reading.db, key.id).await?;
    let pending = usage.pending([key.id]);
    for secret in &mut secrets {
        let counted = pending.secrets.get(&secret.id).map(|totals| totals.last_at);
        secret.last_used_at = secret.last_used_at.max(counted);
    }
    Ok(secrets)
}

/// The keys that this one created and that are not revoked.
pub async fn children(app: &App, actor: &Actor, id: KeyId) -> Result<Vec<Key>, Error> {
    let key = find(app, actor, id).await?;
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut keys = store::children(&mut *reading.db, key.id).await?;
    overlay(usage, &mut keys);
    Ok(keys)
}

pub(super) fn overlay(usage: &Usage, keys: &mut [Key]) {
    let pending = usage.pending(keys.iter().map(|key| key.id));
    for key in keys {
        if let Some(totals) = pending.keys.get(&key.id) {
            key.calls += totals.calls;
            key.last_used_at = key.last_used_at.max(Some(totals.last_at));
        }
    }
}
