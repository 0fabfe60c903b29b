//! Owner and metadata.

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::Shop;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

#[apply(on_both_engines!)]
async fn checks_return_owner_and_metadata(engine: Engine) {
    let shop = Shop::on(engine).await;
    let metadata = json!({ "tier": "gold", "regions": ["eu", "us"] });
    let (key, id) =
        shop.sell("customer", json!({ "external_id": " carrier 4471é ", "metadata": metadata })).await;
    let checked = shop.verify(&key, json!({ "role": "none" })).await.json();
    assert_eq!(checked["key"]["external_id"], "carrier 4471é");
    assert_eq!(checked["key"]["metadata"], metadata);
    let response = shop.authorize(&key, "&role=none").await;
    assert_eq!(response.header("x-latchkey-owner"), "carrier+4471%C3%A9");
    let path = format!("/api/v1/keys/{id}");
    let read = shop.get(&path).await.json();
    assert_eq!((&read["external_id"], &read["metadata"]), (&json!("carrier 4471é"), &metadata));
    // A change of one leaves the other, and is in force at once.
    let edited = shop.patch(&path, &json!({ "external_id": "other" })).await.json();
    assert_eq!((&edited["external_id"], &edited["metadata"]), (&json!("other"), &metadata));
    assert_eq!(shop.authorize(&key, "&role=none").await.header("x-latchkey-owner"), "other");
    let edited = shop.patch(&path, &json!({ "external_id": null, "metadata": null })).await.json();
    assert_eq!((&edited["external_id"], &edited["metadata"]), (&json!(null), &json!(null)));
    let checked = shop.verify(&key, json!({ "role": "none" })).await.json();
    assert!(checked["key"].get("external_id").is_none() && checked["key"].get("metadata").is_none());
    assert_eq!(shop.authorize(&key, "&role=none").await.header("x-latchkey-owner"), "");
}

#[apply(on_both_engines!)]
async fn a_refused_key_still_tells_its_service_whose_it_is(engine: Engine) {
    let shop = Shop::on(engine).await;
    let (key, id) = shop.sell("customer", json!({ "external_id": "carrier" })).await;
    assert_eq!(shop.post(&format!("/api/v1/keys/{id}/disable"), &json!({})).await.status, 200);
    let checked = shop.verify(&key, json!({ "role": "none" })).await.json();
    assert_eq!((&checked["code"], &checked["key"]["external_id"]), (&json!("disabled"), &json!("carrier")));
}

#[apply(on_both_engines!)]
async fn wrong_owners_and_metadata_are_refused(engine: Engine) {
    let shop = Shop::on(engine).await;
    let deep = (0..1_000).fold(json!(1), |inner, _| json!({ "a": inner }));
    let nine = (0..9).fold(json!(1), |inner, _| json!({ "a": inner }));
    let large = json!({ "a": "x".repeat(4_096 - 7) });
    let wrong: Vec<(&str, Value)> = vec![
        ("external_id", json!("x".repeat(129))),
        ("external_id", json!("a\u{0}b")),
        ("external_id", json!(shop.service.expose())),
        ("external_id", json!(7)),
        ("metadata", json!([])),
        ("metadata", json!("text")),
        ("metadata", json!({ "a": "b\u{0}" })),
        ("metadata", json!({ "a": shop.service.expose() })),
        ("metadata", nine),
        ("metadata", large),
        ("permissions", json!("a.read")),
        ("permissions", json!((0..101).map(|n| format!("p{n}")).collect::<Vec<_>>())),
    ];
    for (field, value) in wrong {
        let response = shop.post("/api/v1/keys", &json!({ "name": "k", field: value })).await;
        assert_eq!(response.status, 422, "{field} {value:.60}: {}", response.text());
    }
    let response = shop.post("/api/v1/keys", &json!({ "name": "k", "metadata": deep })).await;
    assert!(matches!(response.status.as_u16(), 400 | 422), "{}", response.text());
    assert_eq!(shop.server.count("SELECT COUNT(*) FROM keys WHERE name = 'k'").await, 0);
    let fits = json!({ "name": "k", "metadata": { "a": "x".repeat(4_096 - 8) } });
    assert_eq!(shop.post("/api/v1/keys", &fits).await.status, 201);
}

#[apply(on_both_engines!)]
async fn the_audit_log_has_what_was_and_what_is(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read"]).await;
    let fields = json!({ "external_id": "carrier", "permissions": ["a.read"], "quota": { "limit": 5, "period": "day" } });
    let (_, id) = shop.sell("customer", fields).await;
    let edit = json!({ "external_id": "other", "permissions": [], "quota": null, "metadata": { "a": 1 } });
    assert_eq!(shop.patch(&format!("/api/v1/keys/{id}"), &edit).await.status, 200);
    let rows = shop.get(&format!("/api/v1/audit?target={id}")).await.json();
    let details = |action: &str| {
        let rows = rows["data"].as_array().expect("rows");
        rows.iter().find(|row| row["action"] == action).expect("a row")["details"].clone()
    };
    let created = details("key.created");
    assert_eq!((&created["external_id"], &created["quota"]), (&json!("carrier"), &json!("5 a day")));
    assert_eq!(created["permissions"], json!(["a.read"]));
    let edited = details("key.edited");
    assert_eq!((&edited["external_id_was"], &edited["quota_was"]), (&json!("carrier"), &json!("5 a day")));
    assert_eq!((&edited["permissions_were"], &edited["metadata_was"]), (&json!(["a.read"]), &json!(null)));
}
