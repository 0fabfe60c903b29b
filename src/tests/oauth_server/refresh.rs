//! Refresh tokens: rotation, lost responses, reuse, and what is checked at each renewal.

use std::time::Duration;

use futures_util::future::join_all;
use macro_rules_attribute::apply;

use super::Tokens;
use crate::keys::Status;
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::policy_settings::server::PolicyDraft;
use crate::shared::{KeyId, Role};
use crate::tests::harness::{Server, TestResponse, on_both_engines};
use crate::tests::personas::Persona;
use crate::usage::Outcome;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn assert_refused(response: &TestResponse) {
    assert_eq!(
        (response.status.as_u16(), response.error()),
        (400, "invalid_grant".to_owned()),
        "{}",
        response.text()
    );
}

#[apply(on_both_engines!)]
async fn a_login_is_renewed_every_hour(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, first) = server.mcp_login(Persona::Member).await;
    let rows = server.audited().await;
    server.clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(server.check_at_mcp(&first.access).await, Outcome::Valid);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(server.check_at_mcp(&first.access).await, Outcome::Expired);
    let second = Tokens::of(&server.refresh(&client, &first.refresh).await);
    assert_eq!(second.body["expires_in"].as_u64(), Some(3_600));
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(server.check_at_mcp(&second.access).await, Outcome::Valid);
    assert_eq!(server.check_at_mcp(&first.access).await, Outcome::Revoked, "it had ended before the renewal");

    // A renewal in time: the replaced secret works for another minute.
    server.clock.advance(HOUR / 2);
    let third = Tokens::of(&server.refresh(&client, &second.refresh).await);
    server.clock.advance(Duration::from_millis(59_999));
    assert_eq!(server.check_at_mcp(&second.access).await, Outcome::Valid);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(server.check_at_mcp(&second.access).await, Outcome::Revoked);
    assert_eq!(server.check_at_mcp(&third.access).await, Outcome::Valid);

    let key = server.only_login_key(Persona::Member).await;
    assert_eq!(key.status(server.clock.now()), Status::Active, "a renewal is no rotation");
    assert_eq!(server.audited().await, rows, "and is not audited");
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_events").await, 0);
}

#[apply(on_both_engines!)]
async fn a_lost_response_can_be_asked_for_again(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, first) = server.mcp_login(Persona::Member).await;
    let lost = Tokens::of(&server.refresh(&client, &first.refresh).await);
    server.clock.advance(Duration::from_millis(29_999));
    let second = Tokens::of(&server.refresh(&client, &first.refresh).await);
    assert_refused(&server.refresh(&client, &lost.refresh).await);
    assert_eq!(server.check_at_mcp(&lost.access).await, Outcome::Revoked);
    assert_eq!(server.check_at_mcp(&first.access).await, Outcome::Valid, "requests that are under way");
    assert_eq!(server.check_at_mcp(&second.access).await, Outcome::Valid);
    Tokens::of(&server.refresh(&client, &second.refresh).await);
}

#[apply(on_both_engines!)]
async fn a_late_reuse_ends_the_login(engine: Engine) {
    for is_late in [true, false] {
        let server = Server::on(engine).await;
        let (client, first) = server.mcp_login(Persona::Member).await;
        let second = Tokens::of(&server.refresh(&client, &first.refresh).await);
        let newest = match is_late {
            // Later than 30 seconds, or after its successor was used.
            true => {
                server.clock.advance(Duration::from_secs(30));
                second
            }
            false => Tokens::of(&server.refresh(&client, &second.refresh).await),
        };
        let rows = server.audited().await.len();
        assert_refused(&server.refresh(&client, &first.refresh).await);
        assert_eq!(server.check_at_mcp(&newest.access).await, Outcome::Revoked);
        assert_refused(&server.refresh(&client, &newest.refresh).await);
        assert_refused(&server.refresh(&client, &first.refresh).await);
        assert_eq!(server.audited().await[rows..], ["key.revoked"], "the reuse is audited once");
        let details: String = sqlx::query_scalar("SELECT details FROM audit WHERE action = 'key.revoked'")
            .fetch_one(server.app.db.pool())
            .await
            .expect("a row");
        assert!(details.contains("a refresh token of its login was used again"), "{details}");
    }
}

#[apply(on_both_engines!)]
async fn concurrent_renewals_leave_one_token_that_works(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let (client, first) = server.mcp_login(Persona::Member).await;
    let responses = join_all((0..20).map(|_| server.refresh(&client, &first.refresh))).await;
    let tokens: Vec<Tokens> = responses.iter().map(Tokens::of).collect();
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM oauth_refresh_tokens WHERE used_at IS NULL AND replaced_at IS NULL")
            .await,
        1
    );
    let mut valid = 0;
    for token in &tokens {
        valid += usize::from(server.check_at_mcp(&token.access).await == Outcome::Valid);
    }
    assert_eq!(valid, 1);
}

