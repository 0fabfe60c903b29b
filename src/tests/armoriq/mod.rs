//! The API of the published ArmorIQ clients, on both engines.

mod agents;
mod keys;
mod login;
mod not_offered;
mod organizations;
mod routes;
mod switch;

use serde_json::{Value, json};

use super::harness::{Call, Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::platform::Secret;
use crate::shared::{OrgId, Role};

pub const DEVICE: &str = "5f0c7d1e-5a6b-4c3d-8e2f-0123456789ab";

impl Call<'_> {
    /// Sends the key as the command line does.
    fn x_key(self, key: &Secret) -> Self {
        self.header("x-api-key", key.expose())
    }
}

impl Server {
    /// Begins a login. Returns its device code and its user code.
    pub async fn device_asks(&self, body: Value) -> (String, String) {
        let asked = self.post("/auth/device/code").json(&body).send().await;
        assert_eq!(asked.status, 200, "{}", asked.text());
        let body = asked.json();
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        (text("device_code"), text("user_code"))
    }

    /// Approves a login as the persona would on the page.
    pub async fn approve_login(&self, user_code: &str, persona: Persona) -> OrgId {
        let actor = self.actor(persona).await;
        let now = self.clock.now().millis();
        let done = sqlx::query(
            "UPDATE device_logins SET status = 'approved', decided_at = $2, decided_by = $3, decided_from = '', \
             org_id = $4, role = $5, redeem_until = $6 WHERE user_code = $1 AND status = 'pending'",
        )
        .bind(user_code.replace('-', ""))
        .bind(now)
        .bind(actor.user)
        .bind(actor.org.org)
        .bind(actor.org.role.as_str())
        .bind(now + 600_000)
        .execute(self.app.db.pool())
        .await
        .expect("a result");
        assert_eq!(done.rows_affected(), 1, "a pending login");
        self.app.db.listener().notify_gap();
        actor.org.org
    }

    async fn client_polls(&self, device_code: &str) -> TestResponse {
        self.post("/auth/device/token").json(&json!({ "deviceCode": device_code })).send().await
    }

    /// Goes through a whole login and returns its key.
    pub async fn login_key(&self, persona: Persona, device: &str) -> Secret {
        let (device_code, user_code) =
            self.device_asks(json!({ "deviceId": device, "deviceName": "laptop" })).await;
        self.approve_login(&user_code, persona).await;
        let body = self.client_polls(&device_code).await.json();
        Secret::new(body["api_key"].as_str().expect("a key"))
    }

    /// Adds the persona to a second organization.
    pub async fn second_organization(&self, persona: Persona, name: &str, role: Role) -> OrgId {
        let person = self.person(&persona.email(), &format!("{persona:?}"), None).await;
        self.clock.advance(std::time::Duration::from_secs(1));
        self.join(&person, name, role).await
    }
}

/// The body of a successful response. Clients fail on a null, so there must be none.
fn without_null(response: &TestResponse) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    let body = response.json();
    assert!(body.is_object() && !body.to_string().contains("null"), "{body}");
    body
}

/// The message of an error response, which is JSON and not a redirect.
fn refused(response: &TestResponse, status: u16) -> String {
    assert_eq!(response.status.as_u16(), status, "{}", response.text());
    assert!(response.header("content-type").ends_with("json"), "{}", response.header("content-type"));
    assert_eq!(response.header("location"), "");
    let body = response.json();
    assert!(!body.to_string().contains("null"), "{body}");
    body["message"].as_str().expect("a message").to_owned()
}
