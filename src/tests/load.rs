//! Tests of keys under load: floods, races and limits. They check counts and orders, never durations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::keys::{ANYTHING, draft};
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft, KeyCache, Presenter, forged_token};
use crate::platform::Error;
use crate::platform::db::Engine;
use crate::shared::Kind;
use crate::usage::Outcome;
use crate::usage::server as usage;

/// Hashing costs next to nothing here: it is not what these tests are about.
const CHEAP_HASHING: &[(&str, &str)] = &[("LATCHKEY_KEY_HASH_COST", "1")];

/// Ten thousand checks beside a hundred revocations: none that began after a revocation was answered is accepted.
#[apply(on_both_engines!)]
async fn nothing_is_accepted_after_a_revocation_was_answered(engine: Engine) {
    let server = Arc::new(Server::with(engine, CHEAP_HASHING).await);
    let owner = server.actor(Persona::Owner).await;
    let (mut before, mut after) = (0, 0);
    for number in 0..100 {
        let created = server.key(&owner, &format!("key {number}")).await;
        let answered = Arc::new(AtomicBool::new(false));
        let checks = (0..100_usize).map(|turn| {
            let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
            let token = created.plaintext.clone();
            tokio::spawn(async move {
                for _ in 0..turn * (number % 7 + 1) {
                    tokio::task::yield_now().await;
                }
                let late = answered.load(Ordering::SeqCst);
                let presenter = Presenter::default();
                match keys::verify(&server.app, token.expose(), &ANYTHING, &presenter).await {
                    Ok(verdict) => (late, verdict.outcome == Outcome::Valid),
                    // Refused, because the machine is too busy.
                    Err(error) => (late, {
                        assert!(matches!(error, Error::Busy), "{error}");
                        false
                    }),
                }
            })
        });
        let checks: Vec<_> = checks.collect();
        for _ in 0..number * 3 {
            tokio::task::yield_now().await;
        }
        keys::revoke(&server.app, &owner, created.key.id).await.expect("a key");
        answered.store(true, Ordering::SeqCst);
        for check in checks {
            let (late, accepted) = check.await.expect("no panic");
            assert!(!(late && accepted), "accepted after the end");
            if late {
                after += 1
            } else if accepted {
                before += 1
            }
        }
        assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    }
    assert!(before > 100 && after > 100, "both sides were met: {before} before, {after} after");
}

/// Counts are visible while they move from memory to the journal and the tables.
#[apply(on_both_engines!)]
async fn counts_are_seen_at_every_moment(engine: Engine) {
    let server = Arc::new(Server::with(engine, CHEAP_HASHING).await);
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "CI deploy").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mover = tokio::spawn({
        let (server, is_over) = (Arc::clone(&server), Arc::clone(&is_over));
        async move {
            for turn in 0_usize.. {
                if is_over.load(Ordering::SeqCst) {
                    return turn;
                }
                usage::write_journal(&server.app).await.expect("written down");
                if turn % 3 == 0 {
                    keys::flush(&server.app).await.expect("added up");
                }
            }
            0
        }
    });
    for count in 1..=300 {
        server.check(&created.plaintext).await;
        let seen = keys::find(&server.app, &owner, created.key.id).await.expect("a key").calls;
        assert_eq!(seen, count);
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(mover.await.expect("no panic") > 3, "they moved");
}

/// More callers than are added up in one transaction.
#[apply(on_both_engines!)]
async fn counts_are_exact_while_many_are_added_up(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let mut created = Vec::new();
    for number in 0..45 {
        created.push(server.key(&owner, &format!("key {number}")).await);
    }
    for caller in 0..100 {
        let presenter = Presenter { user_agent: &format!("client/{caller}"), ..Presenter::default() };
        for key in &created {
            keys::verify(&server.app, key.plaintext.expose(), &ANYTHING, &presenter)
                .await
                .expect("a verdict");
        }
    }
    let calls = || async {
        let mut all = 0;
        for key in [&created[0], &created[22], &created[44]] {
            all += keys::find(&server.app, &owner, key.key.id).await.expect("a key").calls;
        }
        all
    };
    usage::write_journal(&server.app).await.expect("written down");
    let is_over = AtomicBool::new(false);
    let add_up = async {
        keys::flush(&server.app).await.expect("added up");
        is_over.store(true, Ordering::SeqCst);
    };
    let look = async {
        let mut looks = 0;
        while !is_over.load(Ordering::SeqCst) {
            assert_eq!(calls().await, 300, "after {looks} looks");
            looks += 1;
        }
        looks
    };
    let ((), looks) = tokio::join!(add_up, look);
    assert!(looks > 3, "{looks}");
    assert_eq!(calls().await, 300);
    assert_eq!(server.count("SELECT COUNT(*) FROM usage_journal").await, 0);
    assert_eq!(server.count("SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hours").await, 4_500);
    assert_eq!(server.count("SELECT COUNT(*) FROM callers").await, 4_500);
    assert_eq!(server.count("SELECT CAST(SUM(calls) AS BIGINT) FROM keys").await, 4_500);
}

