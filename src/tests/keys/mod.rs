//! Keys through their service: creating, checking, changing, rotating and revoking them, on both engines.

mod checks;
mod first_checks;
mod minutes;
mod races;

use std::sync::Arc;
use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;
use crate::accounts::server::Person;
use crate::audit::By;
use crate::keys::server::{
    self as keys, CustomerDraft, Draft, Edit, Filter, Key, Kinds, Order, Presenter, Refusal, Requirements,
    Revealed, forged_token,
};
use crate::orgs::server::{Actor, Membership};
use crate::platform::db::Engine;
use crate::platform::{Error, Random, Secret};
use crate::shared::{KeyId, Kind, OrgId, PrincipalKind, Role, SecretId, Timestamp};
use crate::usage::Outcome;
use crate::usage::server as usage;

pub const ANYTHING: Requirements<'static> = Requirements {
    org: None,
    audience: None,
    least_role: Role::Viewer,
    kinds: Kinds::ALL,
    plan: true,
    permissions: None,
    cost: 1,
};
const SOMEBODY: Presenter =
    Presenter { address: None, reported_by: None, user_agent: "test", request_id: "" };

pub fn draft(name: &str) -> Draft {
    Draft {
        name: name.to_owned(),
        kind: Kind::Live,
        role: None,
        note: String::new(),
        expires_at: None,
        rate_limit: None,
        ranges: Vec::new(),
        customer: CustomerDraft::default(),
    }
}

impl Server {
    /// The persona as an actor in their organization.
    pub async fn actor(&self, persona: Persona) -> Actor {
        self.sign_in_as(persona).await;
        let (org_name, role) = persona.membership();
        let person = self.person(&persona.email(), &format!("{persona:?}"), None).await;
        let org = self.organization(org_name).await;
        actor_in(&person, org, org_name, role)
    }

    pub async fn key(&self, actor: &Actor, name: &str) -> Revealed {
        keys::create(&self.app, actor, &draft(name), None).await.expect("a key")
    }

    pub async fn check(&self, token: &Secret) -> Outcome {
        keys::verify(&self.app, token.expose(), &ANYTHING, &SOMEBODY).await.expect("a verdict").outcome
    }

    pub async fn audit_actions(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT action FROM audit ORDER BY id")
            .fetch_all(self.app.db.pool())
            .await
            .expect("rows")
    }

    async fn hashes_of(&self, key: KeyId) -> i64 {
        let text =
            "SELECT COUNT(*) FROM secret_hashes JOIN secrets ON secrets.id = secret_id WHERE key_id = $1";
        sqlx::query_scalar(text).bind(key).fetch_one(self.app.db.pool()).await.expect("a count")
    }
}

/// The person as an actor in an organization.
pub fn actor_in(person: &Person, org: OrgId, org_name: &str, role: Role) -> Actor {
    let by = By::system().in_org(org);
    let org = Membership { org, org_name: org_name.to_owned(), role };
    Actor { user: person.id, principal: PrincipalKind::Person, key: None, secret: None, org, by }
}

fn input(refusal: Refusal) -> Vec<&'static str> {
    match refusal {
        Refusal::Input(wrong) => wrong.into_iter().map(|(field, _)| field).collect(),
        other => panic!("no input was refused: {other:?}"),
    }
}

fn is_forbidden<T: std::fmt::Debug>(result: &Result<T, Refusal>) -> bool {
    matches!(result, Err(Refusal::Error(Error::Forbidden(_))))
}

#[apply(on_both_engines!)]
async fn a_created_key_works_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let Revealed { key, plaintext } = server.key(&owner, "CI deploy").await;
    assert_eq!(key.role, Role::Owner);
    assert!(plaintext.expose().starts_with(&format!("ak_live_{}_", key.secret)));
    assert_eq!(server.check(&plaintext).await, Outcome::Valid);
    assert_eq!(server.audit_actions().await.last().map(String::as_str), Some("key.created"));
}

