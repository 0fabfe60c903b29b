//! Identifiers: UUIDv7 texts, which sort by the time they were made. Each kind is a type of its own, so that a person's
//! cannot be passed where an organization's is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

macro_rules! id {
    ($(#[$about:meta])* $Name:ident) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(String);

        impl $Name {
            /// From the moment and ten random bytes.
            pub fn new(now: Timestamp, chance: [u8; 10]) -> Self {
                Self(uuid_v7(now, chance))
            }

            /// What the database or a caller sent; whether it exists is another question.
            pub fn from_text(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same in sixteen bytes, for what is kept in memory by the million. None when it is no UUID.
            pub fn compact(&self) -> Option<Compact> {
                Compact::parse(&self.0)
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(UserId);
id!(OrgId);
id!(KeyId);
id!(InvitationId);
id!(
    /// A registered agent; its people call it otherwise.
    AgentId
);
id!(
    /// A device that asked to be logged in.
    LoginId
);
id!(
    /// A row of the audit log.
    EventId
);

/// An identifier as its sixteen bytes; `to_string` gives the text back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Compact([u8; 16]);

impl Compact {
    fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut bytes = [0; 16];
        if text.len() != 36 || [8, 13, 18, 23].iter().any(|dash| text[*dash] != b'-') {
            return None;
        }
        let digits = text.iter().filter(|byte| **byte != b'-');
        let mut count = 0;
        for digit in digits {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *bytes.get_mut(count / 2)? |= value << (if count % 2 == 0 { 4 } else { 0 });
            count += 1;
        }
        (count == 32).then_some(Self(bytes))
    }
}

/// Each byte in two digits.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

impl Compact {
    /// The last half, which is chance.
    pub fn tail(self) -> [u8; 8] {
        self.0.last_chunk().copied().unwrap_or_default()
    }

    /// Nobody's.
    pub const NIL: Self = Self([0; 16]);

    /// The text as bytes.
    pub fn to_text(self) -> [u8; 36] {
        const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        let mut text = [b'-'; 36];
        for (byte, at) in self.0.into_iter().zip(PLACES) {
            [text[at], text[at + 1]] = PAIRS[usize::from(byte)];
        }
        text
    }
}

impl fmt::Display for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

/// RFC 9562: 48 bits of unix milliseconds, the version, the variant, 74 random bits.
fn uuid_v7(now: Timestamp, chance: [u8; 10]) -> String {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&now.millis().to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&chance);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Compact(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_uuids_that_sort_by_time() {
        let early = UserId::new(Timestamp::from_millis(1_795_168_800_000), [0xff; 10]);
        let late = UserId::new(Timestamp::from_millis(1_795_168_800_001), [0; 10]);
        assert_eq!(early.as_str(), "01a1f866-0d00-7fff-bfff-ffffffffffff");
        assert!(early < late);
    }

    #[test]
    fn sixteen_bytes_read_back_as_the_same_text() {
        let id = KeyId::new(Timestamp::from_millis(1_795_168_800_000), [0x5a; 10]);
        assert_eq!(id.compact().expect("a UUID").to_string(), id.as_str());
        for wrong in [
            "",
            "01a1f866-0d00-7fff-bfff-fffffffffff",
            "01A1f866-0d00-7fff-bfff-ffffffffffff",
            "01a1f866-0d00-7fff-bfff-ffffffffff-f",
            "01a1f8660-d00-7fff-bfff-ffffffffffff",
        ] {
            assert_eq!(KeyId::from_text(wrong).compact(), None, "{wrong}");
        }
    }
}
