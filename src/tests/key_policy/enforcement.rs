//! What the rules refuse: keys that are created, changed, rotated and enabled, and requests after the grace period.

use macro_rules_attribute::apply;
use serde_json::json;

use super::*;
use crate::keys::server::{Edit, Presenter};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::keys::ANYTHING;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn new_keys_follow_the_rules_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let policy = PolicyDraft {
        max_life_days: Some(90),
        allowed_kinds: Some(vec![Kind::Live, Kind::Secret]),
        allowed_ranges: Some(vec!["10.0.0.0/8".to_owned(), "2001:db8::/32".to_owned()]),
        grace_days: 90,
        ..PolicyDraft::default()
    };
    server.set_policy(&policy).await;
    let fine =
        Draft { expires_at: server.in_days(90), ranges: vec!["10.1.0.0/16".to_owned()], ..draft("fine") };
    let make = async |draft: Draft| keys::create(&server.app, &owner, &draft, None).await;
    make(fine.clone()).await.expect("a key");
    make(Draft { name: "anywhere".to_owned(), ranges: vec![], ..fine.clone() }).await.expect("a key");
    let wrong = Draft {
        kind: Kind::Test,
        expires_at: server.in_days(91),
        ranges: vec!["10.0.0.0/8".to_owned(), "11.0.0.0/8".to_owned()],
        ..draft("wrong")
    };
    assert_eq!(fields(make(wrong).await).0, ["kind", "expires_at", "ranges"]);
    let (field, why) =
        fields(make(Draft { expires_at: None, ..Draft { name: "x".to_owned(), ..fine.clone() } }).await);
    assert_eq!(field, ["expires_at"]);
    assert!(why.contains("90 days") && why.contains("18 Feb 2027"), "{why}");
    let (field, why) =
        fields(make(Draft { kind: Kind::Claw, ..Draft { name: "x".to_owned(), ..fine } }).await);
    assert_eq!(field, ["kind"]);
    assert!(why.contains("Claw") && why.contains("Live and Secret"), "{why}");
    let key = server.key_of_policy(&owner).await;
    let body = json!({ "name": "two", "kind": "mcp", "expires_at": "2027-01-01T00:00:00Z" });
    let refused = server.post("/api/v1/keys").key(&key).from("10.0.0.1").json(&body).send().await;
    assert_eq!((refused.status.as_u16(), refused.json()["errors"][0]["field"].as_str()), (422, Some("kind")));
    let cookies = server.sign_in_as(Persona::Owner).await;
    let form = [("name", "page"), ("kind", "live"), ("role", "viewer"), ("expiry", "never"), ("once", "a")];
    let page = server.submit(&cookies, "/settings/api-keys/new", &form).await;
    assert_eq!(page.status, 422);
    assert!(page.text().contains("must expire by"));
}

#[apply(on_both_engines!)]
async fn existing_keys_follow_the_rules_after_the_grace_period(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let org = owner.org.org;
    let old = server.make_key(&owner, draft("old")).await;
    server.clock.advance(DAY * 60);
    let claw = server
        .make_key(&owner, Draft { kind: Kind::Claw, expires_at: server.in_days(90), ..draft("claw") })
        .await;
    let young = server.make_key(&owner, Draft { expires_at: server.in_days(90), ..draft("young") }).await;
    let policy = PolicyDraft { allowed_kinds: Some(vec![Kind::Live]), ..with_grace(life(60), 7) };
    server.set_policy(&policy).await;
    let outcomes = async || {
        let mut outcomes = Vec::new();
        for key in [&old, &claw, &young] {
            outcomes.push(server.check(&key.plaintext).await);
        }
        outcomes
    };
    assert_eq!(outcomes().await, [Outcome::Valid; 3]);
    server.clock.advance(DAY * 7 - Duration::from_millis(1));
    crate::keys::server::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(outcomes().await, [Outcome::Valid; 3]);
    server.clock.advance(Duration::from_millis(1));
    crate::keys::server::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(outcomes().await, [Outcome::PolicyRefused, Outcome::PolicyRefused, Outcome::Valid]);
    // Every endpoint says which rule refused the key, and what to do.
    let path = format!("/api/v1/authorize?org={org}");
    for (key, rule, advice) in
        [(&old, "max_life_days", "60 days"), (&claw, "allowed_kinds", "another kind: Live")]
    {
        for path in [path.as_str(), "/api/v1/me"] {
            let refused = server.get(path).key(&key.plaintext).send().await;
            assert_eq!(refused.status, 403, "{}", refused.text());
            let body = refused.json();
            assert_eq!((body["code"].as_str(), body["rule"].as_str()), (Some("policy_refused"), Some(rule)));
            assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(advice)), "{body}");
        }
        let body = json!({ "key": key.plaintext.expose() });
        let verdict =
            server.post("/api/v1/keys/verify").key(&young.plaintext).json(&body).send().await.json();
        assert_eq!(
            (verdict["valid"].as_bool(), verdict["code"].as_str()),
            (Some(false), Some("policy_refused"))
        );
        assert_eq!(verdict["policy_rule"], rule);
    }
    // They are counted, and the key's page says why.
    keys::flush(&server.app).await.expect("a flush");
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, &format!("/settings/api-keys/{}", old.key.id)).await;
    assert!(
        page.contains("The key policy refuses this key.") && page.contains("were refused by the key policy"),
        "{page}"
    );
    let metrics = server.metrics().await;
    assert!(metrics.contains("policy_refused"), "{metrics}");
    // Turning the rules off helps at once.
    server.set_policy(&PolicyDraft::default()).await;
    assert_eq!(outcomes().await, [Outcome::Valid; 3]);
}