#[apply(on_both_engines!)]
async fn nobody_creates_a_key_with_a_higher_role_than_their_own(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.actor(Persona::Member).await;
    let higher = Draft { role: Some(Role::Admin), ..draft("too much") };
    assert!(is_forbidden(&keys::create(&server.app, &member, &higher, None).await));
    assert_eq!(server.audit_actions().await.last().map(String::as_str), Some("key.refused"));
    let lower = Draft { role: Some(Role::Viewer), ..draft("fine") };
    let made = keys::create(&server.app, &member, &lower, None).await.expect("a key");
    assert_eq!(made.key.role, Role::Viewer);
    let viewer_key = Actor { principal: PrincipalKind::Key, ..server.actor(Persona::Viewer).await };
    assert!(is_forbidden(&keys::create(&server.app, &viewer_key, &draft("no"), None).await));
}

#[apply(on_both_engines!)]
async fn invalid_input_is_reported_by_field_and_no_key_is_created(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    server.key(&owner, "Été").await;
    let now = server.clock.now();
    let rows = server.audit_actions().await.len();
    let wrong = Draft {
        name: String::new(),
        note: "x".repeat(501),
        expires_at: Some(now),
        rate_limit: Some(0),
        ranges: vec!["10.0.0.1/8".to_owned()],
        ..draft("")
    };
    let refusal = keys::create(&server.app, &owner, &wrong, None).await.expect_err("a refusal");
    assert_eq!(input(refusal), ["name", "note", "expires_at", "rate_limit", "ranges"]);
    for (name, fine) in [
        ("a", true),
        (&*"b".repeat(80), true),
        (&*"c".repeat(81), false),
        ("été", false),
        ("d\0e", false),
        ("f\n", true),
        ("g\u{202e}", false),
    ] {
        let created = keys::create(&server.app, &owner, &draft(name), None).await;
        assert_eq!(created.is_ok(), fine, "{name:?}");
    }
    for expires_at in [
        Timestamp::from_millis(now.millis() - 1),
        Timestamp::from_millis(253_402_300_800_000),
        Timestamp::from_millis(i64::MAX),
        Timestamp::from_millis(i64::MIN),
    ] {
        let late = Draft { expires_at: Some(expires_at), ..draft("late") };
        assert_eq!(
            input(keys::create(&server.app, &owner, &late, None).await.expect_err("a refusal")),
            ["expires_at"]
        );
    }
    assert_eq!(server.audit_actions().await.len(), rows + 3);
}

#[apply(on_both_engines!)]
async fn revoked_key_no_longer_verifies_and_stays_revoked(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let Revealed { key, plaintext } = server.key(&owner, "CI deploy").await;
    assert_eq!(server.check(&plaintext).await, Outcome::Valid);
    keys::revoke(&server.app, &owner, key.id).await.expect("a key");
    assert_eq!(server.check(&plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&plaintext).await, Outcome::Revoked);
    assert_eq!(server.hashes_of(key.id).await, 0);
    assert!(matches!(keys::revoke(&server.app, &owner, key.id).await, Err(Refusal::State(_))));
    assert!(matches!(keys::enable(&server.app, &owner, key.id).await, Err(Refusal::State(_))));
    assert!(matches!(
        keys::edit(&server.app, &owner, key.id, &Edit::default()).await,
        Err(Refusal::State(_))
    ));
    server.key(&owner, "ci DEPLOY").await;
}

#[apply(on_both_engines!)]
async fn a_disabled_key_can_be_enabled_again(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let Revealed { key, plaintext } = server.key(&owner, "CI deploy").await;
    server.check(&plaintext).await;
    keys::disable(&server.app, &owner, key.id).await.expect("a key");
    assert_eq!(server.check(&plaintext).await, Outcome::Disabled);
    let hashes = server.key_work().0;
    keys::enable(&server.app, &owner, key.id).await.expect("a key");
    assert_eq!(server.check(&plaintext).await, Outcome::Valid);
    assert_eq!(server.key_work().0, hashes, "a change causes no hashing");
}

