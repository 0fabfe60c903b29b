//! Tests of refusals in the audit log: repeated refusals of strangers, people or keys write at most one row a minute, and no count is
//! lost.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::harness::{Server, TestDatabase, TestResponse, on_both_engines};
use super::people::{EMAIL, OTHER_PASSWORD, SECRET, setup_form};
use super::personas::{PASSWORD, Persona, visit};
use crate::audit::{self, By, Event};
use crate::platform::db::{self, Engine, Opener};
use crate::server;

const OPEN: &[(&str, &str)] = &[
    ("LATCHKEY_SMTP_URL", "smtp://127.0.0.1:9"),
    ("LATCHKEY_MAIL_FROM", "Latchkey <keys@tidewater.example>"),
    ("LATCHKEY_SIGN_UP", "open"),
];
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Server {
    /// The rows of refusals: the action, and the number of refusals.
    async fn refusals(&self) -> Vec<(String, i64)> {
        sqlx::query_as("SELECT action, times FROM audit WHERE times > 0 ORDER BY at, action, times")
            .fetch_all(self.app.db.pool())
            .await
            .expect("rows")
    }

    async fn refusals_written_after(&self, time: Duration) -> Vec<(String, i64)> {
        self.clock.advance(time);
        audit::flush_refusals(&self.app, false).await.expect("a flush");
        self.refusals().await
    }

    /// Posts the forms of four links that do not exist.
    async fn knock(&self, from: &str) {
        let setup = setup_form("none", "mallory@x.example");
        for (path, fields) in [
            ("/invite/none", &[("name", "Mallory"), ("password", PASSWORD)][..]),
            ("/reset/none", &[("password", OTHER_PASSWORD)]),
            ("/setup", &setup),
            ("/sign-up/none", &[("name", "Mallory"), ("password", PASSWORD), ("organization", "M")]),
        ] {
            let response = self.post(path).same_origin().from(from).form(fields).send().await;
            assert!(response.status.is_client_error(), "{path}: {}", response.status);
        }
    }

    async fn page_of_log(&self, cookies: &str) -> TestResponse {
        self.get("/settings/audit-log").browser().with(cookies).send().await
    }
}

fn stranger(address: IpAddr) -> By {
    let mut visit = visit();
    visit.address = address;
    By::stranger(&visit)
}

#[apply(on_both_engines!)]
async fn strangers_write_one_row_a_minute_for_each_kind(engine: Engine) {
    let server = Server::with(engine, OPEN).await;
    for _ in 0..50 {
        server.knock("203.0.113.7").await;
    }
    let kinds = ["invitation.refused", "password.reset_refused", "setup.refused", "sign_up.refused"];
    let once = |times: i64| kinds.map(|kind| (kind.to_owned(), times)).to_vec();
    assert_eq!(server.refusals().await, once(1));
    assert_eq!(server.refusals_written_after(MINUTE - Duration::from_millis(1)).await, once(1));
    assert_eq!(server.refusals_written_after(Duration::from_millis(1)).await[4..], once(49), "in one row");
    // Those of the next minute come with the first one after it, or with the flush.
    server.knock("203.0.113.7").await;
    assert_eq!(server.refusals_written_after(MINUTE).await[8..], once(1));
    assert_eq!(server.refusals_written_after(MINUTE).await.len(), 12, "nothing more happened");
    server.knock("203.0.113.7").await;
    assert_eq!(server.refusals().await[12..], once(1), "the first after a rest is written at once");
}

#[apply(on_both_engines!)]
async fn neighbours_in_one_ipv6_network_are_one_source(engine: Engine) {
    let server = Server::with(engine, OPEN).await;
    for n in 1..=20 {
        server.knock(&format!("2001:db8::{n:x}")).await;
    }
    server.knock("2001:db8:0:1::1").await;
    assert_eq!(server.refusals().await.len(), 8, "two networks, four kinds");
}

#[apply(on_both_engines!)]
async fn ten_thousand_addresses_share_few_rows(engine: Engine) {
    let server = Server::on(engine).await;
    let refuse = async |n: u128, action: &'static str| {
        let address = IpAddr::V6(Ipv6Addr::from((0x2001_0db8 << 96) | (n << 64)));
        audit::record_refusal(&server.app, &stranger(address), Event::new(action)).await.expect("recorded");
    };
    for n in 0..10_000 {
        refuse(n, if n % 10 == 0 { "setup.refused" } else { "invitation.refused" }).await;
    }
    let first = server.refusals().await;
    assert!(first.len() <= 100, "{} rows at once", first.len());
    let all = server.refusals_written_after(MINUTE).await;
    assert!(all.len() <= first.len() + 2, "a row for each kind: {:?}", &all[first.len()..]);
    assert_eq!(all.iter().map(|(_, times)| times).sum::<i64>(), 10_000, "all are counted");
    // While it lasts, there are a few rows a minute.
    for _ in 0..10 {
        for n in 20_000..21_000 {
            refuse(n, "setup.refused").await;
        }
        server.refusals_written_after(MINUTE).await;
    }
    let later = server.refusals_written_after(MINUTE).await;
    assert!(later.len() <= all.len() + 11 * 20, "{} rows", later.len());
    assert_eq!(later.iter().map(|(_, times)| times).sum::<i64>(), 20_000, "all are counted");
}

