//! Writing events. The event and its deliveries are rows of the transaction of the change: both are there, or neither.

use serde_json::{Value, json};

use super::retry::RETRY_PERIOD;
use super::store::{self, NewDelivery, StoredEvent};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, MessageId, OrgId, WebhookId};
use crate::webhooks::{EventType, TEST_EVENT};

pub struct OutgoingEvent {
    pub event_type: EventType,
    /// An endpoint receives the events of one lane in order. The lane is, for example, the id of a key.
    pub lane: String,
    /// The name that lists of deliveries show.
    pub subject: String,
    pub data: Value,
}

/// Writes the event, with a delivery for each endpoint that receives it. Without such an endpoint it costs one read.
pub async fn enqueue(
    app: &App,
    write: &mut Write,
    org: OrgId,
    outgoing: &OutgoingEvent,
) -> Result<(), Error> {
    let subscriptions = store::subscriptions(write, org).await?;
    let receivers: Vec<WebhookId> = subscriptions
        .into_iter()
        .filter(|(_, events)| events.includes(outgoing.event_type))
        .map(|(id, _)| id)
        .collect();
    if receivers.is_empty() {
        return Ok(());
    }
    let OutgoingEvent { event_type, lane, subject, data } = outgoing;
    let event = stored(app, org, event_type.as_str(), subject, data);
    store::insert_event(write, &event).await?;
    for endpoint in receivers {
        insert_delivery(app, write, &event, endpoint, lane).await?;
    }
    Ok(())
}

/// Writes a test event for one endpoint. It has a lane of its own, so it does not wait for other events.
pub async fn enqueue_test(
    app: &App,
    write: &mut Write,
    org: OrgId,
    endpoint: WebhookId,
    data: &Value,
) -> Result<DeliveryId, Error> {
    let event = stored(app, org, TEST_EVENT, "Test event", data);
    store::insert_event(write, &event).await?;
    insert_delivery(app, write, &event, endpoint, &event.id.to_string()).await
}

fn stored(app: &App, org: OrgId, event_type: &'static str, subject: &str, data: &Value) -> StoredEvent {
    let now = app.clock.now();
    let body = json!({ "type": event_type, "timestamp": now.to_string(), "data": data }).to_string();
    let id = MessageId::new(now, app.random_for_id());
    StoredEvent { id, org, event_type, subject: subject.to_owned(), body, created_at: now }
}

async fn insert_delivery(
    app: &App,
    write: &mut Write,
    event: &StoredEvent,
    endpoint: WebhookId,
    lane: &str,
) -> Result<DeliveryId, Error> {
    let now = event.created_at;
    let id = DeliveryId::new(now, app.random_for_id());
    let delivery = NewDelivery { id, endpoint, lane, expires_at: now.plus(RETRY_PERIOD) };
    store::insert_delivery(write, event, &delivery).await?;
    Ok(id)
}