#[apply(on_both_engines!)]
async fn another_app_or_a_malformed_request_gets_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, first) = server.mcp_login(Persona::Member).await;
    let other = server.oauth_client().await;
    let initial = server.everything().await;
    for (client, token) in [(other.as_str(), first.refresh.as_str()), (&client, "nonsense"), (&client, "\0")]
    {
        assert_refused(&server.refresh(client, token).await);
    }
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("refresh_token", first.refresh.as_str()),
    ];
    for (extra, error) in [
        (("resource", "https://other.example/"), "invalid_target"),
        (("refresh_token", "again"), "invalid_request"),
        (("client_secret", "x"), "invalid_client"),
    ] {
        assert_eq!(server.token(&[&fields[..], &[extra]].concat()).await.error(), error);
    }
    assert_eq!(server.token(&fields[..2]).await.error(), "invalid_request");
    assert_eq!(server.everything().await, initial);
    Tokens::of(&server.token(&fields).await);
}

/// The key has the lower of the approved and the present role.
#[apply(on_both_engines!)]
async fn a_renewal_takes_the_present_role(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, mut tokens) = server.mcp_login(Persona::Admin).await;
    for (role, expected) in [("viewer", "viewer"), ("owner", "member")] {
        sqlx::query("UPDATE memberships SET role = $1")
            .bind(role)
            .execute(server.app.db.pool())
            .await
            .expect("a role");
        tokens = Tokens::of(&server.refresh(&client, &tokens.refresh).await);
        assert_eq!(tokens.body["scope"], expected);
        let key = server.only_login_key(Persona::Admin).await;
        assert_eq!(key.role.as_str(), expected);
    }
}

#[apply(on_both_engines!)]
async fn a_renewal_checks_everything_again(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, tokens) = server.mcp_login(Persona::Member).await;
    let member = server.actor(Persona::Member).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.only_login_key(Persona::Member).await.id;
    let pool = server.app.db.pool();
    let refused = async || {
        assert_refused(&server.refresh(&client, &tokens.refresh).await);
    };

    keys::disable(&server.app, &owner, key).await.expect("disabled");
    refused().await;
    keys::enable(&server.app, &owner, key).await.expect("enabled");

    sqlx::query("UPDATE organizations SET plan = 'free'").execute(pool).await.expect("a plan");
    refused().await;
    sqlx::query("UPDATE organizations SET plan = 'enterprise'").execute(pool).await.expect("a plan");

    let kinds = Some(vec![crate::shared::Kind::Live]);
    server.set_policy(&PolicyDraft { allowed_kinds: kinds, ..PolicyDraft::default() }).await;
    refused().await;
    server.set_policy(&PolicyDraft::default()).await;

    sqlx::query("UPDATE users SET disabled_at = 1 WHERE id = $1")
        .bind(member.user)
        .execute(pool)
        .await
        .expect("a person");
    refused().await;
    sqlx::query("UPDATE users SET disabled_at = NULL").execute(pool).await.expect("a person");

    sqlx::query("UPDATE memberships SET role = 'none-such' WHERE role = 'none-such'")
        .execute(pool)
        .await
        .expect("nothing");
    let tokens = Tokens::of(&server.refresh(&client, &tokens.refresh).await);
    keys::revoke(&server.app, &member, key).await.expect("revoked");
    assert_refused(&server.refresh(&client, &tokens.refresh).await);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Revoked);
}

#[apply(on_both_engines!)]
async fn a_login_that_is_not_renewed_for_thirty_days_ends(engine: Engine) {
    let server = Server::on(engine).await;
    let (client, first) = server.mcp_login(Persona::Member).await;
    server.clock.advance(30 * DAY - Duration::from_secs(1));
    crate::server::sweep(&server.app).await.expect("a sweep");
    let second = Tokens::of(&server.refresh(&client, &first.refresh).await);
    server.clock.advance(30 * DAY);
    assert_refused(&server.refresh(&client, &second.refresh).await);
    crate::server::sweep(&server.app).await.expect("a sweep");
    let revoked = "SELECT COUNT(*) FROM keys WHERE revoked_at IS NOT NULL";
    assert_eq!(server.count(revoked).await, 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM oauth_logins").await, 0);
    assert_eq!(server.audited().await.last().map(String::as_str), Some("key.revoked"));
}

/// A login that is used for months leaves few rows.
#[apply(on_both_engines!)]
async fn former_secrets_and_tokens_are_deleted(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let (client, mut tokens) = server.mcp_login(Persona::Member).await;
    for _ in 0..6 {
        server.clock.advance(10 * DAY);
        tokens = Tokens::of(&server.refresh(&client, &tokens.refresh).await);
    }
    server.clock.advance(Duration::from_secs(61));
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.count("SELECT COUNT(*) FROM secret_hashes").await, 1);
    assert!(server.count("SELECT COUNT(*) FROM secrets").await <= 4);
    assert!(server.count("SELECT COUNT(*) FROM oauth_refresh_tokens").await <= 4);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
    assert!(!server.audited().await.iter().any(|action| action.starts_with("key.rotation")));
}

impl Server {
    pub async fn only_login_key(&self, persona: Persona) -> keys::Key {
        let id: String = sqlx::query_scalar("SELECT id FROM keys WHERE audience = 'mcp'")
            .fetch_one(self.app.db.pool())
            .await
            .expect("one key");
        let mut actor = self.actor(persona).await;
        actor.org.role = Role::Owner;
        keys::find(&self.app, &actor, KeyId::parse(&id).expect("an id")).await.expect("a key")
    }
}
