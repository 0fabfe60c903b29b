//! Links of invitations: when they end, who may use them, and what is refused.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::members::{INGRID, link_in};
use super::people::EMAIL;
use crate::accounts::server::set_enabled;
use crate::platform::db::Engine;
use crate::shared::Role;

#[apply(on_both_engines!)]
async fn links_end_by_expiry_withdrawal_replacement_and_with_their_inviter(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let (id, first) = server.invited(&here, INGRID, "viewer").await;
    let resent = server.submit(&here, &format!("/settings/members/invitations/{id}/resend"), &[]).await;
    let second = link_in(&resent);
    assert_eq!(server.get(&first).browser().send().await.status, 410, "replaced");
    assert_eq!(server.get(&second).browser().send().await.status, 200);
    let (_, third) = server.invited(&here, INGRID, "member").await;
    assert_eq!(server.count("SELECT count(*) FROM invitations").await, 1, "one per address");
    server.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let here = server.session_of(&alice).await;
    assert_eq!(server.accept(&third, "").await.status, 410, "expired after a week");
    assert!(server.get("/settings/members").browser().with(&here).send().await.text().contains("Expired"));
    let (id, fourth) = server.invited(&here, INGRID, "member").await;
    assert_eq!(
        server.submit(&here, &format!("/settings/members/invitations/{id}/withdraw"), &[]).await.status,
        303
    );
    assert_eq!(server.accept(&fourth, "").await.status, 410, "withdrawn");

    let bob = server.colleague("bob@tidewater.example", Role::Admin).await;
    let (_, fifth) = server.invited(&server.session_of(&bob).await, INGRID, "admin").await;
    assert_eq!(server.get(&fifth).browser().send().await.status, 200);
    assert_eq!(server.change_role(&here, &bob, "member").await, 303);
    assert_eq!(server.accept(&fifth, "").await.status, 410, "its inviter may not invite any more");
    assert_eq!(server.change_role(&here, &bob, "admin").await, 303);
    set_enabled(&server.app, &bob.email, false).await.expect("disabled");
    assert_eq!(server.accept(&fifth, "").await.status, 410, "its inviter is disabled");
    assert_eq!(server.count("SELECT count(*) FROM users").await, 2);
}

#[apply(on_both_engines!)]
async fn invalid_invitations_are_refused_with_a_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let bob = server.colleague("bob@tidewater.example", Role::Admin).await;
    let bobs = server.session_of(&bob).await;
    for (emails, why) in [
        ("", "Enter an email address"),
        ("ingrid", "not an email address"),
        (EMAIL, "is a member already"),
        ("BOB@tidewater.example", "is a member already"),
        ("ok@x.example, \0@x.example", "not an email address"),
        ("аlice@tidewater.example", "plain Latin letters"),
    ] {
        let response = server.invite(&here, emails, "viewer").await;
        assert!(response.status == 422 && response.text().contains(why), "{emails:?}: {}", response.text());
    }
    assert_eq!(server.invite(&here, &"x".repeat(10_240), "viewer").await.status, 422);
    assert_eq!(
        server.count("SELECT count(*) FROM invitations").await,
        0,
        "all addresses are invited or none"
    );
    assert_eq!(server.invite(&bobs, INGRID, "owner").await.status, 403, "above one's own role");
    server.invited(&here, INGRID, "owner").await;
    let over = server.invite(&bobs, INGRID, "viewer").await;
    assert!(over.status == 422 && over.text().contains("above yours"), "{}", over.text());
    let viewer = server.colleague("vera@tidewater.example", Role::Viewer).await;
    assert_eq!(server.invite(&server.session_of(&viewer).await, INGRID, "viewer").await.status, 403);
    assert_eq!(server.audited().await, ["member.refused", "member.invited", "member.refused"]);
}

#[apply(on_both_engines!)]
async fn a_closed_server_creates_no_accounts(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_SIGN_UP", "closed")]).await;
    let alice = server.alice().await;
    let (_, link) = server.invited(&server.session_of(&alice).await, INGRID, "viewer").await;
    assert!(server.get(&link).browser().send().await.text().contains("No new accounts"));
    assert_eq!(server.accept(&link, "").await.status, 422);
    assert_eq!(server.count("SELECT count(*) FROM users").await, 1);
}

#[apply(on_both_engines!)]
async fn of_two_concurrent_uses_of_a_link_one_joins(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let (_, link) = server.invited(&server.session_of(&alice).await, INGRID, "viewer").await;
    let (a, b) = tokio::join!(server.accept(&link, ""), server.accept(&link, ""));
    let mut entered = [a.entered(), b.entered()];
    entered.sort_unstable();
    assert_eq!(entered, ["", "/"]);
    assert_eq!(server.count("SELECT count(*) FROM memberships").await, 2);
}
