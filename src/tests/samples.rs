//! Tests of the sample of accepted calls that is recorded beside refused requests.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::harness::{Server, TestResponse, on_both_engines};
use super::personas::Persona;
use crate::keys::server::{self as keys, Presenter, Requirements};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::Role;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

impl Server {
    /// Accepted calls.
    async fn calls(&self, key: &Secret, times: usize) {
        for _ in 0..times {
            let response = self.get("/api/v1/me").key(key).from("198.51.100.24").send().await;
            assert_eq!(response.status, 200, "{}", response.text());
        }
    }

    async fn set_sample(&self, cookies: &str, id: &str, one_in: &str) -> TestResponse {
        let path = format!("/settings/api-keys/{id}/refusals");
        self.submit(cookies, &path, &[("sample_one_in", one_in)]).await
    }

    async fn patch_key(&self, by: &Secret, id: &str, body: Value) -> TestResponse {
        self.call(Method::PATCH, &format!("/api/v1/keys/{id}")).key(by).json(&body).send().await
    }

    /// The number of requests on the page, and of accepted ones and all in the API.
    async fn recorded(&self, cookies: &str, reader: &Secret, id: &str) -> (usize, usize, usize) {
        let page = self.page(cookies, &format!("/settings/api-keys/{id}/refusals")).await;
        let mut counts = Vec::new();
        for query in ["outcome=valid", "accepted=true"] {
            let path = format!("/api/v1/keys/{id}/refusals?limit=100&{query}");
            let body = self.get(&path).key(reader).send().await.json();
            counts.push(body["data"].as_array().expect("a list").len());
        }
        (page.matches("select-all").count(), counts[0], counts[1])
    }

    /// Lets the cached states be used again after the clock has moved.
    async fn later(&self, span: Duration) {
        self.clock.advance(span);
        keys::read_change_log(&self.app).await.expect("the change log is read");
    }
}

#[apply(on_both_engines!)]
async fn one_in_ten_accepted_calls_is_listed(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let reader = server.key_of(Persona::Viewer).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("/settings/api-keys/{id}/refusals");
    server.calls(&secret, 12).await;
    assert_eq!(server.recorded(&owner, &reader, &id).await, (0, 0, 0), "off by default");
    let page = server.page(&owner, &path).await;
    assert!(page.contains("Accepted calls are not logged.") && page.contains("No recent requests"));

    assert_eq!(server.set_sample(&owner, &id, "10").await.status, 303);
    assert_eq!(server.audit_actions().await.last().map(String::as_str), Some("key.edited"));
    let page = server.page(&owner, &path).await;
    assert!(page.contains("1 in 10 accepted calls is logged until 27 Nov 2026, 10:00:00 UTC."), "{page}");
    let log = server.page(&owner, "/settings/audit-log").await;
    assert!(log.contains("ci-deploy"));
    server.calls(&secret, 25).await;
    // First in memory, then in the table.
    for _ in 0..2 {
        assert_eq!(server.recorded(&owner, &reader, &id).await, (3, 3, 3));
        keys::flush(&server.app).await.expect("written");
    }
    let page = server.page(&owner, &path).await;
    assert!(
        page.contains(">Accepted<") && page.contains("198.51.100.24") && page.contains("Current"),
        "{page}"
    );
    let list = server.get(&format!("/api/v1/keys/{id}/refusals")).key(&reader).send().await.json();
    assert_eq!(list["data"], json!([]), "programs that read refusals get no accepted calls");
    let list =
        server.get(&format!("/api/v1/keys/{id}/refusals?outcome=valid")).key(&reader).send().await.json();
    let request = list["data"][0]["request_id"].as_str().expect("an id").to_owned();
    assert_eq!(list["data"][0]["permitted"], json!(null));
    let found = server.page(&owner, &format!("/settings/audit-log?request={request}")).await;
    assert!(found.contains("This request was accepted") && !found.contains("was refused</h2>"), "{found}");

    assert_eq!(server.set_sample(&owner, &id, "").await.status, 303);
    server.calls(&secret, 25).await;
    assert_eq!(server.recorded(&owner, &reader, &id).await, (3, 3, 3), "it is off again");
    let shown = server.get(&format!("/api/v1/keys/{id}")).key(&reader).send().await.json();
    assert_eq!(shown["sample"], json!(null));
}

