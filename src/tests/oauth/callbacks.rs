//! Sign-in with a provider: valid, invalid, late and repeated callbacks.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::provider::Behavior;
use super::{both, server};
use crate::accounts::server::{set_enabled, totp_code};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::people::{EMAIL, SECRET};
use crate::tests::personas::PASSWORD;

const SSO: &str = "/auth/sso?next=%2Fsettings%2Fprofile";

#[apply(on_both_engines!)]
async fn a_button_redirects_to_the_provider_and_writes_nothing(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    let page = server.get("/sign-in?next=%2Fsettings%2Fprofile").browser().send().await.text();
    assert!(
        page.contains("href=\"/auth/sso?next=%2Fsettings%2Fprofile\"")
            && page.contains("Continue with Tidewater ID"),
        "{page}"
    );
    assert!(page.contains("Continue with GitHub") && !page.contains("Continue with Google"));
    assert_eq!(provider.request_count(), 0, "the provider is not contacted before somebody signs in");

    let state_before = server.everything().await;
    let redirect = server.get(SSO).browser().send().await;
    assert_eq!(redirect.status, 303);
    let link = redirect.header("location");
    assert!(
        link.starts_with(&format!("{}/authorize?tenant=one&response_type=code", provider.url())),
        "{link}"
    );
    for part in [
        "client_id=latchkey",
        "state=",
        "nonce=",
        "code_challenge=",
        "code_challenge_method=S256",
        "scope=openid+email+profile",
    ] {
        assert!(link.contains(part), "{part}: {link}");
    }
    assert!(link.contains("redirect_uri=http%3A%2F%2Flatchkey.test%2Fauth%2Fsso%2Fcallback"), "{link}");
    let cookie = redirect.header("set-cookie");
    assert!(
        cookie.starts_with("latchkey_flow=")
            && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    assert_eq!(server.everything().await, state_before);
    let (again, _) = server.start_flow(SSO, "").await;
    assert_ne!(link, again, "state, nonce and challenge are new each time");
    assert_eq!(provider.request_count(), 1, "the metadata is cached");
}

#[apply(on_both_engines!)]
async fn a_linked_identity_signs_in_to_its_account(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(response.entered(), "/settings/profile", "{}", response.text());
    assert!(server.is_signed_in(&response.cookies()).await);
    assert!(response.headers.get_all("set-cookie").iter().any(|line| {
        line.to_str().is_ok_and(|line| line.starts_with("latchkey_flow=;") && line.contains("Max-Age=0"))
    }));
    assert_eq!(server.audited().await, ["session.started"]);
    assert_eq!(server.count("SELECT count(*) FROM audit WHERE details LIKE '%sso%'").await, 1);
}

#[apply(on_both_engines!)]
async fn a_second_factor_is_required_and_disabled_people_are_refused(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(response.header("location"), "/sign-in/second-factor?next=%2Fsettings%2Fprofile");
    assert!(!server.is_signed_in(&response.cookies()).await);
    assert!(server.audited().await.is_empty(), "nobody is signed in yet");
    let code = totp_code(SECRET, server.clock.now());
    let fields = [("code", code.as_str()), ("next", "/settings/profile")];
    let done = server
        .post("/sign-in/second-factor")
        .same_origin()
        .with(&response.cookies())
        .form(&fields)
        .send()
        .await;
    assert!(server.is_signed_in(&done.cookies()).await);

    set_enabled(&server.app, EMAIL, false).await.expect("a result");
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(response.status, 403);
    assert!(response.text().contains("disabled"));
    assert_eq!(server.audited().await.last().map(String::as_str), Some("session.refused"));
}

#[apply(on_both_engines!)]
async fn github_sign_in_uses_the_user_api(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.github_url(), "7").await;
    let (link, _) = server.start_flow("/auth/github", "").await;
    assert!(
        link.starts_with(&format!("{}/login/oauth/authorize?", provider.github_url()))
            && link.contains("scope=read%3Auser+user%3Aemail"),
        "{link}"
    );
    let response =
        server.sign_in_by_provider(&provider, "7", "/auth/github?next=%2Fsettings%2Fprofile", "").await;
    assert_eq!(response.entered(), "/settings/profile", "{}", response.text());
    assert_eq!(server.sign_in_by_provider(&provider, "8", "/auth/github", "").await.status, 403);
    for behavior in [
        Behavior::Hangs,
        Behavior::ReturnsHtml,
        Behavior::ReturnsTooMuch,
        Behavior::Redirects,
        Behavior::Fails,
        Behavior::RejectsClient,
    ] {
        provider.set_behavior(Behavior::Normal);
        let (link, flow) = server.start_flow("/auth/github", "").await;
        let query = provider.consent(&link, "7");
        provider.set_behavior(behavior);
        let response = server.send_callback("github", &query, &provider, &flow).await;
        assert!(matches!(response.status.as_u16(), 502 | 503), "{behavior:?}: {}", response.status);
    }
}

