//! The approver of a login chooses a lower role and an expiry for its key.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::super::harness::{Server, TestResponse, on_both_engines};
use super::super::personas::Persona;
use crate::platform::db::Engine;
use crate::policy_settings::server::PolicyDraft;
use crate::shared::Role;
use crate::tests::approvals::approval_from;

const WEEK: u64 = 7 * 24 * 60 * 60;

impl Server {
    /// Approves in Tidewater Freight with more fields.
    async fn approve_with(&self, cookies: &str, code: &str, more: &[(&str, &str)]) -> TestResponse {
        let org = self.organization("Tidewater Freight").await.to_string();
        let fields = [("code", code), ("org", org.as_str()), ("mine", "yes"), ("verdict", "approve")];
        self.decide(cookies, &[&fields, more].concat()).await
    }

    async fn details_of_last(&self, action: &str) -> Value {
        let text: String =
            sqlx::query_scalar("SELECT details FROM audit WHERE action = $1 ORDER BY id DESC LIMIT 1")
                .bind(action)
                .fetch_one(self.app.db.pool())
                .await
                .expect("a row");
        serde_json::from_str(&text).expect("JSON")
    }
}

#[apply(on_both_engines!)]
async fn the_key_has_the_chosen_role_and_expiry(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[("scope", "admin")]).await;
    let page = server.device_page(&admin, &format!("?code={}", device.user_code)).await.text();
    for part in ["Role of the key", "can-member", "can-viewer", "value=\"90\"", ">Never<"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("can-owner") && !page.contains("value=\"owner\""),
        "not above the admin's own role"
    );
    let chosen = [("role", "viewer"), ("expiry", "7")];
    assert_eq!(server.approve_with(&admin, &device.user_code, &chosen).await.status, 303);
    let details = server.details_of_last("login.approved").await;
    assert_eq!((&details["role"], &details["requested_role"]), (&json!("viewer"), &json!("admin")));
    assert_eq!(details["expires_at"], json!("2026-11-27T10:00:00.000Z"));
    let overview = server.page(&server.sign_in_as(Persona::Owner).await, "/overview").await;
    assert!(overview.contains("approved, as viewer instead of admin, a login of"));
    // The expiry is a time, so a device that fetches the key later does not get more.
    server.clock.advance(Duration::from_secs(60));
    let body = server.poll(&device.device_code).await.json();
    assert_eq!((&body["scope"], body["expires_in"].as_u64()), (&json!("viewer"), Some(WEEK - 60)));
    let page = server.device_page(&admin, &format!("?code={}", device.user_code)).await.text();
    assert!(page.contains("as a viewer") && page.contains("27 Nov 2026"));
}

#[apply(on_both_engines!)]
async fn without_a_choice_the_key_is_as_requested(engine: Engine) {
    let server = Server::on(engine).await;
    let admin = server.sign_in_as(Persona::Admin).await;
    for more in [&[][..], &[("role", ""), ("expiry", "keep")], &[("role", "member"), ("expiry", "never")]] {
        let device = server.device(&[("scope", "member")]).await;
        assert_eq!(server.approve_with(&admin, &device.user_code, more).await.status, 303, "{more:?}");
        let body = server.poll(&device.device_code).await.json();
        assert_eq!(body["scope"], json!("member"), "{more:?}");
        assert!(body.get("expires_in").is_none(), "{body}");
    }
    let overview = server.page(&server.sign_in_as(Persona::Owner).await, "/overview").await;
    assert!(overview.contains("approved a login of") && !overview.contains("instead of"));
}

