//! The endpoints that check keys: `authorize` and `verify`.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::super::harness::{Server, on_both_engines};
use super::super::keys::draft;
use super::super::personas::Persona;
use super::refused;
use crate::keys::server::{self as keys, Draft};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::{Kind, Role};

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
