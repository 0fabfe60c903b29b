//! Concurrent requests and failures: an approval is used exactly once, and never lost.

use std::time::Duration;

use futures_util::future::join_all;
use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn of_twenty_concurrent_polls_one_gets_the_key(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    let responses = join_all((0..20).map(|_| server.poll(&device.device_code))).await;
    let (got, none): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 200);
    assert_eq!(got.len(), 1);
    for response in none {
        assert_eq!(response.error(), "invalid_grant");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM secret_hashes").await, 1);
}

#[apply(on_both_engines!)]
async fn concurrent_code_requests_do_not_exceed_the_limit(engine: Engine) {
    let settings = [("LATCHKEY_DEVICE_CODES_PER_MINUTE", "1000"), ("LATCHKEY_DEVICE_CODES_OPEN", "5")];
    let server = Server::with(engine, &settings).await;
    let ask = || server.post("/oauth/device_authorization").form(&[("client_id", "latchkey-cli")]).send();
    let responses = join_all((0..20).map(|_| ask())).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 5);
    assert_eq!(responses.iter().filter(|response| response.status == 429).count(), 15);
    assert_eq!(server.count("SELECT COUNT(*) FROM device_logins").await, 5);
}

#[apply(on_both_engines!)]
async fn a_poll_during_the_approval_does_not_lose_it(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    for _ in 0..10 {
        let device = server.device(&[]).await;
        let approving = server.approve(&cookies, &device.user_code);
        let polls = join_all((0..5).map(|_| server.poll(&device.device_code)));
        let (approved, polled) = futures_util::future::join(approving, polls).await;
        assert_eq!(approved.status, 303);
        let early = polled.iter().filter(|response| response.status == 200).count();
        let late = server.poll(&device.device_code).await;
        assert_eq!(early + usize::from(late.status == 200), 1, "{}", late.text());
        server.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 10);
}

#[apply(on_both_engines!)]
async fn of_a_concurrent_approval_and_denial_one_wins(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    for _ in 0..10 {
        let device = server.device(&[]).await;
        let (yes, no) = futures_util::future::join(
            server.approve(&cookies, &device.user_code),
            server.deny(&cookies, &device.user_code),
        )
        .await;
        assert_eq!((yes.status.as_u16(), no.status.as_u16()), (303, 303));
        let page = server.device_page(&cookies, &format!("?code={}", device.user_code)).await.text();
        let polled = server.poll(&device.device_code).await;
        if polled.status == 200 {
            assert!(page.contains("Return to your terminal"), "{page}");
        } else {
            assert_eq!(polled.error(), "access_denied");
            assert!(page.contains("Login denied"), "{page}");
        }
        server.clock.advance(Duration::from_secs(60));
    }
    let decisions = server.audited().await;
    assert_eq!(
        decisions
            .iter()
            .filter(|action| action.starts_with("login.approved") || *action == "login.denied")
            .count(),
        10
    );
}

/// Two people, two organizations, one code.
#[apply(on_both_engines!)]
async fn of_two_concurrent_approvals_one_wins(engine: Engine) {
    // The later request finds no login, which counts as a wrong code.
    let settings = [
        ("LATCHKEY_DEVICE_WRONG_CODES_PER_PERSON", "1000"),
        ("LATCHKEY_DEVICE_WRONG_CODES_PER_ADDRESS", "1000"),
    ];
    let server = Server::with(engine, &settings).await;
    let (here, there) =
        (server.sign_in_as(Persona::Member).await, server.sign_in_as(Persona::Stranger).await);
    let orgs = [
        server.organization("Tidewater Freight").await.to_string(),
        server.organization("Nair Consulting").await.to_string(),
    ];
    for _ in 0..10 {
        let device = server.device(&[]).await;
        let fields = |org: usize| {
            [
                ("code", device.user_code.as_str()),
                ("org", orgs[org].as_str()),
                ("mine", "yes"),
                ("verdict", "approve"),
            ]
        };
        let (first, second) = (fields(0), fields(1));
        let (one, other) =
            futures_util::future::join(server.decide(&here, &first), server.decide(&there, &second)).await;
        // The later request is redirected, or does not find the code any more.
        assert!([&one, &other].iter().all(|response| [303, 422].contains(&response.status.as_u16())));
        let polled = server.poll(&device.device_code).await;
        assert_eq!(polled.status, 200);
        let org = polled.json()["org_id"].as_str().expect("an id").to_owned();
        assert!(orgs.contains(&org));
        server.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM audit WHERE action = 'login.approved'").await, 10);
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 10);
}

/// A decision without its audit row does not happen.
#[apply(on_both_engines!)]
async fn a_decision_without_its_audit_row_is_rolled_back(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let org = server.organization("Tidewater Freight").await;
    let device = server.device(&[]).await;
    let token = server.form_token(&cookies).await;
    for verdict in ["approve", "deny"] {
        let fields = [
            ("token", token.as_str()),
            ("code", &device.user_code),
            ("org", &org.to_string()),
            ("mine", "yes"),
            ("verdict", verdict),
        ];
        sqlx::query("ALTER TABLE audit RENAME TO audit_away")
            .execute(server.app.db.pool())
            .await
            .expect("away");
        let failed = server.post("/auth/device").same_origin().with(&cookies).form(&fields).send().await;
        sqlx::query("ALTER TABLE audit_away RENAME TO audit")
            .execute(server.app.db.pool())
            .await
            .expect("back");
        assert_eq!(failed.status, 503, "{verdict}");
    }
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    assert_eq!(server.approve(&cookies, &device.user_code).await.status, 303);
    assert_eq!(server.poll(&device.device_code).await.status, 200);
}

