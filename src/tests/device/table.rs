//! The OAuth endpoints: every documented response.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;

use super::super::harness::{Server, TestResponse, on_both_engines};
use super::super::personas::Persona;
use super::{CLIENT, GRANT};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

fn refused(response: &TestResponse) -> (u16, String) {
    assert_eq!(response.header("retry-after"), "", "the interval says how often to poll");
    (response.status.as_u16(), response.error())
}

fn assert_error(response: &TestResponse, status: u16, error: &str) {
    assert_eq!(refused(response), (status, error.to_owned()), "{}", response.text());
}

#[apply(on_both_engines!)]
async fn a_device_gets_its_codes(engine: Engine) {
    let server = Server::on(engine).await;
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let body = format!("client_id={CLIENT}&scope=&audience=x&audience=y");
    let response =
        server.post("/oauth/device_authorization").header("content-type", kind).body(body).send().await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!((response.header("cache-control"), response.header("pragma")), ("no-store", "no-cache"));
    let body = response.json();
    let code = body["user_code"].as_str().expect("a code");
    assert!(body["device_code"].as_str().expect("a code").len() >= 43);
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert_eq!((body["expires_in"].as_u64(), body["interval"].as_u64()), (Some(600), Some(5)));
    assert_eq!(body["verification_uri"], "http://latchkey.test/auth/device");
    assert_eq!(body["verification_uri_complete"], format!("http://latchkey.test/auth/device?code={code}"));
}

#[apply(on_both_engines!)]
async fn errors_of_code_requests_have_the_oauth_format(engine: Engine) {
    let server = Server::on(engine).await;
    let state_before = server.everything().await;
    assert_error(&server.authorize(&[]).await, 400, "invalid_request");
    assert_error(&server.authorize(&[("client_id", "")]).await, 400, "invalid_request");
    assert_error(
        &server.authorize(&[("client_id", CLIENT), ("client_id", CLIENT)]).await,
        400,
        "invalid_request",
    );
    assert_error(&server.authorize(&[("client_id", "nobody")]).await, 401, "invalid_client");
    assert_error(
        &server.authorize(&[("client_id", CLIENT), ("client_secret", "x")]).await,
        401,
        "invalid_client",
    );
    assert_error(&server.authorize(&[("client_id", CLIENT), ("scope", "root")]).await, 400, "invalid_scope");
    assert_error(
        &server.authorize(&[("client_id", CLIENT), ("scope", "admin viewer")]).await,
        400,
        "invalid_scope",
    );
    assert_error(
        &server.authorize(&[("client_id", CLIENT), ("device_id", "a b")]).await,
        400,
        "invalid_request",
    );
    for (kind, body) in [("application/json", "{}"), ("text/plain", "client_id=latchkey-cli"), ("", "")] {
        let call = server.post("/oauth/device_authorization").header("content-type", kind).body(body);
        assert_error(&call.send().await, 400, "invalid_request");
    }
    let large = server.authorize(&[("client_id", &"x".repeat(2_000_000))]).await;
    assert_error(&large, 413, "invalid_request");
    assert_eq!(server.everything().await, state_before);
}

