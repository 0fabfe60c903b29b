//! Who decides, until when, and how many requests wait.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::approvals::server::expire;
use crate::approvals::{DECISION_TIME, MAX_PENDING, USE_TIME};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

#[apply(on_both_engines!)]
async fn only_an_independent_person_with_the_role_decides(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let (member, stranger) = (server.actor(Persona::Member).await, server.actor(Persona::Stranger).await);
    let admin_key = server.as_key(&admin, Role::Admin).await;
    let owner_key = server.as_key(&owner, Role::Owner).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let by_admin = server.request_key(&admin, "one", Role::Admin).await;
    let by_owner = server.request_key(&owner, "two", Role::Owner).await;
    let by_key = server.request_key(&admin_key, "three", Role::Admin).await;
    for verdict in [ApprovalVerdict::Approve, ApprovalVerdict::Deny] {
        for (who, actor, id) in [
            ("the requester", &admin, by_admin),
            ("the creator of the key that asked", &admin, by_key),
            ("a key", &owner_key, by_admin),
            ("the key that asked", &admin_key, by_key),
            ("an admin, for an owner's key", &admin, by_owner),
        ] {
            assert!(is_forbidden(&server.decide_request(actor, id, verdict).await), "{who}");
        }
        // Members do not see the requests of others.
        assert!(is_not_found(&server.decide_request(&member, by_admin, verdict).await));
        assert!(is_not_found(&server.decide_request(&stranger, by_admin, verdict).await));
    }
    for id in [by_admin, by_owner, by_key] {
        assert_eq!(server.state_of(id).await, "pending");
    }
    assert!(is_not_found(&approvals::withdraw(&server.app, &stranger, by_admin).await));
    assert!(is_forbidden(&approvals::withdraw(&server.app, &owner, by_admin).await));
    server.approve_request(&owner, by_admin).await;
    server.approve_request(&owner, by_key).await;
    assert_eq!(server.state_of(by_key).await, "approved");
}

#[apply(on_both_engines!)]
async fn requests_expire(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let (pending, approved) = (
        server.request_key(&admin, "one", Role::Admin).await,
        server.request_key(&admin, "two", Role::Admin).await,
    );
    server.clock.advance(Duration::from_secs(1));
    server.approve_request(&owner, approved).await;
    server.clock.advance(DECISION_TIME - Duration::from_secs(1));
    let late = server.decide_request(&owner, pending, ApprovalVerdict::Approve).await;
    assert!(matches!(late, Err(ApprovalRefusal::State(_))), "{late:?}");
    assert!(matches!(
        approvals::withdraw(&server.app, &admin, pending).await,
        Err(ApprovalRefusal::State(_))
    ));
    expire(&server.app).await.expect("a round");
    assert_eq!(
        (server.state_of(pending).await, server.state_of(approved).await),
        ("expired".into(), "approved".into())
    );
    server.clock.advance(USE_TIME - DECISION_TIME + Duration::from_secs(1));
    let refusal = keys::create_approved(&server.app, &admin, approved).await.expect_err("too late");
    assert!(input(refusal)[0].1.contains("expired"));
    expire(&server.app).await.expect("a round");
    expire(&server.app).await.expect("a round");
    assert_eq!(server.state_of(approved).await, "expired");
    let audited = server.audited().await;
    assert_eq!(audited.iter().filter(|action| *action == "approval.expired").count(), 2);
}

#[apply(on_both_engines!)]
async fn the_requests_of_a_person_are_limited(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.actor(Persona::Admin).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let mut last = None;
    for number in 0..MAX_PENDING {
        last = Some(server.request_key(&admin, &format!("key {number}"), Role::Admin).await);
    }
    let more = Draft { role: Some(Role::Admin), ..draft("one more") };
    let refusal = keys::create(&server.app, &admin, &more, None).await.expect_err("too many");
    assert!(input(refusal)[0].1.contains("Withdraw one"));
    let last = last.expect("a request");
    approvals::withdraw(&server.app, &admin, last).await.expect("it is withdrawn");
    server.request_key(&admin, "one more", Role::Admin).await;
}

#[apply(on_both_engines!)]
async fn denying_needs_a_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let id = server.request_key(&admin, "one", Role::Admin).await;
    for reason in ["", "  ", &"x".repeat(501), "a\0b"] {
        let draft =
            DecisionDraft { verdict: ApprovalVerdict::Deny, hash: String::new(), reason: reason.to_owned() };
        let refused = approvals::decide(&server.app, &owner, id, &draft).await;
        assert!(matches!(refused, Err(ApprovalRefusal::Input("reason", _))), "{refused:?}");
    }
    let denied = server.decide_request(&owner, id, ApprovalVerdict::Deny).await.expect("it is denied");
    assert_eq!(denied.reason, "No.");
    let refusal = keys::create_approved(&server.app, &admin, id).await.expect_err("denied");
    assert!(input(refusal)[0].1.contains("denied"));
}

/// What the approver saw is what is approved.
#[apply(on_both_engines!)]
async fn a_request_that_was_altered_is_neither_approved_nor_used(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    let alter = async |id: ApprovalId, column: &str, from: &str, to: &str| {
        let text = format!(
            "UPDATE approval_requests SET {column} = replace({column}, '{from}', '{to}') WHERE id = $1"
        );
        sqlx::query(crate::platform::db::sql(text))
            .bind(id)
            .execute(server.app.db.pool())
            .await
            .expect("altered");
    };
    let pending = server.request_key(&admin, "one", Role::Admin).await;
    alter(pending, "request", "admin", "owner").await;
    let refused = server.decide_request(&owner, pending, ApprovalVerdict::Approve).await;
    assert!(matches!(refused, Err(ApprovalRefusal::State(_))), "{refused:?}");
    // The submitted hash is not the hash of the request.
    let other =
        DecisionDraft { verdict: ApprovalVerdict::Approve, hash: "0".repeat(64), reason: String::new() };
    let id = server.request_key(&admin, "two", Role::Admin).await;
    assert!(matches!(
        approvals::decide(&server.app, &owner, id, &other).await,
        Err(ApprovalRefusal::State(_))
    ));
    for (name, column) in [("three", "request"), ("four", "least_role"), ("five", "details")] {
        let id = server.request_key(&admin, name, Role::Admin).await;
        server.approve_request(&owner, id).await;
        let (from, to) = if column == "details" { ("Admin", "Owner") } else { ("admin", "owner") };
        alter(id, column, from, to).await;
        let refusal = keys::create_approved(&server.app, &admin, id).await.expect_err("altered");
        assert!(input(refusal)[0].1.contains("was changed after"), "{column}");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
}
