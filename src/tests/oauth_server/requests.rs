//! Requests at the authorization endpoint: which errors are shown here, and which ones the app receives.

use macro_rules_attribute::apply;
use serde_json::json;

use super::{CALLBACK, challenge, parameter, query, request};
use crate::platform::db::Engine;
use crate::tests::harness::{PUBLIC_URL, Server, TestResponse, on_both_engines};
use crate::tests::people::EMAIL;
use crate::tests::personas::{PASSWORD, Persona};

fn assert_shown_here(response: &TestResponse, part: &str) {
    let text = response.text().replace("<!>", "");
    assert_eq!(response.status, 400, "{part}: {text}");
    assert_eq!(response.header("location"), "", "{part}");
    assert!(text.contains("This app cannot connect") && text.contains(part), "{part}: {text}");
}

#[apply(on_both_engines!)]
async fn a_wrong_app_or_redirect_is_shown_and_never_redirected(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let challenge = challenge();
    let initial = server.everything().await;
    for (changes, part) in [
        (vec![("client_id", "")], "did not say who it is"),
        (vec![("client_id", "app_unknown")], "It is not registered here"),
        (vec![("client_id", "latchkey-cli")], "It is not registered here"),
        (vec![("client_id", "\0")], "It is not registered here"),
        (vec![("client_id", "https://app.example")], "It is not registered here"),
        (vec![("redirect_uri", "")], "did not say where to send"),
        (vec![("redirect_uri", "http://127.0.0.1:53682/callback/")], "<span class=\"differs\">/</span>"),
        (vec![("redirect_uri", "http://127.0.0.1:53682/Callback")], "did not register"),
        (vec![("redirect_uri", "http://localhost:53682/callback")], "did not register"),
        (vec![("redirect_uri", "https://127.0.0.1/callback")], "did not register"),
        (vec![("redirect_uri", "https://evil.example/callback")], "did not register"),
        (vec![("redirect_uri", "http://127.0.0.1:1@evil.example/callback")], "contains no user name"),
        (vec![("redirect_uri", "javascript:alert(1)")], "not allowed"),
        (vec![("redirect_uri", "data:text/html,x")], "not allowed"),
        (vec![("redirect_uri", "//evil.example/callback")], "not an absolute address"),
        (vec![("redirect_uri", "http://127.0.0.1/callback\r\nx: y")], "must be escaped"),
    ] {
        let response = server.authorize_page(&cookies, &request(&client, &challenge, &changes)).await;
        assert_shown_here(&response, part);
        assert!(!response.header("content-security-policy").contains("evil"), "{part}");
    }
    for name in ["client_id", "redirect_uri"] {
        let mut fields = request(&client, &challenge, &[]);
        let again = *fields.iter().find(|(field, _)| *field == name).expect("a field");
        fields.push(again);
        assert_shown_here(&server.authorize_page(&cookies, &fields).await, "twice");
    }
    assert_eq!(server.everything().await, initial);
}

#[apply(on_both_engines!)]
async fn other_errors_are_sent_to_the_app(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let challenge = challenge();
    for (changes, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("resource", "https://other.example/api/mcp")], "invalid_target"),
        (vec![("resource", "http://latchkey.test/")], "invalid_target"),
    ] {
        let response = server.authorize_page(&cookies, &request(&client, &challenge, &changes)).await;
        assert_eq!(response.status, 303, "{changes:?}: {}", response.text());
        assert!(response.header("location").starts_with(&format!("{CALLBACK}?error=")), "{changes:?}");
        assert_eq!(parameter(&response, "error").as_deref(), Some(error), "{changes:?}");
        assert_eq!(parameter(&response, "state").as_deref(), Some("xyz"));
        assert_eq!(parameter(&response, "iss").as_deref(), Some(PUBLIC_URL));
    }
    for name in ["response_type", "scope", "code_challenge", "resource", "state"] {
        let mut fields = request(&client, &challenge, &[]);
        let again = *fields.iter().find(|(field, _)| *field == name).expect("a field");
        fields.push(again);
        let response = server.authorize_page(&cookies, &fields).await;
        assert_eq!(parameter(&response, "error").as_deref(), Some("invalid_request"), "{name}");
        assert_eq!(parameter(&response, "state").is_some(), name != "state");
    }
}

