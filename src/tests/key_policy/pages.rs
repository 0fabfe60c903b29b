//! Settings → Key policy, without JavaScript.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;

const HERE: &str = "/settings/key-policy";
const FORM: &[(&str, &str)] = &[
    ("max_life_days", "180"),
    ("kinds", "on"),
    ("allowed_kinds", "live"),
    ("allowed_ranges", ""),
    ("idle_days", "90"),
    ("max_secret_age_days", "180"),
    ("approval_from", "admin"),
    ("grace_days", "7"),
];

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [FORM, more].concat()
}

#[apply(on_both_engines!)]
async fn a_change_is_previewed_then_saved(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    server.make_key(&owner, draft("live")).await;
    let claw = server.make_key(&owner, Draft { kind: Kind::Claw, ..draft("yard-robot") }).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, HERE).await;
    assert!(page.contains("You are the only owner") && !page.contains("Before you save"));
    let response = server.submit(&cookies, HERE, &with(&[("do", "preview")])).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let text = response.text().replace("<!>", "");
    assert!(
        text.contains("Before you save") && text.contains("yard-robot") && text.contains("of 2 active keys"),
        "{text}"
    );
    assert_eq!(server.count("SELECT COUNT(*) FROM key_policies").await, 0, "nothing is saved yet");
    let saved = server.submit(&cookies, HERE, &with(&[("do", "save")])).await;
    assert_eq!((saved.status.as_u16(), saved.header("location")), (303, HERE), "{}", saved.text());
    assert!(server.page(&cookies, HERE).await.contains("The key policy was saved."));
    let page = server.page(&cookies, &format!("/settings/api-keys/{}", claw.key.id)).await;
    assert!(page.contains("This key stops on <time") && page.contains(">27 Nov 2026, 10:00:00 UTC</time>."));
    assert!(server.page(&cookies, "/overview").await.contains("changed the key policy"));
}

#[apply(on_both_engines!)]
async fn others_see_the_rules_and_change_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    for persona in [Persona::Viewer, Persona::Admin] {
        let cookies = server.sign_in_as(persona).await;
        let page = server.page(&cookies, HERE).await;
        assert!(page.contains("<fieldset disabled") && !page.contains("Preview changes"));
        for button in ["preview", "save"] {
            assert_eq!(server.submit(&cookies, HERE, &with(&[("do", button)])).await.status, 403);
        }
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM key_policies").await, 0);
}

#[apply(on_both_engines!)]
async fn wrong_values_stay_in_the_form(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    server.make_key(&owner, Draft { kind: Kind::Claw, ..draft("only") }).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    for (more, why) in [
        (&[("life", "on"), ("max_life_days", "367")][..], "from 1 to 366"),
        (&[("idle", "on"), ("idle_days", "soon")], "from 1 to 366"),
        (&[("ranges", "on")], "at least one address"),
        (&[("ranges", "on"), ("allowed_ranges", "10.0.0.1/8")], "10.0.0.0/8 is"),
        (&[("approval", "on"), ("approval_from", "king")], "Choose a role"),
        (&[("grace_days", "forever")], "from 0 to 90"),
        (&[("do", "save")], "refuse every key"),
        (&[("do", "save"), ("confirm", "Tidewater")], "refuse every key"),
    ] {
        let page = server.submit(&cookies, HERE, &with(more)).await;
        assert_eq!(page.status, 422, "{more:?}");
        assert!(page.text().contains(why), "{more:?}: {}", page.text());
    }
    let done =
        server.submit(&cookies, HERE, &with(&[("do", "save"), ("confirm", "Tidewater Freight")])).await;
    assert_eq!(done.status, 303);
}

#[apply(on_both_engines!)]
async fn with_two_owners_weakening_a_rule_files_a_request(engine: Engine) {
    let server = Server::on(engine).await;
    server.set_policy(&life(30)).await;
    let second = server.person("second@tidewater.example", "Second", None).await;
    server.join(&second, "Tidewater Freight", crate::shared::Role::Owner).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    assert!(server.page(&cookies, HERE).await.contains("when a second owner approves"));
    let weaker = with(&[("life", "on"), ("max_life_days", "90")]);
    let response = server.submit(&cookies, HERE, &weaker).await;
    assert!(response.text().contains("Ask a second owner"));
    let asked = server.submit(&cookies, HERE, &[&weaker[..], &[("do", "save")]].concat()).await;
    assert_eq!(asked.status, 303);
    let page = server.page(&cookies, asked.header("location")).await;
    assert!(
        page.contains("Weaken the key policy: the maximum lifetime")
            && page.contains("90 days (currently 30 days)"),
        "{page}"
    );
}
