//! Waits at the start for a PostgreSQL that cannot be reached yet, because after a reboot both start at the same time.

use std::time::Duration;

use super::{Db, DbError, Opener};
use crate::platform::{Clock, config};

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// How often the log says that the server is still waiting.
const REMINDER: Duration = Duration::from_secs(10);

/// Opens the database for a server. Retries while it cannot be reached; every other error is returned.
pub async fn open_when_reachable(settings: &config::DatabaseSettings, clock: &Clock) -> Result<Db, DbError> {
    let began = clock.steady();
    let mut pause = SHORTEST_PAUSE;
    let mut reminded_at = None;
    loop {
        let error = match Db::open(settings, Opener::Server).await {
            Ok(db) => {
                if reminded_at.is_some() {
                    let waited = clock.steady().saturating_sub(began).as_secs();
                    tracing::info!("connected to the database after {waited} s");
                }
                return Ok(db);
            }
            Err(error) if error.is_away() => error,
            Err(error) => return Err(error),
        };
        let now = clock.steady();
        if reminded_at.is_none_or(|at| now.saturating_sub(at) >= REMINDER) {
            tracing::warn!("waiting for the database: {error}");
            reminded_at = Some(now);
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(MAX_PAUSE);
    }
}
