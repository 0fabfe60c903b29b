//! An organization always has an owner who can sign in.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::people::EMAIL;
use crate::accounts::server::{Person, set_enabled};
use crate::orgs::server::without_owner;
use crate::platform::db::Engine;
use crate::shared::Role;

const BOB: &str = "bob@tidewater.example";

impl Server {
    async fn demote(&self, cookies: &str, person: &Person) -> (u16, String) {
        let path = format!("/settings/members/{}/role", person.id);
        let response = self.submit(cookies, &path, &[("role", "admin")]).await;
        (response.status.as_u16(), response.text())
    }

    async fn enabled_owners(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM memberships JOIN users ON users.id = memberships.user_id \
             WHERE role = 'owner' AND disabled_at IS NULL",
        )
        .await
    }
}

#[apply(on_both_engines!)]
async fn a_disabled_owner_does_not_count(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let bob = server.colleague(BOB, Role::Owner).await;
    set_enabled(&server.app, BOB, false).await.expect("disabled");
    let (status, page) = server.demote(&here, &alice).await;
    assert!(status == 422 && page.contains("would have no owner who can sign in"), "{status} {page}");
    let leave = format!("/settings/members/{}/remove", alice.id);
    assert_eq!(server.submit(&here, &leave, &[]).await.status, 422);
    assert_eq!(server.enabled_owners().await, 1);
    // The disabled owner may lose the role.
    assert_eq!(server.demote(&here, &bob).await.0, 303);
    set_enabled(&server.app, BOB, true).await.expect("enabled");
    let carol = server.colleague("carol@tidewater.example", Role::Owner).await;
    assert_eq!(server.demote(&here, &alice).await.0, 303, "carol remains an owner");
    assert_eq!(server.demote(&server.session_of(&carol).await, &carol).await.0, 422);
}

/// The operator may disable the last owner and is warned.
#[apply(on_both_engines!)]
async fn an_organization_without_an_owner_is_named(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let bob = server.colleague(BOB, Role::Owner).await;
    server.join(&bob, "Nair Consulting", Role::Owner).await;
    server.join(&bob, "Reed Haulage", Role::Admin).await;
    let warned = async |email: &str| without_owner(&server.app, email).await.expect("names");
    assert_eq!(warned(BOB).await, [] as [&str; 0]);
    set_enabled(&server.app, BOB, false).await.expect("disabled");
    assert_eq!(warned(BOB).await, ["Nair Consulting"], "alice owns the other one");
    set_enabled(&server.app, EMAIL, false).await.expect("disabled");
    assert_eq!(warned(EMAIL).await, ["Tidewater Freight"]);
    assert_eq!(warned("nobody@x.example").await, [] as [&str; 0]);
}

#[apply(on_both_engines!)]
async fn of_two_owners_who_demote_each_other_concurrently_one_stays(engine: Engine) {
    for _ in 0..3 {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let bob = server.colleague(BOB, Role::Owner).await;
        let (hers, his) = (server.session_of(&alice).await, server.session_of(&bob).await);
        let (a, b) = tokio::join!(server.demote(&hers, &bob), server.demote(&his, &alice));
        assert_eq!([a.0, b.0].iter().filter(|status| **status == 303).count(), 1, "{a:?} {b:?}");
        assert_eq!(server.enabled_owners().await, 1);
    }
}

/// An owner's resignation waits for the transaction that disables the other owner.
#[apply(on_both_engines!)]
async fn disabling_one_owner_while_the_other_resigns_leaves_one(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let bob = server.colleague(BOB, Role::Owner).await;
    let here = server.session_of(&alice).await;
    let mut write = server.app.db.write().await.expect("a turn");
    sqlx::query("UPDATE users SET disabled_at = 1, epoch = epoch + 1 WHERE id = $1")
        .bind(bob.id)
        .execute(&mut *write)
        .await
        .expect("a change");
    let finish = async {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        // By now the other request has had time to read the committed state.
        server.count("SELECT count(*) FROM users").await;
        write.commit().await.expect("a commit");
    };
    let (response, ()) = tokio::join!(server.demote(&here, &alice), finish);
    assert_eq!((response.0, server.enabled_owners().await), (422, 1));
}
