//! The kinds of keys. Each has its own prefix, which says what a leaked key was for.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Live,
    Test,
    Claw,
    Secret,
    Mcp,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Live, Self::Test, Self::Claw, Self::Secret, Self::Mcp];

    /// The name in the database, in JSON and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Claw => "claw",
            Self::Secret => "secret",
            Self::Mcp => "mcp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The name as people see it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Test => "Test",
            Self::Claw => "Claw",
            Self::Secret => "Secret",
            Self::Mcp => "MCP",
        }
    }

    /// The beginning of the token, before the underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "ak_live",
            Self::Test => "ak_test",
            Self::Claw => "ak_claw",
            Self::Secret => "sk_live",
            Self::Mcp => "amt",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_and_have_prefixes_of_their_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
            assert_eq!(Kind::ALL.iter().filter(|other| other.prefix() == kind.prefix()).count(), 1);
        }
        assert_eq!(Kind::parse("MCP"), None);
    }
}
