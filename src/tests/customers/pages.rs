//! The pages: permissions, and the fields of a key's forms.

use macro_rules_attribute::apply;
use serde_json::json;

use super::Shop;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::personas::Persona;

#[apply(on_both_engines!)]
async fn an_admin_lists_describes_and_removes_permissions(engine: Engine) {
    let shop = Shop::on(engine).await;
    let server = &shop.server;
    let owner = server.sign_in_as(Persona::Owner).await;
    let page = async || server.get("/settings/permissions").browser().with(&owner).send().await.text();
    assert!(page().await.contains("No permissions yet"));
    let add = async |name: &str, description: &str| {
        server.submit(&owner, "/settings/permissions", &[("name", name), ("description", description)]).await
    };
    let wrong = add("Invoices.Read", "").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Invoices.Read") && wrong.text().contains("lower-case"));
    assert_eq!(add("invoices.read", "See invoices").await.status, 303);
    let (_, key) = shop.sell("northbound", json!({ "permissions": ["invoices.read"] })).await;
    let text = page().await;
    for part in ["invoices.read", "See invoices", "1 key may use invoices.read", "northbound", &key] {
        assert!(text.contains(part), "{part}");
    }
    let listed = shop.get("/api/v1/permissions").await.json();
    let path = format!("/settings/permissions/{}", listed["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(
        server.submit(&owner, &format!("{path}/edit"), &[("description", "Read them")]).await.status,
        303
    );
    assert!(page().await.contains("Read them"));
    let warning = server.get(&format!("{path}/remove")).browser().with(&owner).send().await.text();
    assert!(warning.contains("1 key loses it"), "{warning}");
    assert_eq!(server.submit(&owner, &format!("{path}/remove"), &[]).await.status, 303);
    assert!(page().await.contains("No permissions yet"));
    // Others may look.
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let text = server.get("/settings/permissions").browser().with(&viewer).send().await.text();
    assert!(text.contains("Admins add them") && !text.contains("id=\"add\""));
    // A key that has a name itself is not said to have it through a wildcard.
    for name in ["a.*", "a.read"] {
        assert_eq!(add(name, "").await.status, 303);
    }
    shop.sell("both", json!({ "permissions": ["a.*", "a.read"] })).await;
    let text = server.get("/settings/permissions?q=a.read").browser().with(&owner).send().await.text();
    assert!(text.contains("both") && !text.contains("Through a.*"));
}

#[apply(on_both_engines!)]
async fn the_forms_of_a_key_have_the_fields_for_admins(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read", "b.*"]).await;
    let server = &shop.server;
    let owner = server.sign_in_as(Persona::Owner).await;
    let form = [
        ("name", "customer"),
        ("kind", "live"),
        ("role", "none"),
        ("expiry", "never"),
        ("external_id", "carrier_1"),
        ("permissions", "a.read, b.*\r\n"),
        ("quota", "10,000"),
        ("quota_period", "day"),
        ("metadata", "{\"tier\": \"gold\"}"),
    ];
    let changed = |name: &str, value: &'static str| {
        form.map(|(field, old)| if field == name { (field, value) } else { (field, old) })
    };
    for (field, value, message) in [
        ("permissions", "c.read", "is not listed"),
        ("metadata", "tier: gold", "JSON object"),
        ("quota", "many", "Enter a quota from"),
        ("quota_period", "week", "Choose a day or a month"),
    ] {
        let page = server.submit(&owner, "/settings/api-keys/new", &changed(field, value)).await;
        assert_eq!(page.status, 422, "{field}");
        let text = page.text();
        assert!(text.contains(message) && text.contains("carrier_1"), "{field}: the values stay");
    }
    let made = server.submit(&owner, "/settings/api-keys/new", &form).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let key = shop.get("/api/v1/keys?q=customer").await.json()["data"][0].clone();
    assert_eq!((&key["role"], &key["external_id"]), (&json!("none"), &json!("carrier_1")));
    assert_eq!(
        (&key["permissions"], &key["metadata"]),
        (&json!(["a.read", "b.*"]), &json!({ "tier": "gold" }))
    );
    assert_eq!(key["quota"], json!({ "limit": 10_000, "period": "day" }));
    let path = format!("/settings/api-keys/{}", key["id"].as_str().expect("an id"));
    let page = server.get(&path).browser().with(&owner).send().await.text();
    for part in ["carrier_1", "No access to Latchkey", "0 of 10,000", "b.*", "?owner=carrier_1"] {
        assert!(page.contains(part), "{part}");
    }
    let edit = server.get(&format!("{path}/edit")).browser().with(&owner).send().await.text();
    assert!(edit.contains("a.read\nb.*") && edit.contains("10000"), "{edit}");
    let fields = [
        ("name", "customer"),
        ("expiry", "never"),
        ("external_id", "carrier_2"),
        ("quota", ""),
        ("quota_period", "day"),
    ];
    assert_eq!(server.submit(&owner, &format!("{path}/edit"), &fields).await.status, 303);
    let key = shop.get("/api/v1/keys?q=customer").await.json()["data"][0].clone();
    assert_eq!(
        (&key["external_id"], &key["permissions"], &key["quota"]),
        (&json!("carrier_2"), &json!([]), &json!(null))
    );
    let list = server.get("/settings/api-keys?owner=carrier_2").browser().with(&owner).send().await.text();
    assert!(list.contains("Keys of carrier_2") && list.contains(&path));
}

/// A member edits what they may, and leaves the rest as it is.
#[apply(on_both_engines!)]
async fn the_form_of_a_member_leaves_the_fields_of_admins(engine: Engine) {
    let shop = Shop::on(engine).await;
    let server = &shop.server;
    let member = server.sign_in_as(Persona::Member).await;
    let own = server.key_of(Persona::Member).await;
    let id = server.get("/api/v1/me").key(&own).send().await.json()["key"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        shop.patch(&format!("/api/v1/keys/{id}"), &json!({ "external_id": "carrier" })).await.status,
        200
    );
    let path = format!("/settings/api-keys/{id}/edit");
    let page = server.get(&path).browser().with(&member).send().await.text();
    assert!(!page.contains("name=\"external_id\""));
    let fields = [("name", "renamed"), ("expiry", "never"), ("external_id", "theirs")];
    assert_eq!(server.submit(&member, &path, &fields).await.status, 303);
    assert_eq!(shop.get(&format!("/api/v1/keys/{id}")).await.json()["external_id"], "carrier");
}
