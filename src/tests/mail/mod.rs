//! Emails: their content, their recipients, and that a broken mail server delays no request. The mail server runs in the
//! process.

mod forgotten;
mod reminders;
mod sign_up;
mod sink;

pub use sink::{Received, Sink, SinkBehavior};

use std::time::Duration;

use super::harness::{Server, on_both_engines};
use crate::orgs::server::letters::invitation;
use crate::platform::db::Engine;
use crate::platform::{Letter, Posted};
use macro_rules_attribute::apply;

#[apply(on_both_engines!)]
async fn an_invitation_is_sent_as_text_and_html(engine: Engine) {
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
            && page.contains("The operator of this server can create a reset link for you.")
    );
}

#[tokio::test]
async fn a_broken_mail_server_delays_nobody() {
    for behavior in [
        SinkBehavior::NeverResponds,
        SinkBehavior::StopsAfterData,
        SinkBehavior::RejectsTemporarily,
        SinkBehavior::RejectsPermanently,
    ] {
        let mut sink = Sink::with(behavior).await;
        let mut settings = sink.settings();
        settings.push(("LATCHKEY_MAIL_TIMEOUT", "200ms"));
        let server = Server::with(crate::platform::db::Engine::Sqlite, &settings).await;
        server.alice().await;
        let asked = server.post("/reset").same_origin().form(&[("email", super::people::EMAIL)]).send();
        let page = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("at once");
        assert_eq!(page.status, 200, "{behavior:?}");
        sink.was_called().await;
        // The attempt times out and is counted.
        let failed = "latchkey_letters_total{outcome=\"failed\"} 1";
        let counted = async {
            while !server.metrics().await.contains(failed) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), counted)
            .await
            .unwrap_or_else(|_| panic!("{behavior:?}"));
    }
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let sink = Sink::with(SinkBehavior::NeverResponds).await;
    let server = Server::with(crate::platform::db::Engine::Sqlite, &sink.settings()).await;
    let post = || server.app.mail.post(&Letter::new("bob@x.example", "Hello").paragraph("Hello"));
    for _ in 0..1_000 {
        assert_eq!(post(), Posted::Queued);
    }
    assert_eq!(post(), Posted::Refused);
    assert_eq!(server.app.mail.post(&Letter::new("no address", "Hello")), Posted::Refused);
}

#[tokio::test]
async fn queued_emails_are_sent_before_the_process_ends() {
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
