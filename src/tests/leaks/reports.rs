//! What is accepted as a report, and that the response says nothing about keys.

use std::sync::Arc;

use macro_rules_attribute::apply;
use serde_json::json;

use super::*;
use crate::keys::server::{KeyCache, forged_token, fresh_token};
use crate::leaks::server::LeakQueue;

#[apply(on_both_engines!)]
async fn every_well_formed_report_gets_the_same_empty_response(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    let revoked = server.key(&owner, "revoked").await;
    keys::revoke(&server.app, &owner, revoked.key.id).await.expect("it is revoked");
    let (token, dead) = (created.plaintext.expose(), revoked.plaintext.expose());
    let unknown = fresh_token(&server.app.random, Kind::Live);
    let forged = forged_token(&server.app.random, Kind::Live, created.key.secret);
    let wrong_sum = format!("{}000000", &token[..token.len() - 6]);
    let work = server.key_work();
    let mut responses = Vec::new();
    for body in [
        json!({ "tokens": [unknown] }),
        json!({ "tokens": [forged] }),
        json!({ "tokens": [wrong_sum] }),
        json!({ "tokens": [""] }),
        json!({ "tokens": ["x".repeat(10_000)] }),
        json!({ "tokens": vec![unknown.as_str(); 100] }),
        json!({ "tokens": [dead] }),
        json!([{ "token": forged, "type": "latchkey_key", "url": "https://x", "source": "commit" }]),
        json!([{ "token": token, "url": "a\0b\n<script>alert(1)</script>", "source": null }]),
    ] {
        let response = server.report(&body).await;
        assert!(response.body.is_empty(), "{}", response.text());
        let headers = response.headers.iter().filter(|(name, _)| *name != "x-request-id");
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        responses.push((response.status.as_u16(), headers));
    }
    assert!(responses.iter().all(|response| *response == responses[0]), "{responses:#?}");
    assert_eq!(responses[0].0, 202);
    assert_eq!(server.key_work(), work, "nothing is looked up before the response");
    server.examine().await;
    assert_eq!(server.outcomes().await, ["revoked"]);
    assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    assert_eq!(server.leaked_events().await.len(), 1);
    assert!(server.app.slice::<LeakQueue>().is_empty());
    assert_eq!(server.leaked_events().await[0]["url"], "ab<script>alert(1)</script>");
}

#[apply(on_both_engines!)]
async fn malformed_reports_are_refused_as_problems(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    let token = created.plaintext.expose();
    let many = json!({ "tokens": vec![token; 101] }).to_string();
    for body in ["", "[]", "{}", "null", "{\"tokens\": []}", "not JSON", "{\"tokens\": [1]}", &many] {
        let response = server.post("/api/v1/leaks").body(body.to_owned()).send().await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        assert!(!response.text().contains(token));
    }
    let large = json!({ "tokens": ["a".repeat(10 * 1024 * 1024)] }).to_string();
    let response = server.post("/api/v1/leaks").json(&json!(large)).send().await;
    assert_eq!(
        (response.status.as_u16(), response.header("content-type")),
        (413, "application/problem+json")
    );
    server.examine().await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    assert!(server.outcomes().await.is_empty());
}

#[apply(on_both_engines!)]
async fn a_wrong_secret_has_no_effect_and_counts_as_an_attempt(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    let guesses = |count: usize| {
        let token = |_| forged_token(&server.app.random, Kind::Live, created.key.secret);
        json!({ "tokens": (0..count).map(token).collect::<Vec<_>>() })
    };
    assert_eq!(server.report(&guesses(20)).await.status, 202);
    server.examine().await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    assert!(server.outcomes().await.is_empty() && server.leaked_events().await.is_empty());
    // Checks from the same address are beyond the limit now; those of others are not.
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let guess = Secret::new(forged_token(&server.app.random, Kind::Live, created.key.secret));
    assert_eq!(server.get(&path).key(&guess).send().await.status, 429);
    assert_eq!(server.get(&path).from("198.51.100.20").key(&guess).send().await.status, 401);
    // The right secret is still verified.
    server.report(&guesses(50)).await;
    server.find_in_public(&created.plaintext, "https://x").await;
    assert_eq!(server.outcomes().await, ["revoked"]);
}

#[apply(on_both_engines!)]
async fn repeats_have_one_effect(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    let token = created.plaintext.expose();
    assert_eq!(server.report(&json!({ "tokens": vec![token; 100] })).await.status, 202);
    server.examine().await;
    for place in ["https://x/1", "https://x/2", "https://x/1"] {
        server.find_in_public(&created.plaintext, place).await;
    }
    assert_eq!(server.outcomes().await, ["revoked"]);
    assert_eq!(server.leaked_events().await.len(), 1);
    // A Test key is only reported. Further places are stored, up to a limit.
    let test = server.test_key(&owner, "test").await;
    for number in 0..30 {
        server.find_in_public(&test.plaintext, &format!("https://x/{}", number % 25)).await;
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM leak_reports WHERE outcome = 'reported'").await, 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM leak_reports WHERE kind = 'test'").await, 20);
    assert_eq!(server.leaked_events().await.len(), 2);
    assert_eq!(server.check(&test.plaintext).await, Outcome::Valid);
}