#[apply(on_both_engines!)]
async fn a_key_expires_at_its_expiry(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let expires_at = Some(server.clock.now().plus(Duration::from_secs(2)));
    let created = keys::create(&server.app, &owner, &Draft { expires_at, ..draft("short") }, None)
        .await
        .expect("a key");
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    server.clock.advance(Duration::from_millis(1_999));
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(server.check(&created.plaintext).await, Outcome::Expired);
    assert!(matches!(
        keys::rotate(&server.app, &owner, created.key.id, Duration::ZERO, None).await,
        Err(Refusal::State(_))
    ));
    let longer = Edit { expires_at: Some(None), ..Edit::default() };
    keys::edit(&server.app, &owner, created.key.id, &longer).await.expect("a key");
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
}

#[apply(on_both_engines!)]
async fn while_rotating_both_secrets_work_until_the_cut_off(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let first = server.key(&owner, "CI deploy").await;
    let id = &first.key.id;
    server.check(&first.plaintext).await;
    let hour = Duration::from_secs(3_600);
    let second = keys::rotate(&server.app, &owner, *id, hour, None).await.expect("a new secret");
    assert_eq!(server.check(&first.plaintext).await, Outcome::Valid);
    // The second secret was never used: it is replaced, and the first keeps its cut-off.
    server.clock.advance(Duration::from_secs(60));
    let third = keys::rotate(&server.app, &owner, *id, hour, None).await.expect("a new secret");
    assert_eq!(server.check(&second.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&third.plaintext).await, Outcome::Valid);
    assert_eq!(third.key.previous.map(|(_, until)| until), Some(second.key.created_at.plus(hour)));
    assert!(
        matches!(keys::rotate(&server.app, &owner, *id, hour, None).await, Err(Refusal::State(_))),
        "it is in use"
    );
    let until = server.clock.now().plus(hour);
    keys::extend(&server.app, &owner, *id, until).await.expect("a key");
    server.clock.advance(hour - Duration::from_millis(1));
    assert_eq!(server.check(&first.plaintext).await, Outcome::Valid);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(server.check(&first.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&third.plaintext).await, Outcome::Valid);
    keys::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.hashes_of(*id).await, 1, "the cut-off removes the hash");
    assert!(matches!(keys::finish(&server.app, &owner, *id, None).await, Err(Refusal::State(_))));
}

#[apply(on_both_engines!)]
async fn finishing_ends_the_old_secret_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let first = server.key(&owner, "CI deploy").await;
    let id = &first.key.id;
    let second =
        keys::rotate(&server.app, &owner, *id, Duration::from_secs(60), None).await.expect("a secret");
    keys::finish(&server.app, &owner, *id, None).await.expect("a key");
    assert_eq!(server.check(&first.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&second.plaintext).await, Outcome::Valid);
    let third = keys::rotate(&server.app, &owner, *id, Duration::ZERO, None).await.expect("a secret");
    assert_eq!(server.check(&second.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&third.plaintext).await, Outcome::Valid);
    assert_eq!(server.hashes_of(*id).await, 1);
}

#[apply(on_both_engines!)]
async fn a_key_is_managed_by_its_creator_and_by_admins(engine: Engine) {
    let server = Server::on(engine).await;
    let (member, admin, owner) = (
        server.actor(Persona::Member).await,
        server.actor(Persona::Admin).await,
        server.actor(Persona::Owner).await,
    );
    let viewer = server.actor(Persona::Viewer).await;
    let stranger = server.actor(Persona::Stranger).await;
    let key = server.key(&member, "member's").await.key;
    let app = &server.app;
    assert!(is_forbidden(&keys::disable(app, &viewer, key.id).await));
    assert!(matches!(keys::disable(app, &stranger, key.id).await, Err(Refusal::Error(Error::NotFound))));
    keys::disable(app, &admin, key.id).await.expect("a key");
    keys::enable(app, &member, key.id).await.expect("a key");
    // Granting access requires the key's role; taking it away does not.
    let high = server.key(&owner, "owner's").await.key;
    assert!(is_forbidden(&keys::rotate(app, &admin, high.id, Duration::ZERO, None).await));
    assert!(is_forbidden(
        &keys::edit(app, &admin, high.id, &Edit { name: Some("x".to_owned()), ..Edit::default() }).await
    ));
    keys::disable(app, &admin, high.id).await.expect("a key");
    assert!(is_forbidden(&keys::enable(app, &admin, high.id).await));
    keys::revoke(app, &admin, high.id).await.expect("a key");
    crate::audit::flush_refusals(app, true).await.expect("rows are written");
    let refused: i64 =
        sqlx::query_scalar("SELECT CAST(SUM(times) AS BIGINT) FROM audit WHERE action = 'key.refused'")
            .fetch_one(app.db.pool())
            .await
            .expect("a sum");
    assert_eq!(refused, 4);
}

