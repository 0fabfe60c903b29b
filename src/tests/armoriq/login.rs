//! `armoriq login`: every state of a login, in the format of the published clients.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::*;
use crate::keys::server::find;
use crate::platform::db::Engine;
use crate::shared::KeyId;

/// The error code of a refused poll. Checks that there is a description too.
fn poll_error(response: &TestResponse) -> String {
    refused(response, 400);
    let body = response.json();
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(body["error_description"], body["message"]);
    body["error"].as_str().expect("an error").to_owned()
}

#[apply(on_both_engines!)]
async fn a_code_response_is_what_both_clients_expect(engine: Engine) {
    let server = Server::on(engine).await;
    let state = "0123456789abcdef0123456789abcdef";
    for (body, query) in [
        (json!({}), ""),
        (json!({ "deviceId": DEVICE, "deviceName": "laptop" }), ""),
        (json!({ "deviceId": null, "deviceName": null, "product": null }), ""),
        (
            json!({ "deviceId": DEVICE, "deviceName": "x".repeat(200), "product": "armorclaude" }),
            "&product=armorclaude",
        ),
        (json!({ "callback_url": format!("http://localhost:5000/callback?state={state}") }), ""),
        (json!({ "callback_url": ["anything"], "later": 7 }), ""),
    ] {
        let response = server.post("/auth/device/code").json(&body).send().await;
        let body = without_null(&response);
        let code = body["user_code"].as_str().expect("a code");
        assert_eq!(body["verification_uri"], "http://latchkey.test/auth/device");
        assert_eq!(
            body["verification_uri_complete"],
            format!("http://latchkey.test/auth/device?code={code}{query}")
        );
        assert_eq!((body["interval"].as_i64(), body["expires_in"].as_i64()), (Some(5), Some(600)));
        assert!(!response.text().contains(state), "a callback is ignored");
    }
    assert_eq!(server.count("SELECT count(*) FROM device_logins").await, 6);
    assert_eq!(server.audited().await, ["login.asked"; 6]);
}

/// The client fails without a complete address, so it gets one. The page at that address asks for the code.
#[apply(on_both_engines!)]
async fn the_complete_address_is_sent_even_if_links_may_not_contain_codes(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_PREFILLED_CODES", "false")]).await;
    let body = server.post("/auth/device/code").json(&json!({})).send().await.json();
    assert!(body["verification_uri_complete"].as_str().is_some_and(|uri| uri.contains("?code=")), "{body}");
}

#[apply(on_both_engines!)]
async fn every_state_has_its_response(engine: Engine) {
    let server = Server::on(engine).await;
    let poll = async |code: &str| poll_error(&server.client_polls(code).await);
    assert_eq!(poll("unknown").await, "expired_token");

    let (pending, user_code) =
        server.device_asks(json!({ "deviceId": DEVICE, "deviceName": "laptop" })).await;
    assert_eq!(poll(&pending).await, "authorization_pending");
    assert_eq!(poll(&pending).await, "slow_down");
    server.clock.advance(Duration::from_secs(10));
    assert_eq!(poll(&pending).await, "authorization_pending");

    // A poll that is too early still gets the key of an approved login.
    assert_eq!(poll(&pending).await, "slow_down");
    let org = server.approve_login(&user_code, Persona::Member).await;
    let response = server.client_polls(&pending).await;
    let granted = without_null(&response);
    let member = server.actor(Persona::Member).await;
    assert_eq!(
        (&granted["email"], &granted["user_id"]),
        (&json!("member@tidewater.example"), &json!(member.user))
    );
    assert_eq!(granted["org_id"], org.to_string());
    let key = Secret::new(granted["api_key"].as_str().expect("a key"));
    assert!(key.expose().starts_with("ak_live_"));
    assert_eq!(server.get("/iap/sdk/orgs").x_key(&key).send().await.status, 200);
    assert_eq!(poll(&pending).await, "expired_token", "the key was issued already");

    let (denied, user_code) = server.device_asks(json!({})).await;
    server.set_login(&user_code, "status = 'denied'").await;
    assert_eq!(
        (poll(&denied).await, poll(&denied).await),
        ("access_denied".to_owned(), "access_denied".to_owned())
    );

    let (late, _) = server.device_asks(json!({})).await;
    server.clock.advance(Duration::from_secs(600));
    assert_eq!(poll(&late).await, "expired_token");
    let (uncollected, user_code) = server.device_asks(json!({})).await;
    server.approve_login(&user_code, Persona::Member).await;
    server.clock.advance(Duration::from_secs(600));
    assert_eq!(poll(&uncollected).await, "expired_token");
}

