//! Open sign-up: the link in an email creates the account.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{Server, Sink, on_both_engines};
use crate::platform::db::Engine;
use crate::tests::harness::TestResponse;
use crate::tests::people::{EMAIL, OTHER_PASSWORD};

fn open(sink: &Sink) -> Vec<(&'static str, &str)> {
    let mut settings = sink.settings();
    settings.push(("LATCHKEY_SIGN_UP", "open"));
    settings
}

impl Server {
    async fn request_sign_up(&self, email: &str) -> TestResponse {
        self.post("/sign-up").same_origin().form(&[("email", email)]).send().await
    }

    async fn finish(&self, link: &str) -> TestResponse {
        let fields = [("name", "Bob Reed"), ("password", OTHER_PASSWORD), ("organization", "Reed Haulage")];
        self.post(link).same_origin().form(&fields).send().await
    }
}

#[apply(on_both_engines!)]
async fn the_emailed_link_creates_the_account(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &open(&sink)).await;
    server.alice().await;
    assert!(server.get("/sign-in").browser().send().await.text().contains("href=\"/sign-up\""));
    assert_eq!(server.get("/sign-up").browser().send().await.status, 200);
    assert_eq!(server.request_sign_up("Bob@reed.example").await.status, 200);
    let letter = sink.letter().await;
    assert_eq!(
        (letter.to.as_slice(), letter.header("Subject")),
        (&["Bob@reed.example".to_owned()][..], "Confirm your address for latchkey.test")
    );
    assert_eq!(server.count("SELECT count(*) FROM users").await, 1, "no account is created before");
    let link = letter.link();
    let refused = server
        .post(&link)
        .same_origin()
        .form(&[("name", ""), ("password", "short"), ("organization", "\u{202e}")])
        .send()
        .await;
    assert_eq!(refused.status, 422);
    let page = refused.text();
    assert!(
        page.contains("Enter your name")
            && page.contains("at least 12 characters")
            && page.contains("cannot be seen"),
        "{page}"
    );
    let created = server.finish(&link).await;
    assert_eq!(created.entered(), "/", "{}", created.text());
    let profile = server.profile(&created.cookies()).await.text();
    assert!(
        profile.contains("Bob@reed.example")
            && profile.contains("Reed Haulage")
            && profile.contains("You are an owner")
    );
    assert_eq!(server.finish(&link).await.status, 410, "once");
    assert_eq!(server.sign_in("bob@reed.example", OTHER_PASSWORD, "").await.entered(), "/settings/profile");
    assert_eq!(
        server.audited().await,
        ["sign_up.asked", "organization.created", "sign_up.refused", "session.started"]
    );
}

#[apply(on_both_engines!)]
async fn an_existing_account_is_revealed_only_by_email(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &open(&sink)).await;
    server.alice().await;
    let main = |response: &TestResponse, email: &str| {
        response.text().replace(email, "").split("<main").nth(1).expect("a page").to_owned()
    };
    let (known, unknown) =
        (server.request_sign_up(EMAIL).await, server.request_sign_up("bob@reed.example").await);
    assert_eq!(main(&known, EMAIL), main(&unknown, "bob@reed.example"));
    let mut subjects = [sink.letter().await, sink.letter().await]
        .map(|letter| (letter.to[0].clone(), letter.header("Subject").to_owned()));
    subjects.sort();
    assert_eq!(subjects[0], (EMAIL.to_owned(), "You have an account on latchkey.test".to_owned()));
    assert_eq!(subjects[1].1, "Confirm your address for latchkey.test");
}

#[apply(on_both_engines!)]
async fn links_expire_and_are_replaced_by_newer_ones(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &open(&sink)).await;
    for _ in 0..3 {
        assert_eq!(server.request_sign_up("bob@reed.example").await.status, 200);
    }
    let first = sink.letter().await.link();
    assert!(sink.letter_now().is_none(), "one email in five minutes");
    server.clock.advance(Duration::from_secs(301));
    server.request_sign_up("bob@reed.example").await;
    let second = sink.letter().await.link();
    assert_eq!(server.get(&first).browser().send().await.status, 410);
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(server.get(&second).browser().send().await.status, 410);
    assert_eq!(server.finish(&second).await.status, 410);
    // An account with this address is created in the meantime.
    server.request_sign_up("bob@reed.example").await;
    let third = sink.letter().await.link();
    server.person("bob@reed.example", "Bob", None).await;
    assert_eq!(server.finish(&third).await.status, 410);
    assert_eq!(server.count("SELECT count(*) FROM organizations").await, 0);
}

#[apply(on_both_engines!)]
async fn strangers_cannot_fill_the_table(engine: Engine) {
    let server = Server::with(engine, &open(&Sink::start().await)).await;
    let request = async |n: u32, email: &str| {
        let address = format!("2001:db8:7:{n:x}::1");
        server.post("/sign-up").from(&address).same_origin().form(&[("email", email)]).send().await.status
    };
    for n in 0..100 {
        assert_eq!(request(n, &format!("person{n}@reed.example")).await, 200);
    }
    assert_eq!(request(100, "next@reed.example").await, 429, "one network");
    sqlx::query(
        "INSERT INTO sign_ups (token_hash, email, email_key, made_at, expires_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'hash' || i, 'x', 'x' || i, 0, 0 FROM n",
    )
    .execute(server.app.db.pool())
    .await
    .expect("pending accounts");
    assert_eq!(server.request_sign_up("bob@reed.example").await.status, 503);
}

#[apply(on_both_engines!)]
async fn of_two_concurrent_uses_of_a_link_one_succeeds(engine: Engine) {
    let server = Server::with(engine, &open(&Sink::start().await)).await;
    server.confirm("token", "bob@reed.example").await;
    let (one, other) = tokio::join!(server.finish("/sign-up/token"), server.finish("/sign-up/token"));
    let mut outcomes = [one, other].map(|response| (response.entered().to_owned(), response.status.as_u16()));
    outcomes.sort_unstable();
    assert_eq!((outcomes[0].clone(), outcomes[1].0.as_str()), ((String::new(), 410), "/"));
    assert_eq!(server.count("SELECT count(*) FROM organizations").await, 1);
}

#[apply(on_both_engines!)]
async fn without_open_sign_up_there_is_no_form(engine: Engine) {
    let sink = Sink::start().await;
    for mode in ["invitation", "closed"] {
        let mut settings = sink.settings();
        settings.push(("LATCHKEY_SIGN_UP", mode));
        let server = Server::with(engine, &settings).await;
        server.confirm("token", "bob@reed.example").await;
        assert!(!server.get("/sign-up").browser().send().await.text().contains("<form"));
        assert_eq!(server.request_sign_up("bob@reed.example").await.status, 404);
        assert_eq!(server.get("/sign-up/token").browser().send().await.status, 410);
        assert_eq!(server.finish("/sign-up/token").await.status, 410);
        assert_eq!(server.count("SELECT count(*) FROM users").await, 0);
    }
}
