//! Trying a delivery now, `Retry-After`, the filter of retried deliveries, and the metrics.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::receiver::Reply;
use super::started;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::server;
use crate::shared::Timestamp;
use crate::tests::harness::{Server, TestResponse, on_both_engines};
use crate::tests::personas::Persona;
use crate::webhooks::server as webhooks;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Server {
    async fn resend(&self, key: &Secret, delivery: &Value) -> TestResponse {
        let id = delivery["id"].as_str().expect("an id");
        let path = format!("/api/v1/webhooks/deliveries/{id}/resend");
        self.post(&path).key(key).json(&json!({})).send().await
    }
}

/// The time until the next attempt.
fn wait(server: &Server, delivery: &Value) -> Duration {
    let next = delivery["next_attempt_at"].as_str().and_then(Timestamp::parse).expect("a time");
    next.since(server.clock.now())
}

#[apply(on_both_engines!)]
async fn only_what_is_sent_next_can_be_tried_now(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.disabled", "key.enabled"]).await;
    let owner = server.actor(Persona::Owner).await;
    let (one, two) = (server.key(&owner, "one").await.key.id, server.key(&owner, "two").await.key.id);
    receiver.always(Reply::Status(500));
    server.toggle(&owner, one).await;
    server.deliver().await;
    server.clock.advance(SECOND);
    server.toggle(&owner, two).await;
    for _ in 0..3 {
        server.clock.advance(HOUR);
        server.deliver().await;
    }
    // The newest first: enabled and disabled of the second key, then of the first one.
    let waiting = server.deliveries(&admin, hook.id).await;
    let state = |number: usize| (&waiting[number]["event_type"], &waiting[number]["waits_for_earlier"]);
    assert_eq!(state(2), (&json!("key.enabled"), &json!(true)));
    assert_eq!(state(3), (&json!("key.disabled"), &json!(false)));
    let refused = server.resend(&admin, &waiting[2]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("earlier event of the same key"), "{}", refused.text());
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, &format!("/settings/webhooks/{}", hook.id)).await;
    assert_eq!((page.matches("Try now").count(), page.matches("Waits for an earlier event").count()), (2, 2));

    // It is the first one that is sent, although the endpoint is paused and another delivery has waited for longer.
    receiver.forget();
    let before = waiting[1]["attempts"].as_array().expect("attempts").len();
    assert!(before > 0);
    let tried = server.resend(&admin, &waiting[1]).await;
    assert_eq!(tried.status, 202, "{}", tried.text());
    server.deliver().await;
    assert_eq!(receiver.received()[0].json()["data"]["id"], json!(two.to_string()));
    let after = server.deliveries(&admin, hook.id).await;
    assert_eq!(after[1]["attempts"].as_array().expect("attempts").len(), before + 1);
    assert_eq!(after[1]["state"], "waiting");
    assert!(wait(&server, &after[1]) >= SECOND * 30, "the backoff goes on: {}", after[1]);

    // Once it succeeds, the one behind it follows.
    receiver.forget();
    receiver.always(Reply::Status(200));
    assert_eq!(server.resend(&admin, &after[3]).await.status, 202);
    server.deliver().await;
    let received = receiver.received().into_iter();
    let of_one = received.filter(|received| received.json()["data"]["id"] == json!(one.to_string()));
    let types: Vec<_> = of_one.map(|received| received.event_type()).collect();
    assert_eq!(types, ["key.disabled", "key.enabled"]);
    let path = "/settings/webhooks/deliveries";
    let id = after[3]["id"].as_str().expect("an id");
    let sent = server.submit(&cookies, &format!("{path}/{id}/resend"), &[]).await;
    assert_eq!(sent.status, 303);
    let page = server.page(&cookies, &format!("/settings/webhooks/{}", hook.id)).await;
    assert!(page.contains("key.disabled is on its way again."), "{page}");
}

#[apply(on_both_engines!)]
async fn a_delivery_that_is_being_sent_cannot_be_tried(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    let lease = server.clock.now().plus(HOUR).millis();
    server.run(&format!("UPDATE webhook_deliveries SET lease_until = {lease}")).await;
    let waiting = server.deliveries(&admin, hook.id).await;
    let refused = server.resend(&admin, &waiting[0]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("at this moment"), "{}", refused.text());
}

#[apply(on_both_engines!)]
async fn retry_after_is_respected_for_up_to_an_hour(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    for (status, when, least, most) in [
        (429, "600", 600, 601),
        (503, "86400", 3_600, 3_601),
        (503, "Fri, 31 Dec 2100 23:59:59 GMT", 3_600, 3_601),
        // The backoff is longer.
        (429, "1", 5, 7),
        (503, "Thu, 01 Jan 2015 00:00:00 GMT", 5, 7),
        (429, "nonsense", 5, 7),
        (500, "600", 5, 7),
    ] {
        receiver.always(Reply::RetryAfter(status, when.to_owned()));
        server.key(&owner, &format!("key {status} {when}")).await;
        server.deliver().await;
        let delivery = server.deliveries(&admin, hook.id).await.remove(0);
        let seconds = wait(&server, &delivery).as_secs();
        assert!((least..most).contains(&seconds), "{status} {when}: {seconds}");
        receiver.always(Reply::Status(200));
        server.clock.advance(HOUR + SECOND);
        server.deliver().await;
        assert_eq!(server.deliveries(&admin, hook.id).await[0]["state"], "delivered", "{status} {when}");
    }
}

