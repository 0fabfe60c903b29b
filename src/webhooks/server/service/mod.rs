//! What admins do with endpoints. Each change checks the permission in its transaction, writes, and adds an audit row.

mod change;
mod create;
mod draft;
mod read;
mod resend;

pub use super::store::{Delivery, DeliveryAttempt, DeliveryFilter, DeliveryState, EndpointCounts};
pub use change::{edit, remove, rotate_secret, set_enabled, undo_set_enabled};
pub use create::create;
pub use draft::{EndpointDraft, EndpointEdit};
pub use read::{MAX_COUNTED, PAGE, attempts_of, count, deliveries, find, find_delivery, list};
pub use resend::{resend, send_test};

use super::{Endpoint, store};
use crate::audit::{self, Event};
use crate::keys::server::Refusal;
use crate::orgs::server::{Actor, Membership, lock_and_read_role};
use crate::platform::db::Write;
use crate::platform::{App, Error, Secret};
use crate::shared::{Permission, WebhookId};

/// The maximum number of endpoints of an organization.
pub const MAX_ENDPOINTS: i64 = 20;

/// An endpoint together with its signing secret, which is in this one response.
#[derive(Debug)]
pub struct RevealedEndpoint {
    pub endpoint: Endpoint,
    pub secret: Secret,
}

const TAKEN: &str = "Another webhook of this organization has this address.";

fn why_forbidden(actor: &Actor) -> Option<String> {
    let who = Permission::ManageWebhooks.least_role(actor.principal).plural();
    (!actor.may(Permission::ManageWebhooks))
        .then(|| format!("Only {who} of {} can manage webhooks.", actor.org.org_name))
}

/// Refuses the change of somebody without the permission, before anything else is checked.
async fn require(app: &App, actor: &Actor, verb: &'static str) -> Result<(), Error> {
    match why_forbidden(actor) {
        None => Ok(()),
        Some(why) => Err(refused(app, actor, verb, why).await),
    }
}

/// Begins a change, and reads the actor's role again: it may have changed since the request began.
async fn begin(app: &App, actor: &Actor, verb: &'static str) -> Result<Write, Error> {
    let mut write = app.db.write().await?;
    let why = match lock_and_read_role(&mut write, actor).await {
        Ok(role) => {
            let org = Membership { role, ..actor.org.clone() };
            why_forbidden(&Actor { org, ..actor.clone() })
        }
        Err(Error::Forbidden(why)) => Some(why),
        Err(error) => return Err(error),
    };
    match why {
        None => Ok(write),
        Some(why) => {
            drop(write);
            Err(refused(app, actor, verb, why).await)
        }
    }
}

/// Begins a change of an endpoint.
async fn lock(
    app: &App,
    actor: &Actor,
    id: WebhookId,
    verb: &'static str,
) -> Result<(Write, Endpoint), Error> {
    require(app, actor, verb).await?;
    let mut write = begin(app, actor, verb).await?;
    let endpoint = store::find_in_tx(&mut write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    Ok((write, endpoint))
}

async fn refused(app: &App, actor: &Actor, verb: &'static str, why: String) -> Error {
    let event = Event::new("webhook.refused").detail("verb", verb);
    let event = event.on("organization", actor.org.org, &actor.org.org_name);
    audit::forbid(app, &actor.by, event, why).await
}

/// The log names an endpoint by its host: the whole address may contain something secret.
pub fn about(endpoint: &Endpoint, event: Event) -> Event {
    event.on("webhook", endpoint.id, endpoint.host())
}

async fn conclude(
    app: &App,
    actor: &Actor,
    mut write: Write,
    endpoint: &Endpoint,
    event: Event,
) -> Result<(), Refusal> {
    audit::record(app, &mut write, &actor.by, about(endpoint, event)).await?;
    Ok(write.commit().await?)
}
