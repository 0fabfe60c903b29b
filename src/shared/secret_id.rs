//! The public id of a secret: twelve characters of the token, which lists and logs show.

use std::fmt;
use std::hash::{Hash, Hasher};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretId([u8; Self::LENGTH]);

impl SecretId {
    pub const LENGTH: usize = 12;

    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The first bytes as a number, for hashing.
    fn prefix_number(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(feature = "ssr")]
super::text_column!(SecretId);

impl Hash for SecretId {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.prefix_number());
        hasher.write_u32(self.0.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)));
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twelve_plain_characters_are_one() {
        assert_eq!(SecretId::parse("0AZaz9b8C7d6").expect("one").as_str(), "0AZaz9b8C7d6");
        for wrong in ["", "0AZaz9b8C7d", "0AZaz9b8C7d66", "0AZaz9b8C7d_", "0AZaz9b8C7é"] {
            assert_eq!(SecretId::parse(wrong), None, "{wrong}");
        }
    }
}
