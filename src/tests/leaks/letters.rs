//! Letters about leaked keys: to the owners and the creator, even if they have turned off all other letters.

use macro_rules_attribute::apply;

use super::*;
use crate::accounts::server::choose_letters;
use crate::tests::mail::Sink;

#[apply(on_both_engines!)]
async fn owners_and_the_creator_get_one_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    server.actor(Persona::Owner).await;
    server.actor(Persona::Admin).await;
    let member = server.actor(Persona::Member).await;
    let person = server.person(&Persona::Member.email(), "Member", None).await;
    choose_letters(&server.app, &member.by, &person, &[]).await.expect("no other letters");
    let created = server.key(&member, "portal").await;
    let child =
        server.post("/api/v1/keys").key(&created.plaintext).json(&json!({ "name": "child" })).send().await;
    assert_eq!(child.status, 201, "{}", child.text());
    server.find_in_public(&created.plaintext, "https://x/<b>.env").await;
    let mut letters = vec![sink.letter().await, sink.letter().await];
    letters.sort_by_key(|letter| letter.to.clone());
    let recipients: Vec<_> = letters.iter().map(|letter| letter.to.concat()).collect();
    assert_eq!(recipients, [Persona::Member.email(), Persona::Owner.email()]);
    for letter in &letters {
        assert_eq!(letter.header("Subject"), "The key portal of Tidewater Freight was found in public");
        assert_eq!(letter.link(), format!("/settings/api-keys/{}", created.key.id));
        let text = letter.text();
        for part in
            ["https://x/<b>.env", "https://x/&lt;b&gt;.env", "a scanner", "It was revoked on", "child"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // The key that it created still works, and nobody gets a second letter.
    assert_eq!(
        server.count("SELECT COUNT(*) FROM keys WHERE name = 'child' AND revoked_at IS NULL").await,
        1
    );
    server.find_in_public(&created.plaintext, "https://y").await;
    server.examine().await;
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn a_report_of_many_keys_is_one_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let mut tokens = Vec::new();
    for number in 0..60 {
        tokens.push(server.key(&owner, &format!("key {number}")).await.plaintext.expose().to_owned());
    }
    server.report(&json!({ "tokens": tokens })).await;
    server.examine().await;
    let letter = sink.letter().await;
    assert_eq!(letter.header("Subject"), "60 API keys of Tidewater Freight were found in public");
    assert!(letter.text().contains("And 10 more keys."));
    assert_eq!(letter.link(), "/settings/api-keys?status=leaked");
    assert!(sink.letter_now().is_none());
}

#[apply(on_both_engines!)]
async fn of_two_servers_one_sends_the_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    let other = server.second_process().await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "portal").await;
    server.report(&json!({ "tokens": [created.plaintext.expose()] })).await;
    server.examine().await;
    leaks::send_letters(&other).await.expect("a round");
    sink.letter().await;
    assert!(sink.letter_now().is_none());
    assert_eq!(server.count("SELECT COUNT(*) FROM leak_reports WHERE mailed_at IS NULL").await, 0);
}

/// A letter that does not fit into the mail queue is not marked as sent, so that a later round sends it.
#[apply(on_both_engines!)]
async fn a_letter_that_cannot_be_queued_waits(engine: Engine) {
    let sink = Sink::with(crate::tests::mail::SinkBehavior::NeverResponds).await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "portal").await;
    let fill = crate::platform::Letter::new("bob@x.example", "Hello").paragraph("Hello");
    while server.app.mail.post(&fill) == crate::platform::Posted::Queued {}
    server.find_in_public(&created.plaintext, "https://x").await;
    assert_eq!(server.count("SELECT COUNT(*) FROM leak_reports WHERE mailed_at IS NULL").await, 1);
}

/// An organization gets letters once an hour, and long texts of a reporter are cut.
#[apply(on_both_engines!)]
async fn further_reports_of_an_hour_come_in_one_letter(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    let owner = server.actor(Persona::Owner).await;
    let mut created = Vec::new();
    for number in 0..3 {
        created.push(server.key(&owner, &format!("key {number}")).await.plaintext);
    }
    let url = format!("https://x/{}", "y".repeat(400));
    server.find_in_public(&created[0], &url).await;
    let text = sink.letter().await.text();
    let shown = text.matches('y').count();
    assert!((90..300).contains(&shown), "as text and as HTML, 90 of 400 each: {text}");
    server.find_in_public(&created[1], "https://x").await;
    server.find_in_public(&created[2], "https://x").await;
    assert!(sink.letter_now().is_none());
    server.clock.advance(std::time::Duration::from_secs(60 * 60));
    leaks::send_letters(&server.app).await.expect("a round");
    assert_eq!(sink.letter().await.header("Subject"), "2 API keys of Tidewater Freight were found in public");
    assert!(sink.letter_now().is_none());
}

/// Keys that matter more are not hidden behind many that matter less.
#[apply(on_both_engines!)]
async fn a_letter_begins_with_the_strongest_keys_and_counts_all(engine: Engine) {
    let mut sink = Sink::start().await;
    let settings = [sink.settings().as_slice(), CHEAP_HASHING].concat();
    let server = Server::with(engine, &settings).await;
    let (owner, member) = (server.actor(Persona::Owner).await, server.actor(Persona::Member).await);
    let mut tokens = Vec::new();
    for number in 0..250 {
        tokens.push(server.key(&member, &format!("decoy {number}")).await.plaintext.expose().to_owned());
    }
    tokens.push(server.key(&owner, "prod-owner").await.plaintext.expose().to_owned());
    server.app.mail.is_on().then_some(()).expect("mail is on");
    for portion in tokens.chunks(100) {
        server.report(&json!({ "tokens": portion })).await;
    }
    server.examine().await;
    let mut letters = vec![sink.letter().await, sink.letter().await];
    letters.sort_by_key(|letter| letter.to.clone());
    let [to_member, to_owner] = letters.try_into().expect("two letters");
    assert_eq!(to_owner.header("Subject"), "251 API keys of Tidewater Freight were found in public");
    assert_eq!(to_member.header("Subject"), "250 API keys of Tidewater Freight were found in public");
    let text = to_owner.text();
    assert!(text.contains("prod-owner") && text.contains("And 201 more keys."), "{text}");
    assert!(!to_member.text().contains("prod-owner"));
    assert_eq!(server.count("SELECT COUNT(*) FROM leak_reports WHERE mailed_at IS NULL").await, 0);
}
