//! Keys with a role that needs a second person are not a way around it.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::keys::QuotaPeriod;
use crate::keys::server::{CustomerDraft, Edit, QuotaDraft, disable, edit, enable, rotate};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::keys::actor_in;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An accomplice who becomes an admin does not approve at once.
#[apply(on_both_engines!)]
async fn an_approver_has_had_the_role_for_a_day(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.actor(Persona::Admin).await;
    server.actor(Persona::Owner).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let person = server.person("second@tidewater.example", "Second", None).await;
    let org = server.join(&person, "Tidewater Freight", Role::Admin).await;
    let second = actor_in(&person, org, "Tidewater Freight", Role::Admin);
    let id = server.request_key(&admin, "one", Role::Admin).await;
    let refused = server.decide_request(&second, id, ApprovalVerdict::Approve).await;
    assert!(
        matches!(&refused, Err(ApprovalRefusal::State(why)) if why.contains("less than a day")),
        "{refused:?}"
    );
    server.clock.advance(DAY);
    // A promoted member is as new as somebody who joined.
    let member = server.actor(Persona::Member).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/members/{}/role", member.user);
    assert_eq!(server.submit(&cookies, &path, &[("role", "admin")]).await.status, 303);
    let refused = server.decide_request(&member, id, ApprovalVerdict::Approve).await;
    assert!(
        matches!(&refused, Err(ApprovalRefusal::State(why)) if why.contains("less than a day")),
        "{refused:?}"
    );
    server.approve_request(&second, id).await;
}

/// A key whose secret another person received does not stand for its creator.
#[apply(on_both_engines!)]
async fn whoever_rotated_the_key_that_asks_does_not_decide(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let mut key = server.as_key(&admin, Role::Admin).await;
    let id = key.key.expect("a key");
    let rotated = rotate(&server.app, &owner, id, Duration::ZERO, None).await.expect("it is rotated");
    key.secret = Some(rotated.key.secret);
    server.set_policy(&approval_from(Role::Admin)).await;
    let request = server.request_key(&key, "one", Role::Admin).await;
    assert!(is_forbidden(&server.decide_request(&owner, request, ApprovalVerdict::Approve).await));
    assert_eq!(server.state_of(request).await, "pending");
}

#[apply(on_both_engines!)]
async fn strong_keys_are_renewed_by_their_creator_and_never_extended(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let expires_at = Some(server.clock.now().plus(DAY * 30));
    let draft = Draft {
        role: Some(Role::Admin),
        expires_at,
        rate_limit: Some(60),
        ranges: vec!["10.0.0.0/8".to_owned()],
        customer: CustomerDraft {
            quota: Some(QuotaDraft { limit: 100, period: QuotaPeriod::Day }),
            ..CustomerDraft::default()
        },
        ..draft("strong")
    };
    let id = keys::create(&server.app, &admin, &draft, None).await.expect("a key").key.id;
    let weaker = Draft { role: Some(Role::Member), ..super::draft("weak") };
    let weak = keys::create(&server.app, &admin, &weaker, None).await.expect("a key").key.id;
    server.set_policy(&approval_from(Role::Admin)).await;
    let forbidden = |result: Result<(), Refusal>| match result {
        Err(Refusal::Error(Error::Forbidden(why))) => assert!(why.contains("second person"), "{why}"),
        other => panic!("it is not refused: {other:?}"),
    };
    forbidden(rotate(&server.app, &owner, id, DAY, None).await.map(drop));
    rotate(&server.app, &admin, id, DAY, None).await.expect("its creator rotates it");
    let later = server.clock.now().plus(DAY * 2);
    forbidden(keys::extend(&server.app, &owner, id, later).await.map(drop));
    disable(&server.app, &owner, id).await.expect("anybody disables");
    forbidden(enable(&server.app, &owner, id).await.map(drop));
    enable(&server.app, &admin, id).await.expect("its creator enables it");
    for (field, wider) in [
        ("expires_at", Edit { expires_at: Some(None), ..Edit::default() }),
        ("expires_at", Edit { expires_at: Some(expires_at.map(|at| at.plus(DAY))), ..Edit::default() }),
        ("rate_limit", Edit { rate_limit: Some(None), ..Edit::default() }),
        ("rate_limit", Edit { rate_limit: Some(Some(61)), ..Edit::default() }),
        ("ranges", Edit { ranges: Some(vec![]), ..Edit::default() }),
        ("ranges", Edit { ranges: Some(vec!["10.0.0.0/7".to_owned()]), ..Edit::default() }),
        ("quota", Edit { quota: Some(None), ..Edit::default() }),
        (
            "quota",
            Edit {
                quota: Some(Some(QuotaDraft { limit: 101, period: QuotaPeriod::Day })),
                ..Edit::default()
            },
        ),
        ("external_id", Edit { external_id: Some("carrier_3".to_owned()), ..Edit::default() }),
        ("metadata", Edit { metadata: Some("{\"tier\":\"gold\"}".to_owned()), ..Edit::default() }),
    ] {
        let wrong = input(edit(&server.app, &admin, id, &wider).await.expect_err("it is extended"));
        assert_eq!(wrong[0].0, field);
        assert!(wrong[0].1.contains("Create a new key"), "{}", wrong[0].1);
    }
    let narrower = Edit {
        name: Some("other".to_owned()),
        expires_at: Some(expires_at.map(|at| at.minus(DAY))),
        rate_limit: Some(Some(59)),
        ranges: Some(vec!["10.1.0.0/16".to_owned()]),
        quota: Some(Some(QuotaDraft { limit: 99, period: QuotaPeriod::Day })),
        ..Edit::default()
    };
    edit(&server.app, &owner, id, &narrower).await.expect("it is narrowed");
    rotate(&server.app, &owner, weak, DAY, None).await.expect("a weaker key");
}

