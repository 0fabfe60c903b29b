//! The work of a token's first check: one scrypt, whether or not the secret still exists.

use std::time::Duration;

use super::attempt_limit::{AttemptSource, PriorAttempts};
use super::key_cache::KeyCache;
use crate::keys::server::KeyMetrics;
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
    let compare = comparison(app, token, row);
    let matches = match prior {
        PriorAttempts::Zero => cache.first_checks.run(source, compare).await??,
        PriorAttempts::Few => cache.checks_after_failures.run(source, compare).await??,
        PriorAttempts::TooMany(_) => {
            cache.checks_after_failures.run_then_pause(source, timed(app, compare)).await??
        }
    };
    Ok(matches && row.kind == token.kind())
}

/// The same for a token in a report of leaked keys. One thread hashes all of them, and pauses as long as it worked; for a
/// reporter with too many wrong tokens of this id, three times as long.
pub async fn is_right_in_report(
    app: &App,
    cache: &KeyCache,
    token: &Token<'_>,
    row: &SecretRow,
    prior: PriorAttempts,
) -> Result<bool, Error> {
    let pauses = if matches!(prior, PriorAttempts::TooMany(_)) { 3 } else { 1 };
    let timed = timed(app, comparison(app, token, row));
    let slow = move || {
        let (matches, took) = timed();
        (matches, took * pauses)
    };
    let matches = cache.leak_checks.run_then_pause((), slow).await??;
    Ok(matches && row.kind == token.kind())
}

fn comparison(
    app: &App,
    token: &Token<'_>,
    row: &SecretRow,
) -> impl FnOnce() -> Result<bool, Error> + Send + use<> {
    let (stored, secret, cost) = (row.hash.clone(), token.secret().to_owned(), hash::cost_of_new(app));
    let app = app.clone();
    move || {
        app.slice::<KeyMetrics>().hashed();
        match stored {
            Some(stored) => hash::matches(&stored, &secret),
            None => hash::matches_nothing(&secret, cost),
        }
    }
}

/// Work that also returns how long it took.
fn timed<T, W: FnOnce() -> T + Send>(
    app: &App,
    work: W,
) -> impl FnOnce() -> (T, Duration) + Send + use<T, W> {
    let clock = app.clock.clone();
    move || {
        let began = clock.steady();
        let result = work();
        (result, clock.steady().saturating_sub(began))
    }
}