#[apply(on_both_engines!)]
async fn every_order_pages_through_all_keys(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    for number in 0..7_i64 {
        server.clock.advance(Duration::from_millis(3));
        let expires_at = (number % 2 == 0).then(|| server.clock.now().plus(Duration::from_secs(3_600)));
        let created = keys::create(
            &server.app,
            &owner,
            &Draft { expires_at, ..draft(&format!("key {}", 9 - number)) },
            None,
        )
        .await
        .expect("a key");
        for _ in 0..number % 3 {
            server.check(&created.plaintext).await;
        }
    }
    keys::flush(&server.app).await.expect("a flush");
    for order in Order::ALL {
        for descending in [false, true] {
            let mut filter = Filter { order, descending, limit: 2, ..Filter::default() };
            let mut names = Vec::new();
            loop {
                let page = keys::list(&server.app, &owner, &filter).await.expect("a page");
                names.extend(page.keys.iter().map(|key: &Key| key.name.clone()));
                let Some(next) = page.next else { break };
                filter.after = keys::Position::parse(&next.to_text(), order);
                assert_eq!(filter.after.as_ref(), Some(&next));
            }
            assert_eq!(names.len(), 7, "{order:?} {descending}");
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 7, "{order:?} {descending}");
        }
    }
    let by_name = Filter { name: Some("key 5".to_owned()), limit: 5, ..Filter::default() };
    assert_eq!(keys::list(&server.app, &owner, &by_name).await.expect("a page").keys.len(), 1);
}

#[apply(on_both_engines!)]
async fn keys_are_revoked_with_their_organization_and_if_ticked_with_their_creator(engine: Engine) {
    use crate::orgs::server::KeyOffboarding;
    let server = Server::on(engine).await;
    let (owner, member) = (server.actor(Persona::Owner).await, server.actor(Persona::Member).await);
    let (goes, stays) = (server.key(&member, "goes").await, server.key(&member, "stays").await);
    let others = server.key(&owner, "owner's").await;
    assert_eq!(server.check(&goes.plaintext).await, Outcome::Valid);
    let org = &owner.org.org;
    let offboarding = keys::OrgKeyOffboarding;
    let created = offboarding.unrevoked_keys_of(&server.app, *org, member.user).await.expect("keys");
    assert_eq!(
        created.iter().map(|key| (key.name.as_str(), key.calls)).collect::<Vec<_>>(),
        [("goes", 1), ("stays", 0)]
    );
    let counts = offboarding
        .count_by_creator(&server.app, *org, &[member.user, owner.user], 100)
        .await
        .expect("counts");
    assert_eq!((counts[&member.user], counts[&owner.user]), (2, 1));
    let mut write = server.app.db.write().await.expect("a turn");
    let ticked = [goes.key.id, others.key.id, goes.key.id];
    let names = offboarding
        .revoke_for_member(&server.app, &mut write, &owner, member.user, &ticked)
        .await
        .expect("names");
    write.commit().await.expect("a commit");
    assert_eq!(names, ["goes"], "a key of another creator is not revoked");
    assert_eq!(server.check(&goes.plaintext).await, Outcome::Revoked);
    assert_eq!(server.check(&stays.plaintext).await, Outcome::Valid);
    let mut write = server.app.db.write().await.expect("a turn");
    offboarding.revoke_all(&server.app, &mut write, *org).await.expect("an end");
    write.commit().await.expect("a commit");
    for created in [&stays, &others] {
        assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
        assert_eq!(server.hashes_of(created.key.id).await, 0);
    }
    assert_eq!(offboarding.count_unrevoked(&server.app, *org).await.expect("a count"), 0);
}
