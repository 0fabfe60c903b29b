//! Permissions: the list, keys that have some, and queries in `verify` and `authorize`.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::json;

use super::Shop;
use crate::permissions::server as permissions;
use crate::platform::db::Engine;
use crate::shared::Kind;
use crate::tests::harness::on_both_engines;
use crate::tests::personas::Persona;

const READ: &str = "&permissions=invoices.read";

#[apply(on_both_engines!)]
async fn a_key_has_what_it_was_given_and_what_is_below_its_wildcards(engine: Engine) {
    let names = ["invoices.*", "invoices.read", "invoices.write", "shipments.read"];
    let shop = Shop::on(engine).await.lists(&names).await;
    let (key, _) = shop.sell("some", json!({ "permissions": ["invoices.read", "shipments.read"] })).await;
    let (wide, _) = shop.sell("wide", json!({ "permissions": ["invoices.*"] })).await;
    for (query, some, all) in [
        ("invoices.read", true, true),
        ("invoices.write", false, true),
        ("invoices.read and shipments.read", true, false),
        ("invoices.write or shipments.read", true, true),
        ("(invoices.write or shipments.read) and invoices.read", true, true),
        ("invoices.*", false, true),
        ("invoices.read and invoices.read", true, true),
    ] {
        for (key, expected) in [(&key, some), (&wide, all)] {
            let code = if expected { "valid" } else { "insufficient_permissions" };
            assert_eq!(shop.code(key, json!({ "permissions": query })).await, code, "{query}");
            let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let response = shop.authorize(key, &format!("&permissions={encoded}")).await;
            assert_eq!(response.status, if expected { 200 } else { 403 }, "{query}: {}", response.text());
        }
    }
    let query = "shipments.read and (invoices.read or invoices.write)";
    let checked = shop.verify(&key, json!({ "permissions": query })).await.json();
    assert_eq!(checked["permissions"], json!(["shipments.read", "invoices.read"]));
    assert!(checked.get("missing_permissions").is_none());
    let checked = shop.verify(&wide, json!({ "permissions": query })).await.json();
    assert_eq!(
        (&checked["valid"], &checked["missing_permissions"]),
        (&json!(false), &json!(["shipments.read"]))
    );
    let response =
        shop.authorize(&key, "&permissions=shipments.read+and+(invoices.read+or+invoices.write)").await;
    assert_eq!(response.header("x-latchkey-permissions"), "shipments.read,invoices.read");
    let refused = shop.authorize(&wide, READ).await;
    assert_eq!(refused.status, 200, "{}", refused.text());
    let refused = shop.authorize(&wide, "&permissions=shipments.read").await;
    assert_eq!(refused.json()["code"], "insufficient_permissions");
}