#[apply(on_both_engines!)]
async fn callers_must_be_in_the_ranges_of_the_key_and_the_policy(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let own = server.make_key(&owner, Draft { ranges: vec!["10.1.0.0/16".to_owned()], ..draft("own") }).await;
    let free = server.make_key(&owner, draft("free")).await;
    server.set_policy(&ranges(&["10.0.0.0/8"])).await;
    let check = async |key: &Secret, address: &str| {
        let address = (!address.is_empty()).then(|| address.parse().expect("an address"));
        let presenter = Presenter { address, ..Presenter::default() };
        keys::verify(&server.app, key.expose(), &ANYTHING, &presenter).await.expect("a verdict").outcome
    };
    for (key, address, expected) in [
        (&free, "10.9.9.9", Outcome::Valid),
        (&free, "::ffff:10.9.9.9", Outcome::Valid),
        (&free, "11.0.0.1", Outcome::PolicyRefused),
        (&free, "", Outcome::PolicyRefused),
        (&own, "10.1.2.3", Outcome::Valid),
        (&own, "10.2.2.3", Outcome::IpNotAllowed),
        (&own, "11.1.2.3", Outcome::IpNotAllowed),
    ] {
        assert_eq!(check(&key.plaintext, address).await, expected, "{address}");
    }
    // Wider ranges of a key do not help.
    let wide = Edit { ranges: Some(vec!["0.0.0.0/0".to_owned()]), ..Edit::default() };
    assert_eq!(fields(keys::edit(&server.app, &owner, own.key.id, &wide).await).0, ["ranges"]);
}

#[apply(on_both_engines!)]
async fn old_keys_are_neither_rotated_nor_enabled_nor_extended_against_the_rules(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let endless = server.make_key(&owner, draft("endless")).await.key.id;
    let claw = server
        .make_key(&owner, Draft { kind: Kind::Claw, expires_at: server.in_days(5), ..draft("claw") })
        .await
        .key
        .id;
    let off = server.make_key(&owner, draft("off")).await.key.id;
    keys::disable(&server.app, &owner, off).await.expect("it is disabled");
    let policy = PolicyDraft { allowed_kinds: Some(vec![Kind::Live]), ..with_grace(life(30), 90) };
    server.set_policy(&policy).await;
    let rotate = async |id| keys::rotate(&server.app, &owner, id, Duration::ZERO, None).await;
    assert!(fields(rotate(endless).await).1.contains("30 days"));
    assert!(fields(rotate(claw).await).1.contains("Claw"));
    assert!(fields(keys::enable(&server.app, &owner, off).await).1.contains("30 days"));
    let cookies = server.sign_in_as(Persona::Owner).await;
    let path = format!("/settings/api-keys/{off}");
    assert_eq!(server.submit(&cookies, &format!("{path}/enable"), &[]).await.status, 303);
    assert!(server.page(&cookies, &path).await.contains("must expire by"));
    let path = format!("/settings/api-keys/{endless}/rotate");
    let page = server.submit(&cookies, &path, &[("overlap", "24"), ("once", "x")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text().contains("must expire by"));
    // A new name breaks no rule; a later end does.
    let edit = |edit: Edit| async move { edit };
    let name = edit(Edit { name: Some("renamed".to_owned()), ..Edit::default() }).await;
    keys::edit(&server.app, &owner, endless, &name).await.expect("a new name");
    let late = Edit { expires_at: Some(server.in_days(31)), ..Edit::default() };
    assert_eq!(fields(keys::edit(&server.app, &owner, endless, &late).await).0, ["expires_at"]);
    let in_time = Edit { expires_at: Some(server.in_days(30)), ..Edit::default() };
    keys::edit(&server.app, &owner, endless, &in_time).await.expect("it ends in time");
    rotate(endless).await.expect("it follows the rules now");
    let audited = server.audited().await;
    assert!(audited.iter().filter(|action| *action == "key.refused").count() >= 1, "{audited:?}");
}

impl Server {
    /// A key that follows the policy of the first test.
    async fn key_of_policy(&self, owner: &Actor) -> Secret {
        self.make_key(owner, Draft { expires_at: self.in_days(60), ..draft("caller") }).await.plaintext
    }
}
