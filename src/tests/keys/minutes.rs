//! Rate limits are counted per key, whichever of its tokens are cached.

use macro_rules_attribute::apply;

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
    keys::catch_up(&server.app).await.expect("a reading");
    assert_eq!(server.check(&key.plaintext).await, Outcome::Valid, "the next minute");
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
