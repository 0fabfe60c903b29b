//! Reading refused requests of keys.

use super::find::find;
use super::store;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission};
use crate::usage::server::{self as usage, RefusalFilter, RefusalPosition, RefusalReason, RefusedKey};

/// A page of refused requests.
#[derive(Debug)]
pub struct RefusalPage {
    /// The newest first.
    pub requests: Vec<RefusalReason>,
    /// Where the next page begins, if there is one.
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
    let limit = filter.limit;
    let one_more = RefusalFilter { limit: limit + 1, ..filter };
    let mut requests = usage::refusals_of(app, key.id, &one_more).await?;
    let has_more = requests.len() > limit;
    requests.truncate(limit);
    let next = requests.last().filter(|_| has_more).map(RefusalReason::position);
    Ok((key, RefusalPage { requests, next }))
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
