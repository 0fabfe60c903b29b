//! Endpoints and deliveries in JSON.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::shared::Timestamp;
use crate::webhooks::server::service::{Delivery, DeliveryAttempt};
use crate::webhooks::server::{DeliveryState, Endpoint, EndpointState, RevealedEndpoint};
use crate::word_schemas;

word_schemas!(DeliveryState, EndpointState);

macro_rules! word_json {
    ($($Words:ident),+) => {$(
        impl Serialize for $Words {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

word_json!(DeliveryState, EndpointState);

/// A webhook, without its signing secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    id: String,
    url: String,
    description: String,
    /// Event types, and patterns such as key.*
    events: Vec<String>,
    state: EndpointState,
    /// Why it is off: person, gone (it responded with 410) or failing; empty while it is on
    disabled_reason: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// The person who added it
    created_by: String,
    #[schema(format = DateTime)]
    off_since: Option<String>,
    /// The first failure since the last success
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    #[schema(format = DateTime)]
    last_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    last_success_at: Option<String>,
    /// The HTTP status of the last attempt; null if there was no response
    last_http_status: Option<i64>,
    /// Until when requests are also signed with the previous secret
    #[schema(format = DateTime)]
    old_secret_valid_until: Option<String>,
}

/// A webhook with its signing secret. Only this response contains the secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct NewWebhookBody {
    secret: String,
    #[serde(flatten)]
    about: WebhookBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookList)]
pub struct WebhookListBody {
    pub data: Vec<WebhookBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct DeliveryBody {
    id: String,
    webhook_id: String,
    /// The header webhook-id: the same each time that the event is sent
    event_id: String,
    event_type: String,
    state: DeliveryState,
    #[schema(format = DateTime)]
    created_at: String,
    /// Null once it is delivered or given up
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    delivered_at: Option<String>,
    #[schema(format = DateTime)]
    given_up_at: Option<String>,
    /// expired (failed for a day), gone, off or backlog; empty unless it was given up
    given_up_because: String,
    /// An earlier event of the same key waits and is sent first
    waits_for_earlier: bool,
    /// The body as it is sent
    #[schema(value_type = Object)]
    payload: Value,
    attempts: Vec<AttemptBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct AttemptBody {
    number: i64,
    #[schema(format = DateTime)]
    at: String,
    milliseconds: i64,
    /// Null without a response
    http_status: Option<i64>,
    /// Why there was no response; empty if there was one
    error: String,
    /// At most the first 1,024 bytes
    response: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryList)]
pub struct DeliveryListBody {
    /// The newest first
    pub data: Vec<DeliveryBody>,
    pub next_cursor: Option<String>,
}

fn text(at: Timestamp) -> String {
    at.to_string()
}

impl WebhookBody {
    pub fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            events: endpoint.events.names().to_vec(),
            state: endpoint.state(),
            disabled_reason: endpoint.disabled_because.clone(),
            created_at: text(endpoint.created_at),
            created_by: endpoint.created_by.to_string(),
            off_since: endpoint.disabled_at.map(text),
            failing_since: endpoint.failing_since.map(text),
            last_attempt_at: endpoint.last_attempt_at.map(text),
            last_success_at: endpoint.last_success_at.map(text),
            last_http_status: endpoint.last_status,
            old_secret_valid_until: endpoint.previous_until.filter(|until| *until > now).map(text),
        }
    }
}

impl NewWebhookBody {
    pub fn of(revealed: &RevealedEndpoint, now: Timestamp) -> Self {
        Self { secret: revealed.secret.expose().to_owned(), about: WebhookBody::of(&revealed.endpoint, now) }
    }
}

impl DeliveryBody {
    pub fn of(delivery: Delivery, attempts: Vec<DeliveryAttempt>) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.endpoint.to_string(),
            event_id: format!("msg_{}", delivery.event),
            state: delivery.state(),
            event_type: delivery.event_type,
            created_at: text(delivery.created_at),
            next_attempt_at: delivery.due_at.map(text),
            delivered_at: delivery.delivered_at.map(text),
            given_up_at: delivery.given_up_at.map(text),
            given_up_because: delivery.given_up_because,
            waits_for_earlier: delivery.waits_for_earlier,
            payload: serde_json::from_str(&delivery.body).unwrap_or_default(),
            attempts: attempts.into_iter().map(AttemptBody::of).collect(),
        }
    }
}

impl AttemptBody {
    fn of(attempt: DeliveryAttempt) -> Self {
        let DeliveryAttempt { number, at, took, status, error, response } = attempt;
        Self { number, at: text(at), milliseconds: took, http_status: status, error, response }
    }
}
