//! The OAuth wire, row by row of its table.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;

use super::super::harness::{Server, TestResponse, on_both_engines};
use super::super::personas::Persona;
use super::{CLIENT, GRANT};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

fn refused(answer: &TestResponse) -> (u16, String) {
    assert_eq!(answer.header("retry-after"), "", "a pace is told by the interval");
    (answer.status.as_u16(), answer.error())
}

fn is(answer: &TestResponse, status: u16, error: &str) {
    assert_eq!(refused(answer), (status, error.to_owned()), "{}", answer.text());
}

#[apply(on_both_engines!)]
async fn a_device_gets_its_codes(engine: Engine) {
    let server = Server::on(engine).await;
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let body = format!("client_id={CLIENT}&scope=&audience=x&audience=y");
    let answer =
        server.post("/oauth/device_authorization").header("content-type", kind).body(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let told = answer.json();
    let code = told["user_code"].as_str().expect("a code");
    assert!(told["device_code"].as_str().expect("a code").len() >= 43);
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert_eq!((told["expires_in"].as_u64(), told["interval"].as_u64()), (Some(600), Some(5)));
    assert_eq!(told["verification_uri"], "http://latchkey.test/auth/device");
    assert_eq!(told["verification_uri_complete"], format!("http://latchkey.test/auth/device?code={code}"));
}

#[apply(on_both_engines!)]
async fn requests_for_codes_are_refused_in_the_form_of_oauth(engine: Engine) {
    let server = Server::on(engine).await;
    let before = server.everything().await;
    is(&server.authorize(&[]).await, 400, "invalid_request");
    is(&server.authorize(&[("client_id", "")]).await, 400, "invalid_request");
    is(&server.authorize(&[("client_id", CLIENT), ("client_id", CLIENT)]).await, 400, "invalid_request");
    is(&server.authorize(&[("client_id", "nobody")]).await, 401, "invalid_client");
    is(&server.authorize(&[("client_id", CLIENT), ("client_secret", "x")]).await, 401, "invalid_client");
    is(&server.authorize(&[("client_id", CLIENT), ("scope", "root")]).await, 400, "invalid_scope");
    is(&server.authorize(&[("client_id", CLIENT), ("scope", "admin viewer")]).await, 400, "invalid_scope");
    is(&server.authorize(&[("client_id", CLIENT), ("device_id", "a b")]).await, 400, "invalid_request");
    for (kind, body) in [("application/json", "{}"), ("text/plain", "client_id=latchkey-cli"), ("", "")] {
        let call = server.post("/oauth/device_authorization").header("content-type", kind).body(body);
        is(&call.send().await, 400, "invalid_request");
    }
    let large = server.authorize(&[("client_id", &"x".repeat(2_000_000))]).await;
    is(&large, 413, "invalid_request");
    assert_eq!(server.everything().await, before);
}

#[apply(on_both_engines!)]
async fn tokens_are_refused_in_the_order_of_the_table(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    let code = device.device_code.as_str();
    let whole = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", code)];
    for left_out in 0..3 {
        let mut some = whole.to_vec();
        some.remove(left_out);
        is(&server.token(&some).await, 400, "invalid_request");
        some.push((whole[left_out].0, ""));
        is(&server.token(&some).await, 400, "invalid_request");
    }
    let twice = [&whole[..], &whole[2..]].concat();
    is(&server.token(&twice).await, 400, "invalid_request");
    // Malformed before unknown, unknown before another grant.
    is(&server.token(&[("grant_type", GRANT), ("client_id", "nobody")]).await, 400, "invalid_request");
    is(&server.token(&[("grant_type", "password"), ("client_id", "nobody")]).await, 401, "invalid_client");
    is(
        &server.token(&[("grant_type", "password"), ("client_id", CLIENT)]).await,
        400,
        "unsupported_grant_type",
    );
    is(&server.token(&[whole[0], ("client_id", "nobody"), whole[2]]).await, 401, "invalid_client");
    is(&server.poll("nonsense").await, 400, "invalid_grant");
    is(&server.poll("\0").await, 400, "invalid_grant");
    is(&server.token(&[whole[0], ("client_id", "armoriq-cli"), whole[2]]).await, 400, "invalid_grant");
    for secret in ["client_secret", "client_assertion", "client_assertion_type"] {
        let answer = server.token(&[&whole[..], &[(secret, "x")]].concat()).await;
        assert_eq!(answer.header("www-authenticate"), "");
        is(&answer, 401, "invalid_client");
    }
    for fields in [&whole[..], &[whole[0], whole[2]]] {
        let answer =
            server.post("/oauth/token").header("authorization", "Basic eDp5").form(fields).send().await;
        assert!(answer.header("www-authenticate").starts_with("Basic"), "{}", answer.text());
        is(&answer, 401, "invalid_client");
    }
    let form = format!("grant_type={GRANT}&client_id={CLIENT}&device_code={code}");
    let send = async |kind: &str, body: Vec<u8>| {
        server.post("/oauth/token").header("content-type", kind).body(body).send().await
    };
    for kind in ["", "text/plain", "application/json", "multipart/form-data"] {
        is(&send(kind, form.clone().into_bytes()).await, 400, "invalid_request");
    }
    is(
        &send("application/x-www-form-urlencoded", [form.as_bytes(), &[0xff]].concat()).await,
        400,
        "invalid_grant",
    );
    is(&send("application/x-www-form-urlencoded", vec![b'x'; 1024 * 1024 + 1]).await, 413, "invalid_request");
    let repeated = format!("{form}&client_id={CLIENT}");
    is(&send("application/x-www-form-urlencoded", repeated.into_bytes()).await, 400, "invalid_request");
    // None of it counted as a poll: the first real one is in time.
    is(&server.poll(code).await, 400, "authorization_pending");
}

#[apply(on_both_engines!)]
async fn other_methods_are_refused_with_what_is_allowed(engine: Engine) {
    let server = Server::on(engine).await;
    for path in ["/oauth/device_authorization", "/oauth/token"] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let answer = server.call(method.clone(), path).send().await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method} {path}");
            if method != Method::HEAD {
                assert_eq!(answer.error(), "invalid_request");
            }
        }
    }
}