/// Nobody is signed in, nothing is created, and the status blames the provider.
#[apply(on_both_engines!)]
async fn invalid_provider_responses_sign_nobody_in(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    for (behavior, status) in [
        (Behavior::Hangs, 503),
        (Behavior::HangsMidBody, 503),
        (Behavior::AbortsBody, 503),
        (Behavior::Fails, 502),
        (Behavior::ReturnsHtml, 502),
        (Behavior::ReturnsEmptyBody, 502),
        (Behavior::ReturnsTooMuch, 502),
        (Behavior::ReturnsDeepJson, 502),
        (Behavior::Redirects, 502),
        (Behavior::RejectsCode, 400),
        (Behavior::RejectsClient, 502),
        (Behavior::NoIdToken, 502),
        (Behavior::NoJwt, 502),
        (Behavior::Unsigned, 502),
        (Behavior::ForeignSignature, 502),
        (Behavior::UnknownKey, 502),
        (Behavior::OtherIssuer, 502),
        (Behavior::OtherAudience, 502),
        (Behavior::OtherNonce, 502),
        (Behavior::NoNonce, 502),
        (Behavior::Expired, 502),
        (Behavior::NotYetValid, 502),
        (Behavior::NoSubject, 502),
    ] {
        provider.set_behavior(Behavior::Normal);
        // Leave the window in which failed callbacks are counted.
        server.clock.advance(Duration::from_secs(16 * 60));
        let (link, flow) = server.start_flow(SSO, "").await;
        let query = provider.consent(&link, "a-1");
        let sessions = server.count("SELECT count(*) FROM sessions").await;
        let rows = server.audited().await.len();
        provider.set_behavior(behavior);
        let response = server.send_callback("sso", &query, &provider, &flow).await;
        assert_eq!(response.status.as_u16(), status, "{behavior:?}");
        let page = response.text();
        assert!(
            page.contains("<h1") && page.contains("/sign-in") && page.contains("Request "),
            "{behavior:?}: {page}"
        );
        assert_eq!(response.cookies(), "", "{behavior:?}");
        assert_eq!(server.count("SELECT count(*) FROM sessions").await, sessions, "{behavior:?}");
        assert_eq!(server.audited().await[rows..], ["session.refused"], "{behavior:?}");
        provider.set_behavior(Behavior::Normal);
        let again = server.send_callback("sso", &query, &provider, &flow).await;
        assert_eq!(again.status, 400, "{behavior:?}: a callback works once, whatever the result");
    }
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(response.entered(), "/settings/profile", "a valid response signs in");
}

