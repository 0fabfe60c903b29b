//! How events are delivered: order, failures, retries, crashes and limits.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::receiver::{Receiver, Reply};
use super::{LOCAL, started, verify};
use crate::keys::server as keys;
use crate::orgs::server::Actor;
use crate::platform::db::Engine;
use crate::shared::KeyId;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::mail::Sink;
use crate::tests::personas::Persona;
use crate::webhooks::server as webhooks;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Server {
    /// Disables and enables a key, so that two events wait.
    pub async fn toggle(&self, actor: &Actor, id: KeyId) {
        keys::disable(&self.app, actor, id).await.expect("it is disabled");
        keys::enable(&self.app, actor, id).await.expect("it is enabled");
    }

    /// Lets time pass in steps of an hour, with a round after each.
    async fn hours_pass(&self, hours: u32) {
        for _ in 0..hours {
            self.clock.advance(HOUR);
            self.deliver().await;
        }
    }
}

/// While one event of a key fails, its later ones wait; those of other keys do not.
#[apply(on_both_engines!)]
async fn a_later_event_of_the_same_key_waits(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.disabled", "key.enabled"]).await;
    let owner = server.actor(Persona::Owner).await;
    let (one, two) = (server.key(&owner, "one").await.key.id, server.key(&owner, "two").await.key.id);
    let refused = one.to_string();
    receiver.reply(move |received| match received.json()["data"]["id"] == refused {
        true => Reply::Status(500),
        false => Reply::Status(204),
    });
    server.toggle(&owner, one).await;
    server.toggle(&owner, two).await;
    for _ in 0..3 {
        server.clock.advance(MINUTE * 5);
        server.deliver().await;
    }
    let of = |key: KeyId| -> Vec<String> {
        let all = receiver.received();
        let own = all.iter().filter(|received| received.json()["data"]["id"] == key.to_string());
        own.map(|received| received.event_type()).collect()
    };
    assert_eq!(of(two), ["key.disabled", "key.enabled"]);
    assert!(of(one).len() >= 2 && of(one).iter().all(|event| event == "key.disabled"), "{:?}", of(one));
    receiver.forget();
    receiver.always(Reply::Status(200));
    server.clock.advance(HOUR);
    server.deliver().await;
    assert_eq!(of(one), ["key.disabled", "key.enabled"]);
    // A repeat has the same id, and a signature of its own.
    let deliveries = server.deliveries(&admin, hook.id).await;
    assert!(deliveries.iter().all(|delivery| delivery["state"] == "delivered"), "{deliveries:?}");
    verify(&receiver.received()[0], &[&hook.secret], server.clock.now());
}

/// Every kind of bad answer is a failure that is told, tried again, and harmless.
#[apply(on_both_engines!)]
async fn bad_answers_are_failures(engine: Engine) {
    let elsewhere = Receiver::start().await;
    for (reply, status, told) in [
        (Reply::Redirect(elsewhere.url("/")), json!(301), ""),
        (Reply::Status(500), json!(500), ""),
        (Reply::Status(199), json!(null), ""),
        (Reply::Nothing, json!(null), "No answer within 300ms"),
        (Reply::Hangup, json!(null), ""),
        (Reply::Long(400, 10_000_000), json!(400), ""),
        (Reply::Text(418, "tea\0pot\u{1b}"), json!(418), ""),
    ] {
        let (server, receiver) = started(engine).await;
        let admin = server.key_of(Persona::Admin).await;
        let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
        receiver.always(reply.clone());
        server.key(&server.actor(Persona::Owner).await, "one").await;
        server.deliver().await;
        let deliveries = server.deliveries(&admin, hook.id).await;
        let attempt = &deliveries[0]["attempts"][0];
        assert_eq!(deliveries[0]["state"], "waiting", "{reply:?}");
        assert!(deliveries[0]["next_attempt_at"].is_string(), "{reply:?}");
        assert!(attempt["error"].as_str().is_some_and(|error| error.contains(told)), "{reply:?}: {attempt}");
        if status != json!(null) {
            assert_eq!(attempt["http_status"], status, "{reply:?}: {attempt}");
        }
        assert!(attempt["response"].as_str().is_some_and(|text| text.len() <= 1_024 && !text.contains('\0')));
        assert_eq!(server.webhook_state(&admin, hook.id).await["state"], "failing", "{reply:?}");
        receiver.always(Reply::Long(200, 1_000_000));
        server.clock.advance(MINUTE);
        server.deliver().await;
        assert_eq!(server.deliveries(&admin, hook.id).await[0]["state"], "delivered", "{reply:?}");
        assert_eq!(server.webhook_state(&admin, hook.id).await["state"], "delivering", "{reply:?}");
    }
    assert!(elsewhere.received().is_empty(), "redirects are not followed");
}

