//! Sessions: how they begin, end and are listed.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, Persona, Server, TestResponse, on_both_engines};
use crate::accounts::server::set_enabled;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_session_gets_a_new_id_at_sign_in(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let planted = "latchkey_session=AAAAAAAAAAAAAAAAAAAAAA";
    let response = server.sign_in(EMAIL, PASSWORD, planted).await;
    assert!(
        !response.cookies().contains("AAAAAAAAAAAAAAAAAAAAAA")
            && server.is_signed_in(&response.cookies()).await
    );
    assert!(!server.is_signed_in(planted).await);
    let again = server.sign_in(EMAIL, PASSWORD, &response.cookies()).await;
    assert!(server.is_signed_in(&again.cookies()).await);
    assert!(!server.is_signed_in(&response.cookies()).await, "the old id is invalid");
}

#[apply(on_both_engines!)]
async fn the_session_cookie_is_hidden_from_scripts_and_other_sites(engine: Engine) {
    let plain = Server::on(engine).await;
    plain.alice().await;
    let set = |response: &TestResponse| {
        response
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|v| v.to_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    for line in set(&plain.sign_in(EMAIL, PASSWORD, "").await) {
        assert!(
            line.starts_with("latchkey_")
                && line.contains("HttpOnly")
                && line.contains("SameSite=Lax")
                && line.contains("Path=/"),
            "{line}"
        );
        assert!(!line.contains("Domain"), "{line}");
    }
    let secure = Server::with(engine, &[("LATCHKEY_PUBLIC_URL", "https://latchkey.test")]).await;
    secure.alice().await;
    for line in set(&secure.sign_in(EMAIL, PASSWORD, "").await) {
        assert!(
            line.starts_with("__Host-latchkey_") && line.contains("Secure") && line.contains("HttpOnly"),
            "{line}"
        );
    }
}

#[apply(on_both_engines!)]
async fn sessions_end_by_idle_time_by_age_and_by_signing_out(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let day = Duration::from_secs(24 * 60 * 60);
    let silent = server.session_of(&alice).await;
    server.clock.advance(7 * day - Duration::from_secs(1));
    assert!(server.is_signed_in(&silent).await, "used just in time");
    server.clock.advance(7 * day);
    assert!(!server.is_signed_in(&silent).await, "a week without a request");
    let aged = server.session_of(&alice).await;
    for _ in 0..29 {
        server.clock.advance(day);
        assert!(server.is_signed_in(&aged).await);
    }
    server.clock.advance(day);
    assert!(!server.is_signed_in(&aged).await, "sessions end after thirty days");
    let signed_out = server.session_of(&alice).await;
    let out = server.post("/sign-out").same_origin().with(&signed_out).send().await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/sign-in"));
    assert!(!server.is_signed_in(&signed_out).await);
    assert_eq!(server.audited().await, ["session.ended"]);
    crate::server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
}

#[apply(on_both_engines!)]
async fn saving_does_not_restore_an_ended_session(engine: Engine) {
    use tower_sessions::SessionStore as _;
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let cookie = server.session_of(&alice).await;
    let id = cookie.split('=').nth(1).expect("an id").parse().expect("an id");
    let store = crate::accounts::server::SessionStore::new(&server.app);
    let record = store.load(&id).await.expect("a result").expect("a session");
    set_enabled(&server.app, EMAIL, false).await.expect("disabled");
    set_enabled(&server.app, EMAIL, true).await.expect("enabled");
    store.save(&record).await.expect("saving is no error");
    assert!(!server.is_signed_in(&cookie).await);
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
}

#[apply(on_both_engines!)]
async fn last_seen_at_is_written_at_most_once_a_minute(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let cookie = server.session_of(&alice).await;
    let seen = || server.count("SELECT last_seen_at FROM sessions");
    let start = seen().await;
    server.clock.advance(Duration::from_secs(59));
    server.profile(&cookie).await;
    assert_eq!(seen().await, start);
    server.clock.advance(Duration::from_secs(1));
    server.profile(&cookie).await;
    assert_eq!(seen().await, start + 60_000);
}

#[apply(on_both_engines!)]
async fn disabling_and_password_change_end_sessions(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let (here, there) = (server.session_of(&alice).await, server.session_of(&alice).await);
    let path = "/settings/profile/password";
    let change = |present: &'static str, new: &'static str| {
        server.submit(&here, path, &[("present", present), ("new", new)])
    };
    let wrong = change("not the password", OTHER_PASSWORD).await;
    assert!(wrong.status == 422 && wrong.text().contains("not your current password"));
    let easy = change(PASSWORD, "password1234").await;
    assert!(easy.status == 422 && easy.text().contains("attackers try first"), "{}", easy.text());
    assert!(server.is_signed_in(&there).await);
    assert_eq!(change(PASSWORD, OTHER_PASSWORD).await.status, 303);
    assert!(server.is_signed_in(&here).await && !server.is_signed_in(&there).await);
    assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.status, 422);
    set_enabled(&server.app, EMAIL, false).await.expect("disabled");
    assert!(!server.is_signed_in(&here).await);
    set_enabled(&server.app, EMAIL, true).await.expect("enabled");
    assert!(!server.is_signed_in(&here).await, "enabling does not bring sessions back");
}