#[apply(on_both_engines!)]
async fn a_callback_works_only_in_its_browser_in_time_and_once(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let (link, flow) = server.start_flow(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let (_, other) = server.start_flow(SSO, "").await;
    let (_, github) = server.start_flow("/auth/github", "").await;
    let (state_before, requests) = (server.everything().await, provider.request_count());
    let flow_of = |value: &str| format!("latchkey_flow={value}");
    for (why, slug, query, cookies) in [
        ("no cookie", "sso", query.clone(), String::new()),
        ("the cookie of another sign-in", "sso", query.clone(), other.clone()),
        ("the cookie of another provider", "sso", query.clone(), github.clone()),
        ("another provider's address", "github", query.clone(), flow.clone()),
        ("no state", "sso", "code=code-0".to_owned(), flow.clone()),
        ("another state", "sso", "code=code-0&state=x".to_owned(), flow.clone()),
        ("an empty state and an empty cookie", "sso", "code=code-0&state=".to_owned(), flow_of("")),
        ("a cookie of nonsense", "sso", query.clone(), flow_of("e30")),
        ("nothing", "sso", String::new(), flow.clone()),
    ] {
        let response = server.send_callback(slug, &query, &provider, &cookies).await;
        // The cookie stays too: it may belong to a sign-in in another tab.
        assert_eq!((response.status.as_u16(), response.header("set-cookie")), (400, ""), "{why}");
    }
    assert_eq!(
        (server.everything().await, provider.request_count()),
        (state_before, requests),
        "the provider was not contacted and nothing was written"
    );

    let said_no = query.replace("code=code-0", "error=access_denied");
    let response = server.send_callback("sso", &said_no, &provider, &flow).await;
    assert_eq!(
        (response.status.as_u16(), provider.request_count()),
        (403, requests),
        "a refusal needs no request to the provider"
    );
    assert_eq!(
        server.send_callback("sso", &query, &provider, &flow).await.status,
        400,
        "the callback was used already"
    );

    let (link, flow) = server.start_flow(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    server.clock.advance(Duration::from_secs(601));
    assert_eq!(server.send_callback("sso", &query, &provider, &flow).await.status, 400, "late");

    let (link, flow) = server.start_flow(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let twice = tokio::join!(
        server.send_callback("sso", &query, &provider, &flow),
        server.send_callback("sso", &query, &provider, &flow)
    );
    let mut outcomes =
        [twice.0, twice.1].map(|response| (response.entered().to_owned(), response.status.as_u16()));
    outcomes.sort_unstable();
    let outcome = (outcomes[0].clone(), outcomes[1].0.as_str());
    assert_eq!(
        outcome,
        ((String::new(), 400), "/settings/profile"),
        "of two concurrent callbacks one signs in"
    );
}

#[apply(on_both_engines!)]
async fn the_callback_must_name_the_issuer(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    for iss in ["", "&iss=https%3A%2F%2Fid.example", "&iss="] {
        let (link, flow) = server.start_flow(SSO, "").await;
        let query = provider.consent(&link, "a-1");
        let response =
            server.get(&format!("/auth/sso/callback?{query}{iss}")).browser().with(&flow).send().await;
        assert_eq!(response.status, 502, "{iss}");
    }
    let (_, flow) = server.start_flow(SSO, "").await;
    for nonsense in [
        "code=a&code=b&state=x",
        "error=&error=x",
        "code=%ff%fe",
        "state=%00",
        &format!("code={}", "x".repeat(9_000)),
    ] {
        let response =
            server.get(&format!("/auth/sso/callback?{nonsense}")).browser().with(&flow).send().await;
        assert_eq!(response.status, 400, "{nonsense:.60}");
    }
}

#[apply(on_both_engines!)]
async fn an_unavailable_provider_stops_nobody_else(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    provider.set_behavior(Behavior::Hangs);
    let redirect = server.get(SSO).browser().send().await;
    assert_eq!(redirect.status, 503);
    assert!(
        redirect.text().contains("Tidewater ID does not answer")
            && !redirect.header("retry-after").is_empty()
    );
    assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.entered(), "/settings/profile");
    let asked = provider.request_count();
    assert_eq!(server.get(SSO).browser().send().await.status, 503);
    assert_eq!(provider.request_count(), asked, "the provider is not contacted again within seconds");
    provider.set_behavior(Behavior::Normal);
    server.clock.advance(Duration::from_secs(5));
    server.start_flow(SSO, "").await;
    // An hour later the provider is unavailable again, and the cached metadata is used.
    provider.set_behavior(Behavior::Fails);
    server.clock.advance(Duration::from_secs(3_600));
    server.start_flow(SSO, "").await;
}

#[apply(on_both_engines!)]
async fn invalid_provider_metadata_is_rejected(engine: Engine) {
    for (about, value) in [
        ("issuer", "https://id.example".into()),
        ("issuer", serde_json::Value::Null),
        ("token_endpoint", "http://id.example/token".into()),
        ("authorization_endpoint", "javascript:alert(1)".into()),
        ("jwks_uri", "file:///etc/passwd".into()),
        ("userinfo_endpoint", "nonsense".into()),
    ] {
        let (server, provider) = server(engine, &[]).await;
        provider.override_discovery(about, value);
        let redirect = server.get(SSO).browser().send().await;
        assert_eq!((redirect.status.as_u16(), redirect.cookies().as_str()), (502, ""), "{about}");
    }
}

#[apply(on_both_engines!)]
async fn callbacks_are_limited_by_address(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    for _ in 0..10 {
        let (link, flow) = server.start_flow(SSO, "").await;
        let query = provider.consent(&link, "a-1").replace("code=code-", "code=guess-");
        assert_eq!(server.send_callback("sso", &query, &provider, &flow).await.status, 400);
    }
    let asked = provider.request_count();
    let (link, flow) = server.start_flow(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let slowed = server.send_callback("sso", &query, &provider, &flow).await;
    assert_eq!((slowed.status.as_u16(), provider.request_count()), (429, asked));
    let (link, flow) = server.start_flow(SSO, "").await;
    let query = provider.consent(&link, "nobody");
    let elsewhere = format!("/auth/sso/callback?{query}&iss={}", provider.url());
    let elsewhere = server.get(&elsewhere).from("198.51.100.1").browser().with(&both("", &flow)).send().await;
    assert_eq!(elsewhere.status, 403, "another address is not limited; this identity has no account");
}

#[tokio::test]
async fn over_https_the_flow_cookie_has_the_host_prefix() {
    let secure = [("LATCHKEY_PUBLIC_URL", "https://keys.test")];
    let (server, _provider) = server(crate::platform::db::Engine::Sqlite, &secure).await;
    let redirect = server.get(SSO).browser().send().await;
    assert!(
        redirect.header("location").contains("redirect_uri=https%3A%2F%2Fkeys.test%2Fauth%2Fsso%2Fcallback")
    );
    let cookie = redirect.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-latchkey_flow=") && cookie.ends_with("; Max-Age=600; Secure"),
        "{cookie}"
    );
}
