//! `armoriq orgs`, which `armoriq login` requests too.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn the_key_of_a_login_sees_all_organizations_of_its_person(engine: Engine) {
    let server = Server::on(engine).await;
    server.actor(Persona::Member).await;
    let key = server.login_key(Persona::Owner, DEVICE).await;
    let second = server.second_organization(Persona::Owner, "Nair Consulting", Role::Viewer).await;
    let body = without_null(&server.get("/iap/sdk/orgs").x_key(&key).send().await);
    let first = server.organization("Tidewater Freight").await;
    assert_eq!(
        body,
        json!({ "success": true, "data": [
        { "name": "Tidewater Freight", "orgId": first.to_string(), "userRole": "owner", "memberCount": 2, "active": true },
        { "name": "Nair Consulting", "orgId": second.to_string(), "userRole": "viewer", "memberCount": 1, "active": false },
    ] })
    );
}

/// A key may be shared, so it does not reveal the other organizations of its creator.
#[apply(on_both_engines!)]
async fn any_other_key_sees_only_its_own_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Member).await;
    server.second_organization(Persona::Member, "Nair Consulting", Role::Owner).await;
    let body = without_null(&server.get("/iap/sdk/orgs").key(&key).send().await);
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (body["data"][0]["name"].as_str(), body["data"][0]["userRole"].as_str()),
        (Some("Tidewater Freight"), Some("member"))
    );
    let member = server.actor(Persona::Member).await;
    sqlx::query("DELETE FROM memberships WHERE user_id = $1")
        .bind(member.user)
        .execute(server.app.db.pool())
        .await
        .expect("removed");
    let body = without_null(&server.get("/iap/sdk/orgs").key(&key).send().await);
    assert_eq!(body["data"][0]["active"], true, "the key keeps working without its creator");
}
