//! Tests of the public API, on both engines.

mod bodies;
mod checks;
mod document;
mod proxy;

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::harness::{Call, Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::{Kind, Role};

impl Call<'_> {
    pub fn key(self, key: &Secret) -> Self {
        self.header("authorization", &format!("Bearer {}", key.expose()))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}

impl Server {
    /// A key of the persona's.
    pub async fn key_of(&self, persona: Persona) -> Secret {
        let actor = self.actor(persona).await;
        self.key(&actor, &format!("{persona:?}'s")).await.plaintext
    }

    async fn make(&self, key: &Secret, body: &Value) -> TestResponse {
        self.post("/api/v1/keys").key(key).json(body).send().await
    }
}

fn refused(response: &TestResponse, status: u16, error: &str) {
    assert_eq!(response.status.as_u16(), status, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/problem+json");
    assert_eq!(response.header("cache-control"), "no-store");
    let body = response.json();
    assert_eq!((body["error"].as_str(), body["title"].as_str()), (Some(error), Some(error)));
    assert_eq!(body["message"], body["detail"]);
    assert_eq!(body["request_id"], response.header("x-request-id"));
    assert_eq!(response.header("www-authenticate").starts_with("Bearer"), status == 401);
}

#[apply(on_both_engines!)]
async fn a_key_makes_reads_changes_and_revokes_keys(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    let created = server.make(&key, &json!({
        "name": "CI deploy", "kind": "claw", "role": "member", "note": "for the pipeline",
        "expires_at": "2027-01-01T00:00:00Z", "rate_limit_per_minute": 60, "allowed_ranges": ["203.0.113.0/24"],
    })).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.header("cache-control"), "no-store");
    let body = created.json();
    let plain = Secret::new(body["key"].as_str().expect("a plaintext"));
    let path = format!("/api/v1/keys/{}", body["id"].as_str().expect("an id"));
    let read = server.get(&path).key(&key).send().await.json();
    for (field, value) in [
        ("name", json!("CI deploy")),
        ("kind", json!("claw")),
        ("role", json!("member")),
        ("is_active", json!(true)),
        ("status", json!("active")),
        ("created_at", json!("2026-11-20T10:00:00.000Z")),
        ("expires_at", json!("2027-01-01T00:00:00.000Z")),
        ("rate_limit_per_minute", json!(60)),
        ("allowed_ranges", json!(["203.0.113.0/24"])),
        ("calls", json!(0)),
        ("last_used_at", json!(null)),
        ("rotation", json!(null)),
        ("note", json!("for the pipeline")),
    ] {
        assert_eq!(read[field], value, "{field}");
    }
    assert!(
        read["key"].is_null() && plain.expose().starts_with(read["key_prefix"].as_str().expect("a prefix"))
    );

    let me = server.get("/api/v1/me").from("203.0.113.9").key(&plain).send().await;
    assert_eq!(me.json()["key"]["name"], "CI deploy");
    assert_eq!(
        (me.json()["org"]["name"].as_str(), me.json()["user"]["email"].as_str()),
        (Some("Tidewater Freight"), Some("owner@tidewater.example"))
    );
    assert_eq!(
        (me.header("ratelimit-policy"), me.header("ratelimit")),
        ("\"minute\";q=60;w=60", "\"minute\";r=59;t=60")
    );
    assert_eq!(server.get(&path).key(&key).send().await.json()["calls"], 1);

    let edited = server
        .call(Method::PATCH, &path)
        .key(&key)
        .json(&json!({"name": "CI", "rate_limit_per_minute": null, "allowed_ranges": []}))
        .send()
        .await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!(
        (
            edited.json()["name"].as_str(),
            edited.json()["rate_limit_per_minute"].clone(),
            edited.json()["expires_at"].as_str()
        ),
        (Some("CI"), json!(null), Some("2027-01-01T00:00:00.000Z"))
    );
    let verb = async |verb: &str, body: Value| {
        server.post(&format!("{path}/{verb}")).key(&key).json(&body).send().await
    };
    let rotated = verb("rotate", json!({"overlap_seconds": 3600})).await;
    assert_eq!((rotated.status.as_u16(), rotated.json()["status"].as_str()), (200, Some("rotating")));
    assert!(rotated.json()["key"].as_str().is_some_and(|fresh| fresh != plain.expose()));
    assert_eq!(
        verb("extend", json!({"until": "2026-11-20T12:00:00Z"})).await.json()["rotation"]["valid_until"],
        "2026-11-20T12:00:00.000Z"
    );
    assert_eq!(verb("extend", json!({"until": "2026-11-20T12:00:00Z"})).await.status, 422);
    assert_eq!(verb("finish", json!({})).await.json()["status"], "active");
    assert_eq!(verb("finish", json!({})).await.status, 409);
    assert_eq!(verb("disable", json!({})).await.json()["status"], "disabled");
    assert_eq!(verb("enable", json!({})).await.json()["status"], "active");
    assert_eq!(verb("revoke", json!({})).await.json()["status"], "revoked");
    assert_eq!(verb("revoke", json!({})).await.status, 409);
    let usage = server.get(&format!("{path}/usage?hours=1")).key(&key).send().await.json();
    assert_eq!(
        (usage["hours"][0]["outcome"].as_str(), usage["hours"][0]["requests"].as_i64()),
        (Some("valid"), Some(1))
    );
    assert_eq!(usage["callers"][0]["address"], "203.0.113.9");
    let actions = server.audit_actions().await;
    assert_eq!(
        &actions[actions.len() - 8..],
        [
            "key.created",
            "key.edited",
            "key.rotated",
            "key.rotation_extended",
            "key.rotation_finished",
            "key.disabled",
            "key.enabled",
            "key.revoked"
        ]
    );
}

#[apply(on_both_engines!)]
async fn refusals_say_what_they_may(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "one").await;
    let ask = async |value: &str| server.get("/api/v1/me").header("authorization", value).send().await;
    refused(&server.get("/api/v1/me").send().await, 401, "Missing Authorization Bearer token");
    refused(&ask("Basic b3duZXI6eA==").await, 401, "Missing Authorization Bearer token");
    let good = format!("Bearer {}", key.plaintext.expose());
    let mut flipped = good.clone();
    flipped.replace_range(30..31, if &good[30..31] == "x" { "y" } else { "x" });
    let unknown = format!("Bearer {}", crate::keys::server::fresh_token(&server.app.random, Kind::Live));
    for wrong in ["Bearer x", &flipped, &unknown] {
        refused(&ask(wrong).await, 401, "Invalid API key");
    }
    assert_eq!(ask(&good.replace("Bearer", "bearer")).await.status, 200);
    let both =
        server.get("/api/v1/me").header("authorization", &good).header("x-api-key", "other").send().await;
    refused(&both, 401, "Invalid API key");
    // Revoked, disabled and expired look alike.
    for ended in ["disable", "revoke"] {
        let created = server.key(&owner, ended).await;
        let done = if ended == "disable" {
            keys::disable(&server.app, &owner, created.key.id).await
        } else {
            keys::revoke(&server.app, &owner, created.key.id).await
        };
        done.expect("a key");
        refused(&server.get("/api/v1/me").key(&created.plaintext).send().await, 401, "Invalid API key");
    }
    let soon = Draft { expires_at: Some(server.clock.now().plus(Duration::from_secs(1))), ..draft("soon") };
    let created = keys::create(&server.app, &owner, &soon, None).await.expect("a key");
    server.clock.advance(Duration::from_secs(1));
    refused(&server.get("/api/v1/me").key(&created.plaintext).send().await, 401, "Invalid API key");
    // A session is no key.
    let cookies = server.sign_in_as(Persona::Owner).await;
    refused(
        &server.get("/api/v1/keys").with(&cookies).send().await,
        401,
        "Missing Authorization Bearer token",
    );
}

