//! May this process get requests? However often that is asked, the database is probed once a second at most,
//! and once more after a change was refused.

use std::time::Duration;

use tokio::sync::Mutex;

use super::Clock;
use super::db::{Db, Fault};

/// How long the result of a probe is used.
const EVERY: Duration = Duration::from_secs(1);
/// How long a probe may take, and the answer with it.
const PROBE: Duration = Duration::from_millis(800);
const ANSWER: Duration = Duration::from_millis(950);

type ProbeResult = Result<(), Fault>;

#[derive(Default)]
pub struct Readiness(Mutex<Option<LastProbe>>);

struct LastProbe {
    at: Duration,
    result: ProbeResult,
    /// The count of the database's faults when the probe began.
    faults: u64,
}

impl Readiness {
    pub async fn check(&self, db: &Db, clock: &Clock) -> ProbeResult {
        tokio::time::timeout(ANSWER, self.probe(db, clock)).await.unwrap_or(Err(Fault::Silent))
    }

    /// Whoever asks while a probe is under way waits for its result.
    async fn probe(&self, db: &Db, clock: &Clock) -> ProbeResult {
        let mut last = self.0.lock().await;
        let faults = db.faults();
        if let Some(last) = &*last
            && clock.steady().saturating_sub(last.at) < EVERY
            // A change that was refused since then ends a good result, so that nobody reads "ready" after it.
            && (last.result.is_err() || last.faults == faults)
        {
            return last.result;
        }
        let result = db.probe(clock.now(), PROBE).await;
        if result.is_ok() && last.as_ref().is_some_and(|last| last.result.is_err()) {
            tracing::info!("ready again");
        }
        *last = Some(LastProbe { at: clock.steady(), result, faults });
        result
    }
}
