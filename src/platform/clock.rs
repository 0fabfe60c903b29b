//! Time is handed in. The server uses the system's clock; a test holds a clock that it moves itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::shared::Timestamp;

#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System {
        started: Instant,
    },
    /// Wall time in milliseconds and time since the start, apart because only the former can step back.
    Held {
        wall: Arc<AtomicI64>,
        steady: Arc<AtomicI64>,
    },
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn system() -> Self {
        Self(Source::System { started: Instant::now() })
    }

    /// A clock that stands still until `advance` or `step_back` moves it.
    pub fn held_at(start: Timestamp) -> Self {
        Self(Source::Held {
            wall: Arc::new(AtomicI64::new(start.millis())),
            steady: Arc::new(AtomicI64::new(0)),
        })
    }

    /// The wall clock, for what is stored and shown.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Held { wall, .. } => Timestamp::from_millis(wall.load(Ordering::SeqCst)),
        }
    }

    /// Time since the process started, which never steps back: for durations, limits and leases.
    pub fn steady(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Held { steady, .. } => {
                Duration::from_millis(u64::try_from(steady.load(Ordering::SeqCst)).unwrap_or(0))
            }
        }
    }

    /// Sets a held wall clock back, as an operator or a time server may do; time since the start goes on.
    pub fn step_back(&self, span: Duration) {
        if let Source::Held { wall, .. } = &self.0 {
            wall.fetch_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Lets time pass on a held clock; the system's clock cannot be moved.
    pub fn advance(&self, span: Duration) {
        if let Source::Held { wall, steady } = &self.0 {
            let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            wall.fetch_add(millis, Ordering::SeqCst);
            steady.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
