//! Polls of pending logins are served from memory until somebody decides.

use std::collections::BTreeSet;
use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::super::harness::{Server, TestResponse, on_both_engines};
use super::super::personas::Persona;
use super::{CLIENT, GRANT};
use crate::keys::server as keys;
use crate::platform::db::Engine;

const LEASE: Duration = Duration::from_secs(5);

impl Server {
    async fn sql(&self, text: &'static str) {
        sqlx::query(text).execute(self.app.db.pool()).await.expect(text);
    }

    /// Renames the table, so that every query for a login fails until `show_logins`.
    async fn hide_logins(&self) {
        self.sql("ALTER TABLE device_logins RENAME TO device_logins_away").await;
    }

    async fn show_logins(&self) {
        self.sql("ALTER TABLE device_logins_away RENAME TO device_logins").await;
    }

    async fn poll_armoriq(&self, device_code: &str) -> TestResponse {
        let body = json!({ "deviceCode": device_code }).to_string();
        let call = self.post("/auth/device/token").header("content-type", "application/json").body(body);
        call.send().await
    }
}

fn names(response: &TestResponse) -> BTreeSet<String> {
    response.headers.keys().map(ToString::to_string).collect()
}

#[apply(on_both_engines!)]
async fn polling_a_cached_login_reads_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    // Let the cache become stale, as if another process had created the login.
    server.clock.advance(LEASE);
    let first = server.poll(&device.device_code).await;
    assert_eq!(first.error(), "authorization_pending");
    server.clock.advance(Duration::from_secs(5));
    keys::read_change_log(&server.app).await.expect("a reading");
    server.hide_logins().await;
    let again = server.poll(&device.device_code).await;
    assert_eq!(again.error(), "authorization_pending");
    assert_eq!(server.poll(&device.device_code).await.error(), "slow_down");
    assert_eq!(names(&again), names(&first));
    assert_eq!(again.body, first.body);
    assert!(again.header("x-request-id").starts_with("req_"));
    // The cross-site check and the size limit come before the cache.
    let fields = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", device.device_code.as_str())];
    let cross = server.post("/oauth/token").header("sec-fetch-site", "cross-site").form(&fields).send().await;
    assert_eq!(cross.status, 403);
    let filler = "x".repeat(3_000);
    let large = [&fields[..], &[("x", filler.as_str())]].concat();
    server.clock.advance(Duration::from_secs(4));
    assert_eq!(server.token(&large).await.error(), "slow_down", "a large body is served from the cache too");
    server.clock.advance(LEASE);
    assert_eq!(server.poll(&device.device_code).await.status, 503, "the cache is stale");
    server.show_logins().await;
    server.clock.advance(Duration::from_secs(30));
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
}

#[apply(on_both_engines!)]
async fn polling_with_the_armoriq_protocol_reads_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let asked = server
        .post("/auth/device/code")
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .json();
    let code = asked["device_code"].as_str().expect("a code").to_owned();
    let first = server.poll_armoriq(&code).await;
    server.clock.advance(Duration::from_secs(4));
    server.hide_logins().await;
    let again = server.poll_armoriq(&code).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.json()["error"], "authorization_pending");
    assert_eq!(server.poll_armoriq(&code).await.json()["error"], "slow_down");
    server.show_logins().await;
    // The code is unknown to the other protocol, cached or not.
    let fields = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", code.as_str())];
    assert_eq!(server.token(&fields).await.error(), "invalid_grant");
}

#[apply(on_both_engines!)]
async fn a_decision_reaches_the_next_poll(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    for approved in [true, false] {
        let device = server.device(&[]).await;
        let state_before = server.count("SELECT seq FROM change_counter").await;
        assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
        assert_eq!(
            server.count("SELECT seq FROM change_counter").await,
            state_before,
            "a poll writes no change"
        );
        if approved {
            server.approve(&cookies, &device.user_code).await;
            assert_eq!(server.poll(&device.device_code).await.status, 200);
        } else {
            server.deny(&cookies, &device.user_code).await;
            assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
        }
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM changes WHERE kind = 'login'").await, 2);
}

#[apply(on_both_engines!)]
async fn a_decision_in_another_process_arrives_with_the_change_log(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    // Written directly to the database, as another process does.
    for text in [
        "UPDATE device_logins SET status = 'denied'",
        "INSERT INTO changes (seq, kind, id, at) SELECT seq + 1, 'login', (SELECT id FROM device_logins), 0 FROM change_counter",
        "UPDATE change_counter SET seq = seq + 1",
    ] {
        server.sql(text).await;
    }
    server.clock.advance(Duration::from_secs(4));
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
}

#[apply(on_both_engines!)]
async fn a_cached_code_expires_without_a_change(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    server.clock.advance(Duration::from_secs(600));
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.poll(&device.device_code).await.error(), "expired_token");
}
