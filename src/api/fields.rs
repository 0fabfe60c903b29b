//! Types for fields of JSON bodies.

use serde::{Deserialize, Deserializer};

use crate::shared::Timestamp;

/// A time in RFC 3339.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a moment is written as 2026-11-20T10:00:00Z"))
    }
}

/// Distinguishes `null`, which becomes Some(None), from a missing field, which has its default, None.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
