//! Command-line logins: the OAuth endpoints, the approval page, and concurrent requests.

mod client;
mod key_choice;
mod login_keys;
mod page;
mod pending;
mod races;
mod stored_data;
mod table;
mod typed_codes;

use serde_json::Value;

use super::harness::{Server, TestResponse};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const CLIENT: &str = "latchkey-cli";

/// The response to a device's request for a code.
pub struct StartedLogin {
    pub device_code: String,
    pub user_code: String,
    pub response: Value,
}

impl Server {
    pub async fn authorize(&self, fields: &[(&str, &str)]) -> TestResponse {
        self.post("/oauth/device_authorization").form(fields).send().await
    }

    /// A device asks for a code, from the network that browsers here are in.
    pub async fn device(&self, more: &[(&str, &str)]) -> StartedLogin {
        let fields = [&[("client_id", CLIENT)], more].concat();
        let response = self.authorize(&fields).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let response = response.json();
        let text = |name: &str| response[name].as_str().expect("a text").to_owned();
        StartedLogin { device_code: text("device_code"), user_code: text("user_code"), response }
    }

    pub async fn token(&self, fields: &[(&str, &str)]) -> TestResponse {
        self.post("/oauth/token").form(fields).send().await
    }

    pub async fn poll(&self, device_code: &str) -> TestResponse {
        self.token(&[("grant_type", GRANT), ("client_id", CLIENT), ("device_code", device_code)]).await
    }

    pub async fn device_page(&self, cookies: &str, query: &str) -> TestResponse {
        self.get(&format!("/auth/device{query}")).browser().with(cookies).send().await
    }

    /// The form token of this session.
    pub async fn form_token(&self, cookies: &str) -> String {
        let page = self.device_page(cookies, "").await.text();
        let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token");
        rest.split('"').next().expect("its end").to_owned()
    }

    /// Sends the page's form, with its token.
    pub async fn decide(&self, cookies: &str, fields: &[(&str, &str)]) -> TestResponse {
        let token = self.form_token(cookies).await;
        let fields = [&[("token", token.as_str())], fields].concat();
        self.post("/auth/device").same_origin().with(cookies).form(&fields).send().await
    }

    /// Approves in Tidewater Freight as the page would.
    pub async fn approve(&self, cookies: &str, code: &str) -> TestResponse {
        let org = self.organization("Tidewater Freight").await;
        let fields = [("code", code), ("org", &org.to_string()), ("mine", "yes"), ("verdict", "approve")];
        self.decide(cookies, &fields).await
    }

    /// The id of the only key.
    pub async fn only_key(&self) -> String {
        sqlx::query_scalar("SELECT id FROM keys").fetch_one(self.app.db.pool()).await.expect("one key")
    }

    pub async fn deny(&self, cookies: &str, code: &str) -> TestResponse {
        self.decide(cookies, &[("code", code), ("verdict", "deny")]).await
    }
}

impl TestResponse {
    /// The error code of RFC 6749. Checks what every OAuth response has.
    pub fn error(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        body["error"].as_str().expect("an error").to_owned()
    }
}
