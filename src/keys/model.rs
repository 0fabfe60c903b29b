//! The rules about keys that both builds need, without access to the database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::shared::{TOKEN_IN_TEXT, Timestamp, contains_token, is_invisible};

pub const LONGEST_NAME: usize = 80;
pub const LONGEST_NOTE: usize = 500;
pub const MOST_PER_MINUTE: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    /// Active with two valid secrets: the new one, and the old one until its cut-off.
    Rotating,
    Disabled,
    Expired,
    Revoked,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Active, Self::Rotating, Self::Disabled, Self::Expired, Self::Revoked];

    /// The status of a key at a time. If several apply, the one that is hardest to undo wins.
    pub fn at(now: Timestamp, times: &Times) -> Self {
        if times.revoked.is_some() {
            Self::Revoked
        } else if times.expires.is_some_and(|expires| expires <= now) {
            Self::Expired
        } else if times.disabled.is_some() {
            Self::Disabled
        } else if times.previous_until.is_some_and(|until| until > now) {
            Self::Rotating
        } else {
            Self::Active
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rotating => "rotating",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether requests with the key are accepted.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Active | Self::Rotating)
    }
}

/// What lists of keys can be filtered by: a status, or a property of active keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusFilter {
    /// Active or rotating.
    Active,
    /// Active, and expires within a week.
    Expiring,
    Rotating,
    Disabled,
    Expired,
    Revoked,
    /// Active, and not used for ninety days.
    Idle,
    /// Active, and never expires.
    Endless,
}

impl StatusFilter {
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Expiring,
        Self::Rotating,
        Self::Disabled,
        Self::Expired,
        Self::Revoked,
        Self::Idle,
        Self::Endless,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Rotating => "rotating",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Idle => "idle",
            Self::Endless => "never-expires",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status_filter| status_filter.as_str() == text)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Expiring => "Expiring",
            Self::Rotating => "Rotating",
            Self::Disabled => "Disabled",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
            Self::Idle => "Idle",
            Self::Endless => "Never expires",
        }
    }
}

/// A key that expires within this time is expiring.
pub const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A key that was not used for this long is idle.
pub const IDLE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The times that determine the status of a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub revoked: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    pub disabled: Option<Timestamp>,
    pub previous_until: Option<Timestamp>,
}

/// Validates the name of a key and trims it. The error is a sentence for people.
pub fn check_key_name(input: &str) -> Result<String, String> {
    let name = input.trim();
    if name.is_empty() {
        return Err("Enter a name for the key.".to_owned());
    }
    if contains_token(name) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("A name has at most {LONGEST_NAME} characters."));
    }
    if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("A name has no line breaks, control or invisible characters.".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_depends_on_the_time() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let now = Timestamp::from_millis(1_000);
        let status = |times| Status::at(now, &times);
        assert_eq!(status(Times::default()), Status::Active);
        assert_eq!(status(Times { previous_until: at(1_001), ..Times::default() }), Status::Rotating);
        assert_eq!(status(Times { previous_until: at(1_000), ..Times::default() }), Status::Active);
        assert_eq!(status(Times { expires: at(1_001), ..Times::default() }), Status::Active);
        assert_eq!(
            status(Times { expires: at(1_000), disabled: at(1), ..Times::default() }),
            Status::Expired
        );
        assert_eq!(
            status(Times { disabled: at(1), previous_until: at(2_000), ..Times::default() }),
            Status::Disabled
        );
        let all = Times { revoked: at(1), expires: at(1), disabled: at(1), previous_until: at(2_000) };
        assert_eq!(status(all), Status::Revoked);
    }

    #[test]
    fn names_are_one_to_eighty_visible_characters() {
        for valid in ["a", "  CI deploy ", &"é".repeat(80), "日本語 🔑", "a/b.c:d"] {
            assert_eq!(check_key_name(valid), Ok(valid.trim().to_owned()));
        }
        for wrong in ["", "   ", &"a".repeat(81), "a\nb", "a\0b", "a\u{202E}b", "a\u{200B}b"] {
            assert!(check_key_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