#[apply(on_both_engines!)]
async fn a_viewer_and_its_key_repeat_themselves_in_one_row(engine: Engine) {
    let server = Server::on(engine).await;
    let (viewer, key) = (server.sign_in_as(Persona::Viewer).await, server.key_of(Persona::Viewer).await);
    let fields = [("name", "ci"), ("kind", "live"), ("role", "admin"), ("expiry", "never"), ("once", "a")];
    for _ in 0..13 {
        assert_eq!(server.submit(&viewer, "/settings/api-keys/new", &fields).await.status, 403);
        let response = server.post("/api/v1/keys").key(&key).json(&json!({ "name": "ci" })).send().await;
        assert_eq!(response.status, 403);
    }
    assert_eq!(server.refusals().await, [("key.refused".to_owned(), 1), ("key.refused".to_owned(), 1)]);
    // Changes are still recorded one by one.
    let owner = server.sign_in_as(Persona::Owner).await;
    for name in ["Al", "Alice", "Al"] {
        server.submit(&owner, "/settings/profile", &[("name", name)]).await;
    }
    assert_eq!(server.count("SELECT count(*) FROM audit WHERE action = 'person.renamed'").await, 3);
    let rows = server.refusals_written_after(MINUTE).await;
    assert_eq!(rows[2..], [("key.refused".to_owned(), 12), ("key.refused".to_owned(), 12)]);
    let page = server.page_of_log(&owner).await.text();
    assert!(page.contains("12 times in a minute") && page.contains(" × 12"), "{page}");
    let export = server.get("/settings/audit-log/export?action=key.refused").with(&owner).send().await.text();
    assert_eq!(export.matches("\"times\":12").count(), 2, "{export}");
    assert_eq!(
        export.matches("\"times\":1,").count() + export.matches("\"times\":1}").count(),
        2,
        "{export}"
    );
    assert!(export.contains("\"first_at\":\"2026-11-20T10:00:00.000Z\""), "{export}");
    let list =
        server.get("/api/v1/audit?action=key.refused").key(&server.key_of(Persona::Owner).await).send().await;
    assert_eq!(
        (list.json()["data"][0]["times"].as_i64(), list.json()["data"][3]["times"].as_i64()),
        (Some(12), Some(1))
    );
}

/// A row has what its refusals have in common.
#[apply(on_both_engines!)]
async fn a_row_for_several_names_no_target_that_is_not_that_of_all(engine: Engine) {
    let server = Server::on(engine).await;
    let by = stranger(IpAddr::from([203, 0, 113, 7]));
    for (verb, id) in [("edit", "1"), ("edit", "2"), ("edit", "3")] {
        let event = Event::new("key.refused").on("key", id, format!("key {id}")).detail("verb", verb);
        audit::record_refusal(&server.app, &by, event.detail("reason", id)).await.expect("recorded");
    }
    server.refusals_written_after(MINUTE).await;
    let (target, details): (String, String) =
        sqlx::query_as("SELECT target_kind || target_id || target_name, details FROM audit WHERE times = 2")
            .fetch_one(server.app.db.pool())
            .await
            .expect("a row");
    assert_eq!(target, "");
    let details: serde_json::Value = serde_json::from_str(&details).expect("JSON");
    assert_eq!(details, json!({ "verb": "edit", "first_at": "2026-11-20T10:00:00.000Z" }));
}

#[apply(on_both_engines!)]
async fn wrong_passwords_and_codes_share_rows_too(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    for _ in 0..5 {
        assert_eq!(server.sign_in(EMAIL, "not the password", "").await.status, 422);
    }
    let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    for _ in 0..4 {
        let wrong = [("code", "000000")];
        let response =
            server.post("/sign-in/second-factor").same_origin().with(&pending).form(&wrong).send().await;
        assert_eq!(response.status, 422, "{SECRET}");
    }
    assert_eq!(server.refusals().await, [("session.refused".to_owned(), 1)]);
    assert_eq!(server.refusals_written_after(MINUTE).await[1..], [("session.refused".to_owned(), 8)]);
}

