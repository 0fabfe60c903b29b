//! Concurrent operations on one approval request: exactly one of them succeeds.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::approvals::server::expire;
use crate::approvals::{DECISION_TIME, USE_TIME};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

const ROUNDS: usize = 6;

#[apply(on_both_engines!)]
async fn one_decision_wins(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let second = server.person("second@tidewater.example", "Second", None).await;
    let org = server.join(&second, "Tidewater Freight", Role::Admin).await;
    let second = crate::tests::keys::actor_in(&second, org, "Tidewater Freight", Role::Admin);
    server.set_policy(&approval_from(Role::Admin)).await;
    for round in 0..ROUNDS {
        let id = server.request_key(&admin, &format!("key {round}"), Role::Admin).await;
        let rows = server.audited().await.len();
        let (approved, denied, again, withdrawn) = tokio::join!(
            server.decide_request(&owner, id, ApprovalVerdict::Approve),
            server.decide_request(&second, id, ApprovalVerdict::Deny),
            server.decide_request(&second, id, ApprovalVerdict::Approve),
            approvals::withdraw(&server.app, &admin, id),
        );
        // An approved request can still be withdrawn afterwards.
        let decisions = [approved.is_ok(), denied.is_ok(), again.is_ok()];
        let decided = decisions.iter().filter(|is_ok| **is_ok).count();
        assert!(decided + usize::from(withdrawn.is_ok()) >= 1 && decided <= 1, "{decisions:?} {withdrawn:?}");
        assert!(!(denied.is_ok() && withdrawn.is_ok()), "a denied request is not withdrawn");
        let expected = match (denied.is_ok(), withdrawn.is_ok()) {
            (true, _) => "denied",
            (_, true) => "withdrawn",
            _ => "approved",
        };
        assert_eq!(server.state_of(id).await, expected);
        let successes = decided + usize::from(withdrawn.is_ok());
        assert_eq!(server.audited().await.len() - rows, successes, "one row for each success");
    }
}

#[apply(on_both_engines!)]
async fn an_approved_request_is_used_or_withdrawn_or_expires_once(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    for round in 0..ROUNDS {
        let id = server.request_key(&admin, &format!("key {round}"), Role::Admin).await;
        server.approve_request(&owner, id).await;
        let (one, two, withdrawn) = tokio::join!(
            keys::create_approved(&server.app, &admin, id),
            keys::create_approved(&server.app, &admin, id),
            approvals::withdraw(&server.app, &admin, id),
        );
        let successes = [one.is_ok(), two.is_ok(), withdrawn.is_ok()].iter().filter(|is_ok| **is_ok).count();
        assert_eq!(successes, 1, "{one:?} {two:?} {withdrawn:?}");
        let created = i64::from(one.is_ok() || two.is_ok());
        assert_eq!(server.state_of(id).await, if created == 1 { "used" } else { "withdrawn" });
        assert_eq!(server.count_named(&format!("key {round}")).await, created);
    }
    // At the moment when it expires, it can no longer be used, whether or not the job was quicker.
    for round in 0..ROUNDS {
        let id = server.request_key(&admin, &format!("late {round}"), Role::Admin).await;
        server.approve_request(&owner, id).await;
        server.clock.advance(USE_TIME);
        let (used, expired) =
            tokio::join!(keys::create_approved(&server.app, &admin, id), expire(&server.app));
        assert!(used.is_err() && expired.is_ok());
        assert_eq!(server.state_of(id).await, "expired");
    }
}

#[apply(on_both_engines!)]
async fn deciding_and_expiring_have_one_winner(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.set_policy(&approval_from(Role::Admin)).await;
    for round in 0..ROUNDS {
        let id = server.request_key(&admin, &format!("key {round}"), Role::Admin).await;
        let early = round % 2 == 0;
        server.clock.advance(DECISION_TIME - Duration::from_millis(u64::from(early)));
        let (approved, expired) =
            tokio::join!(server.decide_request(&owner, id, ApprovalVerdict::Approve), expire(&server.app));
        expired.expect("a round");
        assert_eq!(approved.is_ok(), early);
        assert_eq!(server.state_of(id).await, if early { "approved" } else { "expired" });
    }
}

impl Server {
    async fn count_named(&self, name: &str) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM keys WHERE name = $1")
            .bind(name)
            .fetch_one(self.app.db.pool())
            .await
            .expect("a count")
    }
}
