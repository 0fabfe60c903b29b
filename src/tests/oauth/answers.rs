//! The way to a provider and its answers: honest, strange, late, twice.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::provider::Mood;
use super::{both, server};
use crate::accounts::server::{set_enabled, totp_code};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::people::{EMAIL, SECRET};
use crate::tests::personas::PASSWORD;

const SSO: &str = "/auth/sso?next=%2Fsettings%2Fprofile";

#[apply(on_both_engines!)]
async fn a_button_leads_to_the_provider_and_writes_nothing(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    let page = server.get("/sign-in?next=%2Fsettings%2Fprofile").browser().send().await.text();
    assert!(
        page.contains("href=\"/auth/sso?next=%2Fsettings%2Fprofile\"")
            && page.contains("Continue with Tidewater ID"),
        "{page}"
    );
    assert!(page.contains("Continue with GitHub") && !page.contains("Continue with Google"));
    assert_eq!(provider.asked(), 0, "nobody is asked before somebody wants to go there");

    let before = server.everything().await;
    let away = server.get(SSO).browser().send().await;
    assert_eq!(away.status, 303);
    let link = away.header("location");
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
    let cookie = away.header("set-cookie");
    assert!(
        cookie.starts_with("latchkey_flow=")
            && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    assert_eq!(server.everything().await, before);
    let (again, _) = server.leave_for(SSO, "").await;
    assert_ne!(link, again, "state, nonce and challenge are new each time");
    assert_eq!(provider.asked(), 1, "what was found is remembered");
}

#[apply(on_both_engines!)]
async fn a_linked_identity_opens_its_account(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let came = server.by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(came.entered(), "/settings/profile", "{}", came.text());
    assert!(server.is_signed_in(&came.cookies()).await);
    assert!(came.headers.get_all("set-cookie").iter().any(|line| {
        line.to_str().is_ok_and(|line| line.starts_with("latchkey_flow=;") && line.contains("Max-Age=0"))
    }));
    assert_eq!(server.audited().await, ["session.started"]);
    assert_eq!(server.count("SELECT count(*) FROM audit WHERE details LIKE '%sso%'").await, 1);
}

#[apply(on_both_engines!)]
async fn a_second_factor_is_owed_and_the_disabled_stay_out(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let came = server.by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(came.header("location"), "/sign-in/second-factor?next=%2Fsettings%2Fprofile");
    assert!(!server.is_signed_in(&came.cookies()).await);
    assert!(server.audited().await.is_empty(), "nobody has come in yet");
    let code = totp_code(SECRET, server.clock.now());
    let fields = [("code", code.as_str()), ("next", "/settings/profile")];
    let done =
        server.post("/sign-in/second-factor").same_origin().with(&came.cookies()).form(&fields).send().await;
    assert!(server.is_signed_in(&done.cookies()).await);

    set_enabled(&server.app, EMAIL, false).await.expect("an answer");
    let came = server.by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(came.status, 403);
    assert!(came.text().contains("disabled"));
    assert_eq!(server.audited().await.last().map(String::as_str), Some("session.refused"));
}

#[apply(on_both_engines!)]
async fn github_says_who_its_token_belongs_to(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.hub(), "7").await;
    let (link, _) = server.leave_for("/auth/github", "").await;
    assert!(
        link.starts_with(&format!("{}/login/oauth/authorize?", provider.hub()))
            && link.contains("scope=read%3Auser+user%3Aemail"),
        "{link}"
    );
    let came = server.by_provider(&provider, "7", "/auth/github?next=%2Fsettings%2Fprofile", "").await;
    assert_eq!(came.entered(), "/settings/profile", "{}", came.text());
    assert_eq!(server.by_provider(&provider, "8", "/auth/github", "").await.status, 403);
    for mood in
        [Mood::Hangs, Mood::SaysHtml, Mood::SaysTooMuch, Mood::Redirects, Mood::Fails, Mood::RefusesTheClient]
    {
        provider.be(Mood::Fine);
        let (link, flow) = server.leave_for("/auth/github", "").await;
        let query = provider.consent(&link, "7");
        provider.be(mood);
        let came = server.come_back("github", &query, &provider, &flow).await;
        assert!(matches!(came.status.as_u16(), 502 | 503), "{mood:?}: {}", came.status);
    }
}