#[apply(on_both_engines!)]
async fn a_sample_ends_after_a_week(engine: Engine) {
    let server = Server::on(engine).await;
    let by = server.key_of(Persona::Owner).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("/settings/api-keys/{id}/refusals");
    let changed = server.patch_key(&by, &id, json!({ "sample_one_in": 1000 })).await.json();
    let until = json!({ "one_in": 1000, "until": "2026-11-27T10:00:00.000Z" });
    assert_eq!(changed["sample"], until);
    // Another edit leaves it as it is.
    let changed = server.patch_key(&by, &id, json!({ "note": "vault" })).await.json();
    assert_eq!(changed["sample"], until);
    server.later(WEEK - SECOND).await;
    server.calls(&secret, 1).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    assert_eq!(server.recorded(&owner, &by, &id).await.1, 1);
    server.later(SECOND).await;
    server.calls(&secret, 5).await;
    assert_eq!(server.recorded(&owner, &by, &id).await.1, 1, "the week is over");
    assert!(server.page(&owner, &path).await.contains("Accepted calls are not logged."));
    let shown = server.get(&format!("/api/v1/keys/{id}")).key(&by).send().await.json();
    assert_eq!(shown["sample"], json!(null));
    // Turning it on again begins another week.
    let changed = server.patch_key(&by, &id, json!({ "sample_one_in": 10 })).await.json();
    assert_eq!(changed["sample"]["until"], json!("2026-12-04T10:00:00.000Z"));
    let extended = async || {
        let edits = "SELECT count(*) FROM audit WHERE action = 'key.edited'";
        (server.patch_key(&by, &id, json!({ "sample_one_in": 10 })).await.json(), server.count(edits).await)
    };
    let (_, edits) = extended().await;
    server.later(SECOND).await;
    let (changed, more) = extended().await;
    assert_eq!(changed["sample"]["until"], json!("2026-12-04T10:00:01.000Z"));
    assert_eq!(more, edits + 1);
}

#[apply(on_both_engines!)]
async fn whoever_may_edit_the_key_turns_the_sample_on(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "ci-deploy").await;
    let path = format!("/settings/api-keys/{id}/refusals");
    for (persona, status) in [
        (Persona::Viewer, 403),
        (Persona::Member, 403),
        (Persona::Admin, 303),
        (Persona::Owner, 303),
        (Persona::Stranger, 404),
    ] {
        if status != 404 {
            let here = server.sign_in_as(persona).await;
            let offers = server.page(&here, &path).await.contains("name=\"sample_one_in\"");
            assert_eq!(offers, status == 303, "{persona:?}");
            assert_eq!(server.set_sample(&here, &id, "100").await.status, status, "{persona:?}");
        }
        let by = server.key_of(persona).await;
        let expected = if status == 303 { 200 } else { status };
        let patched = server.patch_key(&by, &id, json!({ "sample_one_in": 100 })).await;
        assert_eq!(patched.status, expected, "{persona:?}");
    }
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert!(server.page(&viewer, &path).await.contains("1 in 100 accepted calls is logged until"));
    let member = server.sign_in_as(Persona::Member).await;
    let (own, _) = server.made_key(&member, "mine").await;
    assert_eq!(server.set_sample(&member, &own, "100").await.status, 303);

    let by = server.key(&server.actor(Persona::Owner).await, "another").await.plaintext;
    for wrong in ["7", "0", "-1", "all", "99999999999999999999"] {
        let response = server.set_sample(&owner, &id, wrong).await;
        assert_eq!(response.status, 422, "{wrong}");
        let page = response.text();
        assert!(
            page.contains("aria-invalid=\"true\"") && page.contains("Log one in 10, 100 or 1,000"),
            "{wrong}"
        );
    }
    for wrong in [json!(7), json!(0), json!(-10), json!(i64::MAX)] {
        let response = server.patch_key(&by, &id, json!({ "sample_one_in": wrong })).await;
        assert_eq!(response.status, 422, "{wrong}");
        assert_eq!(response.json()["errors"][0]["field"], json!("sample_one_in"));
    }
    server.submit(&owner, &format!("/settings/api-keys/{id}/revoke"), &[("confirmed", "yes")]).await;
    assert!(
        !server.page(&owner, &path).await.contains("name=\"sample_one_in\""),
        "a revoked key accepts no calls"
    );
    let response = server.set_sample(&owner, &id, "10").await;
    assert_eq!(response.status, 303);
    assert!(server.page(&owner, &path).await.contains("This key is revoked"));
}

