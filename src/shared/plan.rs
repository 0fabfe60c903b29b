//! The plan of an organization. The configuration says which plans may use the public API.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    Free,
    Agency,
    Business,
    Enterprise,
}

impl Plan {
    pub const ALL: [Self; 4] = [Self::Free, Self::Agency, Self::Business, Self::Enterprise];

    /// The name in the database, in JSON and in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Agency => "agency",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        }
    }

    /// The name as people see it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Agency => "Agency",
            Self::Business => "Master / Business",
            Self::Enterprise => "Enterprise",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
