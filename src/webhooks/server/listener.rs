//! Which events of other slices are sent to webhooks, and what their bodies say. The audit writer calls this for every event
//! in the transaction of its change. Bodies contain names and visible prefixes, never a secret or a hash.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::outbox::{self, OutgoingEvent};
use super::store;
use crate::audit::{By, Event, EventListener};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::webhooks::EventType;

/// Details of audit events that bodies contain.
const DETAILS: [&str; 10] =
    ["role", "from", "to", "because", "old_valid_until", "device", "invited_by", "outcome", "url", "source"];

pub struct WebhookListener;

#[async_trait]
impl EventListener for WebhookListener {
    async fn on_event(&self, app: &App, write: &mut Write, by: &By, event: &Event) -> Result<(), Error> {
        let Some(org) = by.org else { return Ok(()) };
        if event.action == "organization.deleted" {
            return Ok(store::remove_all(write, org, app.clock.now()).await?);
        }
        let Some(event_type) = event_type(event.action) else { return Ok(()) };
        let outgoing = OutgoingEvent {
            event_type,
            lane: event.target_id.clone(),
            subject: event.target_name.clone(),
            data: data(by, event),
        };
        outbox::enqueue(app, write, org, &outgoing).await
    }
}

/// The type of the event for an action of the audit log.
fn event_type(action: &str) -> Option<EventType> {
    match action {
        // The creation form was submitted twice, and the second page shows a new secret: for receivers, this is a rotation.
        "key.secret_replaced" => Some(EventType::KeyRotated),
        action => EventType::parse(action),
    }
}

fn data(by: &By, event: &Event) -> Value {
    let mut data = Map::new();
    data.insert("id".to_owned(), event.target_id.clone().into());
    let name = match event.target_kind {
        "person" | "invitation" => "email",
        "login" => "client",
        _ => "name",
    };
    data.insert(name.to_owned(), event.target_name.clone().into());
    for detail in DETAILS {
        if let Some(value) = event.details.get(detail) {
            data.insert(detail.to_owned(), value.clone());
        }
    }
    data.extend(event.facts.clone());
    let (kind, id, name) = by.actor.columns();
    data.insert("actor".to_owned(), json!({ "kind": kind, "id": id, "name": name }));
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_name_the_key_and_the_actor_and_leave_other_details_out() {
        let event = Event::new("key.rotated")
            .on("key", "1", "ci-deploy")
            .detail("replaces", "8fK2mQ4pXv7d")
            .detail("old_valid_until", "2026-11-21T10:00:00.000Z")
            .fact("kind", "live");
        assert_eq!(
            data(&By::system(), &event),
            json!({
                "id": "1", "name": "ci-deploy", "kind": "live", "old_valid_until": "2026-11-21T10:00:00.000Z",
                "actor": { "kind": "system", "id": "", "name": "Latchkey" },
            })
        );
        assert_eq!(event_type("key.refused"), None);
        assert_eq!(event_type("login.approved"), Some(EventType::LoginApproved));
    }
}