#[apply(on_both_engines!)]
async fn an_approved_device_gets_its_key_once(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[("device_name", "thinkpad-alice")]).await;
    let answer = server.approve(&cookies, &device.user_code).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let answer = server.poll(&device.device_code).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let told = answer.json();
    let org = server.organization("Tidewater Freight").await;
    assert_eq!(told["token_type"], "Bearer");
    assert_eq!(told["scope"], "admin");
    assert_eq!(told["email"], "admin@tidewater.example");
    assert_eq!(told["org_id"], org.to_string());
    assert!(told["user_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(told.get("expires_in").is_none(), "{told}");
    let key = Secret::new(told["access_token"].as_str().expect("a key"));
    assert!(key.expose().starts_with("ak_live_"));
    assert_eq!(server.check(&key).await, Outcome::Valid);
    is(&server.poll(&device.device_code).await, 400, "invalid_grant");
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    assert_eq!(me["key"]["role"], "admin");
    let name: String =
        sqlx::query_scalar("SELECT name FROM keys").fetch_one(server.app.db.pool()).await.expect("a key");
    assert_eq!(name, "admin@thinkpad-alice");
}

#[apply(on_both_engines!)]
async fn keys_end_where_it_is_configured(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_LOGIN_KEY_LIFE", "90d")]).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    let told = server.poll(&device.device_code).await.json();
    assert_eq!(told["expires_in"].as_u64(), Some(90 * 24 * 60 * 60));
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
async fn a_denied_login_says_so_again_and_again(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    is(&server.poll(&device.device_code).await, 400, "authorization_pending");
    assert_eq!(server.deny(&cookies, &device.user_code).await.status, 303);
    for _ in 0..3 {
        is(&server.poll(&device.device_code).await, 400, "access_denied");
    }
    server.clock.advance(Duration::from_secs(3_600));
    is(&server.poll(&device.device_code).await, 400, "access_denied");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
}

#[apply(on_both_engines!)]
async fn codes_expire_by_the_clock(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    server.clock.advance(Duration::from_millis(599_999));
    is(&server.poll(&device.device_code).await, 400, "authorization_pending");
    server.clock.advance(Duration::from_millis(1));
    for _ in 0..2 {
        is(&server.poll(&device.device_code).await, 400, "expired_token");
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
    assert_eq!(server.poll(&quick.device_code).await.status, 200, "five seconds after its time");
    server.clock.advance(Duration::from_secs(60));
    is(&server.poll(&slow.device_code).await, 400, "expired_token");
}

#[apply(on_both_engines!)]
async fn eager_devices_are_slowed_and_recover(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    is(&server.poll(&device.device_code).await, 400, "authorization_pending");
    for interval in [10, 15, 20, 25, 30, 30] {
        let answer = server.poll(&device.device_code).await;
        is(&answer, 400, "slow_down");
        assert_eq!(answer.json()["interval"].as_u64(), Some(interval));
    }
    // At a fixed pace of two seconds it is answered now and then, and what was decided is told at once.
    let mut answered = 0;
    for _ in 0..60 {
        server.clock.advance(Duration::from_secs(2));
        answered += u32::from(server.poll(&device.device_code).await.error() == "authorization_pending");
    }
    assert!((3..=5).contains(&answered), "{answered}");
    server.approve(&cookies, &device.user_code).await;
    assert_eq!(server.poll(&device.device_code).await.status, 200, "slowing is for what is pending");
}

#[apply(on_both_engines!)]
async fn another_client_does_not_use_a_code_up(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_CLIENTS", "acme=Acme CLI")]).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    for other in ["acme", "armoriq-cli"] {
        let fields = [("grant_type", GRANT), ("client_id", other), ("device_code", &device.device_code)];
        is(&server.token(&fields).await, 400, "invalid_grant");
    }
    assert_eq!(server.poll(&device.device_code).await.status, 200);
    assert_eq!(server.authorize(&[("client_id", "acme")]).await.status, 200, "configured");
}

#[apply(on_both_engines!)]
async fn no_page_of_another_site_asks_for_codes(engine: Engine) {
    let server = Server::on(engine).await;
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let ask = server.post("/oauth/device_authorization").header("sec-fetch-site", site);
        let answer = ask.form(&[("client_id", CLIENT)]).send().await;
        assert_eq!(answer.status.as_u16(), status, "{site}");
        assert_eq!(answer.header("content-type"), "application/json", "{site}");
    }
}

#[apply(on_both_engines!)]
async fn all_addresses_together_have_a_limit_too(engine: Engine) {
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
async fn the_server_describes_itself(engine: Engine) {
    let server = Server::on(engine).await;
    let told = server.get("/.well-known/oauth-authorization-server").send().await.json();
    assert_eq!(told["issuer"], "http://latchkey.test");
    assert_eq!(told["device_authorization_endpoint"], "http://latchkey.test/oauth/device_authorization");
    assert_eq!(told["token_endpoint"], "http://latchkey.test/oauth/token");
    assert_eq!(told["grant_types_supported"], serde_json::json!([GRANT]));
    assert_eq!(told["token_endpoint_auth_methods_supported"], serde_json::json!(["none"]));
    assert_eq!(told["response_types_supported"], serde_json::json!(["none"]));
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
    // Four are open now; the first of them ends in nine minutes.
    let full = ask("203.0.113.7").await;
    assert_eq!((full.status.as_u16(), full.header("retry-after")), (429, "540"));
    server.clock.advance(Duration::from_secs(540));
    assert_eq!(ask("203.0.113.7").await.status, 200);
}

#[apply(on_both_engines!)]
async fn neighbours_of_a_64_share_their_limit(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_CODES_OPEN", "1")]).await;
    let ask = |address: &'static str| {
        server.post("/oauth/device_authorization").from(address).form(&[("client_id", CLIENT)]).send()
    };
    assert_eq!(ask("2001:db8::1").await.status, 200);
    assert_eq!(ask("2001:db8::2").await.status, 429);
    assert_eq!(ask("2001:db8:0:1::1").await.status, 200);
}
