//! The code that people compare, and the states of a login.

use std::fmt;

/// The letters of user codes: no vowels, so that no code is a word, and no letters that look alike.
pub const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

const LENGTH: usize = 8;

/// Eight letters, displayed as `WDJB-MJHT`. The code is not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserCode(String);

impl UserCode {
    /// Parses a typed code. Lower case counts as upper case, and other characters are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text
            .chars()
            .map(|c| c.to_ascii_uppercase())
            .filter(|c| u8::try_from(*c).is_ok_and(|byte| ALPHABET.contains(&byte)))
            .take(LENGTH + 1)
            .collect();
        (letters.len() == LENGTH).then_some(Self(letters))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (front, back) = self.0.split_at(LENGTH / 2);
        write!(f, "{front}-{back}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginStatus {
    Pending,
    /// Approved; the key is created when the device polls.
    Approved,
    Denied,
    /// The device has received its key.
    Consumed,
}

impl LoginStatus {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Denied, Self::Consumed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Consumed => "consumed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_parsed_whatever_the_case_and_separators() {
        for typed in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht\n", "w.d.j.b.m.j.h.t", "WDJB–MJHT", "AwdjbEmjht1"]
        {
            assert_eq!(
                UserCode::parse(typed).map(|code| code.to_string()).as_deref(),
                Some("WDJB-MJHT"),
                "{typed}"
            );
        }
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTB", "AEIO-UAEI", "ＷＤＪＢ-ＭＪＨＴ", &"B".repeat(10_000)]
        {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn statuses_are_parsed() {
        for status in LoginStatus::ALL {
            assert_eq!(LoginStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(LoginStatus::parse("expired"), None);
    }
}
