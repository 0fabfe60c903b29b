//! Logins of command lines: the OAuth wire as programs speak it, the page as people see it, and what must hold when
//! many want the same at once.

mod client;
mod marks;
mod page;
mod pending;
mod races;
mod table;
mod traces;

use serde_json::Value;

use super::harness::{Server, TestResponse};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const CLIENT: &str = "latchkey-cli";

/// What a device was told.
pub struct Asked {
    pub device_code: String,
    pub user_code: String,
    pub answer: Value,
}

impl Server {
    pub async fn authorize(&self, fields: &[(&str, &str)]) -> TestResponse {
        self.post("/oauth/device_authorization").form(fields).send().await
    }

    /// A device asks for a code, from the network that browsers here are in.
    pub async fn device(&self, more: &[(&str, &str)]) -> Asked {
        let fields = [&[("client_id", CLIENT)], more].concat();
        let answer = self.authorize(&fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Asked { device_code: text("device_code"), user_code: text("user_code"), answer }
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

    /// The token that this session's forms carry.
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

    /// The id of the one key that there is.
    pub async fn only_key(&self) -> String {
        sqlx::query_scalar("SELECT id FROM keys").fetch_one(self.app.db.pool()).await.expect("one key")
    }

    pub async fn deny(&self, cookies: &str, code: &str) -> TestResponse {
        self.decide(cookies, &[("code", code), ("verdict", "deny")]).await
    }
}

impl TestResponse {
    /// RFC 6749's error, with what every answer of the wire has.
    pub fn error(&self) -> String {
        let told = self.json();
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        assert!(told["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{told}");
        told["error"].as_str().expect("an error").to_owned()
    }
}
