//! Letters: what they say, who gets them, and that a bad mail server is nobody's concern but the log's. The mail server
//! is a small one in the process.

mod ending;
mod forgotten;
mod sign_up;
mod sink;

pub use sink::Sink;

use std::time::Duration;

use super::harness::{Server, on_both_engines};
use crate::orgs::server::letters::invitation;
use crate::platform::db::Engine;
use crate::platform::{Letter, Posted};
use macro_rules_attribute::apply;
use sink::Habit;

#[apply(on_both_engines!)]
async fn an_invitation_arrives_in_two_forms(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let link = "http://latchkey.test/invite/abc";
    assert_eq!(invitation(&server.app, "bob@x.example", "Tidewater & Sons", "Alice", link), Posted::Queued);
    let letter = sink.letter().await;
    assert_eq!(
        (letter.from.as_str(), letter.to.as_slice()),
        ("keys@tidewater.example", &["bob@x.example".to_owned()][..])
    );
    assert_eq!(letter.header("From"), "Latchkey <keys@tidewater.example>");
    assert_eq!(letter.header("To"), "bob@x.example");
    assert_eq!(letter.header("Subject"), "Alice invites you to Tidewater & Sons");
    assert_eq!(letter.header("Date"), "Fri, 20 Nov 2026 10:00:00 +0000");
    assert!(letter.header("Message-ID").ends_with("@tidewater.example>"));
    assert_eq!(letter.link(), "/invite/abc");
    let body = letter.text();
    assert!(
        body.contains("Content-Type: text/plain; charset=utf-8")
            && body.contains("Content-Type: text/html; charset=utf-8"),
        "{body}"
    );
    assert!(body.contains("Join Tidewater &amp; Sons"), "{body}");
}

#[apply(on_both_engines!)]
async fn without_a_mail_server_nothing_is_sent_and_links_are_shown(engine: Engine) {
    let server = Server::on(engine).await;
    assert_eq!(invitation(&server.app, "bob@x.example", "Tidewater", "Alice", "http://x"), Posted::NoMail);
    assert_eq!(server.get("/reset").browser().send().await.status, 404);
    assert_eq!(server.post("/reset").same_origin().form(&[("email", "a@b")]).send().await.status, 404);
    let page = server.get("/sign-in").browser().send().await.text();
    assert!(
        !page.contains("Forgot password?")
            && page.contains("Whoever runs this server can make you a new link.")
    );
}

#[tokio::test]
async fn a_bad_mail_server_stalls_nobody() {
    for habit in [Habit::SaysNothing, Habit::StopsAfterData, Habit::RefusesForNow, Habit::RefusesForGood] {
        let mut sink = Sink::with(habit).await;
        let mut settings = sink.settings();
        settings.push(("LATCHKEY_MAIL_TIMEOUT", "200ms"));
        let server = Server::with(crate::platform::db::Engine::Sqlite, &settings).await;
        server.alice().await;
        let asked = server.post("/reset").same_origin().form(&[("email", super::people::EMAIL)]).send();
        let page = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("at once");
        assert_eq!(page.status, 200, "{habit:?}");
        sink.was_called().await;
        // The attempt ends by itself, and is counted.
        let failed = "latchkey_letters_total{outcome=\"failed\"} 1";
        let counted = async {
            while !server.metrics().await.contains(failed) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), counted).await.unwrap_or_else(|_| panic!("{habit:?}"));
    }
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let sink = Sink::with(Habit::SaysNothing).await;
    let server = Server::with(crate::platform::db::Engine::Sqlite, &sink.settings()).await;
    let post = || server.app.mail.post(&Letter::new("bob@x.example", "Hello").paragraph("Hello"));
    for _ in 0..1_000 {
        assert_eq!(post(), Posted::Queued);
    }
    assert_eq!(post(), Posted::Refused);
    assert_eq!(server.app.mail.post(&Letter::new("no address", "Hello")), Posted::Refused);
}

#[tokio::test]
async fn letters_on_their_way_go_out_before_the_end() {
    let mut sink = Sink::start().await;
    let server = Server::with(crate::platform::db::Engine::Sqlite, &sink.settings()).await;
    for n in 0..5 {
        server.app.mail.post(&Letter::new("bob@x.example", format!("Letter {n}")).paragraph("Hello"));
    }
    server.app.mail.finish().await;
    for _ in 0..5 {
        assert!(sink.letter_now().is_some());
    }
}