#[apply(on_both_engines!)]
async fn a_key_without_a_role_opens_nothing_but_what_asks_for_it(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["invoices.read"]).await;
    let (key, id) = shop.sell("customer", json!({ "permissions": ["invoices.read"] })).await;
    for (query, status) in [
        ("", 403),
        ("&role=viewer", 403),
        ("&role=none", 200),
        (READ, 200),
        ("&permissions=invoices.read&role=none", 200),
        ("&permissions=invoices.read&role=viewer", 403),
    ] {
        assert_eq!(shop.authorize(&key, query).await.status, status, "{query}");
    }
    assert_eq!(shop.code(&key, json!({})).await, "role_too_low");
    assert_eq!(shop.code(&key, json!({ "role": "none" })).await, "valid");
    assert_eq!(shop.code(&key, json!({ "permissions": "invoices.read" })).await, "valid");
    // No surface of Latchkey is open to it.
    let verify = json!({ "key": shop.service.expose() });
    let calls = [
        shop.server.get("/api/v1/me").key(&key),
        shop.server.get("/api/v1/keys").key(&key),
        shop.server.get(&format!("/api/v1/keys/{id}")).key(&key),
        shop.server.get("/api/v1/permissions").key(&key),
        shop.server.get("/api/v1/audit").key(&key),
        shop.server.post(&format!("/api/v1/keys/{id}/rotate")).key(&key).json(&json!({})),
        shop.server.post("/api/v1/keys").key(&key).json(&json!({ "name": "another", "role": "none" })),
        shop.server.post("/api/v1/keys/verify").key(&key).json(&verify),
        shop.server.get("/api-keys").key(&key),
        shop.server.get("/iap/sdk/validate").key(&key),
    ];
    for response in futures_util::future::join_all(calls.map(crate::tests::harness::Call::send)).await {
        assert!(
            matches!(response.status.as_u16(), 403 | 404 | 501),
            "{}: {}",
            response.status,
            response.text()
        );
    }
    // People cannot have the role.
    let cookies = shop.server.sign_in_as(Persona::Owner).await;
    let fields =
        [("org", shop.org.to_string()), ("emails", "a@b.example".to_owned()), ("role", "none".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    shop.server.post("/settings/members").same_origin().with(&cookies).form(&fields).send().await;
    assert_eq!(shop.server.count("SELECT COUNT(*) FROM invitations WHERE role = 'none'").await, 0);
}

#[apply(on_both_engines!)]
async fn wrong_queries_are_mistakes_of_the_service(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read"]).await;
    let (key, _) = shop.sell("customer", json!({ "permissions": ["a.read"] })).await;
    let deep = format!("{}a.read{}", "(".repeat(1_000), ")".repeat(1_000));
    for query in
        ["", " ", "a.read and", "b.read", "a.read or b.read", "a.*", "A.read", "a.read,b", &deep, "a\0"]
    {
        let response = shop.verify(&key, json!({ "permissions": query })).await;
        assert_eq!(response.status, 400, "{query:.30}: {}", response.text());
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let response = shop.authorize(&key, &format!("&permissions={encoded}")).await;
        assert_eq!(response.status, 403, "{query:.30}: {}", response.text());
        assert!(response.text().contains("permissions"), "{}", response.text());
    }
    let unknown = shop.verify(&key, json!({ "permissions": "b.read and a.read and c" })).await.json();
    assert_eq!(unknown["unknown_permissions"], json!(["b.read", "c"]));
    // An organization that does not exist lists nothing.
    let elsewhere = shop.org.to_string().replace(|c: char| c.is_ascii_digit(), "0");
    let path = format!("/api/v1/authorize?org={elsewhere}{READ}");
    assert_eq!(shop.server.get(&path).send().await.status, 403);
}

#[apply(on_both_engines!)]
async fn a_change_of_permissions_is_in_force_at_once(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read", "a.*"]).await;
    let (key, id) = shop.sell("customer", json!({})).await;
    let path = format!("/api/v1/keys/{id}");
    let ask = json!({ "permissions": "a.read" });
    assert_eq!(shop.code(&key, ask.clone()).await, "insufficient_permissions");
    for (permissions, code) in
        [(json!(["a.read"]), "valid"), (json!([]), "insufficient_permissions"), (json!(["a.*"]), "valid")]
    {
        let response = shop.patch(&path, &json!({ "permissions": permissions })).await;
        assert_eq!((response.status.as_u16(), &response.json()["permissions"]), (200, &permissions));
        assert_eq!(shop.code(&key, ask.clone()).await, code);
    }
    // A removed wildcard grants nothing any more, also when it is listed again.
    let listed = shop.get("/api/v1/permissions").await.json();
    let wildcard = listed["data"].as_array().expect("a list").iter().find(|one| one["name"] == "a.*");
    let wildcard = wildcard.expect("it is listed")["id"].as_str().expect("an id").to_owned();
    let call = shop.server.call(Method::DELETE, &format!("/api/v1/permissions/{wildcard}"));
    assert_eq!(call.key(&shop.service).send().await.json(), json!({ "keys": 1 }));
    assert_eq!(shop.code(&key, ask.clone()).await, "insufficient_permissions");
    let shop = shop.lists(&["a.*"]).await;
    assert_eq!(shop.code(&key, ask).await, "insufficient_permissions");
    assert_eq!(shop.get(&path).await.json()["permissions"], json!([]));
}

#[apply(on_both_engines!)]
async fn only_admins_list_and_give_permissions(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read"]).await;
    let server = &shop.server;
    let member = server.key_of(Persona::Member).await;
    let mut refused = server.audit_actions().await.len();
    for response in [
        server.post("/api/v1/permissions").key(&member).json(&json!({ "name": "b.read" })).send().await,
        server
            .post("/api/v1/keys")
            .key(&member)
            .json(&json!({ "name": "k", "permissions": ["a.read"] }))
            .send()
            .await,
        server
            .post("/api/v1/keys")
            .key(&member)
            .json(&json!({ "name": "k", "external_id": "c" }))
            .send()
            .await,
        server
            .post("/api/v1/keys")
            .key(&member)
            .json(&json!({ "name": "k", "metadata": { "a": 1 } }))
            .send()
            .await,
        server
            .post("/api/v1/keys")
            .key(&member)
            .json(&json!({ "name": "k", "quota": { "limit": 1, "period": "day" } }))
            .send()
            .await,
    ] {
        assert_eq!(response.status, 403, "{}", response.text());
        refused += 1;
    }
    assert!(server.audit_actions().await.len() >= refused - 4, "refusals are in the audit log");
    // A member makes a key without them, and cannot add them later.
    let made = server
        .post("/api/v1/keys")
        .key(&member)
        .json(&json!({ "name": "plain", "role": "none" }))
        .send()
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/api/v1/keys/{}", made.json()["id"].as_str().expect("an id"));
    let edit = server
        .call(Method::PATCH, &path)
        .key(&member)
        .json(&json!({ "permissions": ["a.read"] }))
        .send()
        .await;
    assert_eq!(edit.status, 403, "{}", edit.text());
    let edit = server.call(Method::PATCH, &path).key(&member).json(&json!({ "note": "fine" })).send().await;
    assert_eq!(edit.status, 200, "{}", edit.text());
    assert_eq!(
        server.get("/api/v1/permissions").key(&member).send().await.status,
        200,
        "everybody may see the list"
    );
}

#[apply(on_both_engines!)]
async fn a_permission_has_a_name_and_is_listed_once(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read"]).await;
    let description = "x".repeat(201);
    for body in [
        json!({ "name": "a.read" }),
        json!({ "name": "A.read" }),
        json!({ "name": "" }),
        json!({ "name": "*" }),
        json!({ "name": "and" }),
        json!({ "name": "b", "description": description }),
        json!({ "name": "b", "description": "a\u{0}b" }),
    ] {
        let response = shop.post("/api/v1/permissions", &body).await;
        assert_eq!(response.status, 422, "{body}: {}", response.text());
    }
    let unlisted = shop.post("/api/v1/keys", &json!({ "name": "k", "permissions": ["b.read"] })).await;
    assert_eq!(unlisted.status, 422, "{}", unlisted.text());
    assert_eq!(unlisted.json()["errors"][0]["field"], "permissions");
    assert_eq!(shop.server.count("SELECT COUNT(*) FROM keys WHERE name = 'k'").await, 0);
    // Those of another organization are unknown.
    let id =
        shop.get("/api/v1/permissions").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    let stranger = shop.server.key_of(Persona::Stranger).await;
    for method in [Method::DELETE, Method::PATCH] {
        let call = shop.server.call(method, &format!("/api/v1/permissions/{id}")).key(&stranger);
        assert_eq!(call.json(&json!({ "description": "theirs" })).send().await.status, 404);
    }
}

/// A round that fails loses no time.
#[apply(on_both_engines!)]
async fn the_time_is_written_once_the_database_takes_it(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["invoices.read"]).await;
    let (key, _) = shop.sell("customer", json!({ "permissions": ["invoices.read"] })).await;
    assert_eq!(shop.authorize(&key, READ).await.status, 200);
    let rename = async |from: &str, to: &str| {
        let text = format!("ALTER TABLE {from} RENAME TO {to}");
        let text = crate::platform::db::sql(text);
        sqlx::query(text).execute(shop.server.app.db.pool()).await.expect("it is renamed");
    };
    rename("permissions", "moved").await;
    permissions::jobs::write_query_times(&shop.server.app).await.expect_err("there is no such table");
    rename("moved", "permissions").await;
    permissions::jobs::write_query_times(&shop.server.app).await.expect("it is written");
    let listed = shop.get("/api/v1/permissions").await.json();
    assert_eq!(listed["data"][0]["last_asked_at"], "2026-11-20T10:00:00.000Z");
}

