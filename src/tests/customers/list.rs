//! The list of keys by owner and permission.

use macro_rules_attribute::apply;
use serde_json::json;

use super::Shop;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

async fn names(shop: &Shop, query: &str) -> Vec<String> {
    let list = shop.get(&format!("/api/v1/keys?sort=name&{query}")).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let rows = list.json()["data"].as_array().expect("a list").clone();
    rows.iter().map(|key| key["name"].as_str().expect("a name").to_owned()).collect()
}

#[apply(on_both_engines!)]
async fn keys_are_found_by_owner_and_permission(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.*", "a.b.*", "a.b.c", "d"]).await;
    for (name, owner, permissions) in [
        ("one", "carrier_1", json!(["a.b.c"])),
        ("two", "carrier_1", json!(["a.b.*", "d"])),
        ("three", "carrier_2", json!(["a.*"])),
        ("four", "carrier_2", json!(["d"])),
    ] {
        shop.sell(name, json!({ "external_id": owner, "permissions": permissions })).await;
    }
    for (query, expected) in [
        ("external_id=carrier_1", &["one", "two"][..]),
        ("external_id=carrier", &[]),
        ("permission=a.b.c", &["one", "three", "two"]),
        ("permission=a.b.*", &["three", "two"]),
        ("permission=a.*", &["three"]),
        ("permission=d", &["four", "two"]),
        ("permission=e", &[]),
        ("permission=a.b.c&external_id=carrier_1", &["one", "two"]),
        ("permission=d&status=revoked", &[]),
    ] {
        assert_eq!(names(&shop, query).await, expected, "{query}");
    }
    let first = shop.get("/api/v1/keys?sort=name&permission=a.b.c&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().expect("more").to_owned();
    assert_eq!(names(&shop, &format!("permission=a.b.c&limit=2&cursor={cursor}")).await, ["two"]);
}
