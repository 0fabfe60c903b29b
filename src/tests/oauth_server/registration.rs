//! Apps register themselves: what is accepted, what is limited, what is swept.

use std::time::Duration;

use futures_util::future::join_all;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use crate::platform::db::Engine;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;

const CLIENTS: &str = "SELECT COUNT(*) FROM oauth_clients";

#[apply(on_both_engines!)]
async fn an_app_gets_an_id_and_no_secret(engine: Engine) {
    let server = Server::on(engine).await;
    let body = json!({
        "client_name": "Claude\u{202e} Code",
        "redirect_uris": ["http://localhost/callback", "cursor://one/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "logo_uri": "https://app.example/logo.png",
        "scope": "anything",
    });
    let response = server.register_client(&body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!((response.header("cache-control"), response.header("pragma")), ("no-store", "no-cache"));
    let body = response.json();
    assert!(body["client_id"].as_str().is_some_and(|id| id.starts_with("app_")), "{body}");
    assert_eq!(body["client_name"], "Claude Code");
    assert_eq!(body["redirect_uris"], json!(["http://localhost/callback", "cursor://one/callback"]));
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert_eq!(body["client_id_issued_at"], server.clock.now().millis() / 1_000);
    assert!(body.get("client_secret").is_none());
    assert_eq!(server.audited().await, ["client.registered"]);
}

#[apply(on_both_engines!)]
async fn bad_metadata_are_refused_in_the_form_of_the_standard(engine: Engine) {
    let server = Server::on(engine).await;
    let initial = server.everything().await;
    let uris = |uris: Value| json!({ "redirect_uris": uris }).to_string();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for (body, error) in [
        (String::new(), "invalid_client_metadata"),
        ("{".to_owned(), "invalid_client_metadata"),
        ("[]".to_owned(), "invalid_client_metadata"),
        (deep, "invalid_client_metadata"),
        (json!({ "client_name": 7, "redirect_uris": ["https://x/"] }).to_string(), "invalid_client_metadata"),
        (format!("{{\"redirect_uris\": [\"https://x/\"]{}}}", " ".repeat(20_000)), "invalid_client_metadata"),
        ("{}".to_owned(), "invalid_redirect_uri"),
        (uris(json!([])), "invalid_redirect_uri"),
        (uris(json!(vec!["https://app.example/"; 21])), "invalid_redirect_uri"),
        (uris(json!(["javascript:alert(1)"])), "invalid_redirect_uri"),
        (uris(json!(["data:text/html,x"])), "invalid_redirect_uri"),
        (uris(json!(["http://app.example/callback"])), "invalid_redirect_uri"),
        (uris(json!(["https://user:pass@app.example/"])), "invalid_redirect_uri"),
        (uris(json!(["https://app.example/#x"])), "invalid_redirect_uri"),
        (uris(json!(["https://app.example/\u{0}"])), "invalid_redirect_uri"),
        (uris(json!(["https://app.example/", "callback"])), "invalid_redirect_uri"),
    ] {
        let call = server.post("/oauth/register").header("content-type", "application/json");
        let response = call.body(body).send().await;
        assert_eq!(
            (response.status.as_u16(), response.error()),
            (400, error.to_owned()),
            "{}",
            response.text()
        );
        server.clock.advance(Duration::from_secs(60));
    }
    let call = server.post("/oauth/register").header("content-type", "text/plain").body("{}");
    assert_eq!(call.send().await.error(), "invalid_client_metadata");
    assert_eq!(server.everything().await, initial);
    assert_eq!(server.count(CLIENTS).await, 0);
}

#[apply(on_both_engines!)]
async fn unused_registrations_are_limited_and_swept(engine: Engine) {
    let server = Server::on(engine).await;
    let body = json!({ "redirect_uris": ["http://localhost/callback"] });
    let register = || server.register_client(&body);
    let responses = join_all((0..25).map(|_| register())).await;
    assert_eq!(
        responses.iter().filter(|response| response.status == 201).count(),
        20,
        "of one address a minute"
    );
    let refused = responses.iter().find(|response| response.status != 201).expect("a refusal");
    assert_eq!((refused.status.as_u16(), refused.error()), (429, "temporarily_unavailable".to_owned()));
    assert!(!refused.header("retry-after").is_empty());
    for _ in 0..2 {
        server.clock.advance(Duration::from_secs(60));
        join_all((0..20).map(|_| register())).await;
    }
    assert_eq!(server.count(CLIENTS).await, 50, "of one address until they are swept");
    let other = server.post("/oauth/register").from("198.51.100.1").json(&body).send().await;
    assert_eq!(other.status, 201);

    let cookies = server.sign_in_as(Persona::Member).await;
    server.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    let cookies_again = server.sign_in_as(Persona::Member).await;
    drop(cookies);
    let used = other.json()["client_id"].as_str().expect("an id").to_owned();
    let fields = [("redirect_uri", "http://localhost:1/callback")];
    server.consent(&cookies_again, &used, &fields).await;
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert!(server.count(CLIENTS).await > 1);
    server.clock.advance(Duration::from_secs(60 * 60));
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.count(CLIENTS).await, 1, "the one that somebody approved stays");
}
