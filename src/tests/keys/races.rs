//! Concurrent and repeated requests, a second process on the same database, and a clock that steps back.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_repeated_request_creates_one_key(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let repeat = Secret::new("a5d1");
    let first = keys::create(&server.app, &owner, &draft("once"), Some(&repeat)).await.expect("a key");
    let again = keys::create(&server.app, &owner, &draft("once"), Some(&repeat)).await;
    assert!(matches!(again, Err(Refusal::Repeated(id)) if id == first.key.id));
    let racing = Secret::new("b7");
    let drafts = [draft("one"), draft("two"), draft("three"), draft("four")];
    let created = futures_util::future::join_all(
        drafts.iter().map(|draft| keys::create(&server.app, &owner, draft, Some(&racing))),
    );
    let created = created.await;
    assert_eq!(created.iter().filter(|created| created.is_ok()).count(), 1);
    assert!(created.iter().all(|created| matches!(created, Ok(_) | Err(Refusal::Repeated(_)))));
    let all =
        keys::list(&server.app, &owner, &Filter { limit: 50, ..Filter::default() }).await.expect("a page");
    assert_eq!(all.keys.len(), 2);
}

#[apply(on_both_engines!)]
async fn of_concurrent_requests_for_one_name_one_succeeds(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let drafts = [draft("same"), draft("SAME"), draft("Same"), draft("sAme")];
    let created = futures_util::future::join_all(
        drafts.iter().map(|draft| keys::create(&server.app, &owner, draft, None)),
    )
    .await;
    assert_eq!(created.iter().filter(|created| created.is_ok()).count(), 1);
    for refusal in created.into_iter().filter_map(Result::err) {
        assert_eq!(input(refusal), ["name"]);
    }
}

#[apply(on_both_engines!)]
async fn two_concurrent_rotations_leave_one_new_secret(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let first = server.key(&owner, "CI deploy").await;
    let rotate = || keys::rotate(&server.app, &owner, first.key.id, Duration::from_secs(60), None);
    let (one, two) = tokio::join!(rotate(), rotate());
    let outcomes = [
        server.check(&one.expect("a secret").plaintext).await,
        server.check(&two.expect("a secret").plaintext).await,
    ];
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Valid).count(), 1);
    assert_eq!(server.check(&first.plaintext).await, Outcome::Valid);
    assert_eq!(server.hashes_of(first.key.id).await, 2);
}

#[apply(on_both_engines!)]
async fn revoking_during_a_rotation_ends_all_secrets(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let first = server.key(&owner, "CI deploy").await;
    let (rotated, revoked) = tokio::join!(
        keys::rotate(&server.app, &owner, first.key.id, Duration::from_secs(60), None),
        keys::revoke(&server.app, &owner, first.key.id)
    );
    revoked.expect("a key");
    assert_eq!(server.check(&first.plaintext).await, Outcome::Revoked);
    if let Ok(second) = rotated {
        assert_eq!(server.check(&second.plaintext).await, Outcome::Revoked);
    }
    assert_eq!(server.hashes_of(first.key.id).await, 0);
}

#[apply(on_both_engines!)]
async fn a_clock_that_steps_back_breaks_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let soon = Draft {
        expires_at: Some(server.clock.now().plus(Duration::from_secs(60))),
        rate_limit: Some(2),
        ..draft("soon")
    };
    let created = keys::create(&server.app, &owner, &soon, None).await.expect("a key");
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    server.clock.step_back(Duration::from_secs(7_200));
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    assert_eq!(
        server.check(&created.plaintext).await,
        Outcome::RateLimited,
        "the minute is not the wall clock's"
    );
    keys::flush(&server.app).await.expect("a flush");
    keys::rotate(&server.app, &owner, created.key.id, Duration::from_secs(60), None).await.expect("a secret");
    let key = keys::find(&server.app, &owner, created.key.id).await.expect("a key");
    assert_eq!((key.calls, key.last_used_at), (2, Some(created.key.created_at)));
}

#[apply(on_both_engines!)]
async fn a_secret_that_another_process_created_works_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let first = server.key(&owner, "CI deploy").await;
    assert_eq!(server.check(&first.plaintext).await, Outcome::Valid);
    // Another server on the same database, whose changes this one has not read yet.
    let other = server.second_process().await;
    let second =
        keys::rotate(&other, &owner, first.key.id, Duration::from_secs(60), None).await.expect("a secret");
    let checks = (0..50).map(|n| server.check(if n % 2 == 0 { &second.plaintext } else { &first.plaintext }));
    let outcomes = futures_util::future::join_all(checks).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Valid), "{outcomes:?}");
    keys::revoke(&other, &owner, first.key.id).await.expect("a key");
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&second.plaintext).await, Outcome::Revoked);
}

/// Old rows of the change log are removed. A process that was cut off for longer must not trust its cached states.
#[apply(on_both_engines!)]
async fn changes_whose_log_rows_are_gone_are_noticed(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    let all = async |texts: &[&'static str]| {
        for text in texts {
            sqlx::query(*text).execute(server.app.db.pool()).await.expect("a change");
        }
        keys::read_change_log(&server.app).await.expect("a reading");
        server.check(&created.plaintext).await
    };
    let gone =
        ["UPDATE keys SET disabled_at = 1", "UPDATE change_counter SET seq = seq + 1", "DELETE FROM changes"];
    assert_eq!(all(&gone).await, Outcome::Disabled);
    let restored = ["UPDATE keys SET disabled_at = NULL", "UPDATE change_counter SET seq = 0"];
    assert_eq!(all(&restored).await, Outcome::Valid);
    // More changes than one reading takes, most of a kind that only a later version knows.
    let many = [
        "UPDATE keys SET disabled_at = 1",
        "INSERT INTO changes (seq, kind, id, at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, 'later', 'x', 0 FROM n",
        "INSERT INTO changes (seq, kind, id, at) SELECT 1001, 'key', id, 0 FROM keys",
        "UPDATE change_counter SET seq = 1001",
    ];
    assert_eq!(all(&many).await, Outcome::Disabled);
}

#[apply(on_both_engines!)]
async fn a_change_by_another_process_is_noticed_at_the_next_reading(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    // As another process would: in the database alone.
    let id = created.key.id;
    for text in [
        "UPDATE keys SET disabled_at = 1 WHERE id = $1",
        "INSERT INTO changes (seq, kind, id, at) SELECT seq + 1, 'key', $1, 0 FROM change_counter",
        "UPDATE change_counter SET seq = seq + 1 WHERE $1 <> ''",
    ] {
        sqlx::query(text).bind(id).execute(server.app.db.pool()).await.expect("a change");
    }
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&created.plaintext).await, Outcome::Disabled);
}
