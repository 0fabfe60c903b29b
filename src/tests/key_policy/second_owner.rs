//! Weakening a rule needs a second owner if there are two owners, or were two less than a day ago.

use axum::http::Method;
use macro_rules_attribute::apply;

use super::*;
use crate::accounts::server::Person;
use crate::approvals::server::{ApprovalRefusal, ApprovalVerdict};
use crate::audit::{self, Event};
use crate::keys::server::policy_rules;
use crate::platform::db::Engine;
use crate::policy_settings::server::{PolicyChange, change};
use crate::shared::{ApprovalId, Role};
use crate::tests::harness::on_both_engines;
use crate::tests::keys::actor_in;

impl Server {
    /// Adds a second owner. Returns the person and their actor.
    async fn second_owner(&self) -> (Person, Actor) {
        let person = self.person("second@tidewater.example", "Second", None).await;
        let org = self.join(&person, "Tidewater Freight", Role::Owner).await;
        let actor = actor_in(&person, org, "Tidewater Freight", Role::Owner);
        (person, actor)
    }

    async fn max_life(&self) -> Option<u32> {
        let org = self.organization("Tidewater Freight").await;
        policy_rules(&self.app, org).await.expect("the rules").max_life_days
    }
}

async fn weaken(server: &Server, actor: &Actor, draft: &PolicyDraft) -> ApprovalId {
    match change(&server.app, actor, draft, "").await {
        Err(Refusal::Waits(id)) => id,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn refusal_reason<T: std::fmt::Debug>(result: Result<T, ApprovalRefusal>) -> String {
    match result {
        Err(ApprovalRefusal::State(why)) => why,
        other => panic!("it is not refused: {other:?}"),
    }
}

#[apply(on_both_engines!)]
async fn one_owner_weakens_alone_and_two_only_together(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let save = async |draft: &PolicyDraft| change(&server.app, &owner, draft, "").await;
    save(&life(30)).await.expect("a rule");
    save(&life(60)).await.expect("the only owner weakens it");
    let (_, second) = server.second_owner().await;
    save(&life(50)).await.expect("a stricter rule needs nobody");
    let id = weaken(&server, &owner, &life(90)).await;
    assert_eq!(server.max_life().await, Some(50));
    assert!(server.decide_request(&owner, id, ApprovalVerdict::Approve).await.is_err(), "the requester");
    assert!(server.decide_request(&admin, id, ApprovalVerdict::Approve).await.is_err(), "an admin");
    let why = refusal_reason(server.decide_request(&second, id, ApprovalVerdict::Approve).await);
    assert!(why.contains("less than a day"), "{why}");
    assert_eq!(server.state_of(id).await, "pending");
    server.clock.advance(DAY);
    server.approve_request(&second, id).await;
    assert_eq!((server.max_life().await, server.state_of(id).await.as_str()), (Some(90), "used"));
    let audited = server.audited().await;
    let end = &audited[audited.len() - 3..];
    assert_eq!(end, ["approval.approved", "key_policy.changed", "approval.used"]);
    // Every rule.
    let strict = PolicyDraft {
        max_life_days: Some(50),
        allowed_kinds: Some(vec![Kind::Live]),
        allowed_ranges: Some(vec!["10.0.0.0/8".to_owned()]),
        idle_days: Some(50),
        max_secret_age_days: Some(50),
        approval_from: Some(Role::Admin),
        grace_days: 90,
    };
    save(&strict).await.expect("stricter rules");
    for weaker in [
        PolicyDraft { max_life_days: None, ..strict.clone() },
        PolicyDraft { allowed_kinds: Some(vec![Kind::Live, Kind::Mcp]), ..strict.clone() },
        PolicyDraft { allowed_ranges: Some(vec!["10.0.0.0/7".to_owned()]), ..strict.clone() },
        PolicyDraft { allowed_ranges: None, ..strict.clone() },
        PolicyDraft { idle_days: Some(51), ..strict.clone() },
        PolicyDraft { max_secret_age_days: None, ..strict.clone() },
        PolicyDraft { approval_from: Some(Role::Owner), ..strict.clone() },
    ] {
        weaken(&server, &owner, &weaker).await;
    }
    save(&PolicyDraft { allowed_ranges: Some(vec!["10.1.0.0/16".to_owned()]), ..strict })
        .await
        .expect("stricter");
}

#[apply(on_both_engines!)]
async fn weakening_needs_another_owner_for_a_day_after_one_is_removed(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let save = async |draft: &PolicyDraft| change(&server.app, &owner, draft, "").await;
    save(&life(30)).await.expect("a rule");
    let cookies = server.sign_in_as(Persona::Owner).await;
    for removal in ["remove", "demote", "disable"] {
        let (person, _) = server.second_owner().await;
        server.clock.advance(DAY * 2);
        let cookies =
            if removal == "remove" { cookies.clone() } else { server.sign_in_as(Persona::Owner).await };
        let path = format!("/settings/members/{}", person.id);
        match removal {
            "remove" => {
                assert_eq!(server.submit(&cookies, &format!("{path}/remove"), &[]).await.status, 303);
            }
            "demote" => {
                let done = server.submit(&cookies, &format!("{path}/role"), &[("role", "admin")]).await;
                assert_eq!(done.status, 303);
            }
            _ => {
                sqlx::query("UPDATE users SET disabled_at = $2 WHERE id = $1")
                    .bind(person.id)
                    .bind(server.clock.now().millis())
                    .execute(server.app.db.pool())
                    .await
                    .expect("disabled");
            }
        }
        let why = fields(save(&life(60)).await).1;
        assert!(why.contains("another owner must"), "{removal}: {why}");
        server.clock.advance(DAY - Duration::from_secs(1));
        assert!(fields(save(&life(60)).await).1.contains("less than a day"), "{removal}");
        server.clock.advance(Duration::from_secs(1));
        save(&life(60)).await.unwrap_or_else(|refusal| panic!("{removal}: {refusal:?}"));
        save(&life(30)).await.expect("the rule again");
        if removal == "demote" {
            let done = server.submit(&cookies, &format!("{path}/remove"), &[]).await;
            assert_eq!(done.status, 303);
        }
    }
}

/// An owner who was promoted less than a day ago cannot approve.
#[apply(on_both_engines!)]
async fn a_promoted_admin_is_a_second_owner_after_a_day(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    change(&server.app, &owner, &life(30), "").await.expect("a rule");
    server.clock.advance(DAY * 10);
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/members/{}/role", admin.user);
    assert_eq!(server.submit(&cookies, &path, &[("role", "owner")]).await.status, 303);
    let id = weaken(&server, &owner, &life(60)).await;
    assert!(
        refusal_reason(server.decide_request(&admin, id, ApprovalVerdict::Approve).await)
            .contains("less than a day")
    );
    server.clock.advance(DAY);
    server.approve_request(&admin, id).await;
    assert_eq!(server.max_life().await, Some(60));
}

#[apply(on_both_engines!)]
async fn a_request_is_executed_only_if_the_rules_are_unchanged(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let (_, second) = server.second_owner().await;
    server.clock.advance(DAY * 2);
    let save = async |draft: &PolicyDraft| change(&server.app, &owner, draft, "").await;
    save(&life(60)).await.expect("a rule");
    let id = weaken(&server, &owner, &life(90)).await;
    save(&life(30)).await.expect("stricter");
    assert!(
        refusal_reason(server.decide_request(&second, id, ApprovalVerdict::Approve).await)
            .contains("changed since")
    );
    assert_eq!((server.max_life().await, server.state_of(id).await.as_str()), (Some(30), "pending"));
    server.decide_request(&second, id, ApprovalVerdict::Deny).await.expect("it is denied");
    // A program cannot ask: another person may hold its key.
    let key =
        server.make_key(&owner, Draft { expires_at: server.in_days(20), ..draft("owner's") }).await.plaintext;
    let call = server.call(Method::PUT, "/api/v1/key-policy").key(&key).json(&no_rules());
    let asked = call.send().await;
    assert_eq!(asked.status, 403, "{}", asked.text());
    assert!(asked.text().contains("ask for it in the browser"), "{}", asked.text());
    assert_eq!(server.max_life().await, Some(30));
    let id = weaken(&server, &owner, &PolicyDraft::default()).await;
    server.approve_request(&second, id).await;
    assert_eq!(server.max_life().await, None);
    assert!(matches!(save(&PolicyDraft::default()).await, Ok(PolicyChange::Unchanged(_))));
}

/// An owner who invites an accomplice, lets them ask and approves it, is alone.
#[apply(on_both_engines!)]
async fn a_new_owner_cannot_ask_and_a_former_one_is_not_executed(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    change(&server.app, &owner, &life(30), "").await.expect("a rule");
    let (person, second) = server.second_owner().await;
    let why = fields(change(&server.app, &second, &life(60), "").await).1;
    assert!(why.contains("less than a day. From "), "{why}");
    server.clock.advance(DAY);
    let id = weaken(&server, &second, &life(60)).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/members/{}/role", person.id);
    assert_eq!(server.submit(&cookies, &path, &[("role", "admin")]).await.status, 303);
    let why = refusal_reason(server.decide_request(&owner, id, ApprovalVerdict::Approve).await);
    assert!(why.contains("not an owner any more"), "{why}");
    assert_eq!(server.submit(&cookies, &path, &[("role", "owner")]).await.status, 303);
    let why = refusal_reason(server.decide_request(&owner, id, ApprovalVerdict::Approve).await);
    assert!(why.contains("less than a day"), "{why}");
    assert_eq!(server.max_life().await, Some(30));
    server.clock.advance(DAY);
    server.approve_request(&owner, id).await;
    assert_eq!(server.max_life().await, Some(60));
}

/// Changes of other roles do not count, however many there are.
#[apply(on_both_engines!)]
async fn changed_roles_of_other_members_do_not_concern_owners(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let admin = server.actor(Persona::Admin).await;
    let member = server.actor(Persona::Member).await;
    change(&server.app, &owner, &life(30), "").await.expect("a rule");
    for number in 0..204 {
        let (from, to) = if number % 2 == 0 { ("member", "viewer") } else { ("viewer", "member") };
        let event = Event::new("member.role_changed").on("person", member.user, "member");
        let mut write = server.app.db.write().await.expect("a turn");
        let event = event.detail("from", from).detail("to", to);
        audit::record(&server.app, &mut write, &admin.by, event).await.expect("recorded");
        write.commit().await.expect("a commit");
    }
    let saved = change(&server.app, &owner, &life(60), "").await;
    assert!(matches!(saved, Ok(PolicyChange::Saved(_))), "{saved:?}");
}

#[apply(on_both_engines!)]
async fn the_second_owner_sees_the_grace_period(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    change(&server.app, &owner, &life(30), "").await.expect("a rule");
    server.second_owner().await;
    let draft = PolicyDraft { grace_days: 45, allowed_kinds: Some(vec![Kind::Live]), ..life(60) };
    let id = weaken(&server, &owner, &draft).await;
    let page = server.page(&server.sign_in_as(Persona::Owner).await, &format!("/approvals/{id}")).await;
    assert!(page.contains("Grace period of new rules") && page.contains("45 days"), "{page}");
}