/// The receiver is left alone, not only by the delivery that it refused.
#[apply(on_both_engines!)]
async fn a_busy_receiver_gets_nothing_until_it_is_ready(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    receiver.always(Reply::RetryAfter(429, "600".to_owned()));
    server.key(&owner, "one").await;
    server.deliver().await;
    server.key(&owner, "two").await;
    receiver.always(Reply::Status(200));
    server.clock.advance(SECOND * 599);
    server.deliver().await;
    assert_eq!(receiver.received().len(), 1);
    server.clock.advance(SECOND);
    server.deliver().await;
    assert_eq!(receiver.received().len(), 3);
}

#[apply(on_both_engines!)]
async fn retried_deliveries_are_listed(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    receiver.always(Reply::Status(500));
    server.key(&owner, "retried").await;
    server.deliver().await;
    receiver.always(Reply::Status(200));
    server.clock.advance(SECOND * 10);
    server.deliver().await;
    server.key(&owner, "at once").await;
    server.deliver().await;
    for (query, names) in [
        ("?retried=true", vec!["retried"]),
        ("?retried=true&state=delivered", vec!["retried"]),
        ("?retried=true&state=waiting", vec![]),
        ("?retried=false", vec!["at once", "retried"]),
    ] {
        let path = format!("/api/v1/webhooks/{}/deliveries{query}", hook.id);
        let list = server.get(&path).key(&admin).send().await.json();
        let listed = list["data"].as_array().expect("a list").iter();
        let listed: Vec<_> =
            listed.map(|delivery| delivery["payload"]["data"]["name"].as_str().expect("a name")).collect();
        assert_eq!(listed, names, "{query}");
    }
    let path = format!("/api/v1/webhooks/{}/deliveries?retried=perhaps", hook.id);
    assert!(server.get(&path).key(&admin).send().await.status.is_client_error());
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, &format!("/settings/webhooks/{}?state=retried", hook.id)).await;
    assert!(page.contains("Delivered on attempt 2") && !page.contains("at once"), "{page}");
}

#[apply(on_both_engines!)]
async fn attempts_and_deliveries_are_counted(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    let counts = async || {
        server::refresh_figures(&server.app).await.expect("figures");
        let mut counts = Vec::new();
        for series in [
            "webhook_attempts_total{outcome=\"success\"}",
            "webhook_attempts_total{outcome=\"failure\"}",
            "webhook_deliveries_total{outcome=\"delivered\"}",
            "webhook_deliveries_total{outcome=\"given_up\"}",
            "webhook_deliveries_waiting",
        ] {
            counts.push(server.sample(&format!("latchkey_{series}")).await);
        }
        counts
    };
    assert_eq!(counts().await, [0.0, 0.0, 0.0, 0.0, 0.0]);
    receiver.always(Reply::Status(500));
    server.key(&owner, "one").await;
    server.deliver().await;
    assert_eq!(counts().await, [0.0, 1.0, 0.0, 0.0, 1.0]);
    receiver.always(Reply::Status(200));
    server.clock.advance(HOUR);
    server.deliver().await;
    assert_eq!(counts().await, [1.0, 1.0, 1.0, 0.0, 0.0]);
    server.key(&owner, "two").await;
    server.clock.advance(HOUR * 24);
    webhooks::upkeep(&server.app).await.expect("upkeep");
    assert_eq!(counts().await, [1.0, 1.0, 1.0, 1.0, 0.0]);
}

/// A newer version has stored an event that this one does not know.
#[apply(on_both_engines!)]
async fn events_of_a_newer_version_stay(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    server.run("UPDATE webhook_endpoints SET events = 'key.created key.painted'").await;
    let path = format!("/api/v1/webhooks/{}", hook.id);
    let patch = async |body: Value| server.call(Method::PATCH, &path).key(&admin).json(&body).send().await;
    let edited = patch(json!({ "description": "Ours" })).await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!(edited.json()["events"], json!(["key.created", "key.painted"]));
    assert_eq!(patch(json!({ "events": ["key.burnt"] })).await.status, 422);
    let edited = patch(json!({ "events": ["key.painted", "key.revoked"] })).await;
    assert_eq!(edited.json()["events"], json!(["key.painted", "key.revoked"]));
    let cookies = server.sign_in_as(Persona::Owner).await;
    let form = server.page(&cookies, &format!("/settings/webhooks/{}/edit", hook.id)).await;
    assert!(form.contains("value=\"key.painted\" checked"), "{form}");
    assert_eq!(patch(json!({ "events": ["key.revoked"] })).await.status, 200);
    assert_eq!(patch(json!({ "events": ["key.painted"] })).await.status, 422, "it is unknown again");
}
