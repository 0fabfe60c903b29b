//! What happens to requests when their requester leaves, and decisions on an old page.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::mail::Sink;

#[apply(on_both_engines!)]
async fn a_removed_member_keeps_no_request(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let (pending, approved) = (
        server.request_key(&admin, "one", Role::Admin).await,
        server.request_key(&admin, "two", Role::Admin).await,
    );
    let other = server.request_key(&owner, "three", Role::Admin).await;
    server.approve_request(&owner, approved).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/members/{}/remove", admin.user);
    assert_eq!(server.submit(&cookies, &path, &[]).await.status, 303);
    for id in [pending, approved] {
        assert_eq!(server.state_of(id).await, "withdrawn");
    }
    assert_eq!(server.state_of(other).await, "pending");
    let withdrawn =
        server.audited().await.into_iter().filter(|action| action == "approval.withdrawn").count();
    assert_eq!(withdrawn, 2);
    // Somebody who joins again does not get the old approval.
    let admin = server.actor(Persona::Admin).await;
    let refusal = keys::create_approved(&server.app, &admin, approved).await.expect_err("withdrawn");
    assert!(input(refusal)[0].1.contains("withdrawn"));
}

/// The membership may have ended in another way than by a removal.
#[apply(on_both_engines!)]
async fn who_is_no_member_gets_no_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let id = server.request_key(&admin, "one", Role::Admin).await;
    assert_eq!(sink.letter().await.to, ["owner@tidewater.example"]);
    sqlx::query("DELETE FROM memberships WHERE user_id = $1")
        .bind(admin.user)
        .execute(server.app.db.pool())
        .await
        .expect("deleted");
    server.decide_request(&owner, id, ApprovalVerdict::Deny).await.expect("it is denied");
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn an_old_page_says_that_it_is_out_of_date(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let id = server.request_of(Persona::Admin).await;
    for hash in ["", "nonsense"] {
        let draft =
            DecisionDraft { verdict: ApprovalVerdict::Approve, hash: hash.to_owned(), reason: String::new() };
        match approvals::decide(&server.app, &owner, id, &draft).await {
            Err(ApprovalRefusal::State(why)) => assert!(why.contains("out of date"), "{why}"),
            other => panic!("it is not refused: {other:?}"),
        }
    }
    assert_eq!(server.state_of(id).await, "pending");
}

/// The limit of letters is for each organization.
#[apply(on_both_engines!)]
async fn letters_of_one_organization_do_not_silence_another(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let admin = server.actor(Persona::Admin).await;
    let owner = server.person(&Persona::Owner.email(), "Owner", None).await;
    server.actor(Persona::Owner).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    server.request_key(&admin, "one", Role::Admin).await;
    assert_eq!(sink.letter().await.to, ["owner@tidewater.example"]);
    let stranger = server.actor(Persona::Stranger).await;
    server.join(&owner, "Nair Consulting", Role::Owner).await;
    change(&server.app, &stranger, &approval_from(Role::Admin), "").await.expect("the policy is saved");
    server.request_key(&stranger, "two", Role::Admin).await;
    assert_eq!(sink.letter().await.to, ["owner@tidewater.example"]);
}