/// Nobody comes in, nothing is half made, and the fault is not called ours.
#[apply(on_both_engines!)]
async fn bad_answers_open_nothing(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    for (mood, status) in [
        (Mood::Hangs, 503),
        (Mood::HangsInTheMiddle, 503),
        (Mood::BreaksOff, 503),
        (Mood::Fails, 502),
        (Mood::SaysHtml, 502),
        (Mood::SaysNothing, 502),
        (Mood::SaysTooMuch, 502),
        (Mood::SaysDeepJson, 502),
        (Mood::Redirects, 502),
        (Mood::RefusesTheCode, 400),
        (Mood::RefusesTheClient, 502),
        (Mood::NoIdToken, 502),
        (Mood::NoJwt, 502),
        (Mood::Unsigned, 502),
        (Mood::ForeignSignature, 502),
        (Mood::UnknownKey, 502),
        (Mood::OtherIssuer, 502),
        (Mood::OtherAudience, 502),
        (Mood::OtherNonce, 502),
        (Mood::NoNonce, 502),
        (Mood::Expired, 502),
        (Mood::FromTheFuture, 502),
        (Mood::NoSubject, 502),
    ] {
        provider.be(Mood::Fine);
        // Past the window in which strangers' tries are counted.
        server.clock.advance(Duration::from_secs(16 * 60));
        let (link, flow) = server.leave_for(SSO, "").await;
        let query = provider.consent(&link, "a-1");
        let sessions = server.count("SELECT count(*) FROM sessions").await;
        let rows = server.audited().await.len();
        provider.be(mood);
        let came = server.come_back("sso", &query, &provider, &flow).await;
        assert_eq!(came.status.as_u16(), status, "{mood:?}");
        let page = came.text();
        assert!(
            page.contains("<h1") && page.contains("/sign-in") && page.contains("Request "),
            "{mood:?}: {page}"
        );
        assert_eq!(came.cookies(), "", "{mood:?}");
        assert_eq!(server.count("SELECT count(*) FROM sessions").await, sessions, "{mood:?}");
        assert_eq!(server.audited().await[rows..], ["session.refused"], "{mood:?}");
        provider.be(Mood::Fine);
        let again = server.come_back("sso", &query, &provider, &flow).await;
        assert_eq!(again.status, 400, "{mood:?}: an answer counts once, whatever came of it");
    }
    let came = server.by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!(came.entered(), "/settings/profile", "and the honest one comes in");
}

