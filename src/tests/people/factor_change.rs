//! Turning the second factor on and off.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, PASSWORD, SECRET, Server, on_both_engines};
use crate::accounts::server::totp_code;
use crate::platform::db::Engine;

const ON: &str = "/settings/profile/second-factor";
const OFF: &str = "/settings/profile/second-factor/off";
const CODES: &str = "/settings/profile/recovery-codes";
const FILE: &str = "/settings/profile/recovery-codes/file";

#[apply(on_both_engines!)]
async fn turning_the_second_factor_on_ends_the_other_sessions(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let (here, other) = (server.session_of(&alice).await, server.session_of(&alice).await);
    // A sign-in that has passed the password check, but whose session begins after the change.
    let late = server.person(EMAIL, "Alice Marsh", None).await;
    let code = totp_code(SECRET, server.clock.now());
    let fields = [("secret", SECRET), ("code", code.as_str()), ("password", PASSWORD)];
    let on = server.submit(&here, ON, &fields).await;
    assert_eq!(on.status, 200, "{}", on.text());
    assert!(server.is_signed_in(&here).await && !server.is_signed_in(&other).await);
    let begun_late = server.session_of(&late).await;
    assert!(!server.is_signed_in(&begun_late).await, "only the password was checked");
    assert_eq!(server.count("SELECT count(*) FROM users JOIN second_factors ON user_id = id").await, 1);
}

#[apply(on_both_engines!)]
async fn turning_the_second_factor_off_requires_the_password_and_a_code(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let here = server.session_of(&alice).await;
    assert!(server.page(&here, OFF).await.contains("name=\"code\""));
    let factors = "SELECT count(*) FROM second_factors";
    let right = totp_code(SECRET, server.clock.now());
    let send = |path: &'static str, password: &'static str, code: String| {
        let fields = [("password", password), ("code", code.as_str())];
        server.submit(&here, path, &fields)
    };
    for path in [OFF, CODES] {
        let without = server.submit(&here, path, &[("password", PASSWORD)]).await;
        assert!(
            without.status == 422 && without.text().contains("code is wrong"),
            "{path}: {}",
            without.text()
        );
        assert_eq!(send(path, PASSWORD, "000000".to_owned()).await.status, 422);
        let wrong = send(path, "not the password", right.clone()).await;
        assert!(wrong.status == 422 && wrong.text().contains("not your password"), "{path}");
    }
    assert_eq!(
        (server.count(factors).await, server.count("SELECT count(*) FROM recovery_codes").await),
        (1, 0)
    );
    assert_eq!(send(CODES, PASSWORD, right.clone()).await.status, 200);
    let replayed = send(OFF, PASSWORD, right).await;
    assert!(replayed.status == 422 && replayed.text().contains("used already"), "a code works once");
    server.clock.advance(Duration::from_secs(30));
    let next = totp_code(SECRET, server.clock.now());
    assert_eq!(send(OFF, PASSWORD, next).await.status, 303);
    assert_eq!(server.count(factors).await, 0);
    assert!(server.is_signed_in(&here).await);
}

#[apply(on_both_engines!)]
async fn a_recovery_code_can_turn_the_second_factor_off(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let here = server.session_of(&alice).await;
    let code = totp_code(SECRET, server.clock.now());
    let shown = server.submit(&here, CODES, &[("password", PASSWORD), ("code", &code)]).await.text();
    let list =
        shown.split("id=\"recovery-codes\"").nth(1).expect("codes").split("</ul>").next().expect("codes");
    let first = list
        .split("<li")
        .nth(1)
        .and_then(|li| li.split('>').nth(1)?.split('<').next())
        .expect("a code")
        .trim()
        .to_owned();
    let off = server.submit(&here, OFF, &[("password", PASSWORD), ("code", &first)]).await;
    assert_eq!(off.status, 303, "{}", off.text());
    assert_eq!(server.count("SELECT count(*) FROM second_factors").await, 0);
}

#[apply(on_both_engines!)]
async fn codes_cannot_be_guessed_on_the_profile(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let here = server.session_of(&alice).await;
    let right = totp_code(SECRET, server.clock.now());
    let first: u32 = right.parse().expect("digits");
    for n in 0..10 {
        let code = format!("{:06}", (first + 1 + n) % 1_000_000);
        assert_eq!(server.submit(&here, OFF, &[("password", PASSWORD), ("code", &code)]).await.status, 422);
    }
    assert_eq!(server.submit(&here, OFF, &[("password", PASSWORD), ("code", &right)]).await.status, 429);
    assert_eq!(server.count("SELECT count(*) FROM second_factors").await, 1);
}

#[apply(on_both_engines!)]
async fn recovery_codes_are_downloaded_from_their_page(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let here = server.session_of(&alice).await;
    let code = totp_code(SECRET, server.clock.now());
    let page = server.submit(&here, CODES, &[("password", PASSWORD), ("code", &code)]).await.text();
    let codes = page.split("name=\"codes\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let codes = codes.expect("the form's codes");
    assert_eq!(codes.split(' ').count(), 10);
    let initial = server.everything().await;
    let file = server.submit(&here, FILE, &[("codes", codes)]).await;
    assert_eq!((file.status.as_u16(), file.header("cache-control")), (200, "no-store"));
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
    assert!(file.header("content-disposition").starts_with("attachment;"));
    let text = file.text();
    assert!(text.contains(EMAIL) && codes.split(' ').all(|code| text.lines().any(|line| line == code)));
    // The file has nothing but codes, so that a form of another page cannot put a text into it.
    let many = vec!["abcde-fghjk-mnpqr-23456"; 21].join(" ");
    for other in
        ["", "hello", "abcde-fghjk-mnpqr", "abcde-fghjk-mnpqr-2345 6", "ABCDE-fghjk-mnpqr-23456", &many]
    {
        let response = server.submit(&here, FILE, &[("codes", other)]).await;
        assert_eq!(response.header("location"), "/settings/profile", "{other}");
    }
    assert_eq!(server.everything().await, initial, "nothing is stored");
}

#[apply(on_both_engines!)]
async fn phones_open_the_authenticator_from_the_page(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let page = server.page(&server.session_of(&alice).await, ON).await;
    let secret = page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let link = page.split("href=\"otpauth://totp/").nth(1).and_then(|rest| rest.split('"').next());
    let link = link.expect("a link");
    assert!(link.contains(&format!("secret={}", secret.expect("a secret"))), "{link}");
    assert!(page.contains("Open in an authenticator app"));
}
