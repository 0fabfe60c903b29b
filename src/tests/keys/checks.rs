//! Checking keys: database work, counted usage and requirements.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_second_check_needs_no_database(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let token = server.key(&owner, "CI deploy").await.plaintext;
    server.check(&token).await;
    let work = server.key_work();
    for _ in 0..10 {
        assert_eq!(server.check(&token).await, Outcome::Valid);
    }
    assert_eq!(server.key_work(), work);
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(server.check(&token).await, Outcome::Valid);
    let (hashes, lookups) = server.key_work();
    assert_eq!((hashes, lookups > work.1), (work.0, true), "after the lease the database is asked");
}

/// Its hash exists until the next sweep.
#[apply(on_both_engines!)]
async fn a_secret_past_its_cut_off_is_not_hashed_on_every_check(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let old = server.key(&owner, "CI deploy").await;
    server.check(&old.plaintext).await;
    let minute = Duration::from_secs(60);
    let new = keys::rotate(&server.app, &owner, old.key.id, minute, None).await.expect("a secret");
    server.clock.advance(minute);
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&new.plaintext).await, Outcome::Valid);
    assert_eq!(server.check(&old.plaintext).await, Outcome::Revoked);
    let initial = server.key_work();
    for _ in 0..50 {
        assert_eq!(server.check(&old.plaintext).await, Outcome::Revoked);
        assert_eq!(server.check(&new.plaintext).await, Outcome::Valid);
    }
    assert_eq!(server.key_work(), initial);
}

#[apply(on_both_engines!)]
async fn malformed_tokens_cost_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let token = server.key(&owner, "CI deploy").await.plaintext;
    let initial = server.key_work();
    for turn in 0..100_000_usize {
        let mut text = token.expose().to_owned();
        let at = turn % text.len();
        let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
        text.replace_range(at..=at, other);
        let verdict = keys::verify(&server.app, &text, &ANYTHING, &SOMEBODY).await.expect("a verdict");
        assert_eq!(verdict.outcome, Outcome::Malformed);
    }
    assert_eq!(server.key_work(), initial);
    server.check(&token).await;
    assert_ne!(server.key_work(), initial, "the counters do move");
}

/// The response to a commit may be lost, and then it is unknown whether it happened.
#[apply(on_both_engines!)]
async fn a_flush_with_a_lost_commit_response_is_not_written_twice(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let calls =
        async || server.count("SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours").await;
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(calls().await, 1);
    server.check(&created.plaintext).await;
    // As if the next flush had been committed and only the response was lost.
    sqlx::query("INSERT INTO usage_flushes (node, number, at) VALUES ($1, 2, 0)")
        .bind(server.app.node())
        .execute(server.app.db.pool())
        .await
        .expect("a row");
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(calls().await, 1);
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(calls().await, 2, "the one after it is written");
}

/// Usage counted while a commit was in doubt is also written at the stop.
#[apply(on_both_engines!)]
async fn the_last_flush_writes_usage_counted_after_a_failed_one(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let run = async |sql: &'static str| {
        sqlx::query(sql).execute(server.app.db.pool()).await.expect("it is run");
    };
    run("ALTER TABLE usage_journal RENAME TO away").await;
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect_err("nowhere to write");
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect_err("nowhere to write");
    run("ALTER TABLE away RENAME TO usage_journal").await;
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(server.count("SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hours").await, 2);
}

/// Journal lines of a server that stopped are not lost, and not counted by two servers.
#[apply(on_both_engines!)]
async fn journal_lines_of_a_stopped_server_are_rolled_up_once_by_another(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let calls =
        async || server.count("SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours").await;
    let lines = async || server.count("SELECT COUNT(*) FROM usage_journal").await;
    for _ in 0..3 {
        server.check(&created.plaintext).await;
        usage::write_journal(&server.app).await.expect("written down");
    }
    assert_eq!((calls().await, lines().await), (0, 3));
    let seen = || async { keys::find(&server.app, &owner, created.key.id).await.expect("a key").calls };
    assert_eq!(seen().await, 3, "this server knows them");
    let other = server.second_process().await;
    let seen_by_other = || async { keys::find(&other, &owner, created.key.id).await.expect("a key").calls };
    keys::flush(&other).await.expect("nothing to add up");
    server.clock.advance(Duration::from_secs(29));
    server.check(&created.plaintext).await;
    usage::write_journal(&server.app).await.expect("written down");
    server.clock.advance(Duration::from_secs(29));
    keys::flush(&other).await.expect("nothing to add up");
    assert_eq!((calls().await, lines().await), (0, 4), "a server that still writes adds up itself");
    server.clock.advance(Duration::from_secs(30));
    let (one, two) = tokio::join!(keys::flush(&other), keys::flush(&server.app));
    one.and(two).expect("added up");
    assert_eq!((calls().await, lines().await), (4, 0));
    assert_eq!((seen().await, seen_by_other().await), (4, 4));

    sqlx::query("INSERT INTO usage_journal (node, number, counts) VALUES ($1, 99, '[0,[\"what\"]]')")
        .bind(server.app.node())
        .execute(server.app.db.pool())
        .await
        .expect("a row");
    server.check(&created.plaintext).await;
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!((calls().await, lines().await), (5, 0), "what cannot be read stops nothing");
}

