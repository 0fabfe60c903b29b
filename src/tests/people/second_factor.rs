//! The second factor: setting it up, signing in with it, losing it.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, SECRET, Server, on_both_engines};
use crate::accounts::server::totp_code;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_second_factor_is_set_up_required_and_turned_off(engine: Engine) {
    let server = &Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let path = "/settings/profile/second-factor";
    let page = server.get(path).browser().with(&here).send().await.text();
    let secret = page
        .split("name=\"secret\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a secret")
        .to_owned();
    let code = totp_code(&secret, server.clock.now());
    let turn_on = |code: String, password: &'static str| {
        let fields = [("secret", secret.as_str()), ("code", &code), ("password", password)];
        server.submit(&here, path, &fields)
    };
    assert!(turn_on("000000".to_owned(), PASSWORD).await.text().contains("code is wrong"));
    assert!(turn_on(code.clone(), "not the password").await.text().contains("not your password"));
    let on = turn_on(code.clone(), PASSWORD).await;
    assert_eq!(on.status, 200);
    let page = on.text();
    let shown =
        page.split("id=\"recovery-codes\"").nth(1).expect("codes").split("</ul>").next().expect("codes");
    let recovery: Vec<String> = shown
        .split("<li")
        .skip(1)
        .filter_map(|li| Some(li.split('>').nth(1)?.split('<').next()?.to_owned()))
        .collect();
    assert_eq!(recovery.len(), 10, "{shown}");

    let begin = || async {
        let response = server.sign_in(EMAIL, PASSWORD, "").await;
        assert_eq!(response.header("location"), "/sign-in/second-factor?next=%2Fsettings%2Fprofile");
        assert!(!server.is_signed_in(&response.cookies()).await, "the password alone does not sign in");
        response.cookies()
    };
    let finish = |cookies: String, code: String| async move {
        let fields = [("code", code.as_str()), ("next", "/settings/profile")];
        server.post("/sign-in/second-factor").same_origin().with(&cookies).form(&fields).send().await
    };
    let pending = begin().await;
    let replayed = finish(pending.clone(), code.clone()).await;
    assert!(
        replayed.status == 422 && replayed.text().contains("used already"),
        "the code of the set-up is used up"
    );
    server.clock.advance(Duration::from_secs(30));
    let done = finish(pending.clone(), totp_code(&secret, server.clock.now())).await;
    assert_eq!(done.entered(), "/settings/profile");
    assert!(server.is_signed_in(&done.cookies()).await && !server.is_signed_in(&pending).await);

    let typed = recovery[0].replace('-', " ").to_uppercase();
    let by_recovery = finish(begin().await, typed.clone()).await;
    assert!(server.is_signed_in(&by_recovery.cookies()).await);
    assert_eq!(finish(begin().await, typed).await.status, 422, "a recovery code works once");
    let late = begin().await;
    server.clock.advance(Duration::from_secs(601));
    assert_eq!(
        finish(late, totp_code(&secret, server.clock.now())).await.header("location"),
        "/sign-in?next=%2Fsettings%2Fprofile"
    );

    server.clock.advance(Duration::from_secs(30));
    let code = totp_code(&secret, server.clock.now());
    let off = server.submit(
        &here,
        "/settings/profile/second-factor/off",
        &[("password", PASSWORD), ("code", &code)],
    );
    assert_eq!(off.await.status, 303);
    assert!(server.is_signed_in(&server.sign_in(EMAIL, PASSWORD, "").await.cookies()).await);
    assert_eq!(server.count("SELECT count(*) FROM recovery_codes").await, 0);
    let mut rows = server.audited().await;
    rows.sort();
    assert_eq!(
        rows,
        [
            "password.refused",
            "second_factor.added",
            "second_factor.removed",
            "session.refused",
            "session.started",
            "session.started",
            "session.started"
        ]
    );
}

#[apply(on_both_engines!)]
async fn second_factors_cannot_be_guessed(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    let tries = |code: String| {
        server
            .post("/sign-in/second-factor")
            .same_origin()
            .with(&pending)
            .form(&[("code", code.as_str())])
            .send()
    };
    let right = totp_code(SECRET, server.clock.now());
    for n in 0..10 {
        let wrong = format!("{:06}", (right.parse::<u32>().expect("digits") + 1 + n) % 1_000_000);
        assert_eq!(tries(wrong).await.status, 422);
    }
    assert_eq!(tries(right).await.status, 429, "the right code is refused too");
}

#[apply(on_both_engines!)]
async fn a_pending_second_factor_ends_with_the_password(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    let path = server.reset_path(false).await;
    let set = server.post(&path).same_origin().form(&[("password", OTHER_PASSWORD)]).send().await;
    assert_eq!(set.status, 303);
    let code = totp_code(SECRET, server.clock.now());
    let response = server
        .post("/sign-in/second-factor")
        .same_origin()
        .with(&pending)
        .form(&[("code", &code)])
        .send()
        .await;
    assert!(response.header("location").starts_with("/sign-in?"), "{}", response.status);
}

#[apply(on_both_engines!)]
async fn a_reset_link_removes_the_second_factor_only_when_it_is_used(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let path = server.reset_path(true).await;
    assert!(
        server.sign_in(EMAIL, PASSWORD, "").await.header("location").starts_with("/sign-in/second-factor")
    );
    let set = server.post(&path).same_origin().form(&[("password", OTHER_PASSWORD)]).send().await;
    assert_eq!(set.status, 303);
    let signed = server.sign_in(EMAIL, OTHER_PASSWORD, "").await;
    assert_eq!(signed.entered(), "/settings/profile");
}
