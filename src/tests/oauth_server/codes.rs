//! Codes are good once, for one app, one redirect URI, one verifier and a minute.

use std::time::Duration;

use futures_util::future::join_all;
use macro_rules_attribute::apply;

use super::{CALLBACK, RESOURCE, Tokens, VERIFIER};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::tests::harness::{Server, TestResponse, on_both_engines};
use crate::tests::personas::Persona;
use crate::usage::Outcome;

fn assert_error(response: &TestResponse, status: u16, error: &str) {
    assert_eq!(
        (response.status.as_u16(), response.error()),
        (status, error.to_owned()),
        "{}",
        response.text()
    );
}

#[apply(on_both_engines!)]
async fn a_code_becomes_tokens(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let code = server.approved_code(&cookies, &client, &[]).await;
    let response = server.redeem_code(&client, &code, &[("resource", "")]).await;
    assert_eq!((response.header("cache-control"), response.header("pragma")), ("no-store", "no-cache"));
    let tokens = Tokens::of(&response);
    assert!(tokens.access.expose().starts_with("amt_"));
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(
        (tokens.body["scope"].as_str(), tokens.body["expires_in"].as_u64()),
        (Some("member"), Some(3_600))
    );
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
}

/// Promise 28 of the security promises.
#[apply(on_both_engines!)]
async fn of_fifty_concurrent_redeems_one_succeeds_and_a_late_one_ends_the_login(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let code = server.approved_code(&cookies, &client, &[]).await;
    let responses = join_all((0..50).map(|_| server.redeem_code(&client, &code, &[]))).await;
    let (done, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 200);
    assert_eq!((done.len(), refused.len()), (1, 49));
    for response in refused {
        assert_error(response, 400, "invalid_grant");
    }
    let tokens = Tokens::of(done[0]);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM oauth_logins").await, 1);

    let rows = server.audited().await.len();
    server.clock.advance(Duration::from_secs(1));
    assert_error(&server.redeem_code(&client, &code, &[]).await, 400, "invalid_grant");
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid, "that was concurrent");
    server.clock.advance(Duration::from_millis(1));
    for _ in 0..2 {
        assert_error(&server.redeem_code(&client, &code, &[]).await, 400, "invalid_grant");
    }
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Revoked);
    assert_error(&server.refresh(&client, &tokens.refresh).await, 400, "invalid_grant");
    assert_eq!(server.audited().await[rows..], ["key.revoked"], "the reuse is audited once");
}

#[apply(on_both_engines!)]
async fn another_app_redirect_verifier_or_resource_gets_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let (client, other) = (server.oauth_client().await, server.oauth_client().await);
    let code = server.approved_code(&cookies, &client, &[]).await;
    let initial = server.everything().await;
    let slash = format!("{CALLBACK}/");
    for (changes, error) in [
        (vec![("client_id", other.as_str())], "invalid_grant"),
        (vec![("client_id", "latchkey-cli")], "invalid_grant"),
        (vec![("client_id", "nobody")], "invalid_grant"),
        (vec![("redirect_uri", slash.as_str())], "invalid_grant"),
        (vec![("redirect_uri", "http://127.0.0.1:1/callback")], "invalid_grant"),
        (vec![("redirect_uri", "")], "invalid_request"),
        (vec![("code_verifier", "wrong")], "invalid_grant"),
        (vec![("code_verifier", "")], "invalid_request"),
        (vec![("code", "")], "invalid_request"),
        (vec![("code", "nonsense")], "invalid_grant"),
        (vec![("code", "\0")], "invalid_grant"),
        (vec![("client_id", "")], "invalid_request"),
        (vec![("resource", "https://other.example/api/mcp")], "invalid_target"),
        (vec![("resource", "nonsense")], "invalid_target"),
    ] {
        let response = server.redeem_code(&client, &code, &changes).await;
        assert_error(&response, 400, error);
    }
    for secret in ["client_secret", "client_assertion"] {
        assert_error(&server.redeem_code(&client, &code, &[(secret, "x")]).await, 401, "invalid_client");
    }
    for name in ["code", "client_id", "redirect_uri", "code_verifier", "resource", "grant_type"] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        let again = *fields.iter().find(|(field, _)| *field == name).expect("a field");
        assert_error(&server.token(&[&fields[..], &[again]].concat()).await, 400, "invalid_request");
    }
    for client in [client.as_str(), "https://app.example/client.json"] {
        let fields = [("grant_type", "password"), ("client_id", client)];
        assert_error(&server.token(&fields).await, 400, "unsupported_grant_type");
    }
    assert_eq!(server.everything().await, initial, "nothing of this changed anything");
    Tokens::of(&server.redeem_code(&client, &code, &[]).await);
}

#[apply(on_both_engines!)]
async fn a_code_works_for_a_minute(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let (quick, slow) = (
        server.approved_code(&cookies, &client, &[]).await,
        server.approved_code(&cookies, &client, &[]).await,
    );
    server.clock.advance(Duration::from_millis(59_999));
    Tokens::of(&server.redeem_code(&client, &quick, &[]).await);
    server.clock.advance(Duration::from_millis(1));
    assert_error(&server.redeem_code(&client, &slow, &[]).await, 400, "invalid_grant");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
}

#[apply(on_both_engines!)]
async fn a_person_who_has_left_gives_no_access(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let code = server.approved_code(&cookies, &client, &[]).await;
    sqlx::query("DELETE FROM memberships").execute(server.app.db.pool()).await.expect("nobody is a member");
    assert_error(&server.redeem_code(&client, &code, &[]).await, 400, "invalid_grant");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
    assert_eq!(server.count("SELECT COUNT(*) FROM oauth_logins").await, 0);
}

#[apply(on_both_engines!)]
async fn a_login_without_its_audit_row_does_not_happen(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let code = server.approved_code(&cookies, &client, &[]).await;
    let pool = server.app.db.pool();
    sqlx::query("ALTER TABLE audit RENAME TO audit_away").execute(pool).await.expect("away");
    assert_eq!(server.redeem_code(&client, &code, &[]).await.status, 503);
    sqlx::query("ALTER TABLE audit_away RENAME TO audit").execute(pool).await.expect("back");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
    Tokens::of(&server.redeem_code(&client, &code, &[]).await);
}

/// Codes, refresh tokens and access tokens are in no table, in no audit row and in no later page.
#[apply(on_both_engines!)]
async fn no_secret_is_stored(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let client = server.oauth_client().await;
    let code = server.approved_code(&cookies, &client, &[]).await;
    let first = Tokens::of(&server.redeem_code(&client, &code, &[]).await);
    let second = Tokens::of(&server.refresh(&client, &first.refresh).await);
    let mut all = server.everything().await;
    for text in [
        "SELECT code_hash || client_id || client_name || redirect_uri || challenge FROM oauth_codes",
        "SELECT key_id || client_id || role FROM oauth_logins",
        "SELECT token_hash || coalesce(successor_hash, '') FROM oauth_refresh_tokens",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(text).fetch_all(server.app.db.pool()).await.expect("rows");
        assert!(!rows.is_empty());
        all.extend(rows);
    }
    for path in ["/settings/api-keys", "/settings/profile"] {
        all.push_str(&server.page(&cookies, path).await);
    }
    assert!(all.contains(&Secret::new(code.as_str()).fingerprint()), "the searched text contains the rows");
    for secret in [&code, &first.refresh, &second.refresh] {
        assert!(!all.contains(secret.as_str()));
    }
    for token in [&first.access, &second.access] {
        assert!(!all.contains(&token.expose()[17..]));
    }
}
