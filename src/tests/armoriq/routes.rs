//! Who may use which route, with which headers, and the format of errors.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{self as keys, Draft};
use crate::platform::db::Engine;
use crate::platform::http::{Audience, Route};

/// The status of each route for keys of a viewer, member, admin, owner, and of another organization's owner.
const TABLE: &[(&str, &str, [u16; 5])] = &[
    ("GET", "/iap/sdk/orgs", [200; 5]),
    ("POST", "/iap/sdk/bootstrap", [200; 5]),
    ("GET", "/api-keys", [200; 5]),
    ("POST", "/iap/sdk/register", [403, 200, 200, 200, 200]),
    // 400, because these keys are not from a login and the client misreads a 403.
    ("POST", "/iap/sdk/switch-org", [400; 5]),
    ("POST", "/api-keys/{id}/revoke", [403, 403, 200, 200, 404]),
];

fn routes() -> Vec<Route> {
    crate::armoriq::routes().list().to_vec()
}

fn body(path: &str) -> Value {
    match path {
        "/iap/sdk/register" => json!({ "identity": { "agent_id": "a" } }),
        "/iap/sdk/switch-org" => json!({ "org": "Tidewater Freight" }),
        _ => json!({}),
    }
}

#[test]
fn the_table_names_every_route_for_keys() {
    let mut named: Vec<_> = TABLE.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let mut built: Vec<_> = routes()
        .iter()
        .filter(|door| door.audience == Audience::Key)
        .map(|door| format!("{} {}", door.method, door.path))
        .collect();
    named.sort();
    built.sort();
    assert_eq!(named, built);
}

#[apply(on_both_engines!)]
async fn every_persona_gets_what_the_table_says(engine: Engine) {
    let personas = [Persona::Viewer, Persona::Member, Persona::Admin, Persona::Owner, Persona::Stranger];
    for (persona, column) in personas.into_iter().zip(0..) {
        let server = Server::on(engine).await;
        let target = server.key(&server.actor(Persona::Owner).await, "target").await.key.id;
        let key = server.key_of(persona).await;
        for (method, path, status) in TABLE {
            let address = path.replace("{id}", &target.to_string());
            let call = || server.call(method.parse().expect("a method"), &address).json(&body(path));
            let response = call().x_key(&key).send().await;
            assert_eq!(response.status.as_u16(), status[column], "{persona:?} {path}: {}", response.text());
            match status[column] {
                200 => drop(without_null(&response)),
                code => drop(refused(&response, code)),
            }
        }
    }
}

/// No key and every kind of invalid key get the same response, and nothing changes.
#[apply(on_both_engines!)]
async fn without_a_valid_key_every_route_responds_with_401(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let target = server.key(&owner, "target").await.key.id;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let revoked = server.key(&owner, "revoked").await;
    keys::revoke(&server.app, &owner, revoked.key.id).await.expect("a key");
    let disabled = server.key(&owner, "disabled").await;
    keys::disable(&server.app, &owner, disabled.key.id).await.expect("a key");
    let soon = Draft { expires_at: Some(server.clock.now().plus(Duration::from_secs(1))), ..draft("soon") };
    let expired = keys::create(&server.app, &owner, &soon, None).await.expect("a key");
    server.clock.advance(Duration::from_secs(1));
    let good = server.key(&owner, "good").await.plaintext;
    let state_before = server.everything().await;
    for (method, path, ..) in TABLE {
        let address = path.replace("{id}", &target.to_string());
        let call = || server.call(method.parse().expect("a method"), &address).json(&body(path));
        let missing = [
            call(),
            call().with(&cookies),
            call().header("authorization", "Basic b3duZXI6eA=="),
            call().header("x-api-key", ""),
        ];
        for call in missing {
            let response = call.send().await;
            refused(&response, 401);
            assert_eq!(response.json()["error"], "Missing Authorization Bearer token", "{path}");
        }
        let bad = [
            call().x_key(&revoked.plaintext),
            call().key(&revoked.plaintext),
            call().x_key(&disabled.plaintext),
            call().x_key(&expired.plaintext),
            call().header("x-api-key", "ak_live_x"),
            call().key(&Secret::new("x".repeat(10_000))),
            // Two different keys, in either order.
            call().x_key(&good).key(&revoked.plaintext),
            call().key(&good).header("x-api-key", "ak_live_x"),
            call().x_key(&good).x_key(&revoked.plaintext),
        ];
        for call in bad {
            let response = call.send().await;
            refused(&response, 401);
            assert_eq!(response.json()["error"], "Invalid API key", "{path}");
        }
    }
    assert_eq!(server.everything().await, state_before);
    let both = server.get("/iap/sdk/orgs").x_key(&good).key(&good).send().await;
    assert_eq!(both.status, 200, "the same key twice");
}