#[apply(on_both_engines!)]
async fn the_profile_lists_sessions_and_ends_them(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let (here, there, third) =
        (server.session_of(&alice).await, server.session_of(&alice).await, server.session_of(&alice).await);
    let page = server.profile(&here).await.text();
    assert_eq!(page.matches("Firefox on Linux").count(), 3, "{page}");
    assert_eq!(page.matches("This browser").count(), 1);
    for cookie in [&here, &there, &third] {
        assert!(!page.contains(cookie.split('=').nth(1).expect("an id")), "an id is in the page");
    }
    let fingerprint = crate::platform::Secret::new(there.split('=').nth(1).expect("an id")).fingerprint();
    let end = |fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.submit(&here, "/settings/profile/sessions", &fields)
    };
    assert_eq!(end(vec![("session", fingerprint)]).await.status, 303);
    assert!(!server.is_signed_in(&there).await && server.is_signed_in(&third).await);
    assert_eq!(end(vec![("session", "none of hers".to_owned())]).await.status, 303);
    assert!(server.is_signed_in(&third).await);
    assert_eq!(end(vec![]).await.status, 303);
    assert!(!server.is_signed_in(&third).await && server.is_signed_in(&here).await);
    assert_eq!(server.audited().await, ["session.ended", "sessions.ended"]);
}

#[apply(on_both_engines!)]
async fn nobody_ends_another_persons_session(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let hers = server.session_of(&alice).await;
    let other = server.sign_in_as(Persona::Stranger).await;
    let fingerprint = crate::platform::Secret::new(hers.split('=').nth(1).expect("an id")).fingerprint();
    let nair = server.organization("Nair Consulting").await.to_string();
    let fields = [("org", nair.as_str()), ("session", &fingerprint)];
    let call = server.post("/settings/profile/sessions").same_origin().with(&other).form(&fields);
    assert_eq!(call.send().await.status, 303);
    assert!(server.is_signed_in(&hers).await);
}

/// A session that begins after a password change is invalid if the password was checked before the change.
#[apply(on_both_engines!)]
async fn a_password_change_invalidates_earlier_proofs(engine: Engine) {
    use crate::accounts::server::{Person, find_person};
    let server = &Server::on(engine).await;
    let alice: Person = server.alice().await;
    let here = server.session_of(&alice).await;
    let fields = [("present", PASSWORD), ("new", OTHER_PASSWORD)];
    let change = server.submit(&here, "/settings/profile/password", &fields).await;
    assert_eq!(change.status, 303);
    assert!(server.is_signed_in(&here).await, "the session that made the change stays valid");
    let late = server.session_of(&alice).await;
    assert!(!server.is_signed_in(&late).await, "begun with the old password");
    let now = find_person(&server.app, alice.id).await.expect("a result").expect("Alice");
    assert!(server.is_signed_in(&server.session_of(&now).await).await);
    set_enabled(&server.app, EMAIL, false).await.expect("disabled");
    set_enabled(&server.app, EMAIL, true).await.expect("enabled");
    assert!(
        !server.is_signed_in(&server.session_of(&now).await).await,
        "begun with a proof from before the person was disabled"
    );
}

#[apply(on_both_engines!)]
async fn a_person_has_a_bounded_number_of_sessions_and_browsers(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    for _ in 0..105 {
        server.session_of(&alice).await;
    }
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 100);
    for _ in 0..25 {
        let token =
            crate::accounts::server::remember_browser(&server.app, &alice, None).await.expect("a result");
        assert!(token.is_some());
    }
    assert_eq!(server.count("SELECT count(*) FROM known_browsers").await, 20);
}

#[tokio::test]
async fn a_session_is_found_by_one_index_lookup() {
    use crate::platform::db::Engine;
    use sqlx::Row;
    let server = Server::on(Engine::Sqlite).await;
    let find = crate::accounts::server::FIND_SESSION;
    let text = crate::platform::db::sql(format!("EXPLAIN QUERY PLAN {find}"));
    let rows = sqlx::query(text)
        .bind("x")
        .bind(0_i64)
        .bind(0_i64)
        .fetch_all(server.app.db.pool())
        .await
        .expect("a plan");
    let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    assert_eq!(plan.len(), 1, "{plan:?}");
    assert!(plan[0].starts_with("SEARCH sessions USING INDEX") && plan[0].contains("id_hash=?"), "{plan:?}");
}
