//! `armoriq switch-org`.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{self as keys};
use crate::platform::db::Engine;

impl Server {
    async fn switch(&self, key: &Secret, body: &Value) -> TestResponse {
        self.post("/iap/sdk/switch-org").x_key(key).json(body).send().await
    }

    /// The audit log of an organization: action, kind of actor, and target.
    async fn audit_of(&self, org: OrgId) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT action || ' ' || actor_kind || ' ' || target_name FROM audit WHERE org_id = $1 ORDER BY id",
        )
        .bind(org)
        .fetch_all(self.app.db.pool())
        .await
        .expect("rows")
    }
}

#[apply(on_both_engines!)]
async fn a_switch_is_audited_in_both_organizations(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Member, DEVICE).await;
    let beta = server.second_organization(Persona::Member, "Beta & Söhne", Role::Owner).await;
    let response = server.switch(&key, &json!({ "org": "Beta & Söhne" })).await;
    let body = without_null(&response);
    assert_eq!((&body["org_id"], &body["org_name"]), (&json!(beta), &json!("Beta & Söhne")));
    let new = Secret::new(body["api_key"].as_str().expect("a key"));
    let orgs = server.get("/iap/sdk/orgs").x_key(&new).send().await.json();
    let active: Vec<_> = orgs["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|org| (org["name"].as_str(), org["active"].as_bool()))
        .collect();
    assert_eq!(active, [(Some("Tidewater Freight"), Some(false)), (Some("Beta & Söhne"), Some(true))]);
    // The key has the lower of both roles and the same device and product.
    let me = server.get("/api/v1/me").key(&new).send().await.json();
    assert_eq!(
        (me["key"]["role"].as_str(), me["key"]["name"].as_str(), me["key"]["kind"].as_str()),
        (Some("member"), Some("member@laptop"), Some("live"))
    );
    assert_eq!(server.audit_of(beta).await, ["key.created person member@laptop"]);
    let tidewater = server.organization("Tidewater Freight").await;
    assert_eq!(
        server.audit_of(tidewater).await.last().map(String::as_str),
        Some("login.switched key member@laptop")
    );
    assert!(
        !server.everything_of_audit(tidewater).await.contains("Beta"),
        "the old organization does not learn the new one"
    );
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200, "the old key stays");

    // Switching back: the device has one key in each organization.
    let back =
        without_null(&server.switch(&new, &json!({ "org": tidewater.to_string(), "keyName": "back" })).await);
    assert_eq!(back["org_name"], "Tidewater Freight");
    refused(&server.get("/health").x_key(&key).send().await, 401);
    assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
    let home = Secret::new(back["api_key"].as_str().expect("a key"));
    assert_eq!(server.get("/api/v1/me").key(&home).send().await.json()["key"]["name"], "back");
}

#[apply(on_both_engines!)]
async fn switching_to_the_same_organization_replaces_the_key(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Viewer, DEVICE).await;
    assert!(
        refused(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await, 400)
            .contains("only read")
    );
    let key = server.login_key(Persona::Admin, DEVICE).await;
    let body = without_null(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await);
    refused(&server.get("/health").x_key(&key).send().await, 401);
    let new = Secret::new(body["api_key"].as_str().expect("a key"));
    assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
}

#[apply(on_both_engines!)]
async fn invalid_targets_are_refused_with_a_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let stranger = server.actor(Persona::Stranger).await.org.org;
    let key = server.login_key(Persona::Member, DEVICE).await;
    for name in ["Beta", "Beta"] {
        let other = server.second_organization(Persona::Member, name, Role::Member).await;
        // The second organization with the same name.
        sqlx::query("UPDATE organizations SET name = 'Beta ' WHERE id = $1")
            .bind(other)
            .execute(server.app.db.pool())
            .await
            .expect("renamed");
    }
    sqlx::query("UPDATE organizations SET name = 'Beta' WHERE name = 'Beta '")
        .execute(server.app.db.pool())
        .await
        .expect("renamed");
    let keys = "SELECT count(*) FROM keys";
    let state_before = server.count(keys).await;
    let somebody_elses = refused(&server.switch(&key, &json!({ "org": stranger.to_string() })).await, 404);
    for missing in
        ["Nair Consulting", "tidewater freight", "01a1f866-0d00-7fff-bfff-ffffffffffff", "\u{0}", "%"]
    {
        assert_eq!(
            refused(&server.switch(&key, &json!({ "org": missing })).await, 404),
            somebody_elses,
            "{missing}"
        );
    }
    assert!(refused(&server.switch(&key, &json!({ "org": "Beta" })).await, 400).contains("Several"));
    for body in [
        json!({}),
        json!({ "org": "" }),
        json!({ "org": "  " }),
        json!({ "org": 7 }),
        json!({ "org": null }),
        json!([]),
        json!({ "org": "Beta", "keyName": 7 }),
        json!({ "org": "Beta", "keyName": "x".repeat(81) }),
    ] {
        refused(&server.switch(&key, &body).await, 400);
    }
    refused(&server.post("/iap/sdk/switch-org").x_key(&key).form(&[("org", "Beta")]).send().await, 415);
    assert_eq!(server.count(keys).await, state_before);
    assert_eq!(server.switches_refused().await, 6);
}

