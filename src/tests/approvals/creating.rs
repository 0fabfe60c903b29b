//! Keys that need an approval: asked for, approved, created once, and checked again in full.

use macro_rules_attribute::apply;
use serde_json::json;

use super::*;
use crate::keys::server::CustomerDraft;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::Timestamp;
use crate::tests::harness::on_both_engines;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn an_approved_key_is_created_once_by_its_requester(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let admin_key = server.as_key(&admin, Role::Admin).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let weak = Draft { role: Some(Role::Member), ..draft("weak") };
    keys::create(&server.app, &admin, &weak, None).await.expect("a key below the role needs no approval");
    let strong = Draft {
        role: Some(Role::Admin),
        note: "for Terraform".to_owned(),
        expires_at: Some(Timestamp::parse("2027-01-01T00:00:00Z").expect("a time")),
        rate_limit: Some(60),
        ranges: vec!["203.0.113.0/24".to_owned()],
        customer: CustomerDraft { external_id: "carrier".to_owned(), ..CustomerDraft::default() },
        ..draft("terraform")
    };
    let Err(Refusal::Waits(id)) = keys::create(&server.app, &admin, &strong, None).await else {
        panic!("it needs an approval")
    };
    let early = keys::create_approved(&server.app, &admin, id).await.expect_err("nobody has approved");
    assert!(input(early)[0].1.contains("waits"));
    server.approve_request(&owner, id).await;
    for other in [&owner, &admin_key] {
        let refused = keys::create_approved(&server.app, other, id).await;
        assert!(matches!(refused, Err(Refusal::Error(Error::Forbidden(_)))), "{refused:?}");
    }
    let stranger = server.actor(Persona::Stranger).await;
    let refused = keys::create_approved(&server.app, &stranger, id).await;
    assert!(matches!(refused, Err(Refusal::Error(Error::NotFound))), "{refused:?}");
    let created = keys::create_approved(&server.app, &admin, id).await.expect("the key");
    assert_eq!(
        (created.key.name.as_str(), created.key.role, created.key.created_by),
        ("terraform", Role::Admin, admin.user)
    );
    assert_eq!(
        (created.key.note.as_str(), created.key.rate_limit, created.key.expires_at),
        ("for Terraform", Some(60), strong.expires_at)
    );
    assert_eq!(created.key.ranges[0].to_string(), "203.0.113.0/24");
    assert_eq!(created.key.customer.external_id.as_deref(), Some("carrier"));
    let again = keys::create_approved(&server.app, &admin, id).await.expect_err("once");
    assert!(input(again)[0].1.contains("used"));
    let audited = server.audited().await;
    let expected = ["approval.requested", "approval.approved"];
    assert!(
        expected.iter().all(|action| audited.iter().filter(|other| other == action).count() == 1),
        "{audited:?}"
    );
    assert_eq!(audited.iter().filter(|action| *action == "approval.used").count(), 1);
    let all = server.everything().await;
    assert!(!all.contains(created.plaintext.expose()));
}

#[apply(on_both_engines!)]
async fn everything_is_checked_again_when_the_key_is_created(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let asked = async |name: &str| {
        let id = server.request_key(&admin, name, Role::Admin).await;
        server.approve_request(&owner, id).await;
        id
    };
    let (taken, demoted) = (asked("taken").await, asked("demoted").await);
    // The name is taken by a key that needs no approval.
    let weak = Draft { role: Some(Role::Viewer), ..draft("taken") };
    keys::create(&server.app, &owner, &weak, None).await.expect("a key");
    let refusal = keys::create_approved(&server.app, &admin, taken).await.expect_err("the name is taken");
    assert_eq!(input(refusal)[0].0, "name");
    assert_eq!(server.state_of(taken).await, "approved", "nothing has changed");
    // The policy has become stricter.
    let kinds = Some(vec![crate::shared::Kind::Test]);
    server.set_policy(&PolicyDraft { allowed_kinds: kinds, ..approval_from(Role::Admin) }).await;
    let refusal = keys::create_approved(&server.app, &admin, demoted).await.expect_err("no Live keys");
    assert_eq!(input(refusal)[0].0, "kind");
    server.set_policy(&approval_from(Role::Admin)).await;
    // The session was read before the demotion.
    sqlx::query("UPDATE memberships SET role = 'member' WHERE user_id = $1")
        .bind(admin.user)
        .execute(server.app.db.pool())
        .await
        .expect("a demotion");
    let refused = keys::create_approved(&server.app, &admin, demoted).await;
    assert!(matches!(refused, Err(Refusal::Error(Error::Forbidden(_)))), "{refused:?}");
    sqlx::query("DELETE FROM memberships WHERE user_id = $1")
        .bind(admin.user)
        .execute(server.app.db.pool())
        .await
        .expect("a removal");
    assert!(keys::create_approved(&server.app, &admin, demoted).await.is_err());
    assert_eq!(server.state_of(demoted).await, "approved");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
}

