//! `armoriq switch-org`.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{self as keys};
use crate::platform::db::Engine;

impl Server {
    async fn switch(&self, key: &Secret, body: &Value) -> TestResponse {
        self.post("/iap/sdk/switch-org").x_key(key).json(body).send().await
    }

    /// The audit log of an organization: action, who, and about what.
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
async fn a_login_goes_over_and_is_told_of_in_both_organizations(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Member, DEVICE).await;
    let beta = server.second_organization(Persona::Member, "Beta & Söhne", Role::Owner).await;
    let answer = server.switch(&key, &json!({ "org": "Beta & Söhne" })).await;
    let told = without_null(&answer);
    assert_eq!((&told["org_id"], &told["org_name"]), (&json!(beta), &json!("Beta & Söhne")));
    let new = Secret::new(told["api_key"].as_str().expect("a key"));
    let orgs = server.get("/iap/sdk/orgs").x_key(&new).send().await.json();
    let active: Vec<_> = orgs["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|org| (org["name"].as_str(), org["active"].as_bool()))
        .collect();
    assert_eq!(active, [(Some("Tidewater Freight"), Some(false)), (Some("Beta & Söhne"), Some(true))]);
    // The lower of both roles, whatever the person is there; same device and product.
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
        "where it went is not theirs to know"
    );
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200, "the old key stays");

    // There and back again: the device has one key in each.
    let back =
        without_null(&server.switch(&new, &json!({ "org": tidewater.to_string(), "keyName": "back" })).await);
    assert_eq!(back["org_name"], "Tidewater Freight");
    refused(&server.get("/health").x_key(&key).send().await, 401);
    assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
    let home = Secret::new(back["api_key"].as_str().expect("a key"));
    assert_eq!(server.get("/api/v1/me").key(&home).send().await.json()["key"]["name"], "back");
}

#[apply(on_both_engines!)]
async fn the_same_organization_gives_a_new_key_for_the_old(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Viewer, DEVICE).await;
    assert!(
        refused(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await, 400)
            .contains("only read")
    );
    let key = server.login_key(Persona::Admin, DEVICE).await;
    let told = without_null(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await);
    refused(&server.get("/health").x_key(&key).send().await, 401);
    let new = Secret::new(told["api_key"].as_str().expect("a key"));
    assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
}

