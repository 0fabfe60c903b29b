//! Rate limits are counted per key, whichever of its tokens are cached.

use macro_rules_attribute::apply;

use serde_json::json;

use super::*;
use crate::platform::db::Engine;

fn limited(name: &str, limit: i64) -> Draft {
    Draft { rate_limit: Some(limit), ..draft(name) }
}

/// Evicts all tokens, as happens when more of them are in use than `remembered_tokens`.
fn evict_tokens(server: &Server) {
    let memory = server.app.slice::<Arc<keys::KeyCache>>();
    memory.trim(0);
    assert!(memory.is_empty());
}

#[apply(on_both_engines!)]
async fn a_rate_window_continues_when_tokens_are_evicted(engine: Engine) {
    let server =
        Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1"), ("LATCHKEY_REMEMBERED_TOKENS", "5")]).await;
    let owner = server.actor(Persona::Owner).await;
    let key = keys::create(&server.app, &owner, &limited("limited", 3), None).await.expect("a key");
    let mut others = Vec::new();
    for number in 0..20 {
        others.push(server.key(&owner, &format!("key {number}")).await.plaintext);
    }
    let most = server.app.config.keys.remembered_tokens as usize;
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        outcomes.push(server.check(&key.plaintext).await);
        for other in &others {
            assert_eq!(server.check(other).await, Outcome::Valid);
        }
        server.app.slice::<Arc<keys::KeyCache>>().trim(most);
        evict_tokens(&server);
    }
    assert_eq!(outcomes, [[Outcome::Valid; 3], [Outcome::RateLimited; 3]].concat());

    // A change of the key does not begin a new window; a new limit applies to the current one.
    let edit = async |edit: Edit| {
        keys::edit(&server.app, &owner, key.key.id, &edit).await.expect("a key");
        server.check(&key.plaintext).await
    };
    let renamed = Edit { name: Some("renamed".to_owned()), ..Edit::default() };
    assert_eq!(edit(renamed).await, Outcome::RateLimited);
    assert_eq!(edit(Edit { rate_limit: Some(Some(4)), ..Edit::default() }).await, Outcome::Valid);
    evict_tokens(&server);
    assert_eq!(server.check(&key.plaintext).await, Outcome::RateLimited);
    assert_eq!(edit(Edit { rate_limit: Some(None), ..Edit::default() }).await, Outcome::Valid);
    evict_tokens(&server);
    assert_eq!(edit(Edit { rate_limit: Some(Some(4)), ..Edit::default() }).await, Outcome::RateLimited);
    let rotated = keys::rotate(&server.app, &owner, key.key.id, Duration::from_secs(600), None)
        .await
        .expect("a secret");
    assert_eq!(server.check(&rotated.plaintext).await, Outcome::RateLimited, "both secrets share the minute");

    server.clock.advance(Duration::from_secs(60));
    keys::read_change_log(&server.app).await.expect("a reading");
    assert_eq!(server.check(&key.plaintext).await, Outcome::Valid, "the next minute");
}

/// However many keys a limited key makes, and keys that those make: together they make no more requests than it may alone.
#[apply(on_both_engines!)]
async fn keys_that_a_limited_key_makes_count_with_it(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let owner = server.actor(Persona::Owner).await;
    let root = keys::create(&server.app, &owner, &limited("root", 20), None).await.expect("a key");
    let make = async |by: &Secret, name: &str, limit: Option<u32>| {
        let body = json!({ "name": name, "rate_limit_per_minute": limit });
        let response = server.post("/api/v1/keys").key(by).json(&body).send().await;
        assert_eq!(response.status, 201, "{}", response.text());
        let body = response.json();
        let id = KeyId::parse(body["id"].as_str().expect("an id")).expect("an id");
        (id, Secret::new(body["key"].as_str().expect("a token")))
    };
    let (_, child) = make(&root.plaintext, "child", None).await;
    let (_, low) = make(&root.plaintext, "low", Some(5)).await;
    let (grandchild, last) = make(&child, "grandchild", None).await;
    let family = [&root.plaintext, &child, &last];
    // Three calls have made the keys.
    let mut valid = 3;
    for _ in 0..20 {
        for token in family {
            valid += i32::from(server.check(token).await == Outcome::Valid);
        }
    }
    assert_eq!(valid, 20);
    assert_eq!(server.check(&low).await, Outcome::RateLimited);
    let other = keys::create(&server.app, &owner, &limited("other", 20), None).await.expect("a key");
    assert_eq!(
        server.check(&other.plaintext).await,
        Outcome::Valid,
        "a person's keys have counts of their own"
    );

    // An actor without a limit may let a key be counted by itself.
    let edit = Edit { rate_limit: Some(Some(30)), ..Edit::default() };
    keys::edit(&server.app, &owner, grandchild, &edit).await.expect("a key");
    assert_eq!(server.check(&last).await, Outcome::Valid);
    assert_eq!(server.check(&child).await, Outcome::RateLimited);

    // The low limit holds for the common count.
    server.clock.advance(Duration::from_secs(60));
    keys::read_change_log(&server.app).await.expect("a reading");
    for expected in [[Outcome::Valid; 5], [Outcome::RateLimited; 5]].concat() {
        assert_eq!(server.check(&low).await, expected);
    }
    assert_eq!(server.check(&child).await, Outcome::Valid);
}

#[apply(on_both_engines!)]
async fn a_key_that_a_limited_key_rotates_counts_with_it(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let owner = server.actor(Persona::Owner).await;
    let root = keys::create(&server.app, &owner, &limited("root", 10), None).await.expect("a key");
    let mut tokens = vec![root.plaintext.clone()];
    for number in 0..3 {
        let other = keys::create(&server.app, &owner, &limited(&format!("other {number}"), 10), None)
            .await
            .expect("a key");
        let path = format!("/api/v1/keys/{}/rotate", other.key.id);
        let response = server.post(&path).key(&root.plaintext).json(&json!({})).send().await;
        assert_eq!(response.status, 200, "{}", response.text());
        tokens.push(Secret::new(response.json()["key"].as_str().expect("a token")));
    }
    let mut valid = 3;
    for token in &tokens {
        for _ in 0..10 {
            valid += i32::from(server.check(token).await == Outcome::Valid);
        }
    }
    assert_eq!(valid, 10);
}

#[apply(on_both_engines!)]
async fn the_limit_is_exact_while_tokens_are_evicted(engine: Engine) {
    let server = Arc::new(Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await);
    let owner = server.actor(Persona::Owner).await;
    let token =
        keys::create(&server.app, &owner, &limited("limited", 50), None).await.expect("a key").plaintext;
    let checks = (0..200).map(|number| {
        let (server, token) = (Arc::clone(&server), token.clone());
        tokio::spawn(async move {
            if number % 8 == 0 {
                server.app.slice::<Arc<keys::KeyCache>>().trim(0);
            }
            loop {
                match keys::verify(&server.app, token.expose(), &ANYTHING, &SOMEBODY).await {
                    Ok(verdict) => return verdict.outcome,
                    // Its entry was evicted again and again.
                    Err(error) => assert!(matches!(error, Error::Busy), "{error}"),
                }
            }
        })
    });
    let checks: Vec<_> = checks.collect();
    let outcomes = futures_util::future::join_all(checks).await;
    let valid = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Valid))).count();
    let limited = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::RateLimited))).count();
    assert_eq!((valid, limited), (50, 150));
}