#[apply(on_both_engines!)]
async fn an_impossible_choice_is_an_error_beside_the_field(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[("scope", "member")]).await;
    let read_only = server.device(&[("scope", "viewer")]).await;
    for (code, choice, field, why) in [
        (&device.user_code, ("role", "admin"), "role", "This key can be a member at most."),
        (&read_only.user_code, ("role", "member"), "role", "This key can be a viewer at most."),
        (&device.user_code, ("role", "king"), "role", "Choose one of these roles."),
        (&device.user_code, ("role", "none"), "role", "Choose one of these roles."),
        (&device.user_code, ("expiry", "8"), "expires_at", "Choose when it ends."),
        (&device.user_code, ("expiry", "custom"), "expires_at", "Enter the day on which it ends."),
    ] {
        let response = server.approve_with(&member, code, &[choice]).await;
        assert_eq!(response.status, 422, "{choice:?}");
        let page = response.text();
        assert!(page.contains(&format!("href=\"#f-{field}\"")) && page.contains(why), "{choice:?}");
    }
    for (date, why) in [
        ("2026-11-19", "The expiry must be in the future."),
        ("9999-12-31", "before the year 10000"),
        ("tomorrow", "Write the day as 2027-05-31."),
    ] {
        let fields = [("expiry", "custom"), ("date", date)];
        let response = server.approve_with(&member, &device.user_code, &fields).await;
        assert_eq!(response.status, 422, "{date}");
        let page = response.text();
        assert!(page.contains(why) && page.contains(&format!("value=\"{date}\"")), "{date}");
    }
    assert_eq!(server.count("SELECT count(*) FROM audit WHERE action = 'login.refused'").await, 1);
    // The code stays usable.
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    assert_eq!(server.approve_with(&member, &device.user_code, &[("role", "viewer")]).await.status, 303);
    assert_eq!(server.poll(&device.device_code).await.json()["scope"], json!("viewer"));
}

#[apply(on_both_engines!)]
async fn a_key_does_not_expire_before_it_can_be_fetched(engine: Engine) {
    let server = Server::on(engine).await;
    // Five minutes before midnight; a code works for ten.
    server.clock.advance(Duration::from_secs(14 * 60 * 60 - 300));
    let member = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    let today = [("expiry", "custom"), ("date", "2026-11-20")];
    let refused = server.approve_with(&member, &device.user_code, &today).await;
    assert!(refused.status == 422 && refused.text().contains("before the terminal fetches it"));
    let tomorrow = [("expiry", "custom"), ("date", "2026-11-21")];
    assert_eq!(server.approve_with(&member, &device.user_code, &tomorrow).await.status, 303);
    assert_eq!(
        server.poll(&device.device_code).await.json()["expires_in"].as_u64(),
        Some(24 * 60 * 60 + 300)
    );
}

#[apply(on_both_engines!)]
async fn the_key_policy_and_the_configured_life_are_limits(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_LOGIN_KEY_LIFE", "30d")]).await;
    let alice = server.alice().await;
    server.set_policy(&PolicyDraft { max_life_days: Some(60), ..approval_from(Role::Admin) }).await;
    let here = server.session_of(&alice).await;
    let device = server.device(&[("scope", "admin")]).await;
    let page = server.device_page(&here, &format!("?code={}", device.user_code)).await.text();
    assert!(page.contains(">Longest<") && page.contains(">20 Dec 2026, 10:00:00 UTC<"));
    assert!(!page.contains("value=\"90\"") && !page.contains(">Never<"));
    for expiry in ["90", "never"] {
        let fields = [("role", "viewer"), ("expiry", expiry)];
        let refused = server.approve_with(&here, &device.user_code, &fields).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("This key must expire by 20 Dec 2026"), "{expiry}");
    }
    // What the program asks for needs a second person; a lower role, which the page offers as the highest, does not.
    assert!(page.contains("value=\"member\"") && !page.contains("value=\"admin\""));
    let refused = server.approve_with(&here, &device.user_code, &[]).await;
    assert!(refused.status == 422 && refused.text().contains("at most Member"));
    let refused = server.approve_with(&here, &device.user_code, &[("role", "admin")]).await;
    assert!(refused.status == 422 && refused.text().contains("This key can be a member at most."));
    assert_eq!(server.approve_with(&here, &device.user_code, &[("role", "member")]).await.status, 303);
    // A policy that becomes stricter before the device comes back still applies.
    server.set_policy(&PolicyDraft { max_life_days: Some(5), ..approval_from(Role::Admin) }).await;
    let body = server.poll(&device.device_code).await.json();
    assert_eq!((&body["scope"], body["expires_in"].as_u64()), (&json!("member"), Some(5 * 24 * 60 * 60)));
}
