//! Quotas: so many requests a day or month.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::Shop;
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn quota(limit: i64, period: &str) -> Value {
    json!({ "quota": { "limit": limit, "period": period } })
}

fn none() -> Value {
    json!({ "role": "none" })
}

fn cost(cost: i64) -> Value {
    json!({ "role": "none", "cost": cost })
}

#[apply(on_both_engines!)]
async fn a_quota_is_used_up_by_cost_and_begins_anew(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, _) = shop.sell("customer", quota(10, "day")).await;
    let checked = shop.verify(&key, cost(3)).await.json();
    let state = json!({ "limit": 10, "remaining": 7, "period": "day", "reset_seconds": 14 * 3_600 });
    assert_eq!((&checked["code"], &checked["quota"]), (&json!("valid"), &state));
    assert_eq!(shop.code(&key, cost(8)).await, "quota_exceeded", "more than what is left");
    assert_eq!(shop.code(&key, cost(0)).await, "valid");
    assert_eq!(shop.code(&key, cost(7)).await, "valid", "what was refused used up nothing");
    assert_eq!(shop.code(&key, none()).await, "quota_exceeded");
    assert_eq!(shop.code(&key, cost(0)).await, "valid");
    let refused = shop.authorize(&key, "&role=none").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "50400"));
    assert_eq!(refused.header("ratelimit-policy"), "\"day\";q=10");
    assert_eq!(refused.header("ratelimit"), "\"day\";r=0;t=50400");
    assert_eq!(refused.json()["code"], "quota_exceeded");
    shop.server.clock.advance(Duration::from_secs(14 * 3_600));
    assert_eq!(shop.code(&key, cost(10)).await, "valid", "a new day");
}

#[apply(on_both_engines!)]
async fn a_month_ends_with_the_month(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, _) = shop.sell("customer", quota(2, "month")).await;
    assert_eq!(shop.code(&key, cost(2)).await, "valid");
    shop.server.clock.advance(10 * DAY);
    let _ = keys::follow_change_log(&shop.server.app).await;
    assert_eq!(shop.code(&key, none()).await, "quota_exceeded");
    shop.server.clock.advance(DAY);
    let _ = keys::follow_change_log(&shop.server.app).await;
    assert_eq!(shop.code(&key, none()).await, "valid");
}

#[apply(on_both_engines!)]
async fn of_two_hundred_requests_at_once_exactly_the_quota_passes(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, _) = shop.sell("customer", quota(50, "day")).await;
    assert_eq!(shop.code(&key, cost(0)).await, "valid");
    let calls = (0..200).map(|_| shop.authorize(&key, "&role=none"));
    let passed =
        futures_util::future::join_all(calls).await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(passed, 50);
}

#[apply(on_both_engines!)]
async fn a_restart_goes_on_counting(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, _) = shop.sell("customer", quota(10, "day")).await;
    assert_eq!(shop.code(&key, cost(4)).await, "valid");
    keys::write_usage(&shop.server.app).await.expect("it is written");
    assert_eq!(shop.code(&key, cost(1)).await, "valid");
    // Written again: the whole count, not a further one.
    keys::write_usage(&shop.server.app).await.expect("it is written");
    keys::write_usage(&shop.server.app).await.expect("nothing is new");
    let next = shop.server.second_process().await;
    let requirements =
        keys::Requirements { least_role: crate::shared::Role::None, ..crate::tests::keys::ANYTHING };
    let from = keys::Presenter::default();
    let ask = async |cost| {
        let requirements = keys::Requirements { cost, ..requirements };
        keys::verify(&next, key.expose(), &requirements, &from).await.expect("a verdict").outcome.as_str()
    };
    assert_eq!(ask(6).await, "quota_exceeded");
    assert_eq!(ask(5).await, "valid");
    assert_eq!(ask(1).await, "quota_exceeded");
}

#[apply(on_both_engines!)]
async fn a_rotation_does_not_reset_a_quota(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, id) = shop.sell("customer", quota(3, "day")).await;
    assert_eq!(shop.code(&key, cost(2)).await, "valid");
    let rotated = shop.post(&format!("/api/v1/keys/{id}/rotate"), &json!({})).await.json();
    let new = crate::platform::Secret::new(rotated["key"].as_str().expect("a key"));
    assert_eq!(shop.code(&new, cost(2)).await, "quota_exceeded");
    assert_eq!(shop.code(&key, none()).await, "valid", "both secrets count together");
    assert_eq!(shop.code(&new, none()).await, "quota_exceeded");
    // Nor does a change of the key.
    let path = format!("/api/v1/keys/{id}");
    assert_eq!(shop.patch(&path, &quota(4, "day")).await.status, 200);
    assert_eq!(shop.verify(&new, none()).await.json()["quota"]["remaining"], 0);
    assert_eq!(shop.patch(&path, &json!({ "quota": null })).await.json()["quota"], json!(null));
    assert_eq!(shop.code(&new, none()).await, "valid");
}