#[apply(on_both_engines!)]
async fn an_idempotency_key_makes_one_key(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    let call = || {
        server
            .post("/api/v1/keys")
            .key(&key)
            .header("idempotency-key", "deploy-7")
            .json(&json!({"name": "once"}))
            .send()
    };
    let first = call().await;
    assert_eq!(first.status, 201);
    let again = call().await;
    refused(&again, 409, "Already done");
    assert_eq!(again.json()["key_id"], first.json()["id"]);
    assert!(!again.text().contains(first.json()["key"].as_str().expect("a plaintext")));
    let path = format!("/api/v1/keys/{}/rotate", first.json()["id"].as_str().expect("an id"));
    let rotate =
        || server.post(&path).key(&key).header("idempotency-key", "rotate-1").json(&json!({})).send();
    assert_eq!(rotate().await.status, 200);
    refused(&rotate().await, 409, "Already done");
    let empty = server
        .post("/api/v1/keys")
        .key(&key)
        .header("idempotency-key", "")
        .json(&json!({"name": "x"}))
        .send()
        .await;
    assert_eq!(empty.status, 400);
}

#[apply(on_both_engines!)]
async fn an_admins_key_reads_who_did_what(engine: Engine) {
    let server = Server::on(engine).await;
    let (admin, member) = (server.key_of(Persona::Admin).await, server.key_of(Persona::Member).await);
    let foreign = server.key_of(Persona::Stranger).await;
    let created = server.make(&member, &json!({"name": "traced"})).await;
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let read =
        async |query: &str| server.get(&format!("/api/v1/audit{query}")).key(&admin).send().await.json();
    let found = read(&format!("?request_id={}", created.header("x-request-id"))).await;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    let event = &found["data"][0];
    assert_eq!(
        (
            event["action"].as_str(),
            event["target"]["id"].as_str(),
            event["actor"]["kind"].as_str(),
            event["actor"]["name"].as_str()
        ),
        (Some("key.created"), Some(id.as_str()), Some("key"), Some("Member's"))
    );
    let first = read("?limit=2").await;
    let next = first["next_cursor"].as_str().expect("a cursor");
    let second = read(&format!("?limit=2&cursor={next}")).await;
    assert!(second["data"][0]["id"].as_str() < first["data"][1]["id"].as_str());
    assert_eq!(
        read(&format!("?target={id}&action=key.revoked")).await["data"].as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(read("?since=2027-01-01T00:00:00Z").await["data"].as_array().map(Vec::len), Some(0));
    refused(&server.get("/api/v1/audit").key(&member).send().await, 403, "Not allowed");
    let theirs = server.get(&format!("/api/v1/audit?target={id}")).key(&foreign).send().await.json();
    assert_eq!(theirs["data"].as_array().map(Vec::len), Some(0));
    for query in ["?limit=0", "?since=yesterday"] {
        assert!(
            server.get(&format!("/api/v1/audit{query}")).key(&admin).send().await.status.is_client_error(),
            "{query}"
        );
    }
}

#[apply(on_both_engines!)]
async fn the_list_pages_filters_and_searches(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    for number in 0..5 {
        let kind = if number % 2 == 0 { "live" } else { "mcp" };
        assert_eq!(
            server.make(&key, &json!({"name": format!("Job {number}"), "kind": kind})).await.status,
            201
        );
    }
    let list = async |query: &str| server.get(&format!("/api/v1/keys{query}")).key(&key).send().await.json();
    let names = |page: &Value| {
        page["data"]
            .as_array()
            .expect("keys")
            .iter()
            .map(|key| key["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let first = list("?q=job&sort=name&limit=2").await;
    assert_eq!(names(&first), ["Job 0", "Job 1"]);
    let next = first["next_cursor"].as_str().expect("a cursor");
    let second = list(&format!("?q=job&sort=name&limit=3&cursor={next}")).await;
    assert_eq!(
        (names(&second), second["next_cursor"].is_null()),
        (vec!["Job 2".to_owned(), "Job 3".to_owned(), "Job 4".to_owned()], true)
    );
    assert_eq!(names(&list("?kind=mcp&sort=-name").await), ["Job 3", "Job 1"]);
    assert_eq!(names(&list("?status=revoked").await), Vec::<String>::new());
    let prefix = first["data"][1]["key_prefix"].as_str().expect("a prefix");
    assert_eq!(names(&list(&format!("?q={}", &prefix[..prefix.len() - 3])).await), ["Job 1"]);
}
