//! Logins of MCP clients through the browser: registration, the consent page, codes, refresh tokens, and where the keys are accepted.

mod codes;
mod consent;
mod documents;
mod keys;
mod metadata;
mod refresh;
mod registration;
mod requests;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::harness::{Server, TestResponse};
use super::keys::ANYTHING;
use super::personas::Persona;
use crate::keys::server::{self as keys_server, KeyAudience, Presenter, Requirements};
use crate::platform::Secret;
use crate::usage::Outcome;

pub const CALLBACK: &str = "http://127.0.0.1:53682/callback";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-and-more";
pub const RESOURCE: &str = "http://latchkey.test/api/mcp";

/// What `/api/mcp` requires of a key.
pub const AT_MCP: Requirements<'static> = Requirements { audience: Some(KeyAudience::Mcp), ..ANYTHING };

/// The tokens of a login.
#[derive(Debug)]
pub struct Tokens {
    pub access: Secret,
    pub refresh: String,
    pub body: Value,
}

impl Tokens {
    pub fn of(response: &TestResponse) -> Self {
        assert_eq!(response.status, 200, "{}", response.text());
        let body = response.json();
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        Self { access: Secret::new(text("access_token")), refresh: text("refresh_token"), body }
    }
}

pub fn challenge() -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER.as_bytes()))
}

/// The parameters of a request, with changes. An empty value removes a parameter.
pub fn request<'a>(
    client: &'a str,
    challenge: &'a str,
    changes: &[(&'static str, &'a str)],
) -> Vec<(&'static str, &'a str)> {
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("state", "xyz"),
        ("scope", "member"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("resource", RESOURCE),
    ];
    for change in changes {
        fields.retain(|(name, _)| *name != change.0);
        fields.push(*change);
    }
    fields
}

pub fn query(fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    format!("/oauth/authorize?{}", query.finish())
}

/// A parameter of the address that a response redirects to.
pub fn parameter(response: &TestResponse, name: &str) -> Option<String> {
    let address = url::Url::parse(response.header("location")).expect("an address");
    let found = address.query_pairs().find(|(parameter, _)| parameter == name);
    found.map(|(_, value)| value.into_owned())
}

impl Server {
    pub async fn register_client(&self, body: &Value) -> TestResponse {
        self.post("/oauth/register").json(body).send().await
    }

    /// Registers an app with the usual redirect URI. Returns its id.
    pub async fn oauth_client(&self) -> String {
        self.oauth_client_from("203.0.113.7").await
    }

    /// Registers an app from this address.
    pub async fn oauth_client_from(&self, address: &str) -> String {
        let body = json!({ "client_name": "Claude Code", "redirect_uris": ["http://127.0.0.1/callback"] });
        let response = self.post("/oauth/register").from(address).json(&body).send().await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["client_id"].as_str().expect("an id").to_owned()
    }

    pub async fn authorize_page(&self, cookies: &str, fields: &[(&str, &str)]) -> TestResponse {
        self.get(&query(fields)).browser().with(cookies).send().await
    }

    /// The token in the forms of a session's consent page.
    pub async fn consent_token(
        &self,
        cookies: &str,
        client: &str,
        changes: &[(&'static str, &str)],
    ) -> String {
        let challenge = challenge();
        let page = self.authorize_page(cookies, &request(client, &challenge, changes)).await.text();
        let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token");
        rest.split('"').next().expect("its end").to_owned()
    }

    /// Sends the form of the consent page.
    pub async fn consent(
        &self,
        cookies: &str,
        client: &str,
        changes: &[(&'static str, &str)],
    ) -> TestResponse {
        let token = self.consent_token(cookies, client, changes).await;
        let (challenge, org) = (challenge(), self.organization("Tidewater Freight").await.to_string());
        let usual = [("token", token.as_str()), ("org", &org), ("role", "member"), ("verdict", "approve")];
        let fields = request(client, &challenge, &[&usual[..], changes].concat());
        self.post("/oauth/authorize").same_origin().with(cookies).form(&fields).send().await
    }

    /// Approves a login and returns its code.
    pub async fn approved_code(
        &self,
        cookies: &str,
        client: &str,
        changes: &[(&'static str, &str)],
    ) -> String {
        let response = self.consent(cookies, client, changes).await;
        assert_eq!(response.status, 303, "{}", response.text());
        parameter(&response, "code").unwrap_or_else(|| panic!("no code: {}", response.header("location")))
    }

    pub async fn redeem_code(
        &self,
        client: &str,
        code: &str,
        changes: &[(&'static str, &str)],
    ) -> TestResponse {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        for change in changes {
            fields.retain(|(name, _)| *name != change.0);
            fields.push(*change);
        }
        self.token(&fields).await
    }

    pub async fn refresh(&self, client: &str, token: &str) -> TestResponse {
        self.token(&[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]).await
    }

    /// Logs an app of this persona in. Returns the id of the app and its tokens.
    pub async fn mcp_login(&self, persona: Persona) -> (String, Tokens) {
        let cookies = self.sign_in_as(persona).await;
        let client = self.oauth_client().await;
        let role = if persona == Persona::Viewer { "viewer" } else { "member" };
        let code = self.approved_code(&cookies, &client, &[("role", role)]).await;
        let tokens = Tokens::of(&self.redeem_code(&client, &code, &[]).await);
        (client, tokens)
    }

    /// The outcome of a check at the MCP endpoint.
    pub async fn check_at_mcp(&self, token: &Secret) -> Outcome {
        let presenter = Presenter { user_agent: "test", ..Presenter::default() };
        let verdict = keys_server::verify(&self.app, token.expose(), &AT_MCP, &presenter).await;
        verdict.expect("a verdict").outcome
    }
}
