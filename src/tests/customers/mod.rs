//! Keys that an organization hands to its customers: permissions, owner, metadata and quota.

mod fields;
mod holders;
mod list;
mod pages;
mod permissions;
mod quotas;

use serde_json::{Value, json};

use super::harness::{Server, TestResponse};
use super::personas::Persona;
use crate::platform::Secret;
use crate::shared::OrgId;

impl Server {
    /// Lists a permission. Returns its id.
    pub async fn list_permission(&self, key: &Secret) -> String {
        let response =
            self.post("/api/v1/permissions").key(key).json(&json!({ "name": "one.read" })).send().await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["id"].as_str().expect("an id").to_owned()
    }
}

/// A server with a service of the organization, whose key has the role owner.
struct Shop {
    server: Server,
    service: Secret,
    org: OrgId,
}

impl Shop {
    async fn on(engine: crate::platform::db::Engine) -> Self {
        Self::with(engine, &[]).await
    }

    async fn with(engine: crate::platform::db::Engine, settings: &[(&str, &str)]) -> Self {
        let server = Server::with(engine, settings).await;
        let service = server.key_of(Persona::Owner).await;
        let org = server.organization_of(Persona::Owner).await;
        Self { server, service, org }
    }

    /// Lists permissions.
    async fn lists(self, names: &[&str]) -> Self {
        for name in names {
            let response = self.post("/api/v1/permissions", &json!({ "name": name })).await;
            assert_eq!(response.status, 201, "{}", response.text());
        }
        self
    }

    async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.server.post(path).key(&self.service).json(body).send().await
    }

    async fn patch(&self, path: &str, body: &Value) -> TestResponse {
        self.server.call(axum::http::Method::PATCH, path).key(&self.service).json(body).send().await
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.server.get(path).key(&self.service).send().await
    }

    /// A key of a customer with role none, and its id.
    async fn sell(&self, name: &str, fields: Value) -> (Secret, String) {
        let mut body = json!({ "name": name, "role": "none" });
        for (field, value) in fields.as_object().expect("fields") {
            body[field] = value.clone();
        }
        let response = self.post("/api/v1/keys", &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let body = response.json();
        let text = |field: &str| body[field].as_str().expect("a text").to_owned();
        (Secret::new(text("key")), text("id"))
    }

    async fn verify(&self, key: &Secret, fields: Value) -> TestResponse {
        let mut body = fields;
        body["key"] = json!(key.expose());
        self.post("/api/v1/keys/verify", &body).await
    }

    /// The code of a check.
    async fn code(&self, key: &Secret, fields: Value) -> String {
        let response = self.verify(key, fields).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["code"].as_str().expect("a code").to_owned()
    }

    async fn authorize(&self, key: &Secret, query: &str) -> TestResponse {
        let path = format!("/api/v1/authorize?org={}{query}", self.org);
        self.server.get(&path).key(key).send().await
    }
}