#[apply(on_both_engines!)]
async fn a_delivery_is_given_up_after_a_day(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.disabled", "key.enabled"]).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "one").await.key.id;
    receiver.always(Reply::Status(503));
    server.toggle(&owner, key).await;
    server.deliver().await;
    server.hours_pass(30).await;
    webhooks::upkeep(&server.app).await.expect("upkeep");
    let deliveries = server.deliveries(&admin, hook.id).await;
    assert_eq!(deliveries.len(), 2);
    for delivery in &deliveries {
        assert_eq!(
            (&delivery["state"], &delivery["given_up_because"]),
            (&json!("given_up"), &json!("expired"))
        );
    }
    let tries = receiver.received().len();
    assert!((8..=20).contains(&tries), "{tries}");
    server.hours_pass(2).await;
    assert_eq!(receiver.received().len(), tries);

    // A person sends it again: the same event.
    receiver.always(Reply::Status(200));
    let first = receiver.received()[0].header("webhook-id").to_owned();
    let id = deliveries[1]["id"].as_str().expect("an id");
    let response = server
        .post(&format!("/api/v1/webhooks/deliveries/{id}/resend"))
        .key(&admin)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(response.status, 202, "{}", response.text());
    server.deliver().await;
    assert_eq!(receiver.received().last().expect("a request").header("webhook-id"), first);
    assert_eq!(server.deliveries(&admin, hook.id).await[1]["state"], "delivered");
    assert!(server.audited().await.contains(&"webhook.resent".to_owned()));
}

#[apply(on_both_engines!)]
async fn an_endpoint_that_says_410_is_turned_off(engine: Engine) {
    let mut sink = Sink::start().await;
    let receiver = Receiver::start().await;
    let server = Server::with(engine, &[LOCAL, &sink.settings()].concat()).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    server.sign_in_as(Persona::Member).await;
    let owner = server.actor(Persona::Owner).await;
    receiver.always(Reply::Status(410));
    let key = server.key(&owner, "one").await.key.id;
    server.toggle(&owner, key).await;
    server.deliver().await;
    let state = server.webhook_state(&admin, hook.id).await;
    assert_eq!((&state["state"], &state["disabled_reason"]), (&json!("off"), &json!("gone")));
    assert_eq!(server.audited().await.last().map(String::as_str), Some("webhook.turned_off"));
    let mut told = [sink.letter().await.to, sink.letter().await.to].concat();
    told.sort();
    assert_eq!(told, [Persona::Admin.email(), Persona::Owner.email()]);
    assert!(sink.letter_now().is_none());
    // Events from now on are not kept for it.
    let before = server.deliveries(&admin, hook.id).await.len();
    server.toggle(&owner, key).await;
    webhooks::upkeep(&server.app).await.expect("upkeep");
    server.clock.advance(HOUR);
    let tries = receiver.received().len();
    server.deliver().await;
    assert_eq!((server.deliveries(&admin, hook.id).await.len(), receiver.received().len()), (before, tries));
    assert!(server.deliveries(&admin, hook.id).await.iter().all(|delivery| delivery["state"] == "given_up"));
}

#[apply(on_both_engines!)]
async fn an_endpoint_is_turned_off_after_five_days_of_failure(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    let owner = server.actor(Persona::Owner).await;
    receiver.always(Reply::Status(500));
    let key = server.key(&owner, "one").await.key.id;
    server.deliver().await;
    for day in 1..=5 {
        assert_eq!(server.webhook_state(&admin, hook.id).await["state"], "failing", "day {day}");
        server.clock.advance(DAY);
        webhooks::upkeep(&server.app).await.expect("upkeep");
        server.toggle(&owner, key).await;
        server.deliver().await;
    }
    let state = server.webhook_state(&admin, hook.id).await;
    assert_eq!((&state["state"], &state["disabled_reason"]), (&json!("off"), &json!("failing")));
    assert_eq!(server.audited().await.last().map(String::as_str), Some("webhook.turned_off"));

    // Turned on again, it begins anew.
    let path = format!("/api/v1/webhooks/{}", hook.id);
    let body = json!({ "enabled": true });
    let on = server.call(axum::http::Method::PATCH, &path).key(&admin).json(&body).send().await;
    assert_eq!((on.status.as_u16(), &on.json()["state"]), (200, &json!("delivering")));
    receiver.always(Reply::Status(200));
    server.toggle(&owner, key).await;
    server.clock.advance(DAY);
    server.deliver().await;
    assert!(receiver.types().ends_with(&["key.enabled".to_owned()]));
}