/// The client misreads a 403, so the reason comes with a 400.
#[apply(on_both_engines!)]
async fn only_the_key_of_a_login_can_switch(engine: Engine) {
    let server = Server::on(engine).await;
    let made = server.key_of(Persona::Owner).await;
    server.second_organization(Persona::Owner, "Beta", Role::Owner).await;
    let keys_before = server.count("SELECT count(*) FROM keys").await;
    assert!(refused(&server.switch(&made, &json!({ "org": "Beta" })).await, 400).contains("armoriq login"));
    let viewer = server.login_key(Persona::Viewer, DEVICE).await;
    server.second_organization(Persona::Viewer, "Gamma", Role::Owner).await;
    assert!(refused(&server.switch(&viewer, &json!({ "org": "Gamma" })).await, 400).contains("only read"));
    assert_eq!(server.count("SELECT count(*) FROM keys").await, keys_before + 1, "the viewer's login");
    assert_eq!(server.switches_refused().await, 2);
}

#[apply(on_both_engines!)]
async fn a_rotated_key_of_a_login_can_still_switch(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    server.second_organization(Persona::Owner, "Beta", Role::Member).await;
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    let id = crate::shared::KeyId::parse(me["key"]["id"].as_str().expect("an id")).expect("an id");
    let owner = server.actor(Persona::Owner).await;
    let rotated =
        keys::rotate(&server.app, &owner, id, std::time::Duration::ZERO, None).await.expect("a key");
    let body = without_null(&server.switch(&rotated.plaintext, &json!({ "org": "Beta" })).await);
    assert_eq!(body["org_name"], "Beta");
}

/// The key of a login gives access to all organizations of its person.
#[apply(on_both_engines!)]
async fn nobody_else_can_rotate_the_key_of_a_login(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Member, DEVICE).await;
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    let id = me["key"]["id"].as_str().expect("an id").to_owned();
    let admin = server.sign_in_as(Persona::Admin).await;
    let page = format!("/settings/api-keys/{id}");
    assert!(!server.get(&page).browser().with(&admin).send().await.text().contains("/rotate"));
    assert_eq!(server.get(&format!("{page}/rotate")).browser().with(&admin).send().await.status, 403);
    assert_eq!(server.submit(&admin, &format!("{page}/rotate"), &[("overlap", "24")]).await.status, 403);
    // Neither can another key of the same person, nor the key itself.
    let other = server.key_of(Persona::Member).await;
    for by in [&server.key_of(Persona::Owner).await, &other, &key] {
        let response =
            server.post(&format!("/api/v1/keys/{id}/rotate")).key(by).json(&json!({})).send().await;
        assert_eq!(response.status, 403, "{}", response.text());
    }
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200);
    let member = server.sign_in_as(Persona::Member).await;
    assert!(server.get(&page).browser().with(&member).send().await.text().contains("/rotate"));
}

