//! Bodies that are refused.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::json;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use super::refused;
use crate::platform::db::Engine;

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