/// A receiver that answers again gets at once what has waited.
#[apply(on_both_engines!)]
async fn what_waits_is_sent_as_soon_as_the_endpoint_answers(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    receiver.always(Reply::Status(500));
    for number in 0..30 {
        server.key(&owner, &format!("key {number}")).await;
    }
    server.deliver().await;
    // Once several have failed, the endpoint is left alone for a while.
    assert!((3..=10).contains(&receiver.received().len()), "{}", receiver.received().len());
    server.hours_pass(3).await;
    assert!(receiver.received().len() <= 13, "{}", receiver.received().len());
    receiver.forget();
    receiver.always(Reply::Status(200));
    server.hours_pass(4).await;
    assert_eq!(receiver.received().len(), 30);
}

#[apply(on_both_engines!)]
async fn the_oldest_of_too_many_are_given_up(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let owner = server.actor(Persona::Owner).await;
    for number in 0..7 {
        server.key(&owner, &format!("key {number}")).await;
    }
    webhooks::trim_backlog(&server.app, 5).await.expect("upkeep");
    let states: Vec<_> = server
        .deliveries(&admin, hook.id)
        .await
        .iter()
        .map(|delivery| delivery["given_up_because"].clone())
        .collect();
    assert_eq!(
        states,
        [json!(""), json!(""), json!(""), json!(""), json!(""), json!("backlog"), json!("backlog")]
    );
    server.deliver().await;
    assert_eq!(receiver.received().len(), 5);
}

#[apply(on_both_engines!)]
async fn deliveries_are_kept_for_thirty_days(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    let gone = server.webhook(&admin, &receiver.url("/gone"), &["key.created"]).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    server.deliver().await;
    let path = format!("/api/v1/webhooks/{}", gone.id);
    assert_eq!(server.call(axum::http::Method::DELETE, &path).key(&admin).send().await.status, 204);
    server.clock.advance(DAY * 29);
    webhooks::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.deliveries(&admin, hook.id).await.len(), 1);
    server.clock.advance(DAY * 2);
    webhooks::sweep(&server.app).await.expect("a sweep");
    for table in ["webhook_deliveries", "webhook_attempts", "webhook_events"] {
        let question = crate::platform::db::sql(format!("SELECT COUNT(*) FROM {table}"));
        let rows: i64 = sqlx::query_scalar(question).fetch_one(server.app.db.pool()).await.expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_endpoints").await, 1);
}

/// Thousands of events leave quickly, some at a time. `LATCHKEY_TEST_EVENTS` sets their number.
#[apply(on_both_engines!)]
async fn many_events_are_delivered_some_at_a_time(engine: Engine) {
    let count: i64 =
        std::env::var("LATCHKEY_TEST_EVENTS").map_or(1_500, |text| text.parse().expect("a number"));
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["key.created"]).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    // Copies of the one delivery: most with a lane of their own, a tenth in one lane.
    let mut write = server.app.db.write().await.expect("a turn");
    for number in 1..count {
        let lane = if number % 10 == 0 { "one".to_owned() } else { format!("lane {number}") };
        sqlx::query(
            "INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, lane, seq, created_at, due_at, \
             expires_at, lease_until, attempts, failures, last_error, last_took, given_up_because) \
             SELECT $1, org_id, endpoint_id, event_id, $2, $3, created_at, due_at, expires_at, 0, 0, 0, '', 0, '' \
             FROM webhook_deliveries WHERE attempts = 0 ORDER BY id LIMIT 1",
        )
        .bind(crate::shared::DeliveryId::new(server.clock.now(), server.app.random_for_id()))
        .bind(lane)
        .bind(number)
        .execute(&mut *write)
        .await
        .expect("a delivery");
    }
    write.commit().await.expect("a commit");
    server.deliver().await;
    assert_eq!(receiver.received().len() as i64, count);
    assert_eq!(
        server.count("SELECT COUNT(*) FROM webhook_deliveries WHERE delivered_at IS NOT NULL").await,
        count
    );
    assert!(receiver.most_at_once() <= 8, "{}", receiver.most_at_once());
    assert_eq!(server.webhook_state(&admin, hook.id).await["state"], "delivering");
}
