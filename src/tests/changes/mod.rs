//! Calls every route that changes something, so that it succeeds: a change writes exactly one row of the audit log, and if that row
//! cannot be written, the change does not happen. A route without a case here fails the test.

mod forms;

use super::harness::{Server, TestResponse, on_both_engines};
use super::key_policy::no_rules;
use super::personas::Persona;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::platform::http::{Audience, Route};
use crate::server;
use crate::shared::Role;
use axum::http::Method;
use forms::change_by_form;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

/// Routes that change no data, each with the reason.
const CHANGE_NO_DATA: &[(&str, &str)] = &[
    ("/preferences/theme", "the theme is a cookie of one browser"),
    ("/iap/sdk/bootstrap", "tells what there is"),
    ("/api/v1/keys/verify", "a check counts usage and nothing else"),
    ("/api/v1/key-policy/preview", "shows what a change would refuse"),
    ("/api/v1/leaks", "a report is examined later"),
    ("/api/mcp", "the tools have tests of their own: tests/mcp"),
    ("/settings/api-keys", "looks for keys and leads to what was found"),
    ("/settings/protect", "says what a check of a key would decide, and counts nothing"),
    ("/settings/profile/recovery-codes/file", "returns the codes of the form as a file"),
    ("/gallery", "a page of development builds that shows forms and keeps nothing"),
];

/// Settings that enable all optional routes. No mail arrives.
pub const EVERYTHING_ON: &[(&str, &str)] = &[
    ("LATCHKEY_SMTP_URL", "smtp://127.0.0.1:9"),
    ("LATCHKEY_MAIL_FROM", "Latchkey <keys@tidewater.example>"),
    ("LATCHKEY_SIGN_UP", "open"),
    ("LATCHKEY_GITHUB_CLIENT_ID", "latchkey"),
    ("LATCHKEY_GITHUB_CLIENT_SECRET", "open sesame"),
];

/// A request that changes something, and the row that it must write.
struct Change {
    action: &'static str,
    /// The row that another organization gets, before that.
    elsewhere: Option<&'static str>,
    path: String,
    cookies: String,
    fields: Vec<(&'static str, String)>,
    /// A program's key, if it has one, and a JSON body, instead of cookies and fields.
    program: Option<(Option<Secret>, Value)>,
}

impl Change {
    fn new(action: &'static str, path: impl Into<String>, cookies: impl Into<String>) -> Self {
        Self {
            action,
            elsewhere: None,
            path: path.into(),
            cookies: cookies.into(),
            fields: Vec::new(),
            program: None,
        }
    }

    #[must_use]
    fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// An address of the route, where that is a pattern.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    async fn send(&self, server: &Server, method: &Method) -> TestResponse {
        let call = server.call(method.clone(), &self.path);
        if let Some((key, body)) = &self.program {
            let call = key.iter().fold(call, |call, key| call.key(key));
            return call.json(body).send().await;
        }
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        call.same_origin().with(&self.cookies).form(&fields).send().await
    }
}

