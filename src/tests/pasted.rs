//! Tests of whole keys that are pasted into names, notes and searches: they are neither stored nor repeated.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::armoriq::DEVICE;
use super::device::CLIENT;
use super::harness::{Server, TestResponse, on_both_engines};
use super::personas::Persona;
use crate::keys::server::fresh_token;
use crate::platform::db::Engine;
use crate::shared::Kind;

/// Checks the status of the response, and that it does not contain the token that was sent.
fn refused(response: &TestResponse, token: &str, status: u16) {
    assert_eq!(response.status.as_u16(), status, "{}", response.text());
    let text = response.text();
    assert!(!text.contains(token), "{text}");
    assert!(text.contains("contains a whole API key"), "{text}");
}

#[apply(on_both_engines!)]
async fn programs_cannot_put_a_key_into_a_text(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.key_of(Persona::Owner).await;
    let login = server.login_key(Persona::Owner, DEVICE).await;
    let target = server.key(&server.actor(Persona::Owner).await, "target").await.key.id;
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        let token = fresh_token(&server.app.random, kind);
        let text = [token.clone(), format!("CI {token}"), format!("X_{token}"), format!("{token}x")]
            [place % 4]
            .clone();
        let create = async |body: Value| server.post("/api/v1/keys").key(&owner).json(&body).send().await;
        refused(&create(json!({ "name": text })).await, &token, 422);
        let note = format!("it is {text},\nkeep it");
        refused(&create(json!({ "name": "fine", "note": note })).await, &token, 422);
        let patch = server
            .call(Method::PATCH, &format!("/api/v1/keys/{target}"))
            .key(&owner)
            .json(&json!({ "name": text }))
            .send()
            .await;
        refused(&patch, &token, 422);
        let device = [("client_id", CLIENT), ("device_name", text.as_str())];
        refused(&server.post("/oauth/device_authorization").form(&device).send().await, &token, 400);
        let device = [("client_id", CLIENT), ("device_id", token.as_str())];
        refused(&server.post("/oauth/device_authorization").form(&device).send().await, &token, 400);
        let agent = json!({ "identity": { "agent_id": text } });
        refused(&server.post("/iap/sdk/register").key(&owner).json(&agent).send().await, &token, 422);
        let switch = json!({ "org": "Tidewater Freight", "keyName": text });
        let switched =
            server.post("/iap/sdk/switch-org").header("x-api-key", login.expose()).json(&switch).send().await;
        refused(&switched, &token, 400);
    }
    assert_eq!(
        server.count("SELECT count(*) FROM keys WHERE name LIKE '%ak\\_%' ESCAPE '\\' OR note <> ''").await,
        0
    );
}

#[apply(on_both_engines!)]
async fn people_cannot_put_a_key_into_a_name(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let id = server.key(&server.actor(Persona::Owner).await, "target").await.key.id;
    let token = fresh_token(&server.app.random, Kind::Live);
    let edit = format!("/settings/api-keys/{id}/edit");
    let create = [("kind", "live"), ("role", "viewer"), ("expiry", "never")];
    let with = |more: [(&'static str, &str); 2]| {
        create.iter().copied().chain(more).map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>()
    };
    for (path, fields) in [
        ("/settings/api-keys/new", with([("name", &token), ("note", "")])),
        ("/settings/api-keys/new", with([("name", "fine"), ("note", &token)])),
        ("/settings/api-keys/new", with([("name", "fine"), ("ranges", &token)])),
        (edit.as_str(), with([("name", &token), ("note", "")])),
        ("/settings/profile", vec![("name", token.clone())]),
        ("/settings/organization", vec![("name", token.clone())]),
        ("/settings/members", vec![("emails", token.clone()), ("role", "viewer".to_owned())]),
        ("/organizations/new", vec![("name", format!("Org {token}"))]),
    ] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = server.submit(&here, path, &fields).await;
        assert_eq!(response.status, 422, "{path}");
        refused(&response, &token, 422);
    }
}

#[apply(on_both_engines!)]
async fn a_search_with_a_key_goes_on_without_it(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let token = fresh_token(&server.app.random, Kind::Secret);
    for (path, to) in [
        (format!("/settings/members?q={token}"), "/settings/members"),
        (format!("/settings/members?q=Bearer+{token}&after=1.x"), "/settings/members?after=1.x"),
        (format!("/settings/audit-log?target={token}"), "/settings/audit-log"),
        (
            format!("/settings/audit-log?actor={token}&action=key.created"),
            "/settings/audit-log?action=key.created",
        ),
        (format!("/settings/audit-log?request=x%20{token}&time=7d"), "/settings/audit-log?time=7d"),
        (format!("/settings/audit-log/export?action={token}"), "/settings/audit-log"),
    ] {
        let response = server.get(&path).browser().with(&here).send().await;
        assert_eq!((response.status.as_u16(), response.header("location")), (303, to), "{path}");
        assert!(!response.text().contains(&token));
        let page = server.page(&here, to).await;
        assert!(page.contains("A whole key was in that address") && page.contains("Rotate it"), "{page}");
    }
    // A text that is only similar to a key is searched for.
    assert_eq!(
        server.get("/settings/audit-log?target=ak_live_8fK2").browser().with(&here).send().await.status,
        200
    );
}