#[apply(on_both_engines!)]
async fn pages_offer_to_rotate_and_enable_a_strong_key_to_its_creator_only(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let draft = Draft { role: Some(Role::Admin), ..draft("strong") };
    let id = keys::create(&server.app, &admin, &draft, None).await.expect("a key").key.id;
    let (rotate, hint) =
        (format!("/settings/api-keys/{id}/rotate"), "Only the creator of this key can rotate");
    let page_of = async |persona, path: &str| {
        let cookies = server.sign_in_as(persona).await;
        server.page(&cookies, path).await
    };
    let path = format!("/settings/api-keys/{id}");
    for address in [path.as_str(), "/settings/api-keys"] {
        assert!(page_of(Persona::Owner, address).await.contains(&rotate), "{address} without a policy");
    }
    server.set_policy(&approval_from(Role::Admin)).await;
    for address in [path.as_str(), "/settings/api-keys"] {
        assert!(page_of(Persona::Admin, address).await.contains(&rotate), "{address} of the creator");
        assert!(!page_of(Persona::Owner, address).await.contains(&rotate), "{address} of another owner");
    }
    assert!(page_of(Persona::Owner, &path).await.contains(hint));
    disable(&server.app, &owner, id).await.expect("anybody disables");
    let enable = format!("{path}/enable");
    for address in [path.as_str(), "/settings/api-keys"] {
        assert!(page_of(Persona::Admin, address).await.contains(&enable), "{address} of the creator");
        assert!(!page_of(Persona::Owner, address).await.contains(&enable), "{address} of another owner");
    }
}

/// Somebody who adds a second account and makes it an admin does not approve its requests at once.
#[apply(on_both_engines!)]
async fn a_requester_has_had_the_role_for_a_day(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.actor(Persona::Admin).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let person = server.person("puppet@tidewater.example", "Puppet", None).await;
    let org = server.join(&person, "Tidewater Freight", Role::Admin).await;
    let puppet = actor_in(&person, org, "Tidewater Freight", Role::Admin);
    let id = server.request_key(&puppet, "one", Role::Admin).await;
    let refused = server.decide_request(&admin, id, ApprovalVerdict::Approve).await;
    assert!(
        matches!(&refused, Err(ApprovalRefusal::State(why)) if why.contains("an admin for less than a day")),
        "{refused:?}"
    );
    assert_eq!(server.state_of(id).await, "pending");
    server.clock.advance(DAY);
    server.approve_request(&admin, id).await;
}

/// The person who received the secret of a key holds the secrets that it creates and rotates.
#[apply(on_both_engines!)]
async fn whoever_received_a_key_has_the_keys_that_it_creates_and_rotates(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    let strong = Draft { role: Some(Role::Admin), ..draft("strong") };
    let strong = keys::create(&server.app, &admin, &strong, None).await.expect("a key").key.id;
    let mut taken = server.as_key(&admin, Role::Admin).await;
    let taken_id = taken.key.expect("a key");
    let rotated = rotate(&server.app, &owner, taken_id, Duration::ZERO, None).await.expect("it is rotated");
    taken.secret = Some(rotated.key.secret);
    let child = Draft { role: Some(Role::Admin), ..draft("child") };
    let child = keys::create(&server.app, &taken, &child, None).await.expect("a key").key;
    let rotated = rotate(&server.app, &taken, taken_id, Duration::ZERO, None).await.expect("by itself");
    taken.secret = Some(rotated.key.secret);
    let child = Actor { key: Some(child.id), secret: Some(child.secret), ..taken.clone() };
    server.set_policy(&approval_from(Role::Admin)).await;
    for (what, actor) in [("a key that it created", &child), ("a key that rotated itself", &taken)] {
        let refused = rotate(&server.app, actor, strong, DAY, None).await;
        assert!(matches!(&refused, Err(Refusal::Error(Error::Forbidden(_)))), "{what}: {refused:?}");
        let id = server.request_key(actor, what, Role::Admin).await;
        let decided = server.decide_request(&owner, id, ApprovalVerdict::Approve).await;
        assert!(is_forbidden(&decided), "{what}: {decided:?}");
    }
}

/// A key that is counted together with the one that created it stays so, although its own limit is lowered.
#[apply(on_both_engines!)]
async fn an_edit_of_a_strong_key_does_not_separate_its_limits(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.actor(Persona::Admin).await;
    let limited = |name: &str| Draft {
        role: Some(Role::Admin),
        rate_limit: Some(20),
        customer: CustomerDraft {
            quota: Some(QuotaDraft { limit: 100, period: QuotaPeriod::Day }),
            ..CustomerDraft::default()
        },
        ..draft(name)
    };
    let parent = keys::create(&server.app, &admin, &limited("parent"), None).await.expect("a key").key;
    let by_parent = Actor {
        principal: PrincipalKind::Key,
        key: Some(parent.id),
        secret: Some(parent.secret),
        ..admin.clone()
    };
    let child = keys::create(&server.app, &by_parent, &limited("child"), None).await.expect("a key").key;
    server.set_policy(&approval_from(Role::Admin)).await;
    let lower = Edit {
        rate_limit: Some(Some(19)),
        quota: Some(Some(QuotaDraft { limit: 99, period: QuotaPeriod::Day })),
        ..Edit::default()
    };
    let edited = edit(&server.app, &admin, child.id, &lower).await.expect("it is lowered");
    assert_eq!((edited.counts_with, edited.quota_with), (Some(parent.id), Some(parent.id)));
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM keys WHERE counts_with IS NOT NULL AND quota_with IS NOT NULL")
            .await,
        1
    );
}