#[apply(on_both_engines!)]
async fn of_two_hundred_at_once_with_fifty_left_fifty_pass(engine: Engine) {
    let server = Arc::new(Server::with(engine, CHEAP_HASHING).await);
    let owner = server.actor(Persona::Owner).await;
    let limited = Draft { rate_limit: Some(60), ..draft("limited") };
    let token = keys::create(&server.app, &owner, &limited, None).await.expect("a key").plaintext;
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    for _ in 0..10 {
        assert_eq!(server.get(&path).key(&token).send().await.status, 200);
    }
    let calls = (0..200).map(|_| {
        let (server, path, token) = (Arc::clone(&server), path.clone(), token.clone());
        tokio::spawn(async move { server.get(&path).key(&token).send().await.status.as_u16() })
    });
    let calls: Vec<_> = calls.collect();
    let statuses = futures_util::future::join_all(calls).await;
    let statuses: Vec<_> = statuses.into_iter().map(|status| status.expect("no panic")).collect();
    let count = |status| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(200), count(429)), (50, 150));
}

/// A flood of wrong secrets with an existing id, from so many addresses that limits by address have no effect.
#[apply(on_both_engines!)]
async fn a_flood_of_wrong_secrets_starves_nobody(engine: Engine) {
    let server = Server::with(engine, &[]).await;
    let owner = server.actor(Persona::Owner).await;
    let good = server.key(&owner, "CI deploy").await;
    assert_eq!(server.check(&good.plaintext).await, Outcome::Valid);
    let work = server.key_work();
    assert_eq!(server.check(&good.plaintext).await, Outcome::Valid);
    assert_eq!(server.key_work(), work, "a known key asks neither the database nor the pool");
    let flood = (0..1_500_u32).map(|number| {
        let token = forged_token(&server.app.random, Kind::Live, good.key.secret);
        let app = server.app.clone();
        tokio::spawn(async move {
            let address = Some(std::net::IpAddr::from((number + 0x0100_0000).to_be_bytes()));
            keys::verify(&app, &token, &ANYTHING, &Presenter { address, ..Presenter::default() }).await
        })
    });
    let flood: Vec<_> = flood.collect();
    while server.key_work().0 == work.0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1_000 {
        assert_eq!(server.check(&good.plaintext).await, Outcome::Valid);
    }
    assert!(flood.iter().any(|task| !task.is_finished()), "the flood was still on");
    let outcomes = futures_util::future::join_all(flood).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(|task| task.expect("no panic")).collect();
    let refused =
        outcomes.iter().filter(|verdict| matches!(verdict, Ok(v) if v.outcome == Outcome::Unknown)).count();
    let busy =
        outcomes.iter().filter(|verdict| matches!(verdict, Err(Error::Busy | Error::Unavailable(_)))).count();
    assert_eq!(refused + busy, 1_500);
    assert!(refused >= 512, "{refused} looked at, {busy} turned away");
    assert_eq!(server.app.slice::<Arc<KeyCache>>().len(), 1, "a wrong token is never remembered as proven");
    assert_eq!(server.check(&good.plaintext).await, Outcome::Valid);
}

/// Beyond the limit of one address and one id, the response to a wrong secret says how long to wait, and no data of the key is read.
#[apply(on_both_engines!)]
async fn a_client_that_guesses_secrets_must_wait(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let limited = Draft { rate_limit: Some(1), ..draft("limited") };
    let good = keys::create(&server.app, &owner, &limited, None).await.expect("a key");
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let token =
            crate::platform::Secret::new(forged_token(&server.app.random, Kind::Live, good.key.secret));
        let response = server.get(&path).key(&token).send().await;
        assert_eq!(response.header("retry-after").is_empty(), response.status == 401);
        statuses.push(response.status.as_u16());
    }
    assert_eq!(statuses, [vec![401; 20], vec![429; 10]].concat());
    // Another client with the right key is accepted at once, with its full rate limit.
    let response = server.get(&path).from("198.51.100.20").key(&good.plaintext).send().await;
    assert_eq!((response.status.as_u16(), response.header("ratelimit")), (200, "\"minute\";r=0;t=60"));
    let owner_key = keys::find(&server.app, &owner, good.key.id).await.expect("a key");
    assert_eq!(owner_key.calls, 1, "wrong secrets are not the key's calls");
}

/// Addresses that an organization reports for its callers count only for that organization.
#[apply(on_both_engines!)]
async fn reported_addresses_do_not_limit_callers_of_other_organizations(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let good = server.key(&owner, "CI deploy").await;
    let stranger = server.key_of(Persona::Stranger).await;
    let (address, mut statuses) = ("198.51.100.20", Vec::new());
    for _ in 0..25 {
        let guess = forged_token(&server.app.random, Kind::Live, good.key.secret);
        let body = serde_json::json!({"key": guess, "ip": address});
        statuses
            .push(server.post("/api/v1/keys/verify").key(&stranger).json(&body).send().await.status.as_u16());
    }
    assert_eq!(statuses, [vec![200; 20], vec![429; 5]].concat());
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    assert_eq!(server.get(&path).from(address).key(&good.plaintext).send().await.status, 200);
}

/// The cache evicts tokens beyond its limit, and evicted tokens are verified again.
#[apply(on_both_engines!)]
async fn the_cache_of_tokens_stays_within_its_limit(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let memory = server.app.slice::<Arc<KeyCache>>();
    let mut created = Vec::new();
    for number in 0..40 {
        created.push(server.key(&owner, &format!("key {number}")).await);
        assert_eq!(server.check(&created[number].plaintext).await, Outcome::Valid);
    }
    assert_eq!(memory.len(), 40);
    memory.trim(10);
    assert!(memory.len() <= 10, "{}", memory.len());
    for key in &created {
        assert_eq!(server.check(&key.plaintext).await, Outcome::Valid);
        keys::disable(&server.app, &owner, key.key.id).await.expect("a key");
        assert_eq!(
            server.check(&key.plaintext).await,
            Outcome::Disabled,
            "a change reaches a place that was given up"
        );
    }
}