/// The response to the commit of a roll-up may be lost too.
#[apply(on_both_engines!)]
async fn a_roll_up_with_a_lost_commit_response_is_not_repeated(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let other = server.second_process().await;
    server.check(&created.plaintext).await;
    usage::write_journal(&server.app).await.expect("written down");
    // As if this server had rolled them up itself and lost the response.
    keys::flush(&other).await.expect("not yet");
    server.clock.advance(Duration::from_secs(30));
    keys::flush(&other).await.expect("added up");
    let seen = || async { keys::find(&server.app, &owner, created.key.id).await.expect("a key").calls };
    keys::flush(&server.app).await.expect("nothing to add up");
    assert_eq!(seen().await, 1);
    server.check(&created.plaintext).await;
    for _ in 0..2 {
        keys::flush(&server.app).await.expect("a flush");
        assert_eq!(seen().await, 2);
    }
}

/// Whichever step fails on the way to the tables, and whichever server rolls the counts up.
#[apply(on_both_engines!)]
async fn counts_are_exact_when_steps_fail(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = [server.key(&owner, "CI deploy").await, server.key(&owner, "Backup").await];
    let lines = async || server.count("SELECT COUNT(*) FROM usage_journal").await;
    let run = async |sql: &'static str| {
        sqlx::query(sql).execute(server.app.db.pool()).await.expect("it is run");
    };
    let check = async || {
        for key in &created {
            server.check(&key.plaintext).await;
        }
    };
    let ask = async || {
        check().await;
        usage::write_journal(&server.app).await.expect("written");
    };
    let seen = async || {
        let of =
            async |key: &Revealed| keys::find(&server.app, &owner, key.key.id).await.expect("a key").calls;
        let day = usage::hours_of_org(&server.app, owner.org.org, server.clock.now()).await.expect("hours");
        let all: i64 = day.iter().map(|(_, _, requests)| requests).sum();
        (of(&created[0]).await, of(&created[1]).await, all)
    };
    for _ in 0..3 {
        ask().await;
    }
    assert_eq!((lines().await, seen().await), (3, (3, 3, 6)));

    // A flush that certainly failed is written again, and what was counted since follows.
    run("ALTER TABLE usage_journal RENAME TO away").await;
    check().await;
    usage::write_journal(&server.app).await.expect_err("nowhere to write");
    run("ALTER TABLE away RENAME TO usage_journal").await;
    assert_eq!((lines().await, seen().await), (3, (4, 4, 8)));
    ask().await;
    assert_eq!((lines().await, seen().await), (4, (5, 5, 10)));
    usage::write_journal(&server.app).await.expect("written");
    assert_eq!((lines().await, seen().await), (5, (5, 5, 10)));

    // While a commit is in doubt nothing is rolled up.
    run("ALTER TABLE usage_flushes RENAME TO away").await;
    check().await;
    usage::write_journal(&server.app).await.expect_err("no claim");
    assert_eq!((lines().await, seen().await), (5, (6, 6, 12)));
    keys::write_usage(&server.app).await.expect_err("no claim");
    run("ALTER TABLE away RENAME TO usage_flushes").await;
    assert_eq!((lines().await, seen().await), (5, (6, 6, 12)));

    // A roll-up that failed leaves the rows in the journal.
    run("ALTER TABLE callers RENAME TO away").await;
    keys::flush(&server.app).await.expect_err("nowhere to add");
    run("ALTER TABLE away RENAME TO callers").await;
    assert_eq!((lines().await, seen().await), (6, (6, 6, 12)));
    for flushes in 0..3 {
        keys::flush(&server.app).await.expect("a flush");
        assert_eq!((lines().await, seen().await), (0, (6, 6, 12)), "after {flushes} flushes");
    }

    // Another server takes this one for stopped.
    ask().await;
    ask().await;
    let other = server.second_process().await;
    keys::flush(&other).await.expect("not yet");
    server.clock.advance(Duration::from_secs(30));
    keys::flush(&other).await.expect("rolled up");
    assert_eq!(lines().await, 0);
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(seen().await, (8, 8, 16));
    ask().await;
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!((lines().await, seen().await), (0, (9, 9, 18)));
    assert_eq!(server.count("SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hours").await, 18);
    assert_eq!(server.count("SELECT CAST(SUM(requests) AS BIGINT) FROM callers").await, 18);
}

