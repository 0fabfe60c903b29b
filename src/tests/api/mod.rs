//! Tests of the public API, on both engines.

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
async fn a_rate_limit_is_reported_and_enforced(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let limited = keys::create(&server.app, &owner, &Draft { rate_limit: Some(1), ..draft("limited") }, None)
        .await
        .expect("a key");
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let first = server.get(&path).key(&limited.plaintext).send().await;
    assert_eq!((first.status.as_u16(), first.header("ratelimit")), (200, "\"minute\";r=0;t=60"));
    server.clock.advance(Duration::from_millis(1_500));
    let second = server.get(&path).key(&limited.plaintext).send().await;
    refused(&second, 429, "Too many requests");
    assert_eq!((second.header("retry-after"), second.header("ratelimit")), ("59", "\"minute\";r=0;t=59"));
}

#[apply(on_both_engines!)]
async fn authorize_describes_the_key_to_a_proxy(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let other = server.actor(Persona::Stranger).await;
    let created =
        keys::create(&server.app, &owner, &Draft { role: Some(Role::Member), ..draft("CI déploy") }, None)
            .await
            .expect("a key");
    let test = keys::create(&server.app, &owner, &Draft { kind: Kind::Test, ..draft("test") }, None)
        .await
        .expect("a key");
    let org = &owner.org.org;
    let ask = async |query: &str, key: &Secret| {
        server.get(&format!("/api/v1/authorize{query}")).key(key).send().await
    };
    let fine = ask(&format!("?org={org}"), &created.plaintext).await;
    assert_eq!((fine.status.as_u16(), fine.text().as_str()), (200, ""));
    for (name, value) in [
        ("x-latchkey-key", created.key.id.to_string().as_str()),
        ("x-latchkey-org", &org.to_string()),
        ("x-latchkey-user", &owner.user.to_string()),
        ("x-latchkey-role", "member"),
        ("x-latchkey-kind", "live"),
        ("x-latchkey-name", "CI+d%C3%A9ploy"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(fine.header(name), value, "{name}");
    }
    refused(&ask("", &created.plaintext).await, 403, "Not allowed");
    for query in ["?org=nonsense", &format!("?org={org}&role=king"), &format!("?org={org}&kind=live,all")] {
        refused(&ask(query, &created.plaintext).await, 403, "Not allowed");
    }
    refused(&ask(&format!("?org={}", other.org.org), &created.plaintext).await, 401, "Invalid API key");
    refused(&ask(&format!("?org={org}&role=admin"), &created.plaintext).await, 403, "Role too low");
    assert_eq!(ask(&format!("?org={org}&role=member"), &created.plaintext).await.status, 200);
    refused(&ask(&format!("?org={org}"), &test.plaintext).await, 403, "Kind not allowed");
    assert_eq!(ask(&format!("?org={org}&kind=live,test"), &test.plaintext).await.status, 200);
    refused(&ask(&format!("?org={org}&kind=mcp"), &created.plaintext).await, 403, "Kind not allowed");
    refused(
        &server.get(&format!("/api/v1/authorize?org={org}")).send().await,
        401,
        "Missing Authorization Bearer token",
    );
    let huge = server
        .get(&format!("/api/v1/authorize?org={org}"))
        .header("x-api-key", &"x".repeat(40_000))
        .send()
        .await;
    assert_eq!(huge.status, 431);
}

#[apply(on_both_engines!)]
async fn a_service_checks_keys_of_its_own_organization_only(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let service = server.key_of(Persona::Viewer).await;
    let foreign = server.key_of(Persona::Stranger).await;
    let bound = Draft { ranges: vec!["203.0.113.0/24".to_owned()], ..draft("bound") };
    let bound = keys::create(&server.app, &owner, &bound, None).await.expect("a key");
    let ask = async |body: Value| {
        let response = server.post("/api/v1/keys/verify").key(&service).json(&body).send().await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    };
    let fine = ask(json!({"key": bound.plaintext.expose(), "ip": "203.0.113.9"})).await;
    assert_eq!(
        (fine["valid"].as_bool(), fine["code"].as_str(), fine["role"].as_str()),
        (Some(true), Some("valid"), Some("owner"))
    );
    assert_eq!(
        (&fine["key"]["id"], &fine["key"]["name"], &fine["org"]),
        (&json!(bound.key.id), &json!("bound"), &json!(owner.org.org))
    );
    for (body, code) in [
        (json!({"key": bound.plaintext.expose(), "ip": "203.0.114.9"}), "ip_not_allowed"),
        (json!({"key": bound.plaintext.expose()}), "ip_not_allowed"),
        (json!({"key": bound.plaintext.expose(), "ip": "203.0.113.9", "kinds": ["mcp"]}), "kind_not_allowed"),
        (json!({"key": service.expose(), "role": "member"}), "role_too_low"),
        (json!({"key": foreign.expose()}), "unknown"),
        (json!({"key": ""}), "missing"),
        (json!({}), "missing"),
        (json!({"key": "ak_live_x"}), "malformed"),
        (json!({"key": "\u{0}🔑"}), "malformed"),
    ] {
        let response = ask(body.clone()).await;
        assert_eq!(
            (response["valid"].as_bool(), response["code"].as_str()),
            (Some(false), Some(code)),
            "{body}"
        );
        if code == "unknown" {
            assert!(
                response["key"].is_null() && response["org"].is_null(),
                "another organization's key is not told of: {response}"
            );
        }
    }
    keys::disable(&server.app, &owner, bound.key.id).await.expect("a key");
    assert_eq!(ask(json!({"key": bound.plaintext.expose()})).await["code"], "disabled");
    keys::revoke(&server.app, &owner, bound.key.id).await.expect("a key");
    let dead = ask(json!({"key": bound.plaintext.expose()})).await;
    assert_eq!(
        (&dead["code"], &dead["key"]["id"], dead["key"]["name"].as_str()),
        (&json!("revoked"), &json!(bound.key.id), None)
    );
    let elsewhere = server
        .post("/api/v1/keys/verify")
        .key(&foreign)
        .json(&json!({"key": bound.plaintext.expose()}))
        .send()
        .await
        .json();
    assert_eq!((elsewhere["code"].as_str(), elsewhere["key"].is_null()), (Some("unknown"), true));
    refused(
        &server.post("/api/v1/keys/verify").json(&json!({"key": "x"})).send().await,
        401,
        "Missing Authorization Bearer token",
    );
}

#[apply(on_both_engines!)]
async fn invalid_bodies_get_a_clear_error(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for path in ["/api/v1/keys", "/api/v1/keys/verify"] {
        for (body, kind, status) in [
            ("", "application/json", 400),
            ("{", "application/json", 400),
            ("null", "application/json", 422),
            ("[]", "application/json", 422),
            ("{\"name\":1}", "application/json", 422),
            ("{\"key\":1}", "application/json", 422),
            (&deep, "application/json", 400),
            (&large, "application/json", 413),
            ("name=x", "application/x-www-form-urlencoded", 415),
            ("{}", "", 415),
        ] {
            if path.ends_with("verify") && body.starts_with('[') && body.len() < 5 {
                continue; // Structs are read from sequences too; an empty one asks about no key.
            }
            let call = server.post(path).key(&key).header("content-type", kind).body(body.to_owned());
            let response = call.send().await;
            let fits = response.status.as_u16() == status || (status == 400 && response.status == 422);
            assert!(
                fits,
                "{path} {kind} {}: {} {}",
                &body[..body.len().min(20)],
                response.status,
                response.text()
            );
            assert_eq!(response.header("content-type"), "application/problem+json");
        }
        let invalid = server
            .post(path)
            .key(&key)
            .header("content-type", "application/json")
            .body(vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']);
        assert!(invalid.send().await.status.is_client_error());
    }
    let far = server
        .post("/api/v1/keys")
        .key(&key)
        .json(&json!({"name": "x", "expires_at": "10000-01-01T00:00:00Z"}))
        .send()
        .await;
    let detail = far.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(far.status == 422 && detail.starts_with("expires_at: a moment is written as"), "{detail}");
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "x".repeat(81)}), "name"),
        (json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "x", "rate_limit_per_minute": -1}), "rate_limit_per_minute"),
        (
            json!({"name": "x", "rate_limit_per_minute": 9_000_000_000_000_000_000_i64}),
            "rate_limit_per_minute",
        ),
        (json!({"name": "x", "allowed_ranges": ["10.0.0.0/8", "10.0.0.0/9"]}), "allowed_ranges"),
        (json!({"name": "x", "note": "\u{7}"}), "note"),
    ] {
        let response = server.make(&key, &body).await;
        refused(&response, 422, "Not accepted");
        assert_eq!(response.json()["errors"][0]["field"], field);
    }
    for (query, status) in [
        ("?sort=size", 422),
        ("?status=x", 422),
        ("?kind=x", 422),
        ("?limit=0", 422),
        ("?limit=x", 400),
        ("?cursor=x", 422),
        ("?q=%00", 200),
        ("?created_by=%00", 200),
    ] {
        let response = server.get(&format!("/api/v1/keys{query}")).key(&key).send().await;
        let fits = response.status.as_u16() == status || (status == 200 && response.status == 422);
        assert!(fits, "{query}: {} {}", response.status, response.text());
    }
    for id in ["x", "%00", "01a1f866-0d00-7fff-bfff-ffffffffffff", "../keys"] {
        assert_eq!(server.get(&format!("/api/v1/keys/{id}")).key(&key).send().await.status, 404, "{id}");
    }
    assert_eq!(server.audit_actions().await.iter().filter(|action| *action == "key.created").count(), 1);
}

