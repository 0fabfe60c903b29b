//! Sending a test event, and sending an event again.

use serde_json::json;

use super::{about, lock, require, store};
use crate::audit::{self, Event};
use crate::keys::server::Refusal;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, WebhookId};
use crate::webhooks::server::{outbox, retry};

use super::Delivery;

const EARLIER: &str = "An earlier event of the same key is still waiting. It must be sent first, because the events of a key are sent in order.";
const BEING_SENT: &str = "This event is being sent at this moment.";
const OFF: &str = "This webhook is off. Turn it on first.";

/// Sends an event of the type `webhook.test`, whatever the endpoint subscribes to.
pub async fn send_test(app: &App, actor: &Actor, id: WebhookId) -> Result<Delivery, Refusal> {
    let (mut write, endpoint) = lock(app, actor, id, "test").await?;
    if endpoint.disabled_at.is_some() {
        return Err(Refusal::State(OFF));
    }
    let (kind, actor_id, name) = actor.by.actor.columns();
    let data = json!({
        "id": endpoint.id.to_string(),
        "message": "This is a test event.",
        "actor": { "kind": kind, "id": actor_id, "name": name },
    });
    store::end_pause(&mut write, id).await?;
    let delivery = outbox::enqueue_test(app, &mut write, endpoint.org, id, &data).await?;
    let written = store::find_delivery(&mut *write, endpoint.org, delivery, app.clock.now()).await?;
    let written = written.ok_or_else(|| Error::internal("a delivery that was just written is gone"))?;
    audit::record(app, &mut write, &actor.by, about(&endpoint, Event::new("webhook.tested"))).await?;
    write.commit().await?;
    Ok(written)
}

/// Sends the event of a delivery again, with the same event id. A waiting delivery is sent now if it is the first of its
/// lane.
pub async fn resend(app: &App, actor: &Actor, id: DeliveryId) -> Result<Delivery, Refusal> {
    require(app, actor, "resend").await?;
    let found = store::find_delivery(app.db.pool(), actor.org.org, id, app.clock.now()).await?;
    let found = found.ok_or(Error::NotFound)?;
    let (mut write, endpoint) = lock(app, actor, found.endpoint, "resend").await?;
    if endpoint.disabled_at.is_some() {
        return Err(Refusal::State(OFF));
    }
    let now = app.clock.now();
    let current = store::find_delivery(&mut *write, endpoint.org, id, now).await?.ok_or(Error::NotFound)?;
    if current.waits_for_earlier {
        return Err(Refusal::State(EARLIER));
    }
    if current.due_at.is_some() && current.is_being_sent {
        return Err(Refusal::State(BEING_SENT));
    }
    store::end_pause(&mut write, endpoint.id).await?;
    match current.due_at {
        Some(_) => store::try_now(&mut write, &current, now).await?,
        None => store::requeue(&mut write, &current, now, now.plus(retry::RETRY_PERIOD)).await?,
    }
    let delivery = store::find_delivery(&mut *write, endpoint.org, id, now).await?.ok_or(Error::NotFound)?;
    let event = Event::new("webhook.resent")
        .detail("event", delivery.event_type.clone())
        .detail("message", format!("msg_{}", delivery.event));
    audit::record(app, &mut write, &actor.by, about(&endpoint, event)).await?;
    write.commit().await?;
    Ok(delivery)
}
