//! Keys: disabling one or several, finishing a rotation, rotating during a rotation, and the form that creates a key.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::keys::draft;
use super::super::pages::shown;
use super::super::personas::Persona;
use crate::keys::server::{self as keys, Draft};
use crate::platform::db::Engine;
use crate::shared::Role;
use crate::usage::Outcome;

const KEYS: &str = "/settings/api-keys";

#[apply(on_both_engines!)]
async fn a_key_in_use_is_disabled_after_a_page_that_says_what_stops(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let (path, disable) = (format!("{KEYS}/{id}"), format!("{KEYS}/{id}/disable"));
    server.check(&secret).await;
    for _ in 0..2 {
        let page = server.page(&owner, &path).await;
        let response = server.press(&owner, &page, &disable, &[]).await;
        assert!(response.header("location").starts_with(&disable), "{}", response.header("location"));
        let page = server.follow(&owner, &response).await;
        assert!(page.contains("Disable ci-deploy?") && page.contains("1 call</b>"), "{page}");
        assert_eq!(server.check(&secret).await, Outcome::Valid, "nothing has happened yet");
        // The same when the counts are in the tables.
        keys::flush(&server.app).await.expect("a flush");
        server.clock.advance(Duration::from_secs(60 * 60 * 26));
        server.check(&secret).await;
    }
    let page = server.page(&owner, &format!("{disable}?back=/settings/api-keys")).await;
    let response = server.press(&owner, &page, &disable, &[]).await;
    assert_eq!(response.header("location"), KEYS);
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
    let response = server.get(&disable).browser().with(&owner).send().await;
    assert!(server.follow(&owner, &response).await.contains("This key is disabled already."));
}

#[apply(on_both_engines!)]
async fn calls_of_the_day_before_yesterday_stop_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    server.check(&secret).await;
    server.clock.advance(Duration::from_secs(60 * 60 * 26));
    let response = server.submit(&owner, &format!("{KEYS}/{id}/disable"), &[]).await;
    assert_eq!(response.header("location"), format!("{KEYS}/{id}"));
    assert_eq!(server.check(&secret).await, Outcome::Disabled);
}

/// Disabling takes less than enabling, so the page says so.
#[apply(on_both_engines!)]
async fn whoever_cannot_enable_a_key_is_told_before_disabling_it(engine: Engine) {
    let server = Server::on(engine).await;
    let draft = Draft { role: Some(Role::Owner), ..draft("strong") };
    let key = keys::create(&server.app, &server.actor(Persona::Owner).await, &draft, None).await;
    let key = key.expect("a key").key.id;
    let admin = server.sign_in_as(Persona::Admin).await;
    let disable = format!("{KEYS}/{key}/disable");
    let page = server.page(&admin, &disable).await;
    assert!(page.contains("you may not enable it again"), "{page}");
    let response = server.press(&admin, &page, &disable, &[]).await;
    let page = server.follow(&admin, &response).await;
    assert!(page.contains("strong is disabled.") && !page.contains(">Undo<"), "{page}");
}

#[apply(on_both_engines!)]
async fn several_keys_are_disabled_after_a_page_that_says_what_stops(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (one, first) = server.made_key(&owner, "one").await;
    let (two, second) = server.made_key(&owner, "two").await;
    server.check(&first).await;
    let chosen = [("do", "disable"), ("key", one.as_str()), ("key", two.as_str())];
    let response = server.submit(&owner, &format!("{KEYS}/selected"), &chosen).await;
    let page = server.follow(&owner, &response).await;
    assert!(page.contains("Disable 2 keys"), "{page}");
    assert!(page.contains("1 call with 1 key from 1 address"), "{page}");
    assert!(page.contains("not used"), "{page}");
    assert_eq!(server.check(&second).await, Outcome::Valid);
    let response = server.press(&owner, &page, &format!("{KEYS}/disable"), &[]).await;
    let page = server.follow(&owner, &response).await;
    assert!(page.contains("2 keys disabled."), "{page}");
    let outcomes = (server.check(&first).await, server.check(&second).await);
    assert_eq!(outcomes, (Outcome::Disabled, Outcome::Disabled));
    // Keys of other organizations are not named.
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let response = server.get(&format!("{KEYS}/disable?key={one}")).browser().with(&stranger).send().await;
    assert_eq!(response.header("location"), KEYS);
}