/// Ten thousand reports wait while known keys are checked from memory.
#[apply(on_both_engines!)]
async fn reports_do_not_slow_known_keys(engine: Engine) {
    let server = Arc::new(Server::with(engine, CHEAP_HASHING).await);
    let owner = server.actor(Persona::Owner).await;
    let known = server.key(&owner, "known").await;
    let leaked = server.key(&owner, "leaked").await;
    assert_eq!(server.check(&known.plaintext).await, Outcome::Valid);
    for number in 0..10_000 {
        let token = match number % 10 {
            0 => forged_token(&server.app.random, Kind::Live, known.key.secret),
            _ => fresh_token(&server.app.random, Kind::Live),
        };
        assert_eq!(server.report(&json!({ "tokens": [token] })).await.status, 202);
    }
    let body = json!({ "tokens": [leaked.plaintext.expose()] });
    let response = server.post("/api/v1/leaks").from("198.51.100.30").json(&body).send().await;
    assert_eq!(response.status, 202);
    let queue = server.app.slice::<LeakQueue>();
    assert_eq!(queue.len(), 10_001);
    let examiner = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.examine().await }
    });
    while server.outcomes().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(queue.len() > 5_000, "it did not wait behind the others");
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let mut during = 0;
    while !examiner.is_finished() {
        let (waiting, memory) = (queue.len(), server.app.slice::<Arc<KeyCache>>().len());
        assert_eq!(server.get(&path).key(&known.plaintext).send().await.status, 200);
        assert!(memory <= 2);
        during += u32::from(waiting > 0);
        tokio::task::yield_now().await;
    }
    examiner.await.expect("no panic");
    assert!(during > 100, "{during} checks while reports waited");
    assert_eq!(server.outcomes().await, ["revoked"]);
    assert_eq!(server.check(&leaked.plaintext).await, Outcome::Revoked);
}

#[apply(on_both_engines!)]
async fn reports_wait_while_the_database_is_unavailable(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    assert_eq!(server.report(&json!({ "tokens": [created.plaintext.expose()] })).await.status, 202);
    let pool = server.app.db.pool();
    let run = async |text: &'static str| {
        sqlx::query(text).execute(pool).await.expect("a statement");
    };
    run("ALTER TABLE secrets RENAME TO secrets_away").await;
    let queue = server.app.slice::<LeakQueue>();
    for _ in 0..2 {
        assert!(leaks::examine_all(&server.app).await.is_err());
        assert_eq!(queue.len(), 1, "it stays the next one");
    }
    run("ALTER TABLE secrets_away RENAME TO secrets").await;
    server.examine().await;
    assert!(queue.is_empty());
    assert_eq!(server.outcomes().await, ["revoked"]);
}

#[apply(on_both_engines!)]
async fn reported_tokens_are_examined_before_the_process_exits(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    server.report(&json!({ "tokens": [created.plaintext.expose()] })).await;
    crate::server::stop(&server.app).await.expect("a stop");
    assert_eq!(server.outcomes().await, ["revoked"]);
}

#[tokio::test]
async fn tokens_are_never_logged() {
    let log = crate::tests::log::Log::collect();
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "active").await;
    let token = created.plaintext.expose();
    let url = format!("https://x/?q={token}");
    server.report(&json!([{ "token": token, "url": url, "source": token }])).await;
    server.post("/api/v1/leaks").body(format!("{{\"tokens\": [\"{token}\"")).send().await;
    server.examine().await;
    let secret = token.rsplit('_').next().expect("a secret");
    assert!(!log.take().join("\n").contains(&secret[..20]));
    assert!(!server.stores(&secret[..20]).await);
    assert_eq!(server.outcomes().await, ["revoked"]);
}

#[apply(on_both_engines!)]
async fn tokens_that_wait_are_counted(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let created = server.key(&server.actor(Persona::Owner).await, "portal").await;
    let waiting = "latchkey_leak_tokens_waiting";
    assert_eq!(server.sample(waiting).await, 0.0);
    let found = |url: &str| json!({ "token": created.plaintext.expose(), "url": url, "source": "" });
    let response = server.report(&json!([found("https://x/1"), found("https://x/2")])).await;
    assert_eq!(response.status, 202, "{}", response.text());
    assert_eq!(server.sample(waiting).await, 2.0);
    server.examine().await;
    assert_eq!(server.sample(waiting).await, 0.0);
}
