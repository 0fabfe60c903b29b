//! The clock is passed to whatever needs the time. The server uses the system clock; tests use a clock that they move themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::shared::Timestamp;

#[derive(Clone)]
pub struct Clock(TimeSource);

#[derive(Clone)]
enum TimeSource {
    System {
        started: Instant,
    },
    /// Wall time and time since the start, both in milliseconds. They are separate, because only wall time can step back.
    Manual {
        wall: Arc<AtomicI64>,
        steady: Arc<AtomicI64>,
    },
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn system() -> Self {
        Self(TimeSource::System { started: Instant::now() })
    }

    /// A clock that stands still until `advance` or `step_back` moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(TimeSource::Manual {
            wall: Arc::new(AtomicI64::new(start.millis())),
            steady: Arc::new(AtomicI64::new(0)),
        })
    }

    /// The wall time, for what is stored and displayed.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            TimeSource::Manual { wall, .. } => Timestamp::from_millis(wall.load(Ordering::SeqCst)),
        }
    }

    /// The time since the process started, which never steps back, for durations, limits and leases.
    pub fn steady(&self) -> Duration {
        match &self.0 {
            TimeSource::System { started } => started.elapsed(),
            TimeSource::Manual { steady, .. } => {
                Duration::from_millis(u64::try_from(steady.load(Ordering::SeqCst)).unwrap_or(0))
            }
        }
    }

    /// Sets the wall time of a manual clock back, as an operator or a time server may do. The time since the start stays.
    pub fn step_back(&self, span: Duration) {
        if let TimeSource::Manual { wall, .. } = &self.0 {
            wall.fetch_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Moves a manual clock forward. Does nothing to the system clock.
    pub fn advance(&self, span: Duration) {
        if let TimeSource::Manual { wall, steady } = &self.0 {
            let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            wall.fetch_add(millis, Ordering::SeqCst);
            steady.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