#[apply(on_both_engines!)]
async fn only_this_browsers_answer_counts_in_time_and_once(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    let (link, flow) = server.leave_for(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let (_, other) = server.leave_for(SSO, "").await;
    let (_, github) = server.leave_for("/auth/github", "").await;
    let (before, asked) = (server.everything().await, provider.asked());
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
        let came = server.come_back(slug, &query, &provider, &cookies).await;
        // The cookie is left alone, too: it may be that of another tab.
        assert_eq!((came.status.as_u16(), came.header("set-cookie")), (400, ""), "{why}");
    }
    assert_eq!(
        (server.everything().await, provider.asked()),
        (before, asked),
        "nobody was asked, nothing written"
    );

    let said_no = query.replace("code=code-0", "error=access_denied");
    let came = server.come_back("sso", &said_no, &provider, &flow).await;
    assert_eq!((came.status.as_u16(), provider.asked()), (403, asked), "a no is an answer");
    assert_eq!(
        server.come_back("sso", &query, &provider, &flow).await.status,
        400,
        "and the answer was given"
    );

    let (link, flow) = server.leave_for(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    server.clock.advance(Duration::from_secs(601));
    assert_eq!(server.come_back("sso", &query, &provider, &flow).await.status, 400, "late");

    let (link, flow) = server.leave_for(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let twice = tokio::join!(
        server.come_back("sso", &query, &provider, &flow),
        server.come_back("sso", &query, &provider, &flow)
    );
    let mut came = [twice.0, twice.1].map(|answer| (answer.entered().to_owned(), answer.status.as_u16()));
    came.sort_unstable();
    let told = (came[0].clone(), came[1].0.as_str());
    assert_eq!(told, ((String::new(), 400), "/settings/profile"), "of two at once one comes in");
}

#[apply(on_both_engines!)]
async fn the_answer_must_say_that_the_provider_gave_it(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    server.identify(&alice, &provider.url(), "a-1").await;
    for iss in ["", "&iss=https%3A%2F%2Fid.example", "&iss="] {
        let (link, flow) = server.leave_for(SSO, "").await;
        let query = provider.consent(&link, "a-1");
        let came = server.get(&format!("/auth/sso/callback?{query}{iss}")).browser().with(&flow).send().await;
        assert_eq!(came.status, 502, "{iss}");
    }
    let (_, flow) = server.leave_for(SSO, "").await;
    for nonsense in [
        "code=a&code=b&state=x",
        "error=&error=x",
        "code=%ff%fe",
        "state=%00",
        &format!("code={}", "x".repeat(9_000)),
    ] {
        let came = server.get(&format!("/auth/sso/callback?{nonsense}")).browser().with(&flow).send().await;
        assert_eq!(came.status, 400, "{nonsense:.60}");
    }
}

#[apply(on_both_engines!)]
async fn a_provider_that_is_away_stops_nobody_else(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    provider.be(Mood::Hangs);
    let away = server.get(SSO).browser().send().await;
    assert_eq!(away.status, 503);
    assert!(away.text().contains("Tidewater ID does not answer") && !away.header("retry-after").is_empty());
    assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.entered(), "/settings/profile");
    let asked = provider.asked();
    assert_eq!(server.get(SSO).browser().send().await.status, 503);
    assert_eq!(provider.asked(), asked, "asked a moment ago");
    provider.be(Mood::Fine);
    server.clock.advance(Duration::from_secs(5));
    server.leave_for(SSO, "").await;
    // An hour later it is away again: what it said then still holds.
    provider.be(Mood::Fails);
    server.clock.advance(Duration::from_secs(3_600));
    server.leave_for(SSO, "").await;
}

#[apply(on_both_engines!)]
async fn a_provider_that_lies_about_itself_is_not_followed(engine: Engine) {
    for (about, value) in [
        ("issuer", "https://id.example".into()),
        ("issuer", serde_json::Value::Null),
        ("token_endpoint", "http://id.example/token".into()),
        ("authorization_endpoint", "javascript:alert(1)".into()),
        ("jwks_uri", "file:///etc/passwd".into()),
        ("userinfo_endpoint", "nonsense".into()),
    ] {
        let (server, provider) = server(engine, &[]).await;
        provider.lie(about, value);
        let away = server.get(SSO).browser().send().await;
        assert_eq!((away.status.as_u16(), away.cookies().as_str()), (502, ""), "{about}");
    }
}

#[apply(on_both_engines!)]
async fn strangers_answers_are_counted(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    server.alice().await;
    for _ in 0..10 {
        let (link, flow) = server.leave_for(SSO, "").await;
        let query = provider.consent(&link, "a-1").replace("code=code-", "code=guess-");
        assert_eq!(server.come_back("sso", &query, &provider, &flow).await.status, 400);
    }
    let asked = provider.asked();
    let (link, flow) = server.leave_for(SSO, "").await;
    let query = provider.consent(&link, "a-1");
    let slowed = server.come_back("sso", &query, &provider, &flow).await;
    assert_eq!((slowed.status.as_u16(), provider.asked()), (429, asked));
    let (link, flow) = server.leave_for(SSO, "").await;
    let query = provider.consent(&link, "nobody");
    let elsewhere = format!("/auth/sso/callback?{query}&iss={}", provider.url());
    let elsewhere = server.get(&elsewhere).from("198.51.100.1").browser().with(&both("", &flow)).send().await;
    assert_eq!(elsewhere.status, 403, "others are free: this one has no account");
}

#[tokio::test]
async fn over_https_the_cookie_is_the_hosts_alone() {
    let secure = [("LATCHKEY_PUBLIC_URL", "https://keys.test")];
    let (server, _provider) = server(crate::platform::db::Engine::Sqlite, &secure).await;
    let away = server.get(SSO).browser().send().await;
    assert!(away.header("location").contains("redirect_uri=https%3A%2F%2Fkeys.test%2Fauth%2Fsso%2Fcallback"));
    let cookie = away.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-latchkey_flow=") && cookie.ends_with("; Max-Age=600; Secure"),
        "{cookie}"
    );
}