#[apply(on_both_engines!)]
async fn the_journal_is_rolled_up_every_five_seconds(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let mut lines = Vec::new();
    for _ in 0..12 {
        server.check(&created.plaintext).await;
        keys::write_usage(&server.app).await.expect("a round");
        lines.push(server.count("SELECT COUNT(*) FROM usage_journal").await);
        server.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(lines, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    assert_eq!(server.count("SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hours").await, 11);
}

#[apply(on_both_engines!)]
async fn a_secret_that_another_server_accepted_counts_as_used(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let other = server.second_process().await;
    let ask = async |text: &str| {
        keys::verify(&other, text, &ANYTHING, &SOMEBODY).await.expect("a verdict");
        usage::write_journal(&other).await.expect("written down");
    };
    let replace = async || keys::replace(&server.app, &owner, created.key.id).await.expect("an answer");
    let secret = created.plaintext.expose().split('_').nth(2).and_then(SecretId::parse).expect("an id");
    ask(&forged_token(&Random::seeded(9), Kind::Live, secret)).await;
    let replaced = replace().await.expect("a refused request is no use");
    ask(replaced.plaintext.expose()).await;
    assert!(replace().await.is_none());
}

#[apply(on_both_engines!)]
async fn counts_are_visible_before_and_after_they_are_written(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    for _ in 0..3 {
        server.check(&created.plaintext).await;
    }
    let seen = || async { keys::find(&server.app, &owner, created.key.id).await.expect("a key") };
    assert_eq!((seen().await.calls, seen().await.last_used_at), (3, Some(server.clock.now())));
    keys::flush(&server.app).await.expect("a flush");
    keys::flush(&server.app).await.expect("an empty flush");
    server.clock.advance(Duration::from_secs(2));
    server.check(&created.plaintext).await;
    assert_eq!((seen().await.calls, seen().await.last_used_at), (4, Some(server.clock.now())));
    keys::flush(&server.app).await.expect("a flush");
    assert_eq!(seen().await.calls, 4);
    let hours: Vec<(String, i64)> = sqlx::query_as("SELECT outcome, requests FROM usage_hours")
        .fetch_all(server.app.db.pool())
        .await
        .expect("rows");
    assert_eq!(hours, [("valid".to_owned(), 4)]);
}

#[apply(on_both_engines!)]
async fn a_check_compares_plan_role_kind_address_and_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let other = server.actor(Persona::Stranger).await;
    let limited = Draft {
        kind: Kind::Test,
        role: Some(Role::Member),
        ranges: vec!["203.0.113.0/24".to_owned()],
        rate_limit: Some(2),
        ..draft("limited")
    };
    let token = keys::create(&server.app, &owner, &limited, None).await.expect("a key").plaintext;
    let inside = Presenter {
        address: Some("::ffff:203.0.113.9".parse().expect("an address")),
        ..Presenter::default()
    };
    let outside =
        Presenter { address: Some("203.0.114.1".parse().expect("an address")), ..Presenter::default() };
    let ask = |requirements: Requirements<'static>, presenter: Presenter<'static>| {
        let (app, token) = (server.app.clone(), token.clone());
        async move {
            keys::verify(&app, token.expose(), &requirements, &presenter).await.expect("a verdict").outcome
        }
    };
    assert_eq!(ask(Requirements { org: Some(other.org.org), ..ANYTHING }, inside).await, Outcome::Unknown);
    assert_eq!(
        ask(Requirements { kinds: Kinds::ALL.without(Kind::Test), ..ANYTHING }, inside).await,
        Outcome::KindNotAllowed
    );
    assert_eq!(ask(Requirements { least_role: Role::Admin, ..ANYTHING }, inside).await, Outcome::RoleTooLow);
    assert_eq!(ask(ANYTHING, outside).await, Outcome::IpNotAllowed);
    assert_eq!(ask(ANYTHING, SOMEBODY).await, Outcome::IpNotAllowed, "an unknown address is outside");
    assert_eq!(ask(ANYTHING, inside).await, Outcome::Valid, "what was refused took nothing from the minute");
    assert_eq!(ask(ANYTHING, inside).await, Outcome::Valid);
    assert_eq!(ask(ANYTHING, inside).await, Outcome::RateLimited);
    server.clock.advance(Duration::from_secs(60));
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(ask(ANYTHING, inside).await, Outcome::Valid);

    let mut write = server.app.db.write().await.expect("a turn");
    sqlx::query("UPDATE organizations SET plan = 'free' WHERE id = $1")
        .bind(owner.org.org)
        .execute(&mut *write)
        .await
        .expect("a change");
    let now = server.clock.now();
    crate::platform::changes::record(
        &mut write,
        now,
        crate::platform::changes::ChangeKind::Organization,
        owner.org.org,
    )
    .await
    .expect("a note");
    write.commit().await.expect("a commit");
    assert_eq!(ask(ANYTHING, inside).await, Outcome::PlanNotEligible);
    assert_eq!(ask(Requirements { plan: false, ..ANYTHING }, inside).await, Outcome::Valid);
}

#[apply(on_both_engines!)]
async fn many_first_checks_at_once_hash_once(engine: Engine) {
    let server = Arc::new(Server::on(engine).await);
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let initial = server.key_work().0;
    let checks = (0..50).map(|_| {
        let (server, token) = (Arc::clone(&server), created.plaintext.clone());
        tokio::spawn(async move { server.check(&token).await })
    });
    let checks: Vec<_> = checks.collect();
    for outcome in futures_util::future::join_all(checks).await {
        assert_eq!(outcome.expect("no panic"), Outcome::Valid);
    }
    assert_eq!(server.key_work().0, initial + 1);
    assert_eq!(server.app.slice::<Arc<keys::KeyCache>>().len(), 1);
}
