//! The first account, by the printed link.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, PASSWORD, Server, on_both_engines};
use crate::accounts::server::{new_setup_link, print_setup_link};
use crate::platform::db::Engine;

pub fn setup_form<'a>(link: &'a str, email: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("link", link),
        ("name", "Alice Marsh"),
        ("email", email),
        ("password", PASSWORD),
        ("organization", "Tidewater Freight"),
    ]
}

pub async fn setup_token(server: &Server) -> String {
    let link = new_setup_link(&server.app).await.expect("a result").expect("nobody has an account");
    link.split("link=").nth(1).expect("a token").to_owned()
}

#[apply(on_both_engines!)]
async fn the_printed_link_creates_the_first_account_once(engine: Engine) {
    let server = Server::on(engine).await;
    let link = setup_token(&server).await;
    let page = server.get(&format!("/setup?link={link}")).browser().send().await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    for wrong in ["/setup", "/setup?link=", "/setup?link=x", &format!("/setup?link={}x", &link[1..])] {
        assert_eq!(server.get(wrong).browser().send().await.status, 404, "{wrong}");
    }
    let made = server.post("/setup").same_origin().form(&setup_form(&link, EMAIL)).send().await;
    assert_eq!(made.entered(), "/");
    assert!(server.is_signed_in(&made.cookies()).await);
    assert_eq!(server.audited().await, ["organization.created"]);
    // The page is not found any more, for this link and every later one.
    assert_eq!(server.get(&format!("/setup?link={link}")).browser().send().await.status, 404);
    let again = server.post("/setup").same_origin().form(&setup_form(&link, "bob@x.example")).send().await;
    assert_eq!(again.status, 404);
    assert!(new_setup_link(&server.app).await.expect("a result").is_none());
}

#[apply(on_both_engines!)]
async fn a_setup_link_expires_and_is_replaced_by_a_newer_one(engine: Engine) {
    let server = Server::on(engine).await;
    let (first, second) = (setup_token(&server).await, setup_token(&server).await);
    assert_eq!(server.get(&format!("/setup?link={first}")).browser().send().await.status, 404);
    assert_eq!(server.get(&format!("/setup?link={second}")).browser().send().await.status, 200);
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(server.get(&format!("/setup?link={second}")).browser().send().await.status, 404);
    let late = server.post("/setup").same_origin().form(&setup_form(&second, EMAIL)).send().await;
    assert_eq!((late.status.as_u16(), server.count("SELECT count(*) FROM users").await), (404, 0));
}

#[apply(on_both_engines!)]
async fn of_two_concurrent_setups_one_succeeds(engine: Engine) {
    let server = Server::on(engine).await;
    let link = setup_token(&server).await;
    let send = |email| server.post("/setup").same_origin().form(&setup_form(&link, email)).send();
    let (a, b) = tokio::join!(send("a@x.example"), send("b@x.example"));
    let mut responses = [a.entered(), b.entered()];
    responses.sort_unstable();
    assert_eq!(responses, ["", "/"]);
    assert!([a.status, b.status].iter().any(|status| *status == 404));
    assert_eq!(server.count("SELECT count(*) FROM users").await, 1);
    assert_eq!(server.count("SELECT count(*) FROM organizations").await, 1);
}

#[apply(on_both_engines!)]
async fn a_refused_setup_keeps_the_entered_values_and_the_link(engine: Engine) {
    let server = Server::on(engine).await;
    let link = setup_token(&server).await;
    let fields = [
        ("link", link.as_str()),
        ("name", "A\u{202e}"),
        ("email", "alice"),
        ("password", "short"),
        ("organization", "<b>"),
    ];
    let response = server.post("/setup").same_origin().form(&fields).send().await;
    assert_eq!(response.status, 422);
    let page = response.text();
    for text in [
        "cannot be seen",
        "not an email address",
        "at least 12 characters",
        "Nothing was set up",
        "value=\"&lt;b&gt;\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("short\""), "a password is never sent back");
    assert_eq!(server.get(&format!("/setup?link={link}")).browser().send().await.status, 200);
}
/// Of several servers on one database the first prints the link; on SQLite, where only one runs, a restart prints a
/// new one.
#[apply(on_both_engines!)]
async fn another_server_does_not_replace_the_printed_link(engine: Engine) {
    let server = Server::on(engine).await;
    let status =
        async |link: &str| server.get(&format!("/setup?link={link}")).browser().send().await.status.as_u16();
    let first = setup_token(&server).await;
    print_setup_link(&server.second_process().await).await.expect("a start");
    let stays = engine == Engine::Postgres;
    assert_eq!(status(&first).await, if stays { 200 } else { 404 });
    // An expired link is replaced on both engines.
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    print_setup_link(&server.second_process().await).await.expect("a start");
    assert_eq!(server.count("SELECT count(*) FROM links WHERE purpose = 'setup'").await, 1);
    let ends: i64 = server.count("SELECT expires_at FROM links WHERE purpose = 'setup'").await;
    assert_eq!(ends, server.clock.now().plus(Duration::from_secs(24 * 60 * 60)).millis());
    // The operator can create a new link at any time.
    let newest = setup_token(&server).await;
    assert_eq!(status(&newest).await, 200);
}

#[apply(on_both_engines!)]
async fn the_page_of_an_invalid_setup_link_explains_what_happened(engine: Engine) {
    let server = Server::on(engine).await;
    let first = setup_token(&server).await;
    server.clock.advance(Duration::from_secs(60));
    let second = setup_token(&server).await;
    let page = async |link: &str| {
        let response = server.get(&format!("/setup?link={link}")).browser().send().await;
        (response.status.as_u16(), response.text().replace("<!>", ""))
    };
    let (status, text) = page(&first).await;
    assert!(
        status == 404
            && text.contains("20 Nov 2026, 10:01:00 UTC")
            && text.contains("latchkey admin setup-link"),
        "{text}"
    );
    let sent = server.post("/setup").same_origin().form(&setup_form(&first, EMAIL)).send().await;
    assert!(sent.status == 404 && sent.text().contains("latchkey admin setup-link"), "{}", sent.text());
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    let (status, text) = page(&second).await;
    assert!(
        status == 404 && text.contains("within 24 hours") && text.contains("latchkey admin setup-link"),
        "{text}"
    );
    // Once there is an account, the page does not mention links.
    let third = setup_token(&server).await;
    assert_eq!(
        server.post("/setup").same_origin().form(&setup_form(&third, EMAIL)).send().await.entered(),
        "/"
    );
    let (status, text) = page(&second).await;
    assert!(status == 404 && !text.contains("setup-link"), "{text}");
}