#[apply(on_both_engines!)]
async fn health_checks_a_key_only_if_there_is_one(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Viewer).await;
    without_null(&server.get("/health").send().await);
    without_null(&server.get("/health").x_key(&key).key(&key).send().await);
    for wrong in [
        server.get("/health").header("x-api-key", "ak_live_x"),
        server.get("/health").x_key(&key).header("authorization", "Bearer x"),
    ] {
        refused(&wrong.send().await, 401);
    }
}

/// The command line discards its login after a 403.
#[apply(on_both_engines!)]
async fn every_plan_may_use_these_routes(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    sqlx::query("UPDATE organizations SET plan = 'free'")
        .execute(server.app.db.pool())
        .await
        .expect("a plan");
    let other = Server::on(engine).await;
    let theirs = other.key_of(Persona::Owner).await;
    sqlx::query("UPDATE organizations SET plan = 'free'").execute(other.app.db.pool()).await.expect("a plan");
    for (server, key) in [(&server, &key), (&other, &theirs)] {
        server.clock.advance(Duration::from_secs(60));
        refused(&server.get("/api/v1/me").key(key).send().await, 403);
        for path in ["/iap/sdk/orgs", "/api-keys", "/health"] {
            assert_eq!(server.get(path).x_key(key).send().await.status, 200, "{path}");
        }
    }
}

#[apply(on_both_engines!)]
async fn unknown_paths_respond_with_json_and_without_redirects(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    for path in
        ["/iap/sdk/orgs/", "/iap", "/iap/sdk/nothing", "/api-keys/", "/api-keys/x", "/health/x", "/iap/trust"]
    {
        let response = server.get(path).browser().x_key(&key).send().await;
        refused(&response, 404);
    }
    for (path, allowed) in
        [("/iap/sdk/bootstrap", "POST"), ("/api-keys", "GET,HEAD"), ("/iap/sdk/register", "POST")]
    {
        let response = server.call(Method::DELETE, path).x_key(&key).send().await;
        refused(&response, 405);
        assert_eq!(response.header("allow"), allowed);
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    for path in ["/iap/sdk/bootstrap", "/iap/sdk/switch-org"] {
        let length = huge.len().to_string();
        let response = server
            .post(path)
            .x_key(&key)
            .header("content-length", &length)
            .header("content-type", "application/json")
            .body(huge.clone())
            .send()
            .await;
        refused(&response, 413);
    }
}

#[apply(on_both_engines!)]
async fn the_rate_limit_of_a_key_applies(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let limited = keys::create(&server.app, &owner, &Draft { rate_limit: Some(1), ..draft("limited") }, None)
        .await
        .expect("a key");
    assert_eq!(server.get("/iap/sdk/orgs").x_key(&limited.plaintext).send().await.status, 200);
    let second = server.get("/iap/sdk/orgs").x_key(&limited.plaintext).send().await;
    refused(&second, 429);
    assert_eq!(second.header("retry-after"), "60");
}
