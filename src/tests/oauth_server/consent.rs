//! The consent page: what it shows, who decides, and what a decision does.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::{Tokens, challenge, parameter, query, request};
use crate::platform::db::Engine;
use crate::policy_settings::server::PolicyDraft;
use crate::shared::Role;
use crate::tests::harness::{PUBLIC_URL, Server, on_both_engines};
use crate::tests::people::EMAIL;
use crate::tests::personas::{PASSWORD, Persona};

#[apply(on_both_engines!)]
async fn the_page_says_who_asks_for_what(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let challenge = challenge();
    let uris =
        json!(["http://127.0.0.1/callback", "https://routewise.example/callback", "cursor://one/callback"]);
    let body = json!({ "client_name": "Route <wise>", "redirect_uris": uris });
    let client = server.register_client(&body).await.json()["client_id"].as_str().expect("an id").to_owned();
    let initial = server.everything().await;
    let see = async |changes: &[(&'static str, &str)]| {
        server.page(&cookies, &query(&request(&client, &challenge, changes))).await
    };
    let page = see(&[]).await;
    for part in [
        "Let Route &lt;wise&gt; connect?",
        "Unverified name",
        "This computer",
        "127.0.0.1:53682",
        "as member at most",
        "admin@tidewater.example",
        "Use another account",
        "Tidewater Freight (you are an admin)",
        "Not asked for",
        "Create keys with the role member or lower, and manage your own",
        "Cannot see the secret of any key",
        "ends after 30 days without use",
        "Any program on this computer can call itself Route &lt;wise&gt;.",
        "value=\"deny\"",
        "value=\"approve\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Read the audit log"), "the app asks for less");
    let page = see(&[("redirect_uri", "https://routewise.example/callback")]).await;
    assert!(page.contains("Approve only if you know routewise.example."), "{page}");
    let page = see(&[("redirect_uri", "cursor://one/callback")]).await;
    assert!(page.contains("A program on this computer") && page.contains("cursor:"), "{page}");
    // A GET request decides nothing.
    see(&[("verdict", "approve"), ("role", "owner")]).await;
    assert_eq!(server.everything().await, initial);
}

#[apply(on_both_engines!)]
async fn a_decision_is_sent_to_the_app_and_audited(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let rows = server.audited().await.len();
    let denied = server.consent(&cookies, &client, &[("verdict", "deny"), ("role", "")]).await;
    assert_eq!(denied.status, 303);
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
    let approved = server.consent(&cookies, &client, &[]).await;
    assert_eq!(approved.status, 303);
    assert!(parameter(&approved, "code").is_some_and(|code| code.len() >= 43));
    for response in [denied, approved] {
        assert_eq!(parameter(&response, "state").as_deref(), Some("xyz"));
        assert_eq!(parameter(&response, "iss").as_deref(), Some(PUBLIC_URL));
    }
    let entered = server.consent(&cookies, &client, &[("verdict", "none")]).await;
    assert_eq!(entered.status, 200, "Enter decides nothing");
    assert_eq!(server.audited().await[rows..], ["login.denied", "login.approved"]);
    assert_eq!(server.count("SELECT COUNT(*) FROM oauth_codes").await, 1);
}

#[apply(on_both_engines!)]
async fn requests_from_other_sites_and_sessions_decide_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let other = server.sign_in_as(Persona::Owner).await;
    let client = server.oauth_client().await;
    let (challenge, org) = (challenge(), server.organization("Tidewater Freight").await.to_string());
    let theirs = server.consent_token(&other, &client, &[]).await;
    let own = server.consent_token(&cookies, &client, &[]).await;
    let initial = server.everything().await;
    let decision = [("org", org.as_str()), ("role", "member"), ("verdict", "approve")];
    let fields = |token| request(&client, &challenge, &[&decision[..], &[("token", token)]].concat());
    let post = || server.post("/oauth/authorize").with(&cookies);
    for token in ["", theirs.as_str(), "x"] {
        let response = post().same_origin().form(&fields(token)).send().await;
        assert_eq!(response.status, 403, "{token}");
    }
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.test")]
    {
        assert_eq!(
            post().browser().header(name, value).form(&fields(&own)).send().await.status,
            403,
            "{value}"
        );
    }
    assert_eq!(server.everything().await, initial);
    assert_eq!(post().same_origin().form(&fields(&own)).send().await.status, 303);
}

#[apply(on_both_engines!)]
async fn the_role_is_limited_by_app_person_and_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.join(&alice, "Nair Consulting", Role::Viewer).await;
    let nair = server.organization("Nair Consulting").await.to_string();
    let foreign = server.organization("Third").await.to_string();
    let cookies = server.session_of(&alice).await;
    let client = server.oauth_client().await;
    for (changes, part) in [
        (vec![("role", "admin")], "The app asks for a member at most."),
        (vec![("org", nair.as_str())], "You are a viewer there."),
        (vec![("org", foreign.as_str())], "Choose an organization."),
        (vec![("org", "")], "Choose an organization."),
        (vec![("role", "root")], "Choose one of these roles."),
        (vec![("role", "none")], "Choose one of these roles."),
        (vec![("role", "\0")], "Choose one of these roles."),
    ] {
        let response = server.consent(&cookies, &client, &changes).await;
        let text = response.text();
        assert!(response.status == 422 && text.contains(part), "{changes:?}: {text}");
        assert!(!text.contains("Third"));
    }
    let code = server.approved_code(&cookies, &client, &[("org", &nair), ("role", "viewer")]).await;
    let tokens = Tokens::of(&server.redeem_code(&client, &code, &[]).await);
    assert_eq!(tokens.body["scope"], "viewer");
    let code = server.approved_code(&cookies, &client, &[("scope", "owner"), ("role", "owner")]).await;
    assert_eq!(Tokens::of(&server.redeem_code(&client, &code, &[]).await).body["scope"], "owner");
}

#[apply(on_both_engines!)]
async fn old_sessions_sign_in_again_first(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let old = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    let client = server.oauth_client().await;
    server.clock.advance(Duration::from_secs(12 * 60 * 60 + 1));
    let challenge = challenge();
    let response = server.authorize_page(&old, &request(&client, &challenge, &[])).await;
    assert_eq!(response.status, 303);
    let again = response.header("location").to_owned();
    assert!(
        again.starts_with("/sign-in?again=1&next=%2Foauth%2Fauthorize%3Fresponse_type%3Dcode"),
        "{again}"
    );
}

#[apply(on_both_engines!)]
async fn an_organization_can_forbid_such_logins(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let client = server.oauth_client().await;
    sqlx::query("UPDATE organizations SET plan = 'free'")
        .execute(server.app.db.pool())
        .await
        .expect("a plan");
    let response = server.consent(&cookies, &client, &[]).await;
    assert!(
        response.status == 422 && response.text().contains("does not include the API"),
        "{}",
        response.text()
    );
    sqlx::query("UPDATE organizations SET plan = 'enterprise'")
        .execute(server.app.db.pool())
        .await
        .expect("a plan");
    let kinds = Some(vec![crate::shared::Kind::Live]);
    let rules = PolicyDraft { allowed_kinds: kinds, ..Default::default() };
    server.set_policy(&rules).await;
    let response = server.consent(&cookies, &client, &[]).await;
    assert!(
        response.status == 422 && response.text().contains("a key of the kind MCP"),
        "{}",
        response.text()
    );
}
