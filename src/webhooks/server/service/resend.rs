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

const EARLIER: &str = "An earlier event of the same key waits. It is sent first, so that the events of a key arrive in their order.";
const UNDER_WAY: &str = "This event is being sent at this moment.";
const OFF: &str = "This endpoint is off. Turn it on first.";

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

/// Sends the event of a delivery again, with the same id. One that waits is tried now, if it is the next one of its key.
pub async fn resend(app: &App, actor: &Actor, id: DeliveryId) -> Result<Delivery, Refusal> {
    require(app, actor, "resend").await?;
    let found = store::find_delivery(app.db.pool(), actor.org.org, id, app.clock.now()).await?;
    let found = found.ok_or(Error::NotFound)?;
    let (mut write, endpoint) = lock(app, actor, found.endpoint, "resend").await?;
    if endpoint.disabled_at.is_some() {
        return Err(Refusal::State(OFF));
    }
    let now = app.clock.now();
    let present = store::find_delivery(&mut *write, endpoint.org, id, now).await?.ok_or(Error::NotFound)?;
    if present.waits_for_earlier {
        return Err(Refusal::State(EARLIER));
    }
    if present.due_at.is_some() && present.is_being_sent {
        return Err(Refusal::State(UNDER_WAY));
    }
    store::end_pause(&mut write, endpoint.id).await?;
    match present.due_at {
        Some(_) => store::try_now(&mut write, &present, now).await?,
        None => store::requeue(&mut write, &present, now, now.plus(retry::RETRY_PERIOD)).await?,
    }
    let delivery = store::find_delivery(&mut *write, endpoint.org, id, now).await?.ok_or(Error::NotFound)?;
    let event = Event::new("webhook.resent")
        .detail("event", delivery.event_type.clone())
        .detail("message", format!("msg_{}", delivery.event));
    audit::record(app, &mut write, &actor.by, about(&endpoint, event)).await?;
    write.commit().await?;
    Ok(delivery)
}