#[apply(on_both_engines!)]
async fn a_key_that_ends_during_the_request_cannot_switch(engine: Engine) {
    let server = Server::on(engine).await;
    let beta = server.second_organization(Persona::Member, "Beta", Role::Owner).await;
    let member = server.actor(Persona::Member).await;
    for ends in ["revoked", "disabled", "rotated"] {
        let key = server.login_key(Persona::Member, DEVICE).await;
        let me = server.get("/api/v1/me").key(&key).send().await.json();
        let id = crate::shared::KeyId::parse(me["key"]["id"].as_str().expect("an id")).expect("an id");
        let token = keys::Token::parse(key.expose()).expect("a token");
        // The request passed the key check; the key ends before the transaction begins.
        let requested_by = keys::RequestingKey { org: member.org.org, key: id, secret: token.id() };
        let draft = keys::LoginDraft {
            user: member.user,
            org: beta,
            cap: Role::Member,
            expires_by: None,
            tool: "ArmorIQ CLI".to_owned(),
            device: None,
            device_id: None,
            product: "armoriq".to_owned(),
            name: None,
            renewal: None,
            requested_by: Some(requested_by),
        };
        let minted = keys::mint(&server.app, crate::shared::Kind::Live).await.expect("a token");
        match ends {
            "revoked" => drop(keys::revoke(&server.app, &member, id).await.expect("revoked")),
            "disabled" => drop(keys::disable(&server.app, &member, id).await.expect("disabled")),
            _ => drop(
                keys::rotate(&server.app, &member, id, std::time::Duration::ZERO, None)
                    .await
                    .expect("rotated"),
            ),
        }
        let state_before = server.count("SELECT count(*) FROM keys").await;
        let write = server.app.db.write().await.expect("a turn");
        let made = keys::log_in(&server.app, write, minted, &draft, &member.by).await.expect("a result");
        assert!(made.is_none(), "{ends}");
        assert_eq!(server.count("SELECT count(*) FROM keys").await, state_before, "{ends}");
    }
}

#[apply(on_both_engines!)]
async fn concurrent_switches_in_opposite_directions_are_safe(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.login_key(Persona::Member, DEVICE).await;
    server.second_organization(Persona::Member, "Beta", Role::Owner).await;
    let there = without_null(&server.switch(&here, &json!({ "org": "Beta" })).await);
    let there = Secret::new(there["api_key"].as_str().expect("a key"));
    let (forth, back) = (json!({ "org": "Beta" }), json!({ "org": "Tidewater Freight" }));
    let (first, second) = tokio::join!(server.switch(&here, &forth), server.switch(&there, &back));
    // The first request may have revoked the key of the other one.
    let done = [first.status.as_u16(), second.status.as_u16()];
    assert!(done.contains(&200) && done.iter().all(|status| [200, 401, 404].contains(status)), "{done:?}");
    assert!(server.count("SELECT count(*) FROM keys WHERE revoked_at IS NULL").await <= 2);
}

#[apply(on_both_engines!)]
async fn switches_are_limited(engine: Engine) {
    let server = Server::on(engine).await;
    let mut key = server.login_key(Persona::Member, DEVICE).await;
    for _ in 0..10 {
        let body = without_null(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await);
        key = Secret::new(body["api_key"].as_str().expect("a key"));
    }
    let slowed = server.switch(&key, &json!({ "org": "Tidewater Freight" })).await;
    assert_eq!(slowed.header("retry-after"), "600");
    refused(&slowed, 429);
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200);
}

#[apply(on_both_engines!)]
async fn disabling_a_person_revokes_the_keys_of_their_devices(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Member, DEVICE).await;
    server.second_organization(Persona::Member, "Beta", Role::Owner).await;
    let there = without_null(&server.switch(&key, &json!({ "org": "Beta" })).await);
    let there = Secret::new(there["api_key"].as_str().expect("a key"));
    let service = server.key_of(Persona::Member).await;
    crate::accounts::server::set_enabled(&server.app, &Persona::Member.email(), false)
        .await
        .expect("disabled");
    for login in [&key, &there] {
        refused(&server.get("/health").x_key(login).send().await, 401);
    }
    assert_eq!(
        server.get("/health").x_key(&service).send().await.status,
        200,
        "keys of services keep working"
    );
    assert_eq!(server.audited().await.iter().filter(|action| *action == "key.revoked").count(), 2);
}

impl Server {
    /// The number of refused switches, including those that were only counted.
    async fn switches_refused(&self) -> i64 {
        crate::audit::flush_refusals(&self.app, true).await.expect("a flush");
        self.count("SELECT CAST(sum(times) AS BIGINT) FROM audit WHERE action = 'login.switch_refused'").await
    }

    async fn everything_of_audit(&self, org: OrgId) -> String {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT target_name || details FROM audit WHERE org_id = $1")
                .bind(org)
                .fetch_all(self.app.db.pool())
                .await
                .expect("rows");
        rows.concat()
    }
}
