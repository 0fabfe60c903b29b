//! The span of time of a list of refused requests.

use crate::shared::Timestamp;

/// From the first time that is included to the first one that is not. A missing end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusalSpan {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// The parameter that cannot be used, and why.
pub type SpanError = (&'static str, String);

impl RefusalSpan {
    pub const fn between(from: Timestamp, until: Timestamp) -> Self {
        Self { from: Some(from), until: Some(until) }
    }

    /// Reads two times as RFC 3339. An empty text means an open end.
    pub fn parse(from: &str, until: &str) -> Result<Self, SpanError> {
        let span = Self { from: read("from", from)?, until: read("until", until)? };
        if span.from.zip(span.until).is_some_and(|(from, until)| from >= until) {
            return Err(("until", "The end is not after the beginning.".to_owned()));
        }
        Ok(span)
    }

    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// The parameters of an address.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let ends = [("from", self.from), ("until", self.until)];
        ends.into_iter().filter_map(|(name, end)| Some((name, end?.to_string()))).collect()
    }
}

fn read(field: &'static str, text: &str) -> Result<Option<Timestamp>, SpanError> {
    match text.trim() {
        "" => Ok(None),
        text => match Timestamp::parse(text) {
            Some(at) => Ok(Some(at)),
            None => Err((field, "Write a time as 2026-11-20T14:00:00Z.".to_owned())),
        },
    }
}
