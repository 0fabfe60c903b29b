//! The keys of such logins: where they are accepted, where they are listed, and how they end.

use macro_rules_attribute::apply;
use serde_json::json;

use super::Tokens;
use crate::keys::server::{self as keys, Draft};
use crate::platform::db::Engine;
use crate::shared::{Kind, Role};
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::keys::draft;
use crate::tests::mail::Sink;
use crate::tests::personas::Persona;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn the_key_is_accepted_at_the_mcp_endpoint_only(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, tokens) = server.mcp_login(Persona::Owner).await;
    let service = server.key_of(Persona::Owner).await;
    let org = server.organization("Tidewater Freight").await;
    // Twice: the second check is made from memory.
    for _ in 0..2 {
        assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
        assert_eq!(server.check(&tokens.access).await, Outcome::WrongAudience);
        for path in ["/api/v1/me", "/api/v1/keys", &format!("/api/v1/authorize?org={org}")] {
            let response = server.get(path).key(&tokens.access).send().await;
            assert_eq!(response.status, 403, "{path}: {}", response.text());
            assert_eq!(response.json()["code"], "wrong_audience", "{path}");
        }
        let body = json!({ "key": tokens.access.expose() });
        let verdict = server.post("/api/v1/keys/verify").key(&service).json(&body).send().await.json();
        assert_eq!(
            (verdict["valid"].as_bool(), verdict["code"].as_str()),
            (Some(false), Some("wrong_audience"))
        );
        let own = server.post("/api/v1/keys/verify").key(&tokens.access).json(&body).send().await;
        assert_eq!(own.status, 403);
        for (path, body) in [
            ("/iap/sdk/register", json!({ "identity": { "agent_id": "x" } })),
            ("/iap/sdk/switch-org", json!({ "org": "Tidewater Freight" })),
        ] {
            let response = server.post(path).key(&tokens.access).json(&body).send().await;
            assert_eq!(response.status, 403, "{path}: {}", response.text());
        }
    }
    // Other keys are accepted at both places.
    assert_eq!(server.check_at_mcp(&service).await, Outcome::Valid);
    let owner = server.actor(Persona::Owner).await;
    let pasted = Draft { kind: Kind::Mcp, role: Some(Role::Viewer), ..draft("pasted") };
    let pasted = keys::create(&server.app, &owner, &pasted, None).await.expect("a key").plaintext;
    assert_eq!(
        (server.check(&pasted).await, server.check_at_mcp(&pasted).await),
        (Outcome::Valid, Outcome::Valid)
    );
}

#[apply(on_both_engines!)]
async fn the_login_is_listed_and_ended_on_the_profile(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, tokens) = server.mcp_login(Persona::Admin).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let key = server.only_login_key(Persona::Admin).await;
    assert_eq!((key.name.as_str(), key.kind), ("MCP login · Claude Code", Kind::Mcp));
    let list = server.page(&cookies, "/settings/api-keys").await;
    assert!(
        list.contains("MCP login · Claude Code") && list.contains("MCP login of Claude Code by you"),
        "{list}"
    );
    let page = server.page(&cookies, &format!("/settings/api-keys/{}", key.id)).await;
    assert!(page.contains("by Admin: MCP login") && page.contains("logged Claude Code in"), "{page}");
    assert!(!page.contains(&format!("/settings/api-keys/{}/rotate", key.id)), "it is renewed, not rotated");
    let profile = server.page(&cookies, "/settings/profile").await;
    assert!(profile.contains("MCP login · Claude Code in Tidewater Freight"), "{profile}");
    let id = key.id.to_string();
    let form = [("key", id.as_str()), ("confirmed", "yes")];
    assert_eq!(server.submit(&cookies, "/settings/profile/devices", &form).await.status, 303);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Revoked);
    assert_eq!(server.refresh(&client, &tokens.refresh).await.error(), "invalid_grant");
}

#[apply(on_both_engines!)]
async fn the_key_cannot_be_rotated(engine: Engine) {
    let server = Server::on(engine).await;
    server.mcp_login(Persona::Member).await;
    let key = server.only_login_key(Persona::Member).await;
    let member = server.actor(Persona::Member).await;
    let refused = keys::rotate(&server.app, &member, key.id, std::time::Duration::ZERO, None).await;
    let why = format!("{:?}", refused.expect_err("a refusal"));
    assert!(why.contains("renews its secret every hour"), "{why}");
}

#[apply(on_both_engines!)]
async fn removing_the_member_ends_the_login(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (client, tokens) = server.mcp_login(Persona::Member).await;
    let member = server.person(&Persona::Member.email(), "Member", None).await;
    let path = format!("/settings/members/{}/remove", member.id);
    assert_eq!(server.submit(&owner, &path, &[]).await.status, 303);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Revoked);
    assert_eq!(server.refresh(&client, &tokens.refresh).await.error(), "invalid_grant");
}

#[apply(on_both_engines!)]
async fn each_login_has_a_key_of_its_own(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, first) = server.mcp_login(Persona::Member).await;
    let (_, second) = server.mcp_login(Persona::Member).await;
    for tokens in [first, second] {
        assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
    }
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM keys ORDER BY id")
        .fetch_all(server.app.db.pool())
        .await
        .expect("names");
    assert_eq!(names, ["MCP login · Claude Code", "MCP login · Claude Code 2"]);
}

#[apply(on_both_engines!)]
async fn a_login_sends_one_email_and_renewals_none(engine: Engine) {
    let mut mail = Sink::start().await;
    let server = Server::with(engine, &mail.settings()).await;
    let (client, tokens) = server.mcp_login(Persona::Member).await;
    let letter = mail.letter().await;
    assert!(letter.header("Subject").starts_with("New MCP login"));
    let text = letter.text();
    assert!(text.contains("Claude Code") && !text.contains("amt_"), "{text}");
    Tokens::of(&server.refresh(&client, &tokens.refresh).await);
    // The next letter is that of the next login.
    server.mcp_login(Persona::Admin).await;
    assert!(mail.letter().await.text().contains("Claude Code"));
}
