//! The wire of the published ArmorIQ clients, as they speak it, on both engines.

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
    /// As the command line sends its key.
    fn x_key(self, key: &Secret) -> Self {
        self.header("x-api-key", key.expose())
    }
}

impl Server {
    /// A login that a device began: its device code and its user code.
    pub async fn device_asks(&self, body: Value) -> (String, String) {
        let asked = self.post("/auth/device/code").json(&body).send().await;
        assert_eq!(asked.status, 200, "{}", asked.text());
        let told = asked.json();
        let text = |name: &str| told[name].as_str().expect("a text").to_owned();
        (text("device_code"), text("user_code"))
    }

    /// As if the persona had approved it on the page.
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
        .expect("an answer");
        assert_eq!(done.rows_affected(), 1, "a pending login");
        self.app.db.listener().notify_gap();
        actor.org.org
    }

    async fn client_polls(&self, device_code: &str) -> TestResponse {
        self.post("/auth/device/token").json(&json!({ "deviceCode": device_code })).send().await
    }

    /// The key of a whole login.
    pub async fn login_key(&self, persona: Persona, device: &str) -> Secret {
        let (device_code, user_code) =
            self.device_asks(json!({ "deviceId": device, "deviceName": "laptop" })).await;
        self.approve_login(&user_code, persona).await;
        let told = self.client_polls(&device_code).await.json();
        Secret::new(told["api_key"].as_str().expect("a key"))
    }

    /// A second organization of the persona's.
    pub async fn second_organization(&self, persona: Persona, name: &str, role: Role) -> OrgId {
        let person = self.person(&persona.email(), &format!("{persona:?}"), None).await;
        self.clock.advance(std::time::Duration::from_secs(1));
        self.join(&person, name, role).await
    }
}

/// Clients fall over a null.
fn without_null(answer: &TestResponse) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    assert!(told.is_object() && !told.to_string().contains("null"), "{told}");
    told
}

/// JSON with a message, and no redirect.
fn refused(answer: &TestResponse, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert!(answer.header("content-type").ends_with("json"), "{}", answer.header("content-type"));
    assert_eq!(answer.header("location"), "");
    let told = answer.json();
    assert!(!told.to_string().contains("null"), "{told}");
    told["message"].as_str().expect("a message").to_owned()
}