#[apply(on_both_engines!)]
async fn the_caller_cannot_choose_the_owner(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.key_of(Persona::Member).await;
    let stranger = server.actor(Persona::Stranger).await;
    for field in ["org_id", "org", "user_id", "created_by", "created_by_key", "id", "calls", "secret", "key"]
    {
        let response = server.make(&member, &json!({"name": field, field: stranger.user.to_string()})).await;
        assert_eq!(response.status, 422, "{field}");
    }
    let response = server.make(&member, &json!({"name": "higher", "role": "owner"})).await;
    refused(&response, 403, "Not allowed");
    let created = server.make(&member, &json!({"name": "mine"})).await.json();
    assert_eq!(created["role"], "member");
    let path = format!("/api/v1/keys/{}", created["id"].as_str().expect("an id"));
    for field in ["org_id", "role", "kind", "created_by", "status"] {
        let response =
            server.call(Method::PATCH, &path).key(&member).json(&json!({field: "owner"})).send().await;
        assert_eq!(response.status, 422, "{field}");
    }
    let foreign = server.key_of(Persona::Stranger).await;
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::POST, format!("{path}/revoke")),
        (Method::POST, format!("{path}/rotate")),
        (Method::GET, format!("{path}/usage")),
    ] {
        let response = server.call(method, &path).key(&foreign).json(&json!({})).send().await;
        refused(&response, 404, "Not found");
    }
    let viewer = server.key_of(Persona::Viewer).await;
    refused(&server.make(&viewer, &json!({"name": "no"})).await, 403, "Not allowed");
    assert_eq!(
        server.get("/api/v1/keys").key(&viewer).send().await.json()["data"].as_array().map(Vec::len),
        Some(3)
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
