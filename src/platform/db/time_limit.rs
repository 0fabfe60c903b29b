//! Limits on the time of a unit of work, such as a transaction. A connection can die without a sign while others work, and a
//! statement on it then never ends. A limit ends the wait and closes that connection; the next try uses another one.

use std::time::Duration;

use super::{Db, Engine, Fault};
use crate::platform::GrowingLimit;

/// The limit of the first try in `retry_within`.
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
const RETRY_DELAY: Duration = Duration::from_millis(250);

impl Db {
    /// Runs a unit of work, which fails with `Fault::Silent` when it takes too long. A commit may then be in doubt. On SQLite,
    /// whose connections do not die, there is no limit.
    pub async fn in_time<T, E: From<Fault>>(
        &self,
        limit: &GrowingLimit,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.core.engine == Engine::Sqlite {
            return work.await;
        }
        let began = self.core.clock.steady();
        limit.run(&self.core.clock, work).await.unwrap_or_else(|| {
            self.core.condition.note_silence(began);
            Err(Fault::Silent.into())
        })
    }

    /// Repeats work until it succeeds, for up to `span`, and at least twice, because the first connection may be dead. A try
    /// that was cut off because the connections were replaced does not count.
    pub async fn retry_within<E: From<Fault>>(
        &self,
        span: Duration,
        work: impl AsyncFn() -> Result<(), E>,
    ) -> Result<(), E> {
        let (end, limit) = (self.core.clock.steady() + span, GrowingLimit::new(TRY_TIMEOUT));
        let mut is_first = true;
        loop {
            let lost_at = self.core.condition.lost_at();
            let tried = limit.run(&self.core.clock, work()).await;
            let tried = tried.unwrap_or_else(|| Err(Fault::Silent.into()));
            let is_cut_off = self.core.condition.lost_at() != lost_at;
            if tried.is_ok() || !(is_first || is_cut_off || self.core.clock.steady() + RETRY_DELAY < end) {
                return tried;
            }
            is_first = false;
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}
