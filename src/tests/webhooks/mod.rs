//! Webhooks: events are written with their changes and delivered at least once, in order, signed, and never inwards.

mod delivery;
mod endpoints;
mod events;
mod receiver;
mod recovery;
mod retries;
mod targets;

use serde_json::{Value, json};

use super::harness::{Server, TestResponse};
use crate::platform::Secret;
use crate::platform::db::{Engine, sql};
use crate::shared::{Timestamp, WebhookId};
use crate::webhooks::server as webhooks;
pub use receiver::Receiver;

/// Lets webhooks reach receivers of tests. Hashing costs next to nothing here.
pub const LOCAL: &[(&str, &str)] = &[
    ("LATCHKEY_WEBHOOK_TARGETS", "127.0.0.1"),
    ("LATCHKEY_WEBHOOK_TIMEOUT", "300ms"),
    ("LATCHKEY_KEY_HASH_COST", "1"),
];

/// An endpoint as its owner knows it.
pub struct TestWebhook {
    pub id: WebhookId,
    pub secret: Secret,
}

impl Server {
    /// Adds a webhook by the API.
    pub async fn webhook(&self, key: &Secret, url: &str, events: &[&str]) -> TestWebhook {
        let response = self.add_webhook(key, url, events).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let body = response.json();
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        TestWebhook { id: WebhookId::parse(&text("id")).expect("an id"), secret: Secret::new(text("secret")) }
    }

    pub async fn add_webhook(&self, key: &Secret, url: &str, events: &[&str]) -> TestResponse {
        let body = json!({ "url": url, "events": events });
        self.post("/api/v1/webhooks").key(key).json(&body).send().await
    }

    async fn deliver(&self) {
        webhooks::deliver(&self.app).await.expect("a round");
    }

    /// The state of a webhook.
    async fn webhook_state(&self, key: &Secret, id: WebhookId) -> Value {
        self.get(&format!("/api/v1/webhooks/{id}")).key(key).send().await.json()
    }

    async fn deliveries(&self, key: &Secret, id: WebhookId) -> Vec<Value> {
        let response = self.get(&format!("/api/v1/webhooks/{id}/deliveries?limit=100")).key(key).send().await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["data"].as_array().expect("deliveries").clone()
    }

    async fn run(&self, text: &str) {
        sqlx::query(sql(text.to_owned())).execute(self.app.db.pool()).await.expect("a statement");
    }
}

/// Checks a request as a receiver does: the signature fits one of the secrets, and the time is about now.
fn verify(received: &receiver::Received, secrets: &[&Secret], now: Timestamp) {
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let seconds: i64 = timestamp.parse().expect("seconds");
    assert!((now.millis() / 1_000 - seconds).abs() < 300, "{timestamp}");
    let at = Timestamp::from_millis(seconds * 1_000);
    let expected = webhooks::sign(secrets.iter().copied(), id, at, &received.body);
    assert_eq!(received.header("webhook-signature"), expected);
    assert!(id.starts_with("msg_") && !id.contains('.'));
    assert_eq!(received.header("content-type"), "application/json");
}

async fn started(engine: Engine) -> (Server, Receiver) {
    (Server::with(engine, LOCAL).await, Receiver::start().await)
}