/// Prepares the change of a route of the public API.
async fn change_by_key(server: &Server, method: &Method, route: &str) -> Option<Change> {
    let key = server.key_of(Persona::Owner).await;
    let target = server.key(&server.actor(Persona::Owner).await, "one").await.key.id;
    let base = format!("/api/v1/keys/{target}");
    let rotate = || server.post(&format!("{base}/rotate")).key(&key).json(&json!({})).send();
    let (action, body) = match (method.as_str(), route) {
        ("POST", "/api/v1/keys") => ("key.created", json!({ "name": "two" })),
        ("PATCH", "/api/v1/keys/{id}") => ("key.edited", json!({ "name": "two" })),
        ("POST", "/api/v1/keys/{id}/rotate") => ("key.rotated", json!({})),
        ("POST", "/api/v1/keys/{id}/finish") => {
            rotate().await;
            ("key.rotation_finished", json!({}))
        }
        ("POST", "/api/v1/keys/{id}/extend") => {
            rotate().await;
            ("key.rotation_extended", json!({ "until": "2026-11-25T10:00:00Z" }))
        }
        ("POST", "/api/v1/keys/{id}/disable") => ("key.disabled", json!({})),
        ("POST", "/api/v1/keys/{id}/enable") => {
            server.post(&format!("{base}/disable")).key(&key).json(&json!({})).send().await;
            ("key.enabled", json!({}))
        }
        ("POST", "/api/v1/keys/{id}/revoke") => ("key.revoked", json!({})),
        ("PATCH", "/api/v1/leaks/policy") => ("leak_policy.changed", json!({ "effect": "disable" })),
        ("POST", "/api/v1/permissions") => ("permission.added", json!({ "name": "two.read" })),
        ("PATCH", "/api/v1/permissions/{id}") => ("permission.described", json!({ "description": "two" })),
        ("DELETE", "/api/v1/permissions/{id}") => ("permission.removed", json!({})),
        ("PUT", "/api/v1/key-policy") => {
            let mut rules = no_rules();
            rules["idle_days"] = json!(90);
            ("key_policy.changed", rules)
        }
        ("POST", "/api/v1/approvals/{id}/withdraw") => ("approval.withdrawn", json!({})),
        _ if route.starts_with("/api/v1/webhooks") => {
            return change_of_webhook(server, method, route, &key).await;
        }
        _ => return None,
    };
    let target = match route {
        "/api/v1/permissions/{id}" => server.list_permission(&key).await,
        "/api/v1/approvals/{id}/withdraw" => server.request_of(Persona::Owner).await.to_string(),
        _ => target.to_string(),
    };
    let change = Change::new(action, route.replace("{id}", &target), "");
    Some(Change { program: Some((Some(key), body)), ..change })
}

const RECEIVER: &str = "https://93.184.216.34/one";

/// Prepares the change of a webhook by the public API.
async fn change_of_webhook(server: &Server, method: &Method, route: &str, key: &Secret) -> Option<Change> {
    let (action, body) = match (method.as_str(), route) {
        ("POST", "/api/v1/webhooks") => {
            ("webhook.created", json!({ "url": "https://93.184.216.34/two", "events": ["*"] }))
        }
        ("PATCH", "/api/v1/webhooks/{id}") => ("webhook.changed", json!({ "description": "SIEM" })),
        ("DELETE", "/api/v1/webhooks/{id}") => ("webhook.removed", json!({})),
        ("POST", "/api/v1/webhooks/{id}/rotate-secret") => ("webhook.secret_rotated", json!({})),
        ("POST", "/api/v1/webhooks/{id}/test") => ("webhook.tested", json!({})),
        ("POST", "/api/v1/webhooks/deliveries/{id}/resend") => ("webhook.resent", json!({})),
        _ => return None,
    };
    let mut id = server.webhook(key, RECEIVER, &["key.leaked"]).await.id.to_string();
    if route.contains("deliveries") {
        let test = server.post(&format!("/api/v1/webhooks/{id}/test")).key(key).json(&json!({}));
        id = test.send().await.json()["id"].as_str().expect("an id").to_owned();
        server.clock.advance(std::time::Duration::from_secs(1));
    }
    let change = Change::new(action, route.replace("{id}", &id), "");
    Some(Change { program: Some((Some(key.clone()), body)), ..change })
}

/// Prepares the change of a route of the ArmorIQ clients.
async fn change_by_client(server: &Server, route: &str) -> Option<Change> {
    let (action, key, body) = match route {
        "/auth/device/code" => ("login.asked", None, json!({})),
        "/auth/device/token" => {
            let (code, user_code) = server.device_asks(json!({})).await;
            server.approve_login(&user_code, Persona::Owner).await;
            ("key.created", None, json!({ "deviceCode": code }))
        }
        "/iap/sdk/register" => {
            let key = server.key_of(Persona::Owner).await;
            ("agent.registered", Some(key), json!({ "identity": { "agent_id": "my-agent" } }))
        }
        "/iap/sdk/switch-org" => {
            let key = server.login_key(Persona::Owner, super::armoriq::DEVICE).await;
            server.second_organization(Persona::Owner, "Nair Consulting", Role::Owner).await;
            ("key.created", Some(key), json!({ "org": "Nair Consulting" }))
        }
        "/api-keys/{id}/revoke" => ("key.revoked", Some(server.key_of(Persona::Owner).await), json!({})),
        _ => return None,
    };
    let target = server.key(&server.actor(Persona::Owner).await, "one").await.key.id;
    let change = Change::new(action, route.replace("{id}", &target.to_string()), "");
    let elsewhere = (route == "/iap/sdk/switch-org").then_some("login.switched");
    Some(Change { program: Some((key, body)), elsewhere, ..change })
}

