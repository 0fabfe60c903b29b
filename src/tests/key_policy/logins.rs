//! Command-line logins under a key policy.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::shared::Role;
use crate::tests::approvals::approval_from;
use crate::tests::harness::on_both_engines;

impl Server {
    /// Role and expiry of the only key that a login created.
    async fn login_key_row(&self) -> Option<(String, Option<i64>)> {
        sqlx::query_as("SELECT role, expires_at FROM keys WHERE login_device IS NOT NULL")
            .fetch_optional(self.app.db.pool())
            .await
            .expect("a result")
    }
}

#[apply(on_both_engines!)]
async fn logins_get_at_most_the_role_below_the_approval(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.set_policy(&PolicyDraft { max_life_days: Some(30), ..approval_from(Role::Admin) }).await;
    let here = server.session_of(&alice).await;
    let device = server.device(&[]).await;
    server.approve(&here, &device.user_code).await;
    let token = server.poll(&device.device_code).await;
    assert_eq!(token.status, 200, "{}", token.text());
    let (role, expires_at) = server.login_key_row().await.expect("a key");
    assert_eq!((role.as_str(), expires_at), ("member", server.in_days(30).map(Timestamp::millis)));
}

#[apply(on_both_engines!)]
async fn a_login_is_refused_with_the_reason(engine: Engine) {
    for (policy, scope, why) in [
        (kinds(&[Kind::Test]), &[][..], "only Test keys"),
        (approval_from(Role::Admin), &[("scope", "admin")], "at most Member"),
    ] {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        server.set_policy(&policy).await;
        let device = server.device(scope).await;
        let refused = server.approve(&here, &device.user_code).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains(why), "{}", refused.text());
        assert_eq!(server.login_key_row().await, None);
    }
}