#[apply(on_both_engines!)]
async fn a_busy_key_fills_neither_the_table_nor_the_list(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let reader = server.key_of(Persona::Viewer).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    server.set_sample(&owner, &id, "10").await;
    server.calls(&secret, 650).await;
    assert_eq!(server.recorded(&owner, &reader, &id).await.1, 60);
    keys::flush(&server.app).await.expect("written");
    server.submit(&owner, &format!("/settings/api-keys/{id}/disable"), &[("confirmed", "yes")]).await;
    for _ in 0..3 {
        assert_eq!(server.get("/api/v1/me").key(&secret).send().await.status, 401);
    }
    assert_eq!(server.recorded(&owner, &reader, &id).await.2, 63, "refusals are recorded nevertheless");
    keys::flush(&server.app).await.expect("written");
    server.later(WEEK + SECOND).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    assert_eq!(server.recorded(&owner, &reader, &id).await.2, 0, "they are stored for a week");
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.count("SELECT count(*) FROM refused_requests").await, 0);
}

#[apply(on_both_engines!)]
async fn another_process_and_a_restart_know_of_the_sample(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let other = server.second_process().await;
    let requirements = Requirements {
        org: None,
        audience: None,
        least_role: Role::None,
        kinds: keys::Kinds::ALL,
        plan: false,
        permissions: None,
        cost: 1,
    };
    let call = async |request_id: &str| {
        let presenter = Presenter { request_id, user_agent: "test", ..Presenter::default() };
        keys::verify(&other, secret.expose(), &requirements, &presenter).await.expect("a verdict");
        keys::flush(&other).await.expect("written");
    };
    call("req_before").await;
    server.set_sample(&owner, &id, "100").await;
    keys::read_change_log(&other).await.expect("the change log is read");
    for number in 0..101 {
        call(&format!("req_{number}")).await;
    }
    let ids: Vec<String> = sqlx::query_scalar("SELECT request_id FROM refused_requests ORDER BY request_id")
        .fetch_all(server.app.db.pool())
        .await
        .expect("rows");
    assert_eq!(ids, ["req_0", "req_100"]);
    // A process that has not yet seen the key, as after a restart.
    let presenter = Presenter { request_id: "req_again", user_agent: "test", ..Presenter::default() };
    keys::verify(&server.app, secret.expose(), &requirements, &presenter).await.expect("a verdict");
    keys::flush(&server.app).await.expect("written");
    assert_eq!(server.count("SELECT count(*) FROM refused_requests WHERE outcome = 'valid'").await, 3);
}

#[apply(on_both_engines!)]
async fn a_row_says_whether_the_permissions_were_there(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let by = server.key_of(Persona::Owner).await;
    server.list_permission(&by).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let verify = async |code: &str| {
        let body = json!({ "key": secret.expose(), "permissions": "one.read" });
        let result = server.post("/api/v1/keys/verify").key(&by).json(&body).send().await.json();
        assert_eq!(result["code"], json!(code), "{result}");
    };
    let grant = json!({ "sample_one_in": 10, "permissions": ["one.read"] });
    assert_eq!(server.patch_key(&by, &id, grant).await.status, 200);
    verify("valid").await;
    assert_eq!(server.patch_key(&by, &id, json!({ "permissions": [] })).await.status, 200);
    verify("insufficient_permissions").await;
    for _ in 0..2 {
        let page = server.page(&owner, &format!("/settings/api-keys/{id}/refusals")).await;
        assert!(page.contains("Has the permissions") && page.contains("Lacks a permission"), "{page}");
        keys::flush(&server.app).await.expect("written");
    }
    let list = server.get(&format!("/api/v1/keys/{id}/refusals?accepted=true")).key(&by).send().await.json();
    let mut permitted: Vec<Option<bool>> =
        list["data"].as_array().expect("a list").iter().map(|row| row["permitted"].as_bool()).collect();
    permitted.sort();
    assert_eq!(permitted, [Some(false), Some(true)]);
}
