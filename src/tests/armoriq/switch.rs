//! `armoriq switch-org`.

use super::*;
use crate::keys::server::{self as keys};

impl Server {
    async fn switch(&self, key: &Secret, body: &Value) -> Answer {
        self.post("/iap/sdk/switch-org").x_key(key).json(body).send().await
    }

    /// The audit log of an organization: action, who, and about what.
    async fn audit_of(&self, org: &OrgId) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT action || ' ' || actor_kind || ' ' || target_name FROM audit WHERE org_id = $1 ORDER BY id",
        )
        .bind(org.as_str())
        .fetch_all(self.app.db.pool())
        .await
        .expect("rows")
    }
}

on_both_engines! {
    async fn a_login_goes_over_and_is_told_of_in_both_organizations(engine) {
        let server = Server::on(engine).await;
        let key = server.login_key(Persona::Member, DEVICE).await;
        let beta = server.second_organization(Persona::Member, "Beta & Söhne", Role::Owner).await;
        let answer = server.switch(&key, &json!({ "org": "Beta & Söhne" })).await;
        let told = without_null(&answer);
        assert_eq!((told["org_id"].as_str(), told["org_name"].as_str()), (Some(beta.as_str()), Some("Beta & Söhne")));
        let new = Secret::new(told["api_key"].as_str().expect("a key"));
        let orgs = server.get("/iap/sdk/orgs").x_key(&new).send().await.json();
        let active: Vec<_> = orgs["data"].as_array().expect("a list").iter().map(|org| (org["name"].as_str(), org["active"].as_bool())).collect();
        assert_eq!(active, [(Some("Tidewater Freight"), Some(false)), (Some("Beta & Söhne"), Some(true))]);
        // The lower of both roles, whatever the person is there; same device and product.
        let me = server.get("/api/v1/me").key(&new).send().await.json();
        assert_eq!((me["key"]["role"].as_str(), me["key"]["name"].as_str(), me["key"]["kind"].as_str()), (Some("member"), Some("member@laptop"), Some("live")));
        assert_eq!(server.audit_of(&beta).await, ["key.created person member@laptop"]);
        let tidewater = server.organization("Tidewater Freight").await;
        assert_eq!(server.audit_of(&tidewater).await.last().map(String::as_str), Some("login.switched key member@laptop"));
        assert!(!server.everything_of_audit(&tidewater).await.contains("Beta"), "where it went is not theirs to know");
        assert_eq!(server.get("/health").x_key(&key).send().await.status, 200, "the old key stays");

        // There and back again: the device has one key in each.
        let back = without_null(&server.switch(&new, &json!({ "org": tidewater.as_str(), "keyName": "back" })).await);
        assert_eq!(back["org_name"], "Tidewater Freight");
        refused(&server.get("/health").x_key(&key).send().await, 401);
        assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
        let home = Secret::new(back["api_key"].as_str().expect("a key"));
        assert_eq!(server.get("/api/v1/me").key(&home).send().await.json()["key"]["name"], "back");
    }

    async fn the_same_organization_gives_a_new_key_for_the_old(engine) {
        let server = Server::on(engine).await;
        let key = server.login_key(Persona::Viewer, DEVICE).await;
        assert!(refused(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await, 400).contains("only read"));
        let key = server.login_key(Persona::Admin, DEVICE).await;
        let told = without_null(&server.switch(&key, &json!({ "org": "Tidewater Freight" })).await);
        refused(&server.get("/health").x_key(&key).send().await, 401);
        let new = Secret::new(told["api_key"].as_str().expect("a key"));
        assert_eq!(server.get("/health").x_key(&new).send().await.status, 200);
    }

    async fn what_leads_nowhere_is_told_so(engine) {
        let server = Server::on(engine).await;
        let stranger = server.actor(Persona::Stranger).await.org.org;
        let key = server.login_key(Persona::Member, DEVICE).await;
        for name in ["Beta", "Beta"] {
            let other = server.second_organization(Persona::Member, name, Role::Member).await;
            // Two of one name.
            sqlx::query("UPDATE organizations SET name = 'Beta ' WHERE id = $1").bind(other.as_str()).execute(server.app.db.pool()).await.expect("renamed");
        }
        sqlx::query("UPDATE organizations SET name = 'Beta' WHERE name = 'Beta '").execute(server.app.db.pool()).await.expect("renamed");
        let before = server.everything().await;
        let somebody_elses = refused(&server.switch(&key, &json!({ "org": stranger.as_str() })).await, 404);
        for missing in ["Nair Consulting", "tidewater freight", "01a1f866-0d00-7fff-bfff-ffffffffffff", "\u{0}", "%"] {
            assert_eq!(refused(&server.switch(&key, &json!({ "org": missing })).await, 404), somebody_elses, "{missing}");
        }
        assert!(refused(&server.switch(&key, &json!({ "org": "Beta" })).await, 400).contains("Several"));
        for body in [json!({}), json!({ "org": "" }), json!({ "org": "  " }), json!({ "org": 7 }), json!({ "org": null }), json!([]), json!({ "org": "Beta", "keyName": 7 }), json!({ "org": "Beta", "keyName": "x".repeat(81) })] {
            refused(&server.switch(&key, &body).await, 400);
        }
        refused(&server.post("/iap/sdk/switch-org").x_key(&key).form(&[("org", "Beta")]).send().await, 415);
        assert_eq!(server.everything().await, before);
    }

    /// The client takes a 403 for something else, so the reason comes with a 400.
    async fn only_a_logins_key_leads_out_of_its_organization(engine) {
        let server = Server::on(engine).await;
        let made = server.key_of(Persona::Owner).await;
        server.second_organization(Persona::Owner, "Beta", Role::Owner).await;
        let keys_before = server.count("SELECT count(*) FROM keys").await;
        assert!(refused(&server.switch(&made, &json!({ "org": "Beta" })).await, 400).contains("armoriq login"));
        let viewer = server.login_key(Persona::Viewer, DEVICE).await;
        server.second_organization(Persona::Viewer, "Gamma", Role::Owner).await;
        assert!(refused(&server.switch(&viewer, &json!({ "org": "Gamma" })).await, 400).contains("only read"));
        assert_eq!(server.count("SELECT count(*) FROM keys").await, keys_before + 1, "the viewer's login");
        assert_eq!(server.audited().await.iter().filter(|action| *action == "login.switch_refused").count(), 2);
    }

    async fn a_rotated_login_is_still_one(engine) {
        let server = Server::on(engine).await;
        let key = server.login_key(Persona::Owner, DEVICE).await;
        server.second_organization(Persona::Owner, "Beta", Role::Member).await;
        let me = server.get("/api/v1/me").key(&key).send().await.json();
        let id = crate::shared::KeyId::from_text(me["key"]["id"].as_str().expect("an id"));
        let owner = server.actor(Persona::Owner).await;
        let rotated = keys::rotate(&server.app, &owner, &id, std::time::Duration::ZERO, None).await.expect("a key");
        let told = without_null(&server.switch(&rotated.plaintext, &json!({ "org": "Beta" })).await);
        assert_eq!(told["org_name"], "Beta");
    }
}

impl Server {
    async fn everything_of_audit(&self, org: &OrgId) -> String {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT target_name || details FROM audit WHERE org_id = $1")
                .bind(org.as_str())
                .fetch_all(self.app.db.pool())
                .await
                .expect("rows");
        rows.concat()
    }
}
