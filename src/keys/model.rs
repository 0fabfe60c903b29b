//! The rules about keys that both builds need, without access to the database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::shared::{TOKEN_IN_TEXT, Timestamp, contains_token, has_hidden_characters};

pub const MAX_NAME_LENGTH: usize = 80;
pub const MAX_NOTE_LENGTH: usize = 500;
pub const MAX_PER_MINUTE: u32 = 1_000_000;

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

/// The effect of a report that a key has leaked, from the mildest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakEffect {
    /// The people concerned are told, and the key works as before.
    Report,
    Disable,
    Revoke,
}

impl LeakEffect {
    pub const ALL: [Self; 3] = [Self::Revoke, Self::Disable, Self::Report];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Disable => "disable",
            Self::Revoke => "revoke",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.as_str() == text)
    }
}

/// What was done to a key whose secret was found in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakOutcome {
    Reported,
    /// The secret was the previous one of a rotation. It has ended, and the key works with its new secret.
    RotationFinished,
    Disabled,
    Revoked,
}

impl LeakOutcome {
    const ALL: [Self; 4] = [Self::Reported, Self::RotationFinished, Self::Disabled, Self::Revoked];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::RotationFinished => "rotation_finished",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// What lists of keys can be filtered by: a status, or a property of active keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusFilter {
    /// Active or rotating.
    Active,
    /// Active, and expires within a week.
    Expiring,
    /// Active, and expires within thirty days of a longer life, but not within a week.
    Ending,
    Rotating,
    Disabled,
    Expired,
    Revoked,
    /// Active, and not used for sixty days.
    Idle,
    /// Active, and never expires.
    Endless,
    /// Its secret was found in public.
    Leaked,
}

impl StatusFilter {
    pub const ALL: [Self; 10] = [
        Self::Active,
        Self::Expiring,
        Self::Ending,
        Self::Rotating,
        Self::Disabled,
        Self::Expired,
        Self::Revoked,
        Self::Idle,
        Self::Endless,
        Self::Leaked,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Ending => "ending",
            Self::Rotating => "rotating",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Idle => "idle",
            Self::Endless => "never-expires",
            Self::Leaked => "leaked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status_filter| status_filter.as_str() == text)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Expiring => "Expiring",
            Self::Ending => "Expires within 30 days",
            Self::Rotating => "Rotating",
            Self::Disabled => "Disabled",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
            Self::Idle => "Idle",
            Self::Endless => "Never expires",
            Self::Leaked => "Leaked",
        }
    }
}

/// A key that expires within this time is expiring.
pub const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A key that expires within this time, and had a longer life, is ending.
pub const ENDING: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A key that was not used for this long is idle.
pub const IDLE: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// Reminders are sent this many days before a key expires, if its life is longer than that.
pub const REMINDER_DAYS: [i64; 4] = [1, 7, 14, 30];

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
    if name.chars().count() > MAX_NAME_LENGTH {
        return Err(format!("A name has at most {MAX_NAME_LENGTH} characters."));
    }
    if has_hidden_characters(name) {
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
