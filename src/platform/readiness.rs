//! May this process get requests? However often that is asked, the database is probed once a second at most.

use std::time::Duration;

use tokio::sync::Mutex;

use super::Clock;
use super::db::{Db, Fault};

/// How long the outcome of a probe is used.
const EVERY: Duration = Duration::from_secs(1);
/// How long a probe may take, and the answer with it.
const PROBE: Duration = Duration::from_millis(800);
const ANSWER: Duration = Duration::from_millis(950);

type ProbeResult = Result<(), Fault>;

/// The last outcome, and when it came.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Duration, ProbeResult)>>);

impl Readiness {
    pub async fn check(&self, db: &Db, clock: &Clock) -> ProbeResult {
        tokio::time::timeout(ANSWER, self.probe(db, clock)).await.unwrap_or(Err(Fault::Silent))
    }

    /// Whoever asks while a probe is under way waits for its outcome.
    async fn probe(&self, db: &Db, clock: &Clock) -> ProbeResult {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = *last
            && clock.steady().saturating_sub(at) < EVERY
        {
            return outcome;
        }
        let outcome = db.probe(clock.now(), PROBE).await;
        if outcome.is_ok() && last.is_some_and(|(_, before)| before.is_err()) {
            tracing::info!("ready again");
        }
        *last = Some((clock.steady(), outcome));
        outcome
    }
}