#[apply(on_both_engines!)]
async fn a_rotation_is_finished_after_a_page_that_says_who_uses_the_old_secret(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, old) = server.made_key(&owner, "ci-deploy").await;
    let (path, finish) = (format!("{KEYS}/{id}"), format!("{KEYS}/{id}/finish"));
    let response = server.get(&finish).browser().with(&owner).send().await;
    assert!(server.follow(&owner, &response).await.contains("This key is not being rotated."));

    let rotated = server.submit(&owner, &format!("{path}/rotate"), &[("overlap", "24")]).await;
    let new = shown(&rotated).expect("a new secret");
    assert!(server.page(&owner, &finish).await.contains("Nobody used the old secret in the last 24 h."));
    server.check(&old).await;
    server.check(&new).await;
    server.check(&new).await;
    assert!(server.page(&owner, &path).await.contains(&format!("href=\"{finish}\"")), "a link, no button");
    // Without having seen the page, nothing ends.
    let response = server.submit(&owner, &finish, &[]).await;
    assert_eq!(response.header("location"), finish);
    let page = server.follow(&owner, &response).await;
    assert!(page.contains("1 address used the old secret") && page.contains("1 call</b>"), "{page}");
    assert_eq!(server.check(&old).await, Outcome::Valid);
    let another = server.submit(&owner, &finish, &[("old", "AAAAAAAAAAAA")]).await;
    assert!(server.follow(&owner, &another).await.contains("was rotated again since then"));
    assert_eq!(server.check(&old).await, Outcome::Valid);
    let done = server.press(&owner, &page, &finish, &[]).await;
    assert!(server.follow(&owner, &done).await.contains("Only the new secret works."));
    assert_eq!((server.check(&old).await, server.check(&new).await), (Outcome::Revoked, Outcome::Valid));
}

#[apply(on_both_engines!)]
async fn rotating_during_a_rotation_leads_to_finishing_it(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "ci-deploy").await;
    let (rotate, finish) = (format!("{KEYS}/{id}/rotate"), format!("{KEYS}/{id}/finish"));
    let rotated = server.submit(&owner, &rotate, &[("overlap", "24")]).await;
    // A new secret that nobody uses yet is replaced.
    let page = server.page(&owner, &rotate).await;
    assert!(page.contains("A rotation is under way") && !page.contains("Finish first"), "{page}");
    server.check(&shown(&rotated).expect("a secret")).await;
    for _ in 0..2 {
        let page = server.page(&owner, &rotate).await;
        assert!(page.contains("Finish that rotation first.") && page.contains("Finish first…"), "{page}");
        assert!(page.contains(&format!("href=\"{finish}\"")) && !page.contains("name=\"overlap\""), "{page}");
        keys::flush(&server.app).await.expect("a flush");
    }
    // Somebody had opened the form before the first call.
    let late = server.submit(&owner, &rotate, &[("overlap", "24")]).await;
    assert_eq!(late.status, 409);
    assert!(late.text().contains("Finish first…"));
    let old = server.old_secret(&id).await;
    server.submit(&owner, &finish, &[("old", &old)]).await;
    assert!(server.page(&owner, &rotate).await.contains("name=\"overlap\""));
}

#[apply(on_both_engines!)]
async fn the_form_proposes_member_and_says_what_a_thief_could_do(engine: Engine) {
    let server = Server::on(engine).await;
    let chosen = |page: &str| -> String {
        let inputs = page.split("name=\"role\" value=\"").skip(1);
        let checked = inputs.filter(|input| input.split('>').next().unwrap_or_default().contains("checked"));
        checked.filter_map(|input| input.split('"').next()).collect()
    };
    for (persona, role, admin, owner) in [
        (Persona::Viewer, "viewer", false, false),
        (Persona::Member, "member", false, false),
        (Persona::Admin, "member", true, false),
        (Persona::Owner, "member", true, true),
    ] {
        let cookies = server.sign_in_as(persona).await;
        for path in [format!("{KEYS}/new"), format!("{KEYS}?dialog=create")] {
            let page = server.page(&cookies, &path).await;
            assert_eq!(chosen(&page), role, "{persona:?} {path}");
            assert_eq!(page.contains("Whoever steals an admin key"), admin, "{persona:?} {path}");
            assert_eq!(page.contains("Whoever steals an owner key"), owner, "{persona:?} {path}");
        }
    }
    // Programs that name no role get the creator's, as before.
    let key = server.key(&server.actor(Persona::Owner).await, "by default").await.key;
    assert_eq!(key.role, Role::Owner);
}
