//! Reading endpoints and their deliveries.

use std::collections::HashMap;
use std::time::Duration;

use super::{Delivery, DeliveryAttempt, DeliveryFilter, Endpoint, EndpointCounts, store};
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, Permission, WebhookId};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Deliveries per page.
pub const PAGE: usize = 25;
/// Counts above this number are not exact.
pub const MAX_COUNTED: i64 = 10_000;

pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Endpoint>, Error> {
    actor.require(Permission::ManageWebhooks)?;
    Ok(store::list(app.db.pool(), actor.org.org).await?)
}

pub async fn find(app: &App, actor: &Actor, id: WebhookId) -> Result<Endpoint, Error> {
    actor.require(Permission::ManageWebhooks)?;
    store::find(app.db.pool(), actor.org.org, id).await?.ok_or(Error::NotFound)
}

/// Counts the deliveries of the last 24 hours, and those that wait.
pub async fn count(app: &App, endpoint: &Endpoint) -> Result<EndpointCounts, Error> {
    let since = app.clock.now().minus(DAY);
    Ok(store::counts(app.db.pool(), endpoint.id, since, MAX_COUNTED + 1).await?)
}

/// One page of an endpoint's deliveries, newest first, and whether there are older ones.
pub async fn deliveries(
    app: &App,
    endpoint: &Endpoint,
    filter: &DeliveryFilter,
) -> Result<(Vec<Delivery>, bool), Error> {
    let one_more = DeliveryFilter { limit: filter.limit + 1, ..*filter };
    let mut found = store::list_deliveries(app.db.pool(), endpoint.id, &one_more, app.clock.now()).await?;
    let has_more = found.len() > filter.limit;
    found.truncate(filter.limit);
    Ok((found, has_more))
}

pub async fn attempts_of(
    app: &App,
    deliveries: &[Delivery],
) -> Result<HashMap<DeliveryId, Vec<DeliveryAttempt>>, Error> {
    let ids: Vec<DeliveryId> = deliveries.iter().map(|delivery| delivery.id).collect();
    Ok(store::attempts_of(app.db.pool(), &ids).await?)
}

pub async fn find_delivery(app: &App, actor: &Actor, id: DeliveryId) -> Result<Delivery, Error> {
    actor.require(Permission::ManageWebhooks)?;
    store::find_delivery(app.db.pool(), actor.org.org, id, app.clock.now()).await?.ok_or(Error::NotFound)
}