#[apply(on_both_engines!)]
async fn token_errors_are_checked_in_the_documented_order(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    let code = device.device_code.as_str();
    let whole = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", code)];
    for omitted in 0..3 {
        let mut some = whole.to_vec();
        some.remove(omitted);
        assert_error(&server.token(&some).await, 400, "invalid_request");
        some.push((whole[omitted].0, ""));
        assert_error(&server.token(&some).await, 400, "invalid_request");
    }
    let twice = [&whole[..], &whole[2..]].concat();
    assert_error(&server.token(&twice).await, 400, "invalid_request");
    // A malformed request is reported before an unknown client, and that before an unsupported grant.
    assert_error(
        &server.token(&[("grant_type", GRANT), ("client_id", "nobody")]).await,
        400,
        "invalid_request",
    );
    assert_error(
        &server.token(&[("grant_type", "password"), ("client_id", "nobody")]).await,
        401,
        "invalid_client",
    );
    assert_error(
        &server.token(&[("grant_type", "password"), ("client_id", CLIENT)]).await,
        400,
        "unsupported_grant_type",
    );
    assert_error(&server.token(&[whole[0], ("client_id", "nobody"), whole[2]]).await, 401, "invalid_client");
    assert_error(&server.poll("nonsense").await, 400, "invalid_grant");
    assert_error(&server.poll("\0").await, 400, "invalid_grant");
    assert_error(
        &server.token(&[whole[0], ("client_id", "armoriq-cli"), whole[2]]).await,
        400,
        "invalid_grant",
    );
    for secret in ["client_secret", "client_assertion", "client_assertion_type"] {
        let response = server.token(&[&whole[..], &[(secret, "x")]].concat()).await;
        assert_eq!(response.header("www-authenticate"), "");
        assert_error(&response, 401, "invalid_client");
    }
    for fields in [&whole[..], &[whole[0], whole[2]]] {
        let response =
            server.post("/oauth/token").header("authorization", "Basic eDp5").form(fields).send().await;
        assert!(response.header("www-authenticate").starts_with("Basic"), "{}", response.text());
        assert_error(&response, 401, "invalid_client");
    }
    let form = format!("grant_type={GRANT}&client_id={CLIENT}&device_code={code}");
    let send = async |kind: &str, body: Vec<u8>| {
        server.post("/oauth/token").header("content-type", kind).body(body).send().await
    };
    for kind in ["", "text/plain", "application/json", "multipart/form-data"] {
        assert_error(&send(kind, form.clone().into_bytes()).await, 400, "invalid_request");
    }
    assert_error(
        &send("application/x-www-form-urlencoded", [form.as_bytes(), &[0xff]].concat()).await,
        400,
        "invalid_grant",
    );
    assert_error(
        &send("application/x-www-form-urlencoded", vec![b'x'; 1024 * 1024 + 1]).await,
        413,
        "invalid_request",
    );
    let repeated = format!("{form}&client_id={CLIENT}");
    assert_error(
        &send("application/x-www-form-urlencoded", repeated.into_bytes()).await,
        400,
        "invalid_request",
    );
    // None of these counted as a poll, so the first real poll is in time.
    assert_error(&server.poll(code).await, 400, "authorization_pending");
}

#[apply(on_both_engines!)]
async fn other_methods_are_refused_with_an_allow_header(engine: Engine) {
    let server = Server::on(engine).await;
    for path in ["/oauth/device_authorization", "/oauth/token"] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let response = server.call(method.clone(), path).send().await;
            assert_eq!(
                (response.status.as_u16(), response.header("allow")),
                (405, "POST"),
                "{method} {path}"
            );
            if method != Method::HEAD {
                assert_eq!(response.error(), "invalid_request");
            }
        }
    }
}

