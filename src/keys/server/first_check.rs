//! The work of a token's first check: one scrypt, whatever became of the secret.

use std::time::Duration;

use super::hash;
use super::memory::Memory;
use super::store::SecretRow;
use super::token::Token;
use super::tries::{AttemptSource, Before};
use crate::platform::{App, Error};

/// More than this in a queue, or longer, and the answer is 503. With the usual cost two cores hash about five thousand
/// secrets in that time.
pub const MOST_WAITING: usize = 4_096;
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Is it the secret of this row, and the key of the token's kind? A secret that has ended, or a key of another kind, costs
/// the same work, so the time does not tell what became of the secret.
///
/// After wrong secrets of the same id from the same address, a token is checked after the others, by fewer threads. Beyond
/// the limit a thread pauses for as long as it works, so that a flood does not keep it busy all the time.
pub async fn is_right(
    app: &App,
    memory: &Memory,
    token: &Token<'_>,
    row: &SecretRow,
    who: AttemptSource,
    before: Before,
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
    let matches = match before {
        Before::Nothing => memory.checks.run(who, compare).await??,
        Before::Tries => memory.checks_after_wrong.run(who, compare).await??,
        Before::TooMany(_) => {
            let clock = app.clock.clone();
            let timed = move || {
                let began = clock.steady();
                let matches = compare();
                (matches, clock.steady().saturating_sub(began))
            };
            memory.checks_after_wrong.run_then_pause(who, timed).await??
        }
    };
    Ok(matches && row.kind == token.kind())
}
