//! First run, sign-in, sessions, second factor, profile: as forms and cookies, on both engines.

use std::time::Duration;

use super::harness::{Answer, PUBLIC_URL, Server, on_both_engines};
use super::personas::{PASSWORD, Persona};
use crate::accounts::server::{new_setup_link, print_reset_link, set_enabled, totp_code};
use crate::shared::Role;

const EMAIL: &str = "alice@tidewater.example";

impl Server {
    async fn alice(&self) -> crate::accounts::server::Person {
        let alice = self.person(EMAIL, "Alice Marsh", Some(PASSWORD)).await;
        self.join(&alice, "Tidewater Freight", Role::Owner).await;
        alice
    }

    async fn sign_in(&self, email: &str, password: &str, cookies: &str) -> Answer {
        let fields = [("email", email), ("password", password), ("next", "/settings/profile")];
        self.post("/sign-in").same_origin().with(cookies).form(&fields).send().await
    }

    async fn profile(&self, cookies: &str) -> Answer {
        self.get("/settings/profile").browser().with(cookies).send().await
    }

    async fn is_signed_in(&self, cookies: &str) -> bool {
        self.profile(cookies).await.status == 200
    }
}

fn setup_form<'a>(link: &'a str, email: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("link", link),
        ("name", "Alice Marsh"),
        ("email", email),
        ("password", PASSWORD),
        ("organization", "Tidewater Freight"),
    ]
}

async fn setup_token(server: &Server) -> String {
    let link = new_setup_link(&server.app).await.expect("an answer").expect("nobody has an account");
    link.split("link=").nth(1).expect("a token").to_owned()
}