/// Routes that only say that a feature is missing.
fn not_offered() -> Vec<&'static str> {
    crate::armoriq::not_offered().list().iter().map(|route| route.path).collect()
}

fn changing_routes() -> Vec<Route> {
    let routes = server::routes().list().to_vec();
    routes.into_iter().filter(|route| route.method != Method::GET).collect()
}

#[apply(on_both_engines!)]
async fn every_change_writes_one_row_or_does_not_happen(engine: Engine) {
    for Route { path: route, method, audience, .. } in changing_routes() {
        if CHANGE_NO_DATA.iter().any(|(named, _)| *named == route) {
            continue;
        }
        if not_offered().contains(&route) {
            continue;
        }
        let server = Server::with(engine, EVERYTHING_ON).await;
        let is_client = crate::armoriq::routes().list().iter().any(|client_route| client_route.path == route);
        let change = match audience {
            _ if route == "/oauth/register" => {
                let body = json!({ "redirect_uris": ["http://localhost/callback"] });
                let change = Change::new("client.registered", route, "");
                Some(Change { program: Some((None, body)), ..change })
            }
            _ if is_client => change_by_client(&server, route).await,
            Audience::Key => change_by_key(&server, &method, route).await,
            _ => change_by_form(&server, route).await,
        };
        let change = change.unwrap_or_else(|| panic!("there is no case for {method} {route}"));
        let (initial, rows) = (server.everything().await, server.audited().await);

        sqlx::query("ALTER TABLE audit RENAME TO audit_away")
            .execute(server.app.db.pool())
            .await
            .expect("away");
        let failed = change.send(&server, &method).await;
        sqlx::query("ALTER TABLE audit_away RENAME TO audit")
            .execute(server.app.db.pool())
            .await
            .expect("back");
        assert_eq!(failed.status, 503, "{route} without the audit log");
        assert_eq!(server.everything().await, initial, "{route} left something behind");

        let done = change.send(&server, &method).await;
        assert!(done.status.is_success() || done.status.is_redirection(), "{route}: {}", done.text());
        let after = server.audited().await;
        assert_eq!(after[..rows.len()], rows, "{route}");
        let owed: Vec<&str> = change.elsewhere.into_iter().chain([change.action]).collect();
        assert_eq!(after[rows.len()..], owed, "{route}");
        assert_ne!(server.everything().await, initial, "{route} changed nothing");
    }
}

#[apply(on_both_engines!)]
async fn what_changes_no_data_writes_no_row(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let org = server.organization("Tidewater Freight").await.to_string();
    let key = server.key_of(Persona::Owner).await;
    let initial = server.everything().await;
    for (route, why) in CHANGE_NO_DATA {
        let mut change =
            Change::new("", *route, &here).field("org", &org).field("theme", "dark").field("key", "x");
        if changing_routes().iter().any(|other| other.path == *route && other.audience == Audience::Key) {
            let body = match *route {
                "/api/v1/key-policy/preview" => no_rules(),
                "/api/mcp" => super::mcp::tools_list(),
                _ => json!({ "key": key.expose() }),
            };
            change.program = Some((Some(key.clone()), body));
        }
        if *route == "/api/v1/leaks" {
            change.program = Some((None, json!({ "tokens": [key.expose()] })));
        }
        let response = change.send(&server, &Method::POST).await;
        // The page of development builds always reports errors.
        let is_done = response.status.as_u16() < 400 || *route == "/gallery";
        assert!(is_done, "{route}: {}", response.text());
        assert_eq!(server.everything().await, initial, "{route}: {why}");
    }
}