#[apply(on_both_engines!)]
async fn a_deleted_organization_gets_no_key(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    sqlx::query("UPDATE organizations SET deleted_at = 1")
        .execute(server.app.db.pool())
        .await
        .expect("deleted");
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
}

#[apply(on_both_engines!)]
async fn a_login_stays_approved_when_creating_its_key_fails(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    // An earlier login of the same device: its key is revoked only if the new key is created.
    let former = server.device(&[("device_id", "d1")]).await;
    server.approve(&cookies, &former.user_code).await;
    let former =
        Secret::new(server.poll(&former.device_code).await.json()["access_token"].as_str().expect("a key"));
    let device = server.device(&[("device_id", "d1")]).await;
    server.approve(&cookies, &device.user_code).await;
    for table in ["audit", "secret_hashes", "secrets"] {
        let away = crate::platform::db::sql(format!("ALTER TABLE {table} RENAME TO away_{table}"));
        let back = crate::platform::db::sql(format!("ALTER TABLE away_{table} RENAME TO {table}"));
        sqlx::query(away).execute(server.app.db.pool()).await.expect("away");
        let failed = server.poll(&device.device_code).await;
        sqlx::query(back).execute(server.app.db.pool()).await.expect("back");
        assert_eq!(failed.status, 503, "without {table}");
        assert_eq!(failed.error(), "temporarily_unavailable");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    assert_eq!(server.check(&former).await, Outcome::Valid);
    assert_eq!(server.poll(&device.device_code).await.status, 200);
    assert_eq!(server.check(&former).await, Outcome::Revoked);
}

#[apply(on_both_engines!)]
async fn a_removed_member_gets_no_key(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    let member = server.person(&Persona::Member.email(), "Member", None).await;
    let removed = server.submit(&owner, &format!("/settings/members/{}/remove", member.id), &[]).await;
    assert_eq!(removed.status, 303);
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 0);
    // The denial is final, and audited once in the organization.
    server.sign_in_as(Persona::Member).await;
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
    let refusals = "SELECT COUNT(*) FROM audit WHERE action = 'login.refused' AND org_id IS NOT NULL";
    assert_eq!(server.count(refusals).await, 1);
}

#[apply(on_both_engines!)]
async fn a_disabled_person_gets_no_key(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    sqlx::query("UPDATE users SET disabled_at = 1").execute(server.app.db.pool()).await.expect("done");
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
}

#[apply(on_both_engines!)]
async fn the_key_gets_at_most_the_current_role_of_the_approver(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    sqlx::query("UPDATE memberships SET role = 'viewer'").execute(server.app.db.pool()).await.expect("done");
    assert_eq!(server.poll(&device.device_code).await.json()["scope"], "viewer");
}

/// A removal and a poll at the same time: in either order, no key outlives the membership.
#[apply(on_both_engines!)]
async fn no_key_of_a_login_outlives_the_membership(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    for _ in 0..5 {
        let cookies = server.sign_in_as(Persona::Member).await;
        let member = server.person(&Persona::Member.email(), "Member", None).await;
        let device = server.device(&[]).await;
        server.approve(&cookies, &device.user_code).await;
        let path = format!("/settings/members/{}/remove", member.id);
        let (polled, removed) =
            futures_util::future::join(server.poll(&device.device_code), server.submit(&owner, &path, &[]))
                .await;
        assert_eq!(removed.status, 303);
        assert!(polled.status == 200 || polled.error() == "access_denied", "{}", polled.text());
        assert_eq!(server.count("SELECT COUNT(*) FROM keys WHERE revoked_at IS NULL").await, 0);
        server.clock.advance(Duration::from_secs(60));
    }
}

#[apply(on_both_engines!)]
async fn a_new_login_replaces_the_earlier_one_of_its_device(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let login = async |more: &[(&str, &str)]| {
        server.clock.advance(Duration::from_secs(60));
        let device = server.device(more).await;
        server.approve(&cookies, &device.user_code).await;
        let body = server.poll(&device.device_code).await.json();
        Secret::new(body["access_token"].as_str().expect("a key"))
    };
    let named = [("device_id", "d1"), ("device_name", "thinkpad")];
    let first = login(&named).await;
    let second = login(&named).await;
    assert_eq!(server.check(&first).await, Outcome::Revoked);
    assert_eq!(server.check(&second).await, Outcome::Valid);
    let third = login(&[("device_id", "d2"), ("device_name", "thinkpad")]).await;
    assert_eq!(server.check(&second).await, Outcome::Valid, "another device");
    // Without a device id every login creates another key.
    for _ in 0..2 {
        login(&[("device_name", "thinkpad")]).await;
    }
    assert_eq!(server.check(&third).await, Outcome::Valid);
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM keys WHERE revoked_at IS NULL ORDER BY id")
        .fetch_all(server.app.db.pool())
        .await
        .expect("names");
    assert_eq!(names, ["member@thinkpad", "member@thinkpad 2", "member@thinkpad 3", "member@thinkpad 4"]);
    let actions = server.audited().await;
    let logins: Vec<_> =
        actions.iter().filter(|action| action.starts_with("key.")).map(String::as_str).collect();
    assert_eq!(
        logins,
        ["key.created", "key.revoked", "key.created", "key.created", "key.created", "key.created"]
    );
}

#[apply(on_both_engines!)]
async fn concurrent_logins_of_one_device_leave_one_key(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        let device = server.device(&[("device_id", "d1")]).await;
        server.approve(&cookies, &device.user_code).await;
        codes.push(device.device_code);
    }
    let responses = join_all(codes.iter().map(|code| server.poll(code))).await;
    assert!(responses.iter().all(|response| response.status == 200), "{}", responses[0].text());
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 5);
    assert_eq!(server.count("SELECT COUNT(*) FROM keys WHERE revoked_at IS NULL").await, 1);
}