on_both_engines! {
    async fn the_first_account_is_made_by_the_printed_link_once(engine) {
        let server = Server::on(engine).await;
        let link = setup_token(&server).await;
        let page = server.get(&format!("/setup?link={link}")).browser().send().await;
        assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
        for wrong in ["/setup", "/setup?link=", "/setup?link=x", &format!("/setup?link={}x", &link[1..])] {
            assert_eq!(server.get(wrong).browser().send().await.status, 404, "{wrong}");
        }
        let made = server.post("/setup").same_origin().form(&setup_form(&link, EMAIL)).send().await;
        assert_eq!((made.status.as_u16(), made.header("location")), (303, "/"));
        assert!(server.is_signed_in(&made.cookies()).await);
        assert_eq!(server.audited().await, ["organization.created"]);
        // The page is gone, for this link and for every later one.
        assert_eq!(server.get(&format!("/setup?link={link}")).browser().send().await.status, 404);
        let again = server.post("/setup").same_origin().form(&setup_form(&link, "bob@x.example")).send().await;
        assert_eq!(again.status, 404);
        assert!(new_setup_link(&server.app).await.expect("an answer").is_none());
    }

    async fn a_setup_link_ends_and_a_newer_one_replaces_it(engine) {
        let server = Server::on(engine).await;
        let (first, second) = (setup_token(&server).await, setup_token(&server).await);
        assert_eq!(server.get(&format!("/setup?link={first}")).browser().send().await.status, 404);
        assert_eq!(server.get(&format!("/setup?link={second}")).browser().send().await.status, 200);
        server.clock.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(server.get(&format!("/setup?link={second}")).browser().send().await.status, 404);
        let late = server.post("/setup").same_origin().form(&setup_form(&second, EMAIL)).send().await;
        assert_eq!((late.status.as_u16(), server.count("SELECT count(*) FROM users").await), (404, 0));
    }

    async fn of_two_who_set_up_at_once_one_wins(engine) {
        let server = Server::on(engine).await;
        let link = setup_token(&server).await;
        let send = |email| server.post("/setup").same_origin().form(&setup_form(&link, email)).send();
        let (a, b) = tokio::join!(send("a@x.example"), send("b@x.example"));
        let mut answers = [a.status.as_u16(), b.status.as_u16()];
        answers.sort_unstable();
        assert_eq!(answers, [303, 404]);
        assert_eq!(server.count("SELECT count(*) FROM users").await, 1);
        assert_eq!(server.count("SELECT count(*) FROM organizations").await, 1);
    }

    async fn a_refused_setup_keeps_what_was_typed_and_the_link(engine) {
        let server = Server::on(engine).await;
        let link = setup_token(&server).await;
        let fields = [("link", link.as_str()), ("name", "A\u{202e}"), ("email", "alice"), ("password", "short"), ("organization", "<b>")];
        let answer = server.post("/setup").same_origin().form(&fields).send().await;
        assert_eq!(answer.status, 422);
        let page = answer.text();
        for told in ["cannot be seen", "not an email address", "at least 12 characters", "Nothing was set up", "value=\"&lt;b&gt;\""] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("short\""), "a password is never written back");
        assert_eq!(server.get(&format!("/setup?link={link}")).browser().send().await.status, 200);
    }

    async fn signing_in_opens_the_page_one_was_going_to(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        let sent_away = server.get("/settings/profile?a=1&b=%20").browser().send().await;
        assert_eq!(sent_away.status, 303);
        assert_eq!(sent_away.header("location"), "/sign-in?next=%2Fsettings%2Fprofile%3Fa%3D1%26b%3D%2520");
        let fields = [("email", " ALICE@tidewater.example "), ("password", PASSWORD), ("next", "/settings/profile?a=1&b=%20")];
        let answer = server.post("/sign-in").same_origin().form(&fields).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/settings/profile?a=1&b=%20"));
        assert!(server.is_signed_in(&answer.cookies()).await);
        for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
            let fields = [("email", EMAIL), ("password", PASSWORD), ("next", elsewhere)];
            let answer = server.post("/sign-in").same_origin().form(&fields).send().await;
            assert_eq!(answer.header("location"), "/", "{elsewhere}");
        }
    }

    async fn wrong_password_unknown_address_and_disabled_person_look_alike(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        server.person("bob@tidewater.example", "Bob", Some(PASSWORD)).await;
        set_enabled(&server.app, "bob@tidewater.example", false).await.expect("disabled");
        let strip = |answer: &Answer, email: &str| {
            let nonce = answer.header("content-security-policy").split('\'').nth(3).unwrap_or("").to_owned();
            answer.text().replace(email, "EMAIL").replace(nonce.trim_start_matches("nonce-"), "NONCE")
        };
        let wrong = server.sign_in(EMAIL, "not the password", "").await;
        let unknown = server.sign_in("nobody@tidewater.example", "not the password", "").await;
        let disabled = server.sign_in("bob@tidewater.example", PASSWORD, "").await;
        assert_eq!([wrong.status, unknown.status, disabled.status].map(|status| status.as_u16()), [422; 3]);
        assert_eq!(strip(&wrong, EMAIL), strip(&unknown, "nobody@tidewater.example"));
        assert_eq!(strip(&wrong, EMAIL), strip(&disabled, "bob@tidewater.example"));
        assert_eq!(server.audited().await, ["person.disabled", "session.refused", "session.refused", "session.refused"]);
    }

    /// Known or unknown, right or wrong, throttled or not: the work is the same, and it is one hash.
    async fn a_sign_in_costs_one_hash(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        let hashes = || async {
            let page = server.get("/metrics").from("127.0.0.1").send().await.text();
            let line = page.lines().find(|line| line.starts_with("latchkey_password_seconds_count ")).expect("a count");
            line.rsplit(' ').next().and_then(|count| count.parse::<u32>().ok()).expect("a number")
        };
        let mut before = hashes().await;
        for (email, password) in [(EMAIL, PASSWORD), (EMAIL, "a wrong password"), ("nobody@x.example", PASSWORD)] {
            server.sign_in(email, password, "").await;
            let after = hashes().await;
            assert_eq!(after - before, 1, "{email}");
            before = after;
        }
        let stored: String = sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(server.app.db.pool()).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }

    async fn the_sign_up_page_says_how_accounts_come_about(engine) {
        for (mode, told) in [("invitation", "by invitation"), ("closed", "No new accounts")] {
            let server = Server::with(engine, &[("LATCHKEY_SIGN_UP", mode)]).await;
            let page = server.get("/sign-up").browser().send().await;
            assert!(page.status == 200 && page.text().contains(told), "{mode}");
        }
    }

    async fn a_session_gets_a_new_id_at_sign_in(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        let planted = "latchkey_session=AAAAAAAAAAAAAAAAAAAAAA";
        let answer = server.sign_in(EMAIL, PASSWORD, planted).await;
        assert!(!answer.cookies().contains("AAAAAAAAAAAAAAAAAAAAAA") && server.is_signed_in(&answer.cookies()).await);
        assert!(!server.is_signed_in(planted).await);
        let again = server.sign_in(EMAIL, PASSWORD, &answer.cookies()).await;
        assert!(server.is_signed_in(&again.cookies()).await);
        assert!(!server.is_signed_in(&answer.cookies()).await, "the old id is dead");
    }

    async fn the_session_cookie_is_kept_from_scripts_and_other_sites(engine) {
        let plain = Server::on(engine).await;
        plain.alice().await;
        let set = |answer: &Answer| answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().expect("text").to_owned()).collect::<Vec<_>>();
        for line in set(&plain.sign_in(EMAIL, PASSWORD, "").await) {
            assert!(line.starts_with("latchkey_") && line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"), "{line}");
            assert!(!line.contains("Domain"), "{line}");
        }
        let secure = Server::with(engine, &[("LATCHKEY_PUBLIC_URL", "https://latchkey.test")]).await;
        secure.alice().await;
        for line in set(&secure.sign_in(EMAIL, PASSWORD, "").await) {
            assert!(line.starts_with("__Host-latchkey_") && line.contains("Secure") && line.contains("HttpOnly"), "{line}");
        }
    }

    async fn sessions_end_by_silence_by_age_and_by_signing_out(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let day = Duration::from_secs(24 * 60 * 60);
        let silent = server.session_of(&alice).await;
        server.clock.advance(7 * day - Duration::from_secs(1));
        assert!(server.is_signed_in(&silent).await, "seen just in time");
        server.clock.advance(7 * day);
        assert!(!server.is_signed_in(&silent).await, "a week of silence");
        let aged = server.session_of(&alice).await;
        for _ in 0..29 {
            server.clock.advance(day);
            assert!(server.is_signed_in(&aged).await);
        }
        server.clock.advance(day);
        assert!(!server.is_signed_in(&aged).await, "thirty days are the end");
        let left = server.session_of(&alice).await;
        let out = server.post("/sign-out").same_origin().with(&left).send().await;
        assert_eq!((out.status.as_u16(), out.header("location")), (303, "/sign-in"));
        assert!(!server.is_signed_in(&left).await);
        assert_eq!(server.audited().await, ["session.ended"]);
        crate::ui::server::routes::sweep(&server.app).await.expect("a sweep");
        assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
    }

    async fn a_session_that_was_ended_is_not_saved_back(engine) {
        use tower_sessions::SessionStore as _;
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let cookie = server.session_of(&alice).await;
        let id = cookie.split('=').nth(1).expect("an id").parse().expect("an id");
        let store = crate::accounts::server::SessionStore::new(&server.app);
        let record = store.load(&id).await.expect("an answer").expect("a session");
        set_enabled(&server.app, EMAIL, false).await.expect("disabled");
        set_enabled(&server.app, EMAIL, true).await.expect("enabled");
        store.save(&record).await.expect("saving is no error");
        assert!(!server.is_signed_in(&cookie).await);
        assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
    }

    async fn seeing_a_session_is_written_at_most_once_a_minute(engine) {
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

    async fn disabling_and_password_change_end_sessions(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let (here, there) = (server.session_of(&alice).await, server.session_of(&alice).await);
        let path = "/settings/profile/password";
        let change = |present: &'static str, new: &'static str| {
            server.post(path).same_origin().with(&here).form(&[("present", present), ("new", new)]).send()
        };
        let wrong = change("not the password", "several unrelated words here").await;
        assert!(wrong.status == 422 && wrong.text().contains("not your present password"));
        let easy = change(PASSWORD, "password1234").await;
        assert!(easy.status == 422 && easy.text().contains("attackers try first"), "{}", easy.text());
        assert!(server.is_signed_in(&there).await);
        assert_eq!(change(PASSWORD, "several unrelated words here").await.status, 303);
        assert!(server.is_signed_in(&here).await && !server.is_signed_in(&there).await);
        assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.status, 422);
        set_enabled(&server.app, EMAIL, false).await.expect("disabled");
        assert!(!server.is_signed_in(&here).await);
        set_enabled(&server.app, EMAIL, true).await.expect("enabled");
        assert!(!server.is_signed_in(&here).await, "enabling does not bring sessions back");
    }

    async fn the_profile_lists_sessions_and_ends_them(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let (here, there, third) = (server.session_of(&alice).await, server.session_of(&alice).await, server.session_of(&alice).await);
        let page = server.profile(&here).await.text();
        assert_eq!(page.matches("Firefox on Linux").count(), 3, "{page}");
        assert_eq!(page.matches("This browser").count(), 1);
        for cookie in [&here, &there, &third] {
            assert!(!page.contains(cookie.split('=').nth(1).expect("an id")), "an id is in the page");
        }
        let fingerprint = crate::platform::Secret::new(there.split('=').nth(1).expect("an id")).fingerprint();
        let end = |fields: Vec<(&'static str, String)>| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            server.post("/settings/profile/sessions").same_origin().with(&here).form(&fields).send()
        };
        assert_eq!(end(vec![("session", fingerprint)]).await.status, 303);
        assert!(!server.is_signed_in(&there).await && server.is_signed_in(&third).await);
        assert_eq!(end(vec![("session", "none of hers".to_owned())]).await.status, 303);
        assert!(server.is_signed_in(&third).await);
        assert_eq!(end(vec![]).await.status, 303);
        assert!(!server.is_signed_in(&third).await && server.is_signed_in(&here).await);
        assert_eq!(server.audited().await, ["session.ended", "sessions.ended"]);
    }

    async fn nobody_ends_another_persons_session(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let hers = server.session_of(&alice).await;
        let other = server.sign_in_as(Persona::Stranger).await;
        let fingerprint = crate::platform::Secret::new(hers.split('=').nth(1).expect("an id")).fingerprint();
        let call = server.post("/settings/profile/sessions").same_origin().with(&other);
        assert_eq!(call.form(&[("session", &fingerprint)]).send().await.status, 303);
        assert!(server.is_signed_in(&hers).await);
    }

    async fn a_second_factor_is_set_up_asked_for_and_turned_off(engine) {
        let server = &Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        let path = "/settings/profile/second-factor";
        let page = server.get(path).browser().with(&here).send().await.text();
        let secret = page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a secret").to_owned();
        let code = totp_code(&secret, server.clock.now());
        let turn_on = |code: String, password: &'static str| {
            let fields = [("secret", secret.as_str()), ("code", &code), ("password", password)];
            server.post(path).same_origin().with(&here).form(&fields).send()
        };
        assert!(turn_on("000000".to_owned(), PASSWORD).await.text().contains("code is wrong"));
        assert!(turn_on(code.clone(), "not the password").await.text().contains("not your password"));
        let on = turn_on(code.clone(), PASSWORD).await;
        assert_eq!(on.status, 200);
        let page = on.text();
        let shown = page.split("id=\"recovery-codes\"").nth(1).expect("codes").split("</ul>").next().expect("codes");
        let recovery: Vec<String> = shown.split("<li").skip(1).filter_map(|li| Some(li.split('>').nth(1)?.split('<').next()?.to_owned())).collect();
        assert_eq!(recovery.len(), 10, "{shown}");

        let begin = || async {
            let answer = server.sign_in(EMAIL, PASSWORD, "").await;
            assert_eq!(answer.header("location"), "/sign-in/second-factor?next=%2Fsettings%2Fprofile");
            assert!(!server.is_signed_in(&answer.cookies()).await, "the password alone opens nothing");
            answer.cookies()
        };
        let finish = |cookies: String, code: String| async move {
            let fields = [("code", code.as_str()), ("next", "/settings/profile")];
            server.post("/sign-in/second-factor").same_origin().with(&cookies).form(&fields).send().await
        };
        let pending = begin().await;
        let replayed = finish(pending.clone(), code.clone()).await;
        assert!(replayed.status == 422 && replayed.text().contains("used already"), "the set-up's code is spent");
        server.clock.advance(Duration::from_secs(30));
        let done = finish(pending.clone(), totp_code(&secret, server.clock.now())).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/settings/profile"));
        assert!(server.is_signed_in(&done.cookies()).await && !server.is_signed_in(&pending).await);

        let typed = recovery[0].replace('-', " ").to_uppercase();
        let by_recovery = finish(begin().await, typed.clone()).await;
        assert!(server.is_signed_in(&by_recovery.cookies()).await);
        assert_eq!(finish(begin().await, typed).await.status, 422, "a recovery code is good once");
        let late = begin().await;
        server.clock.advance(Duration::from_secs(601));
        assert_eq!(finish(late, totp_code(&secret, server.clock.now())).await.header("location"), "/sign-in?next=%2Fsettings%2Fprofile");

        let off = server.post("/settings/profile/second-factor/off").same_origin().with(&here);
        assert_eq!(off.form(&[("password", PASSWORD)]).send().await.status, 303);
        assert!(server.is_signed_in(&server.sign_in(EMAIL, PASSWORD, "").await.cookies()).await);
        assert_eq!(server.count("SELECT count(*) FROM recovery_codes").await, 0);
        let mut rows = server.audited().await;
        rows.sort();
        assert_eq!(rows, ["password.refused", "second_factor.added", "second_factor.removed", "session.refused", "session.refused", "session.started", "session.started", "session.started"]);
    }

    async fn second_factors_cannot_be_guessed(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        sqlx::query("INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, 0, 0)")
            .bind(alice.id.as_str()).bind(secret).execute(server.app.db.pool()).await.expect("a factor");
        let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
        let tries = |code: String| server.post("/sign-in/second-factor").same_origin().with(&pending).form(&[("code", code.as_str())]).send();
        let right = totp_code(secret, server.clock.now());
        for n in 0..10 {
            let wrong = format!("{:06}", (right.parse::<u32>().expect("digits") + 1 + n) % 1_000_000);
            assert_eq!(tries(wrong).await.status, 422);
        }
        assert_eq!(tries(right).await.status, 429, "the right code comes too late");
    }

    async fn guessing_is_slowed_and_the_owner_is_not_locked_out(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        let known = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
        let from = |address: &'static str, password: &'static str, cookies: &str| {
            server.post("/sign-in").same_origin().from(address).with(cookies)
                .form(&[("email", EMAIL), ("password", password)]).send()
        };
        for _ in 0..10 {
            assert_eq!(from("198.51.100.1", "a wrong password", "").await.status, 422);
        }
        let slowed = from("198.51.100.1", PASSWORD, "").await;
        assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "900"));
        assert!(slowed.text().contains("Wait 15 minutes"));
        // On the attacker's own address the owner's browser is free, and on another device she is free elsewhere.
        assert_eq!(from("198.51.100.1", PASSWORD, &known).await.status, 303);
        assert_eq!(from("203.0.113.99", PASSWORD, "").await.status, 303);
        // A whole address is slowed, but not a browser there that is known.
        for n in 0..30 {
            let fields = [("email", format!("nobody{n}@x.example")), ("password", "a wrong password".to_owned())];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            server.post("/sign-in").same_origin().from("203.0.113.50").form(&fields).send().await;
        }
        assert_eq!(from("203.0.113.50", PASSWORD, "").await.status, 429);
        assert_eq!(from("203.0.113.50", PASSWORD, &known).await.status, 303);
        server.clock.advance(Duration::from_secs(900));
        assert_eq!(from("198.51.100.1", PASSWORD, "").await.status, 303);
        let slowed = server.audited().await.into_iter().filter(|action| action == "attempts.slowed").count();
        assert_eq!(slowed, 2, "one row a window");
    }

    /// The password was checked before the change, the session begins after it.
    async fn a_proof_from_before_a_change_counts_no_more(engine) {
        use crate::accounts::server::{Person, find_person};
        let server = &Server::on(engine).await;
        let alice: Person = server.alice().await;
        let here = server.session_of(&alice).await;
        let fields = [("present", PASSWORD), ("new", "several unrelated words here")];
        let change = server.post("/settings/profile/password").same_origin().with(&here).form(&fields).send().await;
        assert_eq!(change.status, 303);
        assert!(server.is_signed_in(&here).await, "the session that changed it goes on");
        let late = server.session_of(&alice).await;
        assert!(!server.is_signed_in(&late).await, "begun with the old proof");
        let now = find_person(&server.app, &alice.id).await.expect("an answer").expect("Alice");
        assert!(server.is_signed_in(&server.session_of(&now).await).await);
        set_enabled(&server.app, EMAIL, false).await.expect("disabled");
        set_enabled(&server.app, EMAIL, true).await.expect("enabled");
        assert!(!server.is_signed_in(&server.session_of(&now).await).await, "proven before being disabled");
    }

    async fn a_pending_second_factor_ends_with_the_password(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        sqlx::query("INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, 0, 0)")
            .bind(alice.id.as_str()).bind(secret).execute(server.app.db.pool()).await.expect("a factor");
        let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
        let link = print_reset_link(&server.app, EMAIL, false).await.expect("an answer").expect("a link");
        let path = link.strip_prefix(PUBLIC_URL).expect("our address");
        let set = server.post(path).same_origin().form(&[("password", "several unrelated words here")]).send().await;
        assert_eq!(set.status, 303);
        let code = totp_code(secret, server.clock.now());
        let answer = server.post("/sign-in/second-factor").same_origin().with(&pending).form(&[("code", &code)]).send().await;
        assert!(answer.header("location").starts_with("/sign-in?"), "{}", answer.status);
    }

    async fn of_two_changes_with_one_password_one_happens(engine) {
        let server = &Server::on(engine).await;
        let alice = server.alice().await;
        let (a, b) = (server.session_of(&alice).await, server.session_of(&alice).await);
        let change = |cookies: String, new: &'static str| async move {
            let fields = [("present", PASSWORD), ("new", new)];
            let call = server.post("/settings/profile/password").same_origin().with(&cookies);
            call.form(&fields).send().await.status.as_u16()
        };
        let (first, second) =
            tokio::join!(change(a, "several unrelated words here"), change(b, "other unrelated words there"));
        let won = [first, second].iter().filter(|status| **status == 303).count();
        assert_eq!(won, 1, "{first} {second}");
        let changed = server.audited().await.into_iter().filter(|action| action == "password.changed").count();
        assert_eq!(changed, 1);
    }

    async fn a_lost_second_factor_goes_when_the_link_is_used_and_not_before(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        sqlx::query("INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 0, 0)")
            .bind(alice.id.as_str()).execute(server.app.db.pool()).await.expect("a factor");
        let link = print_reset_link(&server.app, EMAIL, true).await.expect("an answer").expect("a link");
        assert!(server.sign_in(EMAIL, PASSWORD, "").await.header("location").starts_with("/sign-in/second-factor"));
        let path = link.strip_prefix(PUBLIC_URL).expect("our address");
        let set = server.post(path).same_origin().form(&[("password", "several unrelated words here")]).send().await;
        assert_eq!(set.status, 303);
        let signed = server.sign_in(EMAIL, "several unrelated words here", "").await;
        assert_eq!(signed.header("location"), "/settings/profile");
    }

    async fn refusals_of_sensitive_actions_are_events(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        let wrong = [("present", "not the password"), ("new", "several unrelated words here")];
        server.post("/settings/profile/password").same_origin().with(&here).form(&wrong).send().await;
        server.post("/setup").same_origin().form(&setup_form("none", "m@x.example")).send().await;
        server.post("/reset/none").same_origin().form(&[("password", "several unrelated words here")]).send().await;
        assert_eq!(server.audited().await, ["password.refused", "setup.refused", "password.reset_refused"]);
    }

    async fn a_person_has_a_bounded_number_of_sessions_and_browsers(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        for _ in 0..105 {
            server.session_of(&alice).await;
        }
        assert_eq!(server.count("SELECT count(*) FROM sessions").await, 100);
        for _ in 0..25 {
            let token = crate::accounts::server::remember_browser(&server.app, &alice, None).await.expect("an answer");
            assert!(token.is_some());
        }
        assert_eq!(server.count("SELECT count(*) FROM known_browsers").await, 20);
    }

    async fn a_reset_link_works_once_and_within_an_hour(engine) {
        let server = &Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        assert!(print_reset_link(&server.app, "nobody@x.example", false).await.expect("an answer").is_none());
        let link = || async {
            let link = print_reset_link(&server.app, EMAIL, false).await.expect("an answer").expect("a link");
            link.strip_prefix(PUBLIC_URL).expect("our address").to_owned()
        };
        let (old, new) = (link().await, link().await);
        assert_eq!(server.get(&old).browser().send().await.status, 410, "replaced by the newer one");
        assert_eq!(server.get(&new).browser().send().await.status, 200);
        assert!(server.is_signed_in(&here).await, "making a link changes nothing yet");
        let set = |link: String, password: &'static str| async move {
            server.post(&link).same_origin().form(&[("password", password)]).send().await
        };
        assert_eq!(set(new.clone(), "Alice Marsh 12").await.status, 422);
        assert_eq!(set(new.clone(), "several unrelated words here").await.status, 303);
        assert!(!server.is_signed_in(&here).await);
        assert_eq!(set(new, "other unrelated words there").await.status, 410);
        assert_eq!(server.sign_in(EMAIL, "several unrelated words here", "").await.status, 303);
        let late = link().await;
        server.clock.advance(Duration::from_secs(3_600));
        assert_eq!(server.get(&late).browser().send().await.status, 410);
    }

    async fn names_are_changed_with_an_audit_row(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        let rename = |name: &'static str| server.post("/settings/profile").same_origin().with(&here).form(&[("name", name)]).send();
        assert_eq!(rename("  Алиса 👩 Марш ").await.status, 303);
        let page = server.profile(&here).await.text();
        assert!(page.contains("Алиса 👩 Марш") && page.contains("Name saved."));
        assert!(!server.profile(&here).await.text().contains("Name saved."), "said once");
        for wrong in ["", "\0", "a\u{202e}b"] {
            assert_eq!(rename(wrong).await.status, 422, "{wrong:?}");
        }
        assert_eq!(rename(Box::leak("x".repeat(10_240).into_boxed_str())).await.status, 422);
        assert_eq!(rename("Алиса 👩 Марш").await.status, 303);
        assert_eq!(server.audited().await, ["person.renamed"], "what changes nothing is no event");
    }

    async fn hostile_form_values_never_fail_the_server(engine) {
        let server = Server::on(engine).await;
        server.alice().await;
        let long = "x".repeat(10_240);
        for (email, password) in [("", ""), ("\0", "\0"), (long.as_str(), long.as_str()), ("👩@🏠", "🗝️"), ("' OR 1=1 --", "' OR 1=1 --"), ("a\u{202e}@b", "x")] {
            assert_eq!(server.sign_in(email, password, "").await.status, 422, "{email:?}");
        }
        for body in ["", "email=x", "password", "password=%ff%fe", "a=b&password=x&password=y", "password=x&next=//evil"] {
            let call = server.post("/sign-in").same_origin().header("content-type", "application/x-www-form-urlencoded");
            assert!(call.body(body).send().await.status.is_client_error(), "{body}");
        }
        let json = server.post("/sign-in").same_origin().header("content-type", "application/json").body("{}").send().await;
        assert_eq!(json.status, 415);
    }

    async fn a_failing_audit_row_undoes_the_change(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        sqlx::query("ALTER TABLE audit RENAME TO audit_away").execute(server.app.db.pool()).await.expect("away");
        let rename = server.post("/settings/profile").same_origin().with(&here).form(&[("name", "Mallory")]).send().await;
        assert_eq!(rename.status, 500);
        let change = [("present", PASSWORD), ("new", "several unrelated words here")];
        let change = server.post("/settings/profile/password").same_origin().with(&here).form(&change).send().await;
        assert_eq!(change.status, 500);
        sqlx::query("ALTER TABLE audit_away RENAME TO audit").execute(server.app.db.pool()).await.expect("back");
        assert!(server.profile(&here).await.text().contains("Alice Marsh"));
        assert_eq!(server.sign_in(EMAIL, PASSWORD, "").await.status, 303);
    }

    async fn callers_cannot_choose_whom_they_act_as(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let bob = server.person("bob@tidewater.example", "Bob", None).await;
        let here = server.session_of(&alice).await;
        let mut fields = vec![("name", "Renamed")];
        for injected in ["id", "user", "user_id", "person", "org_id", "org", "role", "created_by", "email"] {
            fields.push((injected, bob.id.as_str()));
        }
        assert_eq!(server.post("/settings/profile").same_origin().with(&here).form(&fields).send().await.status, 303);
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM users ORDER BY email_key").fetch_all(server.app.db.pool()).await.expect("names");
        assert_eq!(names, ["Renamed", "Bob"]);
        let role: String = sqlx::query_scalar("SELECT role FROM memberships").fetch_one(server.app.db.pool()).await.expect("a role");
        assert_eq!(role, "owner");
    }

    async fn one_switches_only_to_ones_own_organizations(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        server.clock.advance(Duration::from_secs(1));
        let second = server.join(&alice, "Nair Consulting", Role::Viewer).await;
        let foreign = server.organization("Somebody Else").await;
        let here = server.session_of(&alice).await;
        assert!(server.profile(&here).await.text().contains("You are an owner"));
        let switch = |org: String, back: &'static str| {
            server.post("/switch-organization").same_origin().with(&here).form(&[("organization", org.as_str()), ("back", back)]).send()
        };
        let done = switch(second.to_string(), "/settings/profile").await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/settings/profile"));
        assert!(server.profile(&here).await.text().contains("You are a viewer"));
        assert_eq!(switch(foreign.to_string(), "/").await.status, 404);
        assert_eq!(switch("nonsense".to_owned(), "/").await.status, 404);
        assert_eq!(switch(second.to_string(), "//evil.example").await.header("location"), "/");
    }

    async fn who_makes_an_organization_owns_it_and_works_in_it(engine) {
        let server = Server::on(engine).await;
        let here = server.sign_in_as(Persona::Viewer).await;
        assert!(server.profile(&here).await.text().contains("You are a viewer"));
        let make = |name: &'static str| {
            server.post("/organizations/new").same_origin().with(&here).form(&[("name", name)]).send()
        };
        assert_eq!(make(" ").await.status, 422);
        assert_eq!(make("Nair Consulting").await.status, 303);
        let page = server.profile(&here).await.text();
        assert!(page.contains("You are an owner") && page.contains("Nair Consulting") && page.contains("Tidewater Freight"));
        assert_eq!(server.audited().await, ["organization.created"]);
    }

    async fn a_form_for_another_organization_changes_nothing_and_offers_to_switch(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let tidewater = server.organization("Tidewater Freight").await;
        server.clock.advance(Duration::from_secs(1));
        let nair = server.join(&alice, "Nair Consulting", Role::Owner).await;
        let foreign = server.organization("Somebody Else").await;
        let here = server.session_of(&alice).await;
        let rename = |org: String| {
            let fields = [("org", org.as_str()), ("name", "Renamed")];
            server.post("/settings/organization").same_origin().with(&here).form(&fields).send()
        };
        let meant = rename(nair.to_string()).await;
        assert_eq!(meant.status, 409);
        let page = meant.text();
        assert!(page.contains("made for Nair Consulting") && page.contains("Switch to Nair Consulting"), "{page}");
        let strange = rename(foreign.to_string()).await;
        assert!(strange.status == 409 && !strange.text().contains("Somebody Else"), "names of others stay theirs");
        assert_eq!(server.count("SELECT count(*) FROM organizations WHERE name = 'Renamed'").await, 0);
        assert_eq!(server.audited().await.len(), 0);
        assert_eq!(rename(tidewater.to_string()).await.status, 303);
        assert_eq!(server.count("SELECT count(*) FROM organizations WHERE name = 'Renamed'").await, 1);
        assert_eq!(server.audited().await, ["organization.renamed"]);
    }

    async fn without_an_organization_one_can_only_sign_out(engine) {
        let server = Server::on(engine).await;
        let loner = server.person("loner@x.example", "Loner", None).await;
        let here = server.session_of(&loner).await;
        let page = server.profile(&here).await;
        assert_eq!(page.status, 403);
        assert!(page.text().contains("belong to no organization") && page.text().contains("action=\"/sign-out\""));
    }

    /// Known secrets of every kind are nowhere in the database; the same search finds a planted one.
    async fn no_secret_is_kept_in_the_clear(engine) {
        let server = Server::on(engine).await;
        let setup = setup_token(&server).await;
        let signed = server.post("/setup").same_origin().form(&setup_form(&setup, EMAIL)).send().await;
        let reset = print_reset_link(&server.app, EMAIL, false).await.expect("an answer").expect("a link");
        let mut secrets = vec![PASSWORD.to_owned(), setup, reset.rsplit('/').next().expect("a token").to_owned()];
        secrets.extend(signed.cookies().split("; ").filter_map(|pair| pair.split('=').nth(1)).map(str::to_owned));
        assert_eq!(secrets.len(), 5, "password, two links, session, browser");
        let everything = server.everything().await;
        for secret in &secrets {
            assert!(!everything.contains(secret.as_str()), "{secret} is in the database");
        }
        sqlx::query("UPDATE users SET name = $1").bind(&secrets[3]).execute(server.app.db.pool()).await.expect("planted");
        assert!(server.everything().await.contains(&secrets[3]), "the search finds what is there");
    }

    async fn old_audit_rows_go_only_when_the_configuration_says_so(engine) {
        let server = Server::on(engine).await;
        let alice = server.alice().await;
        let here = server.session_of(&alice).await;
        server.post("/settings/profile").same_origin().with(&here).form(&[("name", "Al")]).send().await;
        server.clock.advance(Duration::from_secs(400 * 24 * 60 * 60));
        crate::ui::server::routes::sweep(&server.app).await.expect("a sweep");
        assert_eq!(server.audited().await.len(), 1);
        let keep = Some(Duration::from_secs(365 * 24 * 60 * 60));
        assert_eq!(crate::audit::sweep(&server.app, keep).await.expect("a sweep"), 1);
        assert_eq!(server.audited().await.len(), 0);
    }
}

impl Server {
    /// All that the tables hold, as one text.
    pub async fn everything(&self) -> String {
        let mut all = String::new();
        for (table, columns) in [
            ("users", "id || email || email_key || name || coalesce(password_hash, '')"),
            ("second_factors", "user_id"),
            ("recovery_codes", "user_id || code_hash"),
            ("links", "token_hash || purpose || coalesce(user_id, '')"),
            ("known_browsers", "token_hash || user_id"),
            ("sessions", "id_hash || coalesce(user_id, '') || data || address || user_agent"),
            ("organizations", "id || name || plan"),
            ("memberships", "org_id || user_id || role"),
            (
                "audit",
                "id || coalesce(org_id, '') || actor_kind || actor_id || actor_name || action || target_kind || target_id || target_name || address || user_agent || request_id || details",
            ),
        ] {
            let text = crate::platform::db::sql(format!("SELECT {columns} FROM {table}"));
            let rows: Vec<String> =
                sqlx::query_scalar(text).fetch_all(self.app.db.pool()).await.expect("rows");
            all.extend(rows);
        }
        all
    }
}

#[tokio::test]
async fn a_session_is_found_by_one_indexed_read() {
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
