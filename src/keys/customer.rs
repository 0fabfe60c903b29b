//! Limits and validation of the fields of keys that are handed to customers: owner, metadata and quota.

use serde::{Deserialize, Serialize};

use crate::shared::{TOKEN_IN_TEXT, Timestamp, contains_token, has_hidden_characters};

pub const MAX_EXTERNAL_ID_LENGTH: usize = 128;
/// The most bytes of metadata, as JSON text.
pub const MAX_METADATA: usize = 4 * 1024;
pub const MAX_QUOTA: i64 = 1_000_000_000_000;
/// The highest cost of one check.
pub const MAX_COST: i64 = 1_000_000;

/// How often a quota begins anew, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuotaPeriod {
    Day,
    Month,
}

impl QuotaPeriod {
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }

    /// The beginning of the period that a time belongs to.
    pub fn start(self, now: Timestamp) -> Timestamp {
        let (year, month, day) = now.date();
        let day = if self == Self::Month { 1 } else { day };
        Timestamp::of_date(year, month, day).unwrap_or(now)
    }

    /// The beginning of the next period.
    pub fn next(self, now: Timestamp) -> Timestamp {
        let (year, month, day) = now.date();
        let following_month = || match month {
            12 => Timestamp::of_date(year + 1, 1, 1),
            month => Timestamp::of_date(year, month + 1, 1),
        };
        let next = match self {
            Self::Day => Timestamp::of_date(year, month, day + 1).or_else(following_month),
            Self::Month => following_month(),
        };
        // After the year 9999 nothing follows.
        next.unwrap_or(now)
    }
}

/// A customer's id, trimmed. None when it is empty. The error is a sentence for people.
pub fn check_external_id(text: &str) -> Result<Option<String>, String> {
    let id = text.trim();
    if contains_token(id) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if id.chars().count() > MAX_EXTERNAL_ID_LENGTH {
        return Err(format!("An owner has at most {MAX_EXTERNAL_ID_LENGTH} characters."));
    }
    if has_hidden_characters(id) {
        return Err("An owner has no line breaks, control or invisible characters.".to_owned());
    }
    Ok((!id.is_empty()).then(|| id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_days_and_months_in_utc() {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        for (period, now, start, next) in [
            (QuotaPeriod::Day, "2026-11-20T10:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            (QuotaPeriod::Day, "2026-11-30T23:59:59Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
            (QuotaPeriod::Day, "2026-12-31T00:00:00Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            (QuotaPeriod::Day, "2028-02-28T00:00:00Z", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"),
            (QuotaPeriod::Month, "2026-11-20T10:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            (QuotaPeriod::Month, "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!((period.start(at(now)), period.next(at(now))), (at(start), at(next)), "{now}");
        }
    }

    #[test]
    fn an_owner_is_a_short_visible_text() {
        assert_eq!(check_external_id("  carrier_4471 "), Ok(Some("carrier_4471".to_owned())));
        assert_eq!(check_external_id(" "), Ok(None));
        assert!(check_external_id(&"é".repeat(128)).is_ok());
        for wrong in [&"a".repeat(129), "a\nb", "a\0", "a\u{200B}"] {
            assert!(check_external_id(wrong).is_err(), "{wrong:?}");
        }
    }
}
