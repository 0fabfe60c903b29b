//! Changes to one's own profile.

use macro_rules_attribute::apply;

use super::{Server, on_both_engines};
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn names_are_changed_with_an_audit_row(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let rename = |name: &'static str| server.submit(&here, "/settings/profile", &[("name", name)]);
    assert_eq!(rename("  Алиса 👩 Марш ").await.status, 303);
    let page = server.profile(&here).await.text();
    assert!(page.contains("Алиса 👩 Марш") && page.contains("Name saved."));
    assert!(!server.profile(&here).await.text().contains("Name saved."), "the message is shown once");
    for wrong in ["", "\0", "a\u{202e}b"] {
        assert_eq!(rename(wrong).await.status, 422, "{wrong:?}");
    }
    assert_eq!(rename(Box::leak("x".repeat(10_240).into_boxed_str())).await.status, 422);
    assert_eq!(rename("Алиса 👩 Марш").await.status, 303);
    assert_eq!(server.audited().await, ["person.renamed"], "a change without effect is not audited");
}

#[apply(on_both_engines!)]
async fn form_fields_cannot_change_whom_one_acts_as(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let bob = server.person("bob@tidewater.example", "Bob", None).await;
    let here = server.session_of(&alice).await;
    let id = bob.id.to_string();
    let mut fields = vec![("name", "Renamed")];
    for injected in ["id", "user", "user_id", "person", "org_id", "org", "role", "created_by", "email"] {
        fields.push((injected, id.as_str()));
    }
    assert_eq!(server.submit(&here, "/settings/profile", &fields).await.status, 303);
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM users ORDER BY email_key")
        .fetch_all(server.app.db.pool())
        .await
        .expect("names");
    assert_eq!(names, ["Renamed", "Bob"]);
    let role: String = sqlx::query_scalar("SELECT role FROM memberships")
        .fetch_one(server.app.db.pool())
        .await
        .expect("a role");
    assert_eq!(role, "owner");
}

#[apply(on_both_engines!)]
async fn a_person_without_an_organization_can_only_sign_out(engine: Engine) {
    let server = Server::on(engine).await;
    let loner = server.person("loner@x.example", "Loner", None).await;
    let here = server.session_of(&loner).await;
    let page = server.profile(&here).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text().contains("belong to no organization") && page.text().contains("action=\"/sign-out\"")
    );
}