/// A few requests have a row each; in a flood the number of rows is limited.
#[apply(on_both_engines!)]
async fn what_strangers_ask_for_is_bounded(engine: Engine) {
    let server = Server::on(engine).await;
    for n in 0..400 {
        let mut write = server.app.db.write().await.expect("a turn");
        let by = stranger(IpAddr::from([10, 0, (n / 250) as u8, (n % 250) as u8]));
        audit::record_stranger(&server.app, &mut write, &by, Event::new("login.asked"))
            .await
            .expect("recorded");
        write.commit().await.expect("a commit");
    }
    let first = server.refusals().await;
    assert!((100..=300).contains(&first.len()), "{} rows", first.len());
    let all = server.refusals_written_after(MINUTE).await;
    assert_eq!(all.len(), first.len() + 1);
    assert_eq!(all.iter().map(|(_, times)| times).sum::<i64>(), 400);
}

/// A client that knows a password, but not the second factor, can begin any number of sessions.
#[apply(on_both_engines!)]
async fn sessions_in_which_nobody_signed_in_go_after_an_hour(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.session_of(&alice).await;
    server.guard(&alice).await;
    for _ in 0..3 {
        server.sign_in(EMAIL, PASSWORD, "").await;
    }
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 4);
    server.clock.advance(60 * MINUTE);
    server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 1);
}

#[apply(on_both_engines!)]
async fn a_count_that_cannot_be_written_is_kept(engine: Engine) {
    let server = Server::with(engine, OPEN).await;
    server.knock("203.0.113.7").await;
    for _ in 0..3 {
        server.knock("203.0.113.7").await;
    }
    let rename = async |text: &'static str| {
        sqlx::query(text).execute(server.app.db.pool()).await.expect("renamed");
    };
    rename("ALTER TABLE audit RENAME TO audit_away").await;
    server.clock.advance(MINUTE);
    assert!(audit::flush_refusals(&server.app, false).await.is_err());
    // A refusal that cannot be recorded is an error, and is counted nevertheless.
    let response = server
        .post("/setup")
        .same_origin()
        .from("198.51.100.1")
        .form(&setup_form("none", "m@x.example"))
        .send()
        .await;
    assert_eq!(response.status, 503);
    rename("ALTER TABLE audit_away RENAME TO audit").await;
    let rows = server.refusals_written_after(MINUTE).await;
    assert_eq!(rows.iter().map(|(_, times)| times).sum::<i64>(), 17);
}

#[apply(on_both_engines!)]
async fn the_stop_writes_what_is_left(engine: Engine) {
    let server = Server::with(engine, OPEN).await;
    for _ in 0..5 {
        server.knock("203.0.113.7").await;
    }
    server::stop(&server.app).await.expect("a stop");
    let rows = server.refusals().await;
    assert_eq!((rows.len(), rows.iter().map(|(_, times)| times).sum::<i64>()), (8, 20));
}

#[apply(on_both_engines!)]
async fn refusals_go_after_their_time_and_changes_stay(engine: Engine) {
    let server = Server::with(engine, OPEN).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    server.submit(&here, "/settings/profile", &[("name", "Al")]).await;
    server.knock("203.0.113.7").await;
    server.post("/reset").same_origin().form(&[("email", EMAIL)]).send().await;
    server.clock.advance(90 * DAY);
    server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.audited().await.len(), 6);
    server.clock.advance(Duration::from_secs(1));
    server::sweep(&server.app).await.expect("a sweep");
    assert_eq!(server.audited().await, ["person.renamed"]);
    let page = server.page_of_log(&server.session_of(&alice).await).await.text();
    assert!(page.contains("Every change, and what was refused in the last 90 days"), "{page}");
}

#[apply(on_both_engines!)]
async fn refusals_of_the_version_before_are_known_as_such(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    db::migrate_to(&database.config(&[]).database, 10).await.expect("an earlier version's tables");
    sqlx::any::install_default_drivers();
    let old = sqlx::AnyPool::connect(&match engine {
        db::Engine::Sqlite => database.url.replace("sqlite:", "sqlite://"),
        db::Engine::Postgres => database.url.clone(),
    })
    .await
    .expect("a connection");
    for (id, action, kind) in [
        ("1", "key.refused", "person"),
        ("2", "setup.refused", "stranger"),
        ("3", "key.created", "person"),
        ("4", "login.refused", "person"),
        ("5", "login.refused", "stranger"),
        ("6", "login.asked", "stranger"),
    ] {
        let text = "INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, \
                    target_name, address, user_agent, request_id, details) \
                    VALUES ($1, 0, $2, '', '', $3, '', '', '', '', '', '', '{}')";
        sqlx::query(text).bind(id).bind(kind).bind(action).execute(&old).await.expect("a row");
    }
    old.close().await;
    let db = database.open(Opener::Server).await;
    let times: Vec<i64> =
        sqlx::query_scalar("SELECT times FROM audit ORDER BY id").fetch_all(db.pool()).await.expect("rows");
    assert_eq!(times, [1, 1, 0, 1, 0, 1]);
}