#[apply(on_both_engines!)]
async fn a_key_requests_and_a_person_creates(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let limited = Draft { rate_limit: Some(100), ..draft("deploy") };
    let caller = keys::create(&server.app, &admin, &limited, None).await.expect("a key");
    server.set_policy(&approval_from(Role::Admin)).await;
    let body = json!({ "name": "terraform", "role": "admin" });
    let ask = async |once: &str| {
        let call = server.post("/api/v1/keys").key(&caller.plaintext).header("idempotency-key", once);
        call.json(&body).send().await
    };
    let asked = ask("a").await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let id = asked.json()["approval_id"].as_str().expect("an id").to_owned();
    assert_eq!(asked.header("location"), format!("/api/v1/approvals/{id}"));
    assert_eq!(ask("a").await.json()["approval_id"], id.as_str(), "a repeat files nothing new");
    let path = format!("/api/v1/approvals/{id}");
    let seen = server.get(&path).key(&caller.plaintext).send().await;
    assert_eq!(
        (seen.status.as_u16(), seen.json()["state"].as_str()),
        (200, Some("pending")),
        "{}",
        seen.text()
    );
    assert_eq!(seen.json()["requested_by_key"], caller.key.id.to_string());
    let id = ApprovalId::parse(&id).expect("an id");
    // A key cannot decide: the routes for people ignore keys.
    let decision = server.post(&format!("/approvals/{id}")).key(&caller.plaintext).same_origin();
    assert_eq!(decision.form(&[("verdict", "approve")]).send().await.status, 303);
    assert_eq!(server.state_of(id).await, "pending");
    server.approve_request(&owner, id).await;
    let created = keys::create_approved(&server.app, &admin, id).await.expect("the key");
    assert_eq!(created.key.created_by_key, Some(caller.key.id));
    assert_eq!(
        (created.key.rate_limit, created.key.counts_with),
        (Some(100), Some(caller.key.id)),
        "within its limits"
    );
    assert_eq!(
        server.get(&path).key(&caller.plaintext).send().await.json()["result"],
        created.key.id.to_string()
    );
    // The key that asked has ended before the approved request is used.
    let second =
        ApprovalId::parse(ask_named(&server, &caller.plaintext, "second").await.as_str()).expect("an id");
    server.approve_request(&owner, second).await;
    keys::revoke(&server.app, &admin, caller.key.id).await.expect("it is revoked");
    let refusal = keys::create_approved(&server.app, &admin, second).await.expect_err("the key has ended");
    assert!(input(refusal)[0].1.contains("revoked"));
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
}

async fn ask_named(server: &Server, key: &Secret, name: &str) -> String {
    let body = json!({ "name": name, "role": "admin" });
    let asked = server.post("/api/v1/keys").key(key).json(&body).send().await;
    asked.json()["approval_id"].as_str().expect("an id").to_owned()
}

#[apply(on_both_engines!)]
async fn programs_list_and_withdraw_what_they_may_see(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin, member) = (
        server.actor(Persona::Owner).await,
        server.actor(Persona::Admin).await,
        server.actor(Persona::Member).await,
    );
    let [owner_key, admin_key, member_key] = [
        server.key(&owner, "of the owner").await.plaintext,
        server.key(&admin, "of the admin").await.plaintext,
        server.key(&member, "of the member").await.plaintext,
    ];
    server.set_policy(&approval_from(Role::Member)).await;
    let by_admin = server.request_key(&admin, "one", Role::Admin).await;
    let by_member = server.request_key(&member, "two", Role::Member).await;
    let list = async |key: &Secret, query: &str| {
        let response = server.get(&format!("/api/v1/approvals{query}")).key(key).send().await;
        assert_eq!(response.status, 200, "{}", response.text());
        let data = response.json()["data"].as_array().expect("requests").clone();
        data.iter().map(|request| request["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&owner_key, "").await, [by_member.to_string(), by_admin.to_string()]);
    assert_eq!(list(&owner_key, "?limit=1").await, [by_member.to_string()]);
    assert_eq!(list(&owner_key, &format!("?cursor={by_member}")).await, [by_admin.to_string()]);
    assert_eq!(list(&member_key, "").await, [by_member.to_string()]);
    assert_eq!(
        server.get(&format!("/api/v1/approvals/{by_admin}")).key(&member_key).send().await.status,
        404
    );
    let withdraw = async |key: &Secret, id: ApprovalId| {
        server.post(&format!("/api/v1/approvals/{id}/withdraw")).key(key).json(&json!({})).send().await
    };
    assert_eq!(withdraw(&owner_key, by_admin).await.status, 403);
    assert_eq!(withdraw(&member_key, by_admin).await.status, 404);
    let withdrawn = withdraw(&admin_key, by_admin).await;
    assert_eq!((withdrawn.status.as_u16(), withdrawn.json()["state"].as_str()), (200, Some("withdrawn")));
    assert_eq!(withdraw(&admin_key, by_admin).await.status, 422);
    assert_eq!(list(&owner_key, "?waiting=true").await, [by_member.to_string()]);
    for wrong in ["?limit=0", "?limit=101", "?cursor=x"] {
        assert_eq!(server.get(&format!("/api/v1/approvals{wrong}")).key(&owner_key).send().await.status, 422);
    }
}

/// Characters that hide or reorder text are visible to the approver.
#[apply(on_both_engines!)]
async fn an_approver_sees_invisible_characters(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.actor(Persona::Admin).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let draft = Draft {
        role: Some(Role::Admin),
        note: "for \u{202e}ecivres\u{202c} a\u{200b}b".to_owned(),
        ..draft("one")
    };
    let Err(Refusal::Waits(id)) = keys::create(&server.app, &admin, &draft, None).await else {
        panic!("no request was filed")
    };
    let page = server.page(&server.sign_in_as(Persona::Owner).await, &format!("/approvals/{id}")).await;
    assert!(page.contains("for \\u{202e}ecivres\\u{202c} a\\u{200b}b"), "{page}");
    assert!(!page.contains(['\u{202e}', '\u{200b}']));
}
