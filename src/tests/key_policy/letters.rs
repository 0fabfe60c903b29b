//! Letters about keys that a changed policy stops.

use macro_rules_attribute::apply;

use super::*;
use crate::accounts::server::choose_letters;
use crate::platform::db::Engine;
use crate::policy_settings::server::announce_changes;
use crate::tests::harness::on_both_engines;
use crate::tests::mail::{Received, Sink};

impl Server {
    async fn announce(&self) {
        announce_changes(&self.app).await.expect("a round");
    }
}

async fn letters(sink: &mut Sink, count: usize) -> Vec<Received> {
    let mut letters = Vec::new();
    for _ in 0..count {
        letters.push(sink.letter().await);
    }
    letters.sort_by_key(|letter| letter.to.clone());
    letters
}

#[apply(on_both_engines!)]
async fn creators_get_one_letter_about_the_keys_that_stop(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &[sink.settings(), CHEAP_HASHING.to_vec()].concat()).await;
    let owner = server.actor(Persona::Owner).await;
    let member = server.actor(Persona::Member).await;
    let person = server.person(&Persona::Member.email(), "Member", None).await;
    choose_letters(&server.app, &member.by, &person, &[]).await.expect("no other letters");
    let test =
        |name: &str| Draft { kind: Kind::Test, role: Some(crate::shared::Role::Viewer), ..draft(name) };
    let mine = server.make_key(&owner, test("of the <owner>")).await.key.id;
    server.make_key(&member, test("first")).await;
    let second = server.make_key(&member, Draft { expires_at: server.in_days(30), ..test("second") }).await;
    server.make_key(&member, draft("live")).await;
    server.make_key(&member, Draft { expires_at: server.in_days(3), ..test("ends before") }).await;
    let disabled = server.make_key(&member, test("disabled")).await.key.id;
    keys::disable(&server.app, &owner, disabled).await.expect("it is disabled");
    server.announce().await;
    server.set_policy(&with_grace(kinds(&[Kind::Live]), 7)).await;
    assert!(sink.letter_now().is_none(), "saving sends nothing");
    server.announce().await;
    let both = letters(&mut sink, 2).await;
    assert_eq!((both[0].to.concat(), both[1].to.concat()), (Persona::Member.email(), Persona::Owner.email()));
    let (to_member, to_owner) = (&both[0], &both[1]);
    assert_eq!(to_member.header("Subject"), "2 API keys of Tidewater Freight stop working");
    assert_eq!(to_owner.header("Subject"), "The key of the <owner> of Tidewater Freight stops working");
    assert_eq!(to_owner.link(), format!("/settings/api-keys/{mine}"));
    let text = to_member.text();
    for part in ["first", "second", "stops on 27 Nov 2026, 10:00:00 UTC", "Allowed kinds", "Only Live keys"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for part in ["of the <owner>", "API key live", "ends before", "API key disabled"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
    assert!(to_owner.text().contains("of the &lt;owner&gt;"));

    // There is no second letter, not even after a change that stops nothing more.
    server.announce().await;
    server.set_policy(&PolicyDraft { idle_days: Some(90), ..with_grace(kinds(&[Kind::Live]), 7) }).await;
    server.announce().await;
    assert!(sink.letter_now().is_none());
    // The kinds have their grace period already, and the addresses concern callers.
    server
        .set_policy(&PolicyDraft {
            idle_days: Some(90),
            allowed_ranges: Some(vec!["10.0.0.0/8".to_owned()]),
            ..with_grace(kinds(&[Kind::Live]), 0)
        })
        .await;
    server.announce().await;
    assert!(sink.letter_now().is_none());
    keys::revoke(&server.app, &owner, second.key.id).await.expect("it is revoked");
    server.set_policy(&PolicyDraft::default()).await;
    server.announce().await;
    server.set_policy(&kinds(&[Kind::Live])).await;
    server.announce().await;
    // Without a grace period, the key that ends soon is refused too.
    let again = letters(&mut sink, 2).await;
    assert_eq!(again[0].header("Subject"), "2 API keys of Tidewater Freight stop working");
    let text = again[0].text();
    for part in ["first", "ends before", "is refused from now on"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("second"), "{text}");
}

#[apply(on_both_engines!)]
async fn a_letter_names_fifty_keys_and_owners_get_those_of_people_who_left(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &[sink.settings(), CHEAP_HASHING.to_vec()].concat()).await;
    let owner = server.actor(Persona::Owner).await;
    let member = server.actor(Persona::Member).await;
    for number in 0..51 {
        let draft = Draft { expires_at: server.in_days(100), ..draft(&format!("key-{number}-")) };
        server.make_key(if number == 0 { &owner } else { &member }, draft).await;
    }
    crate::accounts::server::set_enabled(&server.app, &Persona::Member.email(), false)
        .await
        .expect("disabled");
    server.set_policy(&life(90)).await;
    server.announce().await;
    let letter = sink.letter().await;
    assert_eq!(letter.to, [Persona::Owner.email()]);
    assert_eq!(letter.header("Subject"), "51 API keys of Tidewater Freight stop working");
    let text = letter.text();
    let named = (0..51).filter(|number| text.contains(&format!("key-{number}-"))).count();
    assert!(named == 50 && text.contains("And 1 more key."), "{named}: {text}");
    assert!(text.contains("Keys live for at most 90 days."));
    assert!(sink.letter_now().is_none());
}

/// A change that was saved without a mail server is not announced later, and only one of two processes announces a change.
#[apply(on_both_engines!)]
async fn changes_without_mail_are_not_announced_later_and_one_of_two_processes_sends(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    server.make_key(&owner, draft("one")).await;
    server.set_policy(&life(90)).await;
    let unannounced = "SELECT COUNT(*) FROM key_policies WHERE announced IS NULL OR announced <> policy";
    assert_eq!(server.count(unannounced).await, 1);
    server.announce().await;
    assert_eq!(server.count(unannounced).await, 0);
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &[sink.settings(), CHEAP_HASHING.to_vec()].concat()).await;
    let other = server.second_process().await;
    let owner = server.actor(Persona::Owner).await;
    server.make_key(&owner, draft("one")).await;
    server.set_policy(&life(90)).await;
    let (one, two) = tokio::join!(announce_changes(&server.app), announce_changes(&other));
    one.and(two).expect("rounds");
    sink.letter().await;
    assert!(sink.letter_now().is_none());
}
