//! Recording a sample of the accepted calls of a key.

use std::fmt;
use std::time::Duration;

use crate::shared::Timestamp;

/// The choices for `CallSample::one_in`.
pub const SAMPLE_RATES: [u32; 3] = [1_000, 100, 10];
/// After this time the sample ends.
pub const SAMPLE_TIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One in so many accepted calls is recorded, until a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSample {
    pub one_in: u32,
    pub until: Timestamp,
}

impl CallSample {
    /// A sample that begins now. None for any other rate than `SAMPLE_RATES`.
    pub fn begin(one_in: i64, now: Timestamp) -> Option<Self> {
        let one_in = SAMPLE_RATES.into_iter().find(|rate| i64::from(*rate) == one_in)?;
        Some(Self { one_in, until: now.plus(SAMPLE_TIME) })
    }

    pub fn is_on(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl fmt::Display for CallSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 in {}", self.one_in)
    }
}