#[apply(on_both_engines!)]
async fn an_approved_device_gets_its_key_once(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[("device_name", "thinkpad-alice")]).await;
    let response = server.approve(&cookies, &device.user_code).await;
    assert_eq!(response.status, 303, "{}", response.text());
    let response = server.poll(&device.device_code).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!((response.header("cache-control"), response.header("pragma")), ("no-store", "no-cache"));
    let body = response.json();
    let org = server.organization("Tidewater Freight").await;
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], "admin");
    assert_eq!(body["email"], "admin@tidewater.example");
    assert_eq!(body["org_id"], org.to_string());
    assert!(body["user_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(body.get("expires_in").is_none(), "{body}");
    let key = Secret::new(body["access_token"].as_str().expect("a key"));
    assert!(key.expose().starts_with("ak_live_"));
    assert_eq!(server.check(&key).await, Outcome::Valid);
    assert_error(&server.poll(&device.device_code).await, 400, "invalid_grant");
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    assert_eq!(me["key"]["role"], "admin");
    let name: String =
        sqlx::query_scalar("SELECT name FROM keys").fetch_one(server.app.db.pool()).await.expect("a key");
    assert_eq!(name, "admin@thinkpad-alice");
}

#[apply(on_both_engines!)]
async fn keys_expire_when_a_life_is_configured(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_LOGIN_KEY_LIFE", "90d")]).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    let body = server.poll(&device.device_code).await.json();
    assert_eq!(body["expires_in"].as_u64(), Some(90 * 24 * 60 * 60));
}

#[apply(on_both_engines!)]
async fn a_scope_caps_the_role(engine: Engine) {
    let server = Server::on(engine).await;
    for (persona, scope, role) in [
        (Persona::Owner, "member", "member"),
        (Persona::Member, "owner", "member"),
        (Persona::Viewer, "", "viewer"),
    ] {
        let cookies = server.sign_in_as(persona).await;
        let device = server.device(&[("scope", scope)]).await;
        server.approve(&cookies, &device.user_code).await;
        assert_eq!(server.poll(&device.device_code).await.json()["scope"], role, "{persona:?} {scope}");
    }
}

#[apply(on_both_engines!)]
async fn a_denied_login_stays_denied(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    assert_error(&server.poll(&device.device_code).await, 400, "authorization_pending");
    assert_eq!(server.deny(&cookies, &device.user_code).await.status, 303);
    for _ in 0..3 {
        assert_error(&server.poll(&device.device_code).await, 400, "access_denied");
    }
    server.clock.advance(Duration::from_secs(3_600));
    assert_error(&server.poll(&device.device_code).await, 400, "access_denied");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
}

#[apply(on_both_engines!)]
async fn codes_expire_by_the_clock(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    server.clock.advance(Duration::from_millis(599_999));
    assert_error(&server.poll(&device.device_code).await, 400, "authorization_pending");
    server.clock.advance(Duration::from_millis(1));
    for _ in 0..2 {
        assert_error(&server.poll(&device.device_code).await, 400, "expired_token");
    }
}

#[apply(on_both_engines!)]
async fn an_approval_at_the_last_moment_can_still_be_collected(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let (quick, slow) = (server.device(&[]).await, server.device(&[]).await);
    server.clock.advance(Duration::from_secs(599));
    server.approve(&cookies, &quick.user_code).await;
    server.approve(&cookies, &slow.user_code).await;
    server.clock.advance(Duration::from_secs(6));
    assert_eq!(server.poll(&quick.device_code).await.status, 200, "five seconds after the code expired");
    server.clock.advance(Duration::from_secs(60));
    assert_error(&server.poll(&slow.device_code).await, 400, "expired_token");
}

#[apply(on_both_engines!)]
async fn eager_devices_are_slowed_and_recover(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    assert_error(&server.poll(&device.device_code).await, 400, "authorization_pending");
    for interval in [10, 15, 20, 25, 30, 30] {
        let response = server.poll(&device.device_code).await;
        assert_error(&response, 400, "slow_down");
        assert_eq!(response.json()["interval"].as_u64(), Some(interval));
    }
    // Of polls every two seconds some are accepted, and a decision is returned at once.
    let mut accepted = 0;
    for _ in 0..60 {
        server.clock.advance(Duration::from_secs(2));
        accepted += u32::from(server.poll(&device.device_code).await.error() == "authorization_pending");
    }
    assert!((3..=5).contains(&accepted), "{accepted}");
    server.approve(&cookies, &device.user_code).await;
    assert_eq!(server.poll(&device.device_code).await.status, 200, "only polls of pending logins are slowed");
}

#[apply(on_both_engines!)]
async fn another_client_does_not_consume_a_code(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_CLIENTS", "acme=Acme CLI")]).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    for other in ["acme", "armoriq-cli"] {
        let fields = [("grant_type", GRANT), ("client_id", other), ("device_code", &device.device_code)];
        assert_error(&server.token(&fields).await, 400, "invalid_grant");
    }
    assert_eq!(server.poll(&device.device_code).await.status, 200);
    assert_eq!(server.authorize(&[("client_id", "acme")]).await.status, 200, "a configured client");
}

