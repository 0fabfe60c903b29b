//! Whether this process can serve requests, according to a probe of the database. The result is cached for a second, or until a
//! change is refused.

use std::time::Duration;

use tokio::sync::Mutex;

use super::Clock;
use super::db::{Db, Fault};

/// How long the result of a probe is used.
const CACHE_TIME: Duration = Duration::from_secs(1);
/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_millis(800);
/// How long `check` may take, including the wait for a probe that is running.
const CHECK_TIMEOUT: Duration = Duration::from_millis(950);

type ProbeResult = Result<(), Fault>;

#[derive(Default)]
pub struct Readiness(Mutex<Option<LastProbe>>);

struct LastProbe {
    at: Duration,
    result: ProbeResult,
    /// The number of database faults when the probe began.
    faults: u64,
}

impl Readiness {
    pub async fn check(&self, db: &Db, clock: &Clock) -> ProbeResult {
        tokio::time::timeout(CHECK_TIMEOUT, self.probe(db, clock)).await.unwrap_or(Err(Fault::Silent))
    }

    /// Returns the cached result or probes the database. Concurrent calls wait for the probe that is running.
    async fn probe(&self, db: &Db, clock: &Clock) -> ProbeResult {
        let mut last = self.0.lock().await;
        let faults = db.faults();
        if let Some(last) = &*last
            && clock.steady().saturating_sub(last.at) < CACHE_TIME
            // A successful result is not used again after a change was refused.
            && (last.result.is_err() || last.faults == faults)
        {
            return last.result;
        }
        let result = db.probe(clock.now(), PROBE_TIMEOUT).await;
        if result.is_ok() && last.as_ref().is_some_and(|last| last.result.is_err()) {
            tracing::info!("ready again");
        }
        *last = Some(LastProbe { at: clock.steady(), result, faults });
        result
    }
}
