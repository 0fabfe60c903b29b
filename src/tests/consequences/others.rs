//! The login key of a device, and an agent.

use macro_rules_attribute::apply;
use serde_json::json;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use crate::platform::db::Engine;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn a_device_loses_its_key_after_a_page_that_says_what_stops(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Viewer).await;
    let (id, key) = server.login(&cookies, "thinkpad").await;
    server.check(&key).await;
    let path = format!("/settings/profile/devices?key={id}");
    assert!(server.page(&cookies, "/settings/profile").await.contains(&format!("href=\"{path}\"")));
    let sent = server.submit(&cookies, "/settings/profile/devices", &[("key", &id.to_string())]).await;
    assert_eq!(sent.header("location"), path);
    let page = server.follow(&cookies, &sent).await;
    assert!(
        page.contains("Revoke the key of thinkpad?") && page.contains("1 call</b> from 1 address"),
        "{page}"
    );
    assert_eq!(server.check(&key).await, Outcome::Valid);
    let done = server.press(&cookies, &page, "/settings/profile/devices", &[]).await;
    assert_eq!(done.header("location"), "/settings/profile#devices");
    assert_eq!(server.check(&key).await, Outcome::Revoked);
    let other = server.sign_in_as(Persona::Owner).await;
    assert_eq!(server.get(&path).browser().with(&other).send().await.status, 404);
}

#[apply(on_both_engines!)]
async fn an_agent_is_removed_after_a_page_that_says_what_is_deleted(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let key = server.key_of(Persona::Owner).await;
    let body = json!({
        "identity": { "agent_id": "billing-agent" },
        "mcp_servers": [{ "id": "mail", "url": "https://mail.example/mcp" }],
        "policy": { "allow": ["mail.read"], "deny": [] },
    });
    let agent = server.post("/iap/sdk/register").key(&key).json(&body).send().await.json();
    let path = format!("/settings/agents/{}", agent["id"].as_str().expect("an id"));
    let remove = format!("{path}/remove");
    assert!(server.page(&owner, &path).await.contains(&format!("href=\"{remove}\"")));
    let sent = server.submit(&owner, &remove, &[]).await;
    assert_eq!(sent.header("location"), remove);
    let page = server.follow(&owner, &sent).await;
    for text in ["Remove billing-agent?", "mail", "1 allowed, 0 denied", "Owner's", "1 call in the last 24 h"]
    {
        let text = text.replace('\'', "&#x27;");
        assert!(page.contains(&text) || page.contains(&text.replace("&#x27;", "'")), "{text}: {page}");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM agents").await, 1);
    let done = server.press(&owner, &page, &remove, &[]).await;
    assert!(server.follow(&owner, &done).await.contains("The agent billing-agent was removed."));
    assert_eq!(server.count("SELECT COUNT(*) FROM agents").await, 0);
}
