//! The work of a token's first check: one scrypt, whether or not the secret still exists.

use super::attempt_limit::{AttemptSource, PriorAttempts};
use super::key_cache::KeyCache;
use crate::keys::server::hash;
use crate::keys::server::store::SecretRow;
use crate::keys::server::token::Token;
use crate::platform::{App, Error};

/// Whether the token has the secret of this row, and the kind of its key. A secret that has ended, or a key of another kind,
/// costs the same work, so the time does not reveal whether the secret still exists.
///
/// After wrong secrets with the same id from the same address, a token is checked after the others, by fewer threads. Beyond
/// the limit, the thread pauses for as long as it worked, so that a flood does not keep it busy all the time.
pub async fn is_right(
    app: &App,
    cache: &KeyCache,
    token: &Token<'_>,
    row: &SecretRow,
    source: AttemptSource,
    prior: PriorAttempts,
) -> Result<bool, Error> {
    let (stored, secret, cost) = (row.hash.clone(), token.secret().to_owned(), hash::cost_of_new(app));
    let worker_app = app.clone();
    let compare = move || {
        worker_app.metrics.key_hashed();
        match stored {
            Some(stored) => hash::matches(&stored, &secret),
            None => hash::matches_nothing(&secret, cost),
        }
    };
    let matches = match prior {
        PriorAttempts::Zero => cache.first_checks.run(source, compare).await??,
        PriorAttempts::Few => cache.checks_after_failures.run(source, compare).await??,
        PriorAttempts::TooMany(_) => {
            let clock = app.clock.clone();
            let timed = move || {
                let began = clock.steady();
                let matches = compare();
                (matches, clock.steady().saturating_sub(began))
            };
            cache.checks_after_failures.run_then_pause(source, timed).await??
        }
    };
    Ok(matches && row.kind == token.kind())
}