#[apply(on_both_engines!)]
async fn limits_do_not_use_each_other_up(engine: Engine) {
    let shop = Shop::on(engine).await;
    let fields = json!({ "quota": { "limit": 3, "period": "day" }, "rate_limit_per_minute": 2 });
    let (key, _) = shop.sell("customer", fields).await;
    assert_eq!(shop.code(&key, none()).await, "valid");
    assert_eq!(shop.code(&key, none()).await, "valid");
    for _ in 0..5 {
        assert_eq!(shop.code(&key, none()).await, "rate_limited");
    }
    shop.server.clock.advance(Duration::from_secs(60));
    let _ = keys::follow_change_log(&shop.server.app).await;
    let response = shop.authorize(&key, "&role=none").await;
    assert_eq!(response.header("ratelimit-policy"), "\"minute\";q=2;w=60, \"day\";q=3");
    assert_eq!(response.header("ratelimit"), "\"minute\";r=1;t=60, \"day\";r=0;t=50340");
    assert_eq!(shop.code(&key, none()).await, "quota_exceeded");
}

#[apply(on_both_engines!)]
async fn calls_of_the_api_use_up_the_callers_quota(engine: Engine) {
    let shop = Shop::on(engine).await;
    let made = shop
        .post("/api/v1/keys", &json!({ "name": "limited", "quota": { "limit": 3, "period": "day" } }))
        .await;
    let limited = crate::platform::Secret::new(made.json()["key"].as_str().expect("a key"));
    for _ in 0..2 {
        assert_eq!(shop.server.get("/api/v1/me").key(&limited).send().await.status, 200);
    }
    let last = shop.server.get("/api/v1/keys").key(&limited).send().await;
    assert_eq!((last.status.as_u16(), last.header("ratelimit")), (200, "\"day\";r=0;t=50400"));
    assert_eq!(shop.server.get("/api/v1/me").key(&limited).send().await.status, 429);
}

#[apply(on_both_engines!)]
async fn a_key_with_a_quota_makes_keys_that_share_it(engine: Engine) {
    let shop = Shop::on(engine).await;
    let made = shop
        .post("/api/v1/keys", &json!({ "name": "limited", "quota": { "limit": 6, "period": "day" } }))
        .await;
    let limited = crate::platform::Secret::new(made.json()["key"].as_str().expect("a key"));
    let make = async |body: Value| shop.server.post("/api/v1/keys").key(&limited).json(&body).send().await;
    for quota in [json!({ "limit": 7, "period": "day" }), json!({ "limit": 1, "period": "month" })] {
        let response = make(json!({ "name": "more", "quota": quota })).await;
        assert_eq!(
            (response.status.as_u16(), &response.json()["errors"][0]["field"]),
            (422, &json!("quota"))
        );
    }
    let child = make(json!({ "name": "child" })).await.json();
    assert_eq!(child["quota"], json!({ "limit": 6, "period": "day" }));
    let child = crate::platform::Secret::new(child["key"].as_str().expect("a key"));
    // Three requests of the maker were counted.
    assert_eq!(shop.code(&child, cost(3)).await, "valid");
    assert_eq!(shop.code(&child, none()).await, "quota_exceeded");
    assert_eq!(shop.server.get("/api/v1/me").key(&limited).send().await.status, 429);
}

#[apply(on_both_engines!)]
async fn wrong_quotas_and_costs_are_refused(engine: Engine) {
    let shop = Shop::on(engine).await;
    for (limit, period, status) in [
        (json!(0), "day", 422),
        (json!(-1), "day", 422),
        (json!(1_i64 << 53), "day", 422),
        (json!(1), "week", 422),
        (json!(1.5), "day", 422),
        (json!("1"), "day", 422),
    ] {
        let body = json!({ "name": "k", "quota": { "limit": limit, "period": period } });
        let response = shop.post("/api/v1/keys", &body).await;
        assert_eq!(response.status, status, "{body}: {}", response.text());
    }
    let (key, _) = shop.sell("customer", quota(5, "day")).await;
    for (cost, status) in
        [(json!(-1), 422), (json!(1_000_001), 422), (json!(0.5), 422), (json!(i64::MAX), 422)]
    {
        let response = shop.verify(&key, json!({ "role": "none", "cost": cost })).await;
        assert_eq!(response.status, status, "{cost}: {}", response.text());
    }
    assert_eq!(shop.verify(&key, none()).await.json()["quota"]["remaining"], 4);
}

#[apply(on_both_engines!)]
async fn old_counts_are_deleted(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, _) = shop.sell("customer", quota(5, "day")).await;
    assert_eq!(shop.code(&key, none()).await, "valid");
    keys::write_usage(&shop.server.app).await.expect("it is written");
    const ROWS: &str = "SELECT COUNT(*) FROM quota_use";
    keys::sweep(&shop.server.app).await.expect("a sweep");
    assert_eq!(shop.server.count(ROWS).await, 1);
    shop.server.clock.advance(41 * DAY);
    keys::sweep(&shop.server.app).await.expect("a sweep");
    assert_eq!(shop.server.count(ROWS).await, 0);
}