#[apply(on_both_engines!)]
async fn other_sites_cannot_request_codes(engine: Engine) {
    let server = Server::on(engine).await;
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let ask = server.post("/oauth/device_authorization").header("sec-fetch-site", site);
        let response = ask.form(&[("client_id", CLIENT)]).send().await;
        assert_eq!(response.status.as_u16(), status, "{site}");
        assert_eq!(response.header("content-type"), "application/json", "{site}");
    }
}

#[apply(on_both_engines!)]
async fn the_number_of_pending_logins_is_limited(engine: Engine) {
    let server = Server::on(engine).await;
    let first = server.device(&[]).await;
    sqlx::query(
        "INSERT INTO device_logins (id, code_hash, user_code, wire, client_id, scope, product, device_name, address, \
         subscriber, user_agent, created_at, expires_at, status) \
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9999) \
         SELECT 'l' || n, 'h' || n, 'c' || n, wire, client_id, scope, product, device_name, address, 's' || n, \
         user_agent, created_at, expires_at, status FROM device_logins, numbers",
    ).execute(server.app.db.pool()).await.expect("rows");
    let full = server.authorize(&[("client_id", CLIENT)]).await;
    assert_eq!(full.status, 503);
    assert!(!full.header("retry-after").is_empty());
    assert_eq!(server.poll(&first.device_code).await.error(), "authorization_pending");
    server.clock.advance(Duration::from_secs(600));
    assert_eq!(server.authorize(&[("client_id", CLIENT)]).await.status, 200);
}

#[apply(on_both_engines!)]
async fn the_server_publishes_its_metadata(engine: Engine) {
    let server = Server::on(engine).await;
    let body = server.get("/.well-known/oauth-authorization-server").send().await.json();
    assert_eq!(body["issuer"], "http://latchkey.test");
    assert_eq!(body["device_authorization_endpoint"], "http://latchkey.test/oauth/device_authorization");
    assert_eq!(body["token_endpoint"], "http://latchkey.test/oauth/token");
    let grants = body["grant_types_supported"].as_array().expect("a list");
    assert!(grants.contains(&serde_json::json!(GRANT)), "{body}");
    assert_eq!(body["token_endpoint_auth_methods_supported"], serde_json::json!(["none"]));
    assert_eq!(server.get("/.well-known/openid-configuration").send().await.status, 404);
}

#[apply(on_both_engines!)]
async fn new_codes_are_limited_by_address(engine: Engine) {
    let settings = [("LATCHKEY_DEVICE_CODES_PER_MINUTE", "3"), ("LATCHKEY_DEVICE_CODES_OPEN", "4")];
    let server = Server::with(engine, &settings).await;
    let ask = |address: &'static str| {
        server.post("/oauth/device_authorization").from(address).form(&[("client_id", CLIENT)]).send()
    };
    for _ in 0..3 {
        assert_eq!(ask("203.0.113.7").await.status, 200);
    }
    let slowed = ask("203.0.113.7").await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "60"));
    assert_eq!(slowed.error(), "temporarily_unavailable");
    assert_eq!(ask("203.0.113.8").await.status, 200, "somebody else");
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(ask("203.0.113.7").await.status, 200);
    // Four logins are pending now; the first of them expires in nine minutes.
    let full = ask("203.0.113.7").await;
    assert_eq!((full.status.as_u16(), full.header("retry-after")), (429, "540"));
    server.clock.advance(Duration::from_secs(540));
    assert_eq!(ask("203.0.113.7").await.status, 200);
}

#[apply(on_both_engines!)]
async fn addresses_in_one_64_share_their_limit(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_CODES_OPEN", "1")]).await;
    let ask = |address: &'static str| {
        server.post("/oauth/device_authorization").from(address).form(&[("client_id", CLIENT)]).send()
    };
    assert_eq!(ask("2001:db8::1").await.status, 200);
    assert_eq!(ask("2001:db8::2").await.status, 429);
    assert_eq!(ask("2001:db8:0:1::1").await.status, 200);
}