#[apply(on_both_engines!)]
async fn the_list_says_when_a_permission_was_last_asked_for(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read", "b.read"]).await;
    let (key, _) = shop.sell("customer", json!({ "permissions": ["a.read"] })).await;
    assert_eq!(shop.authorize(&key, "&permissions=a.read").await.status, 200);
    permissions::jobs::write_query_times(&shop.server.app).await.expect("it is written");
    let listed = shop.get("/api/v1/permissions").await.json();
    assert_eq!(listed["data"][0]["last_asked_at"], "2026-11-20T10:00:00.000Z");
    assert_eq!(listed["data"][1]["last_asked_at"], json!(null));
}

#[apply(on_both_engines!)]
async fn permissions_add_to_the_other_requirements(engine: Engine) {
    let shop = Shop::on(engine).await.lists(&["a.read"]).await;
    let (key, id) = shop.sell("customer", json!({ "permissions": ["a.read"], "kind": "test" })).await;
    let ask = |kinds: &[Kind]| json!({ "permissions": "a.read", "kinds": kinds });
    assert_eq!(shop.code(&key, json!({ "permissions": "a.read" })).await, "kind_not_allowed");
    assert_eq!(shop.code(&key, ask(&[Kind::Test])).await, "valid");
    assert_eq!(shop.post(&format!("/api/v1/keys/{id}/disable"), &json!({})).await.status, 200);
    assert_eq!(shop.code(&key, ask(&[Kind::Test])).await, "disabled");
}
