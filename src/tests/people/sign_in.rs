//! Signing in with a password, the sign-up page, and the throttle.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, PASSWORD, Server, TestResponse, on_both_engines};
use crate::accounts::server::set_enabled;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn signing_in_redirects_to_the_requested_page(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let sent_away = server.get("/settings/profile?a=1&b=%20").browser().send().await;
    assert_eq!(sent_away.status, 303);
    assert_eq!(sent_away.header("location"), "/sign-in?next=%2Fsettings%2Fprofile%3Fa%3D1%26b%3D%2520");
    let fields = [
        ("email", " ALICE@tidewater.example "),
        ("password", PASSWORD),
        ("next", "/settings/profile?a=1&b=%20"),
    ];
    let response = server.post("/sign-in").same_origin().form(&fields).send().await;
    assert_eq!(response.entered(), "/settings/profile?a=1&b=%20");
    assert!(server.is_signed_in(&response.cookies()).await);
    for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let fields = [("email", EMAIL), ("password", PASSWORD), ("next", elsewhere)];
        let response = server.post("/sign-in").same_origin().form(&fields).send().await;
        assert_eq!(response.entered(), "/", "{elsewhere}");
    }
}

#[apply(on_both_engines!)]
async fn wrong_password_unknown_address_and_disabled_person_get_equal_responses(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    server.person("bob@tidewater.example", "Bob", Some(PASSWORD)).await;
    set_enabled(&server.app, "bob@tidewater.example", false).await.expect("disabled");
    let strip = |response: &TestResponse, email: &str| {
        let nonce = response.header("content-security-policy").split('\'').nth(3).unwrap_or("").to_owned();
        response.text().replace(email, "EMAIL").replace(nonce.trim_start_matches("nonce-"), "NONCE")
    };
    let wrong = server.sign_in(EMAIL, "not the password", "").await;
    let unknown = server.sign_in("nobody@tidewater.example", "not the password", "").await;
    let disabled = server.sign_in("bob@tidewater.example", PASSWORD, "").await;
    assert_eq!([wrong.status, unknown.status, disabled.status].map(|status| status.as_u16()), [422; 3]);
    assert_eq!(strip(&wrong, EMAIL), strip(&unknown, "nobody@tidewater.example"));
    assert_eq!(strip(&wrong, EMAIL), strip(&disabled, "bob@tidewater.example"));
    assert_eq!(
        server.audited().await,
        ["person.disabled", "session.refused"],
        "the other refusals are counted in this row"
    );
}

/// The work is one hash, whether the address is known or not and the password right or wrong.
#[apply(on_both_engines!)]
async fn a_sign_in_costs_one_hash(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let hashes = || async {
        let page = server.metrics().await;
        let line =
            page.lines().find(|line| line.starts_with("latchkey_password_seconds_count ")).expect("a count");
        line.rsplit(' ').next().and_then(|count| count.parse::<u32>().ok()).expect("a number")
    };
    let mut state_before = hashes().await;
    for (email, password) in [(EMAIL, PASSWORD), (EMAIL, "a wrong password"), ("nobody@x.example", PASSWORD)]
    {
        server.sign_in(email, password, "").await;
        let after = hashes().await;
        assert_eq!(after - state_before, 1, "{email}");
        state_before = after;
    }
    let stored: String = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_one(server.app.db.pool())
        .await
        .expect("a hash");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
}

#[apply(on_both_engines!)]
async fn the_sign_up_page_explains_how_to_get_an_account(engine: Engine) {
    for (mode, text) in [("invitation", "need an invitation"), ("closed", "No new accounts")] {
        let server = Server::with(engine, &[("LATCHKEY_SIGN_UP", mode)]).await;
        let page = server.get("/sign-up").browser().send().await;
        assert!(page.status == 200 && page.text().contains(text), "{mode}");
    }
}

#[apply(on_both_engines!)]
async fn guessing_is_slowed_and_the_owner_is_not_locked_out(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let known_browser = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    let sign_in_from = |address: &'static str, password: &'static str, cookies: &str| {
        server
            .post("/sign-in")
            .same_origin()
            .from(address)
            .with(cookies)
            .form(&[("email", EMAIL), ("password", password)])
            .send()
    };
    for _ in 0..10 {
        assert_eq!(sign_in_from("198.51.100.1", "a wrong password", "").await.status, 422);
    }
    let slowed = sign_in_from("198.51.100.1", PASSWORD, "").await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "900"));
    assert!(slowed.text().contains("Wait 15 minutes"));
    // The owner's browser is not slowed on the attacker's address, nor is another device at another address.
    assert_eq!(sign_in_from("198.51.100.1", PASSWORD, &known_browser).await.entered(), "/");
    assert_eq!(sign_in_from("203.0.113.99", PASSWORD, "").await.entered(), "/");
    // A whole address is slowed, but not a remembered browser there.
    for n in 0..30 {
        let fields = [("email", format!("nobody{n}@x.example")), ("password", "a wrong password".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.post("/sign-in").same_origin().from("203.0.113.50").form(&fields).send().await;
    }
    assert_eq!(sign_in_from("203.0.113.50", PASSWORD, "").await.status, 429);
    assert_eq!(sign_in_from("203.0.113.50", PASSWORD, &known_browser).await.entered(), "/");
    server.clock.advance(Duration::from_secs(900));
    assert_eq!(sign_in_from("198.51.100.1", PASSWORD, "").await.entered(), "/");
    let slowed = server.audited().await.into_iter().filter(|action| action == "attempts.slowed").count();
    assert_eq!(slowed, 2, "one row per window");
}

#[apply(on_both_engines!)]
async fn hostile_form_values_never_fail_the_server(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let long = "x".repeat(10_240);
    for (email, password) in [
        ("", ""),
        ("\0", "\0"),
        (long.as_str(), long.as_str()),
        ("👩@🏠", "🗝️"),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("a\u{202e}@b", "x"),
    ] {
        assert_eq!(server.sign_in(email, password, "").await.status, 422, "{email:?}");
    }
    for body in
        ["", "email=x", "password", "password=%ff%fe", "a=b&password=x&password=y", "password=x&next=//evil"]
    {
        let call =
            server.post("/sign-in").same_origin().header("content-type", "application/x-www-form-urlencoded");
        assert!(call.body(body).send().await.status.is_client_error(), "{body}");
    }
    let json = server
        .post("/sign-in")
        .same_origin()
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await;
    assert_eq!(json.status, 415);
}
