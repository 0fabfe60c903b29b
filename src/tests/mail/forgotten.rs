//! "Forgot password?" sends an email to addresses with an account, and shows the same page to everybody.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{Server, Sink, on_both_engines};
use crate::accounts::server::{print_reset_link, set_enabled};
use crate::platform::db::Engine;
use crate::tests::people::{EMAIL, OTHER_PASSWORD};

impl Server {
    async fn forgot(&self, email: &str) -> crate::tests::harness::TestResponse {
        self.post("/reset").same_origin().form(&[("email", email)]).send().await
    }
}

#[apply(on_both_engines!)]
async fn an_emailed_link_sets_a_new_password(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    assert!(server.get("/sign-in").browser().send().await.text().contains("href=\"/reset\""));
    assert_eq!(server.get("/reset").browser().send().await.status, 200);
    assert_eq!(server.forgot(" ALICE@tidewater.example ").await.status, 200);
    let letter = sink.letter().await;
    assert_eq!(letter.to, [EMAIL]);
    assert_eq!(letter.header("Subject"), "Set a new password for latchkey.test");
    assert!(server.is_signed_in(&here).await, "a request changes nothing");
    let link = letter.link();
    assert!(server.get(&link).browser().send().await.text().contains("for alice@tidewater.example"));
    let set = server.post(&link).same_origin().form(&[("password", OTHER_PASSWORD)]).send().await;
    assert_eq!(set.status, 303);
    assert!(!server.is_signed_in(&here).await);
    assert_eq!(server.get(&link).browser().send().await.status, 410);
    assert_eq!(server.sign_in(EMAIL, OTHER_PASSWORD, "").await.entered(), "/settings/profile");
    assert_eq!(server.audited().await, ["password.reset_asked", "password.reset", "session.started"]);
}

#[apply(on_both_engines!)]
async fn the_page_is_the_same_for_known_and_unknown_addresses(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    server.alice().await;
    server.person("gone@tidewater.example", "Gone", None).await;
    set_enabled(&server.app, "gone@tidewater.example", false).await.expect("a result");
    let mut pages = Vec::new();
    for email in ["nobody@tidewater.example", "gone@tidewater.example", EMAIL] {
        let response = server.forgot(email).await;
        assert_eq!(response.status, 200);
        let text = response.text().replace(email, "");
        let main = text.split("<main").nth(1).expect("a page").to_owned();
        pages.push(main);
    }
    assert!(pages[0] == pages[1] && pages[1] == pages[2]);
    assert_eq!(sink.letter().await.to, [EMAIL], "one email is sent");
    assert!(sink.letter_now().is_none());
    for wrong in ["", "nonsense", "\0@b", &"x".repeat(10_000)] {
        assert_eq!(server.forgot(wrong).await.status, 422);
    }
    // Every request is audited, also for unknown addresses.
    assert_eq!(server.count("SELECT count(*) FROM audit WHERE action = 'password.reset_asked'").await, 3);
}

#[apply(on_both_engines!)]
async fn repeated_requests_send_few_emails_and_keep_the_operators_link(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    server.alice().await;
    let printed = print_reset_link(&server.app, EMAIL, true).await.expect("a result").expect("a link");
    let printed = printed.strip_prefix("http://latchkey.test").expect("our address").to_owned();
    for _ in 0..10 {
        assert_eq!(server.forgot(EMAIL).await.status, 200);
    }
    let slowed = server.forgot(EMAIL).await;
    assert_eq!(slowed.status, 429);
    assert!(slowed.text().contains("Too many tries") && slowed.text().contains(EMAIL));
    let first = sink.letter().await.link();
    assert!(sink.letter_now().is_none(), "one email in five minutes");
    assert_eq!(server.get(&first).browser().send().await.status, 200);
    server.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(server.forgot(EMAIL).await.status, 200);
    let second = sink.letter().await.link();
    assert_eq!(server.get(&first).browser().send().await.status, 410, "only the newest link is valid");
    assert_eq!(server.get(&second).browser().send().await.status, 200);
    assert_eq!(server.get(&printed).browser().send().await.status, 200, "the operator's link stays valid");
    let set = server.post(&printed).same_origin().form(&[("password", OTHER_PASSWORD)]).send().await;
    assert_eq!(set.status, 303);
    assert_eq!(
        server.get(&second).browser().send().await.status,
        410,
        "a new password invalidates all links"
    );
}