#[apply(on_both_engines!)]
async fn of_twenty_concurrent_polls_one_gets_the_key(engine: Engine) {
    let server = Server::on(engine).await;
    let (code, user_code) = server.device_asks(json!({})).await;
    server.approve_login(&user_code, Persona::Member).await;
    let responses = futures_util::future::join_all((0..20).map(|_| server.client_polls(&code))).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 1);
    for response in responses.iter().filter(|response| response.status != 200) {
        refused(response, 400);
    }
    assert_eq!(server.count("SELECT count(*) FROM keys").await, 1);
}

/// A code of one protocol is unknown to the other, and polling there does not consume it.
#[apply(on_both_engines!)]
async fn the_protocols_do_not_mix(engine: Engine) {
    let server = Server::on(engine).await;
    let (code, user_code) = server.device_asks(json!({})).await;
    server.approve_login(&user_code, Persona::Member).await;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let form = [("grant_type", grant), ("client_id", "armoriq-cli"), ("device_code", code.as_str())];
    let other = server.post("/oauth/token").form(&form).send().await;
    assert_eq!((other.status.as_u16(), other.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(server.client_polls(&code).await.status, 200);
}

/// An invalid request gets an error in JSON and changes nothing.
#[apply(on_both_engines!)]
async fn invalid_requests_change_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let (code, user_code) = server.device_asks(json!({})).await;
    server.approve_login(&user_code, Persona::Member).await;
    let state_before = server.everything().await;
    let huge = format!("{{\"deviceCode\":\"{}\"}}", "x".repeat(1024 * 1024));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let as_form = format!("deviceCode={code}");
    for (path, body, kind, status) in [
        ("code", "", "application/json", 400),
        ("code", "{", "application/json", 400),
        ("code", "[]", "application/json", 400),
        ("code", "null", "application/json", 400),
        ("code", "{}", "", 415),
        ("code", "{\"product\":7}", "application/json", 400),
        ("code", "{\"product\":\"a b\"}", "application/json", 400),
        ("code", "{\"deviceId\":[]}", "application/json", 400),
        ("code", "{\"deviceId\":\"\\u0000\"}", "application/json", 400),
        ("code", "{\"deviceName\":{}}", "application/json", 400),
        ("code", "a=b", "application/x-www-form-urlencoded", 415),
        ("code", &huge, "application/json", 413),
        ("code", &deep, "application/json", 400),
        ("token", "", "application/json", 400),
        ("token", "{}", "application/json", 400),
        ("token", "{\"deviceCode\":null}", "application/json", 400),
        ("token", "{\"deviceCode\":\"\"}", "application/json", 400),
        ("token", "{\"deviceCode\":7}", "application/json", 400),
        ("token", "{\"deviceCode\":[\"a\"]}", "application/json", 400),
        ("token", "\"a\"", "application/json", 400),
        ("token", &as_form, "application/x-www-form-urlencoded", 415),
        ("token", &huge, "application/json", 413),
        ("token", "{\"device_code\":\"a\",\"grant_type\":\"b\"}", "application/json", 400),
    ] {
        let call = server.post(&format!("/auth/device/{path}")).header("content-type", kind);
        let response = call.body(body.to_owned()).send().await;
        let start = body.chars().take(40).collect::<String>();
        assert_eq!(response.status.as_u16(), status, "{path} {start}: {}", response.text());
        refused(&response, status);
        let body = response.json();
        assert_eq!(
            (body["error"].as_str(), response.header("content-type")),
            (Some("invalid_request"), "application/json"),
            "{start}"
        );
        assert_eq!(body["error_description"], body["message"]);
    }
    assert_eq!(server.everything().await, state_before);
    assert_eq!(server.client_polls(&code).await.status, 200, "the login is still approved");
    for path in ["/auth/device/code", "/auth/device/token"] {
        let other = server.get(path).browser().send().await;
        assert_eq!((other.status.as_u16(), other.header("allow")), (405, "POST"), "{path}");
        refused(&other, 405);
    }
}

/// Any `error` ends the login at the client, so a temporary error has none.
#[apply(on_both_engines!)]
async fn temporary_errors_do_not_end_the_login(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_CODES_PER_MINUTE", "1")]).await;
    let (code, user_code) = server.device_asks(json!({})).await;
    let again = server.post("/auth/device/code").json(&json!({})).send().await;
    refused(&again, 429);
    assert!(again.json()["error"].is_null() && !again.header("retry-after").is_empty());
    server.approve_login(&user_code, Persona::Member).await;
    sqlx::query("ALTER TABLE audit RENAME TO audit_away").execute(server.app.db.pool()).await.expect("away");
    let failed = server.client_polls(&code).await;
    sqlx::query("ALTER TABLE audit_away RENAME TO audit").execute(server.app.db.pool()).await.expect("back");
    refused(&failed, 503);
    assert!(failed.json()["error"].is_null(), "{}", failed.text());
    assert_eq!(server.client_polls(&code).await.status, 200);
}

#[apply(on_both_engines!)]
async fn a_new_login_replaces_the_earlier_one_of_its_device_and_product(engine: Engine) {
    let server = Server::on(engine).await;
    let works = async |key: &Secret| server.get("/health").x_key(key).send().await.status == 200;
    let login = async |body: serde_json::Value| {
        let (code, user_code) = server.device_asks(body).await;
        server.approve_login(&user_code, Persona::Member).await;
        Secret::new(server.client_polls(&code).await.json()["api_key"].as_str().expect("a key"))
    };
    let device = json!({ "deviceId": DEVICE, "deviceName": "laptop" });
    let first = login(device.clone()).await;
    let claude = login(json!({ "deviceId": DEVICE, "deviceName": "laptop", "product": "ArmorClaude" })).await;
    let nameless = login(json!({})).await;
    let second = login(device).await;
    assert_eq!((works(&first).await, works(&second).await), (false, true));
    assert!(works(&claude).await && works(&nameless).await, "other products and devices keep their keys");
    let again = login(json!({ "deviceId": DEVICE, "deviceName": "laptop", "product": "armorclaude" })).await;
    assert!(!works(&claude).await && works(&again).await);
    let names = server.names_of_keys().await;
    assert_eq!(
        names,
        ["member@ArmorIQ CLI", "member@laptop", "member@laptop 2"],
        "each key reuses the name of the one it replaced"
    );
}

#[apply(on_both_engines!)]
async fn a_former_member_gets_no_key(engine: Engine) {
    let server = Server::on(engine).await;
    let (code, user_code) = server.device_asks(json!({})).await;
    server.approve_login(&user_code, Persona::Member).await;
    let member = server.actor(Persona::Member).await;
    sqlx::query("DELETE FROM memberships WHERE user_id = $1")
        .bind(member.user)
        .execute(server.app.db.pool())
        .await
        .expect("removed");
    assert_eq!(poll_error(&server.client_polls(&code).await), "access_denied");
    assert_eq!(server.count("SELECT count(*) FROM keys").await, 0);
}

#[apply(on_both_engines!)]
async fn neither_code_nor_key_is_stored_in_plain_text(engine: Engine) {
    let server = Server::on(engine).await;
    let (code, user_code) =
        server.device_asks(json!({ "callback_url": "http://localhost:1/callback?state=s3cret" })).await;
    server.approve_login(&user_code, Persona::Owner).await;
    let key = server.client_polls(&code).await.json()["api_key"].as_str().expect("a key").to_owned();
    let all = server.everything().await;
    for secret in [code.as_str(), &key, &key[21..], "s3cret"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(all.contains(&key[8..20]), "the search finds the key's public part");
}

impl Server {
    async fn set_login(&self, user_code: &str, change: &'static str) {
        let text =
            crate::platform::db::sql(format!("UPDATE device_logins SET {change} WHERE user_code = $1"));
        let done = sqlx::query(text).bind(user_code.replace('-', "")).execute(self.app.db.pool()).await;
        assert_eq!(done.expect("a result").rows_affected(), 1);
        self.app.db.listener().notify_gap();
    }

    /// The names of the keys that are not revoked, in the order of creation.
    async fn names_of_keys(&self) -> Vec<String> {
        let owner = self.actor(Persona::Owner).await;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM keys WHERE revoked_at IS NULL ORDER BY id")
            .fetch_all(self.app.db.pool())
            .await
            .expect("rows");
        let mut names = Vec::new();
        for id in ids {
            names.push(find(&self.app, &owner, KeyId::parse(&id).expect("an id")).await.expect("a key").name);
        }
        names
    }
}
