//! The keys with the most requests.

use super::store;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission};
use crate::usage::server::{self as usage, ChartRange, TopKey};

/// At most `most` keys of the organization, the one with the most requests in the range first.
pub async fn top_keys(
    app: &App,
    actor: &Actor,
    range: ChartRange,
    most: usize,
) -> Result<Vec<(Key, TopKey)>, Error> {
    actor.require(Permission::See)?;
    let top = usage::top_keys(app, actor.org.org, range, most).await?;
    let ids: Vec<KeyId> = top.iter().map(|top| top.key).collect();
    let mut keys = store::find_all(app.db.pool(), &ids).await?;
    Ok(top.into_iter().filter_map(|top| Some((keys.remove(&top.key)?, top))).collect())
}
