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
id!(
    /// A row of the audit log.
    EventId
);

/// RFC 9562: 48 bits of unix milliseconds, the version, the variant, 74 random bits.
fn uuid_v7(now: Timestamp, chance: [u8; 10]) -> String {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&now.millis().to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&chance);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
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
}
