//! Reading refused requests of keys.

use std::collections::{BTreeSet, HashMap};

use super::find::find;
use super::store;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission};
use crate::usage::server::{
    self as usage, RefusalFilter, RefusalPosition, RefusalReason, RefusalScope, RefusedKey,
};

/// A page of refused requests.
#[derive(Debug)]
pub struct RefusalPage {
    /// The newest first.
    pub requests: Vec<RefusalReason>,
    /// The position of the next page. None on the last page.
    pub next: Option<RefusalPosition>,
}

/// The last refused requests of a key, for everybody who may see the key.
pub async fn refusals(
    app: &App,
    actor: &Actor,
    id: KeyId,
    filter: RefusalFilter,
) -> Result<(Key, RefusalPage), Error> {
    let key = find(app, actor, id).await?;
    let page = read(app, RefusalScope::Key(key.id), filter).await?;
    Ok((key, page))
}

/// The last refused requests of all keys of the organization, and the names of these keys.
pub async fn org_refusals(
    app: &App,
    actor: &Actor,
    filter: RefusalFilter,
) -> Result<(RefusalPage, HashMap<KeyId, String>), Error> {
    actor.require(Permission::See)?;
    let page = read(app, RefusalScope::Org(actor.org.org), filter).await?;
    let keys: BTreeSet<KeyId> = page.requests.iter().map(|refused| refused.key).collect();
    let names = store::names(app.db.pool(), &keys.into_iter().collect::<Vec<_>>()).await?;
    Ok((page, names))
}

async fn read(app: &App, scope: RefusalScope, filter: RefusalFilter) -> Result<RefusalPage, Error> {
    let limit = filter.limit;
    let one_more = RefusalFilter { limit: limit + 1, ..filter };
    let mut requests = usage::refusals_of(app, scope, &one_more).await?;
    let has_more = requests.len() > limit;
    requests.truncate(limit);
    let next = requests.last().filter(|_| has_more).map(RefusalReason::position);
    Ok(RefusalPage { requests, next })
}

/// The keys of the organization with floods of wrong secrets or refused addresses, and their names.
pub async fn refused_keys(app: &App, actor: &Actor) -> Result<Vec<(RefusedKey, String)>, Error> {
    actor.require(Permission::See)?;
    let refused = usage::refused_keys(app, actor.org.org).await?;
    let ids: Vec<KeyId> = refused.iter().map(|refused| refused.key).collect();
    // Reads nothing when there are none, which is the common case.
    let names = store::names(app.db.pool(), &ids).await?;
    Ok(refused
        .into_iter()
        .filter_map(|refused| {
            let name = names.get(&refused.key)?.clone();
            Some((refused, name))
        })
        .collect())
}