#[apply(on_both_engines!)]
async fn scopes_and_resources_are_read_leniently(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let client = server.oauth_client().await;
    let challenge = challenge();
    for (changes, part) in [
        (vec![("scope", "")], "as member at most"),
        (vec![("scope", "openid offline_access mcp:tools")], "as member at most"),
        (vec![("scope", "viewer")], "as viewer at most"),
        (vec![("scope", "viewer member admin owner")], "as owner at most"),
        (vec![("scope", "nonsense admin")], "as admin at most"),
        (vec![("resource", "")], "as member at most"),
        (vec![("resource", "http://LATCHKEY.test:80/api/mcp/")], "as member at most"),
        (vec![("unknown", "x")], "as member at most"),
    ] {
        let response = server.authorize_page(&cookies, &request(&client, &challenge, &changes)).await;
        let text = response.text();
        assert!(response.status == 200 && text.contains(part), "{changes:?}: {text}");
    }
}

/// However long, `state` comes back as it was.
#[apply(on_both_engines!)]
async fn a_state_of_10_kilobytes_comes_back(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let state = "&=%\u{20ac}".repeat(400) + &"x".repeat(8_000);
    let response = server.consent(&cookies, &client, &[("state", &state)]).await;
    assert_eq!(response.status, 303);
    assert_eq!(parameter(&response, "state").as_deref(), Some(state.as_str()));
    let challenge = challenge();
    let long = "x".repeat(25_000);
    let response = server.authorize_page(&cookies, &request(&client, &challenge, &[("state", &long)])).await;
    assert_eq!(response.status, 200);
    let longer = "x".repeat(40_000);
    let response =
        server.authorize_page(&cookies, &request(&client, &challenge, &[("state", &longer)])).await;
    assert!(response.status.is_client_error(), "{}", response.status);
}

#[apply(on_both_engines!)]
async fn the_whole_request_survives_signing_in(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let client = server.oauth_client().await;
    let challenge = challenge();
    let state = "x".repeat(10_000);
    let path = query(&request(&client, &challenge, &[("state", &state)]));
    let response = server.get(&path).browser().send().await;
    let encoded: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    assert_eq!(response.header("location"), format!("/sign-in?next={encoded}"));
    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", path.as_str())];
    let entered = server.post("/sign-in").same_origin().form(&fields).send().await;
    assert_eq!(entered.entered(), path);
    let page = server.get(&path).browser().with(&entered.cookies()).send().await;
    assert!(page.status == 200 && page.text().contains("Let Claude Code connect?"));
    // A form that is sent after the session has ended leads back to the request.
    let fields = request(&client, &challenge, &[("verdict", "approve")]);
    let response = server.post("/oauth/authorize").same_origin().form(&fields).send().await;
    assert_eq!(response.status, 303);
    assert!(
        response.header("location").starts_with("/sign-in?next=%2Foauth%2Fauthorize%3Fresponse_type%3Dcode")
    );
}

#[apply(on_both_engines!)]
async fn the_policy_names_where_the_form_leads(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let challenge = challenge();
    for (uri, source) in [
        ("http://localhost:53682/callback", "http://localhost:53682"),
        ("https://app.example/callback", "https://app.example"),
        ("cursor://one/callback", "cursor:"),
    ] {
        let body = json!({ "redirect_uris": [uri] });
        let client =
            server.register_client(&body).await.json()["client_id"].as_str().expect("an id").to_owned();
        let page =
            server.authorize_page(&cookies, &request(&client, &challenge, &[("redirect_uri", uri)])).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("form-action 'self' {source};")), "{policy}");
    }
    let other = server.get("/overview").browser().with(&cookies).send().await;
    assert!(other.header("content-security-policy").contains("form-action 'self';"));
}
