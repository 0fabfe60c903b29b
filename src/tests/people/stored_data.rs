//! What is stored: audit rows, and no secret in plain text.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, Server, on_both_engines, setup_form, setup_token};
use crate::accounts::server::print_reset_link;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn refusals_of_sensitive_actions_are_audited(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let wrong = [("present", "not the password"), ("new", OTHER_PASSWORD)];
    server.submit(&here, "/settings/profile/password", &wrong).await;
    server.post("/setup").same_origin().form(&setup_form("none", "m@x.example")).send().await;
    server.post("/reset/none").same_origin().form(&[("password", OTHER_PASSWORD)]).send().await;
    assert_eq!(server.audited().await, ["password.refused", "setup.refused", "password.reset_refused"]);
}

/// No secret is in the database. The same search finds a planted one.
#[apply(on_both_engines!)]
async fn no_secret_is_stored_in_plain_text(engine: Engine) {
    let server = Server::on(engine).await;
    let setup = setup_token(&server).await;
    let signed = server.post("/setup").same_origin().form(&setup_form(&setup, EMAIL)).send().await;
    let reset = print_reset_link(&server.app, EMAIL, false).await.expect("a result").expect("a link");
    let mut secrets = vec![PASSWORD.to_owned(), setup, reset.rsplit('/').next().expect("a token").to_owned()];
    secrets.extend(signed.cookies().split("; ").filter_map(|pair| pair.split('=').nth(1)).map(str::to_owned));
    assert_eq!(secrets.len(), 5, "password, two links, session, browser");
    let everything = server.everything().await;
    for secret in &secrets {
        assert!(!everything.contains(secret.as_str()), "{secret} is in the database");
    }
    sqlx::query("UPDATE users SET name = $1")
        .bind(&secrets[3])
        .execute(server.app.db.pool())
        .await
        .expect("planted");
    assert!(server.everything().await.contains(&secrets[3]), "the search finds a planted secret");
}

#[apply(on_both_engines!)]
async fn old_audit_rows_are_deleted_only_if_configured(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    server.submit(&here, "/settings/profile", &[("name", "Al")]).await;
    server.clock.advance(Duration::from_secs(400 * 24 * 60 * 60));
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.audited().await.len(), 1);
    let keep = Duration::from_secs(365 * 24 * 60 * 60);
    assert_eq!(crate::audit::sweep(&server.app, Some(keep), keep).await.expect("a sweep"), 1);
    assert_eq!(server.audited().await.len(), 0);
}

impl Server {
    /// The content of all tables as one text.
    pub async fn everything(&self) -> String {
        let mut all = String::new();
        for (table, columns) in [
            ("users", "id || email || email_key || name || coalesce(password_hash, '')"),
            ("second_factors", "user_id"),
            ("recovery_codes", "user_id || code_hash"),
            ("links", "token_hash || purpose || coalesce(user_id, '')"),
            ("identities", "issuer || subject || user_id || label"),
            ("spent_flows", "state_hash"),
            ("sign_ups", "token_hash || email"),
            ("known_browsers", "token_hash || user_id"),
            ("sessions", "id_hash || coalesce(user_id, '') || data || address || user_agent"),
            ("key_policies", "org_id || policy"),
            (
                "approval_requests",
                "id || title || details || request || request_hash || state || reason || result",
            ),
            ("organizations", "id || name || plan || coalesce(deleted_at, 0)"),
            ("memberships", "org_id || user_id || role"),
            (
                "keys",
                "id || org_id || name || note || secret_id || coalesce(previous_secret_id, '') || coalesce(previous_until, 0) || coalesce(disabled_at, 0) || coalesce(revoked_at, 0)",
            ),
            (
                "device_logins",
                "id || user_code || status || coalesce(decided_by, '') || coalesce(org_id, '') || coalesce(key_id, '')",
            ),
            ("oauth_clients", "id || name || redirect_uris || coalesce(used_at, 0)"),
            (
                "oauth_codes",
                "code_hash || client_id || role || coalesce(redeemed_at, 0) || coalesce(key_id, '')",
            ),
            ("oauth_logins", "key_id || client_id || role || renewed_at"),
            (
                "oauth_refresh_tokens",
                "token_hash || key_id || coalesce(used_at, 0) || coalesce(successor_hash, '') || coalesce(replaced_at, 0)",
            ),
            (
                "agents",
                "id || org_id || agent_id || user_id || environment || allow_refs || deny_refs || registered_by || registered_at",
            ),
            ("agent_servers", "agent || place || name || url || description || auth"),
            (
                "webhook_endpoints",
                "id || org_id || url || description || events || coalesce(disabled_at, 0) || coalesce(previous_until, 0) || coalesce(removed_at, 0)",
            ),
            ("webhook_events", "id || type || body"),
            ("webhook_deliveries", "id || endpoint_id || coalesce(due_at, 0) || attempts"),
            ("leak_policies", "org_id || effect || test_effect"),
            ("unwanted_letters", "user_id || letter"),
            ("secrets", "id || key_id || coalesce(ended_at, 0)"),
            ("secret_hashes", "secret_id || hash"),
            (
                "invitations",
                "id || org_id || email || role || token_hash || invited_by || sent_at || expires_at",
            ),
            (
                "audit",
                "id || coalesce(org_id, '') || actor_kind || actor_id || actor_name || action || target_kind || target_id || target_name || address || user_agent || request_id || details || times",
            ),
        ] {
            let text = crate::platform::db::sql(format!("SELECT {columns} FROM {table} ORDER BY 1"));
            let rows: Vec<String> =
                sqlx::query_scalar(text).fetch_all(self.app.db.pool()).await.expect("rows");
            all.extend(rows);
        }
        all
    }
}