#[apply(on_both_engines!)]
async fn what_leads_nowhere_is_told_so(engine: Engine) {
    let server = Server::on(engine).await;
    let stranger = server.actor(Persona::Stranger).await.org.org;
    let key = server.login_key(Persona::Member, DEVICE).await;
    for name in ["Beta", "Beta"] {
        let other = server.second_organization(Persona::Member, name, Role::Member).await;
        // Two of one name.
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
    let before = server.count(keys).await;
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
    assert_eq!(server.count(keys).await, before);
    assert_eq!(server.switches_refused().await, 6);
}

/// The client takes a 403 for something else, so the reason comes with a 400.
#[apply(on_both_engines!)]
async fn only_a_logins_key_leads_out_of_its_organization(engine: Engine) {
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
async fn a_rotated_login_is_still_one(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    server.second_organization(Persona::Owner, "Beta", Role::Member).await;
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    let id = crate::shared::KeyId::parse(me["key"]["id"].as_str().expect("an id")).expect("an id");
    let owner = server.actor(Persona::Owner).await;
    let rotated =
        keys::rotate(&server.app, &owner, id, std::time::Duration::ZERO, None).await.expect("a key");
    let told = without_null(&server.switch(&rotated.plaintext, &json!({ "org": "Beta" })).await);
    assert_eq!(told["org_name"], "Beta");
}

/// Its key leads into all organizations of its person.
#[apply(on_both_engines!)]
async fn nobody_else_gets_the_secret_of_a_login(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.login_key(Persona::Member, DEVICE).await;
    let me = server.get("/api/v1/me").key(&key).send().await.json();
    let id = me["key"]["id"].as_str().expect("an id").to_owned();
    let admin = server.sign_in_as(Persona::Admin).await;
    let page = format!("/settings/api-keys/{id}");
    assert!(!server.get(&page).browser().with(&admin).send().await.text().contains("/rotate"));
    assert_eq!(server.get(&format!("{page}/rotate")).browser().with(&admin).send().await.status, 403);
    assert_eq!(server.submit(&admin, &format!("{page}/rotate"), &[("overlap", "24")]).await.status, 403);
    // Nor another key of the same person, nor the key itself.
    let other = server.key_of(Persona::Member).await;
    for by in [&server.key_of(Persona::Owner).await, &other, &key] {
        let answer = server.post(&format!("/api/v1/keys/{id}/rotate")).key(by).json(&json!({})).send().await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200);
    let member = server.sign_in_as(Persona::Member).await;
    assert!(server.get(&page).browser().with(&member).send().await.text().contains("/rotate"));
}

#[apply(on_both_engines!)]
async fn a_key_that_ended_meanwhile_leads_nowhere(engine: Engine) {
    let server = Server::on(engine).await;
    let beta = server.second_organization(Persona::Member, "Beta", Role::Owner).await;
    let member = server.actor(Persona::Member).await;
    for ends in ["revoked", "disabled", "rotated"] {
        let key = server.login_key(Persona::Member, DEVICE).await;
        let me = server.get("/api/v1/me").key(&key).send().await.json();
        let id = crate::shared::KeyId::parse(me["key"]["id"].as_str().expect("an id")).expect("an id");
        let token = keys::Token::parse(key.expose()).expect("a token");
        // The request was let in; the key ends before its turn to write comes.
        let asks = keys::Asks { org: member.org.org, key: id, secret: token.id() };
        let wish = keys::LoginWish {
            user: member.user,
            org: beta,
            cap: Role::Member,
            tool: "ArmorIQ CLI".to_owned(),
            device: None,
            device_id: None,
            product: "armoriq".to_owned(),
            name: None,
            asks: Some(asks),
        };
        let minted = keys::mint(&server.app).await.expect("a token");
        match ends {
            "revoked" => drop(keys::revoke(&server.app, &member, id).await.expect("revoked")),
            "disabled" => drop(keys::disable(&server.app, &member, id).await.expect("disabled")),
            _ => drop(
                keys::rotate(&server.app, &member, id, std::time::Duration::ZERO, None)
                    .await
                    .expect("rotated"),
            ),
        }
        let before = server.count("SELECT count(*) FROM keys").await;
        let write = server.app.db.write().await.expect("a turn");
        let made = keys::log_in(&server.app, write, minted, &wish, &member.by).await.expect("an answer");
        assert!(made.is_none(), "{ends}");
        assert_eq!(server.count("SELECT count(*) FROM keys").await, before, "{ends}");
    }
}

#[apply(on_both_engines!)]
async fn of_opposite_ways_at_once_both_arrive(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.login_key(Persona::Member, DEVICE).await;
    server.second_organization(Persona::Member, "Beta", Role::Owner).await;
    let there = without_null(&server.switch(&here, &json!({ "org": "Beta" })).await);
    let there = Secret::new(there["api_key"].as_str().expect("a key"));
    let (forth, back) = (json!({ "org": "Beta" }), json!({ "org": "Tidewater Freight" }));
    let (first, second) = tokio::join!(server.switch(&here, &forth), server.switch(&there, &back));
    // Whichever was first took the other's key away, or did not.
    let done = [first.status.as_u16(), second.status.as_u16()];
    assert!(done.contains(&200) && done.iter().all(|status| [200, 401, 404].contains(status)), "{done:?}");
    assert!(server.count("SELECT count(*) FROM keys WHERE revoked_at IS NULL").await <= 2);
}

#[apply(on_both_engines!)]
async fn going_to_and_fro_has_its_limit(engine: Engine) {
    let server = Server::on(engine).await;
    let mut key = server.login_key(Persona::Member, DEVICE).await;
    for _ in 0..10 {
        let told = without_null(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await);
        key = Secret::new(told["api_key"].as_str().expect("a key"));
    }
    let slowed = server.switch(&key, &json!({ "org": "Tidewater Freight" })).await;
    assert_eq!(slowed.header("retry-after"), "600");
    refused(&slowed, 429);
    assert_eq!(server.get("/health").x_key(&key).send().await.status, 200);
}

#[apply(on_both_engines!)]
async fn whoever_is_disabled_loses_their_devices(engine: Engine) {
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
    assert_eq!(server.get("/health").x_key(&service).send().await.status, 200, "what others rely on goes on");
    assert_eq!(server.audited().await.iter().filter(|action| *action == "key.revoked").count(), 2);
}

impl Server {
    /// Those that were counted too.
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
