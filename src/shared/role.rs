//! The role of a person or a key in an organization. Each role has all permissions of the lower ones.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Of keys only, which organizations hand to their customers: nothing in Latchkey is open to it.
    None,
    Viewer,
    Member,
    Admin,
    Owner,
}

impl Role {
    /// The roles that people can have, in ascending order.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];
    /// The roles that keys can have.
    pub const OF_KEYS: [Self; 5] = [Self::None, Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The name in the database, in JSON and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads a role of a person.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Reads a role of a key.
    pub fn parse_of_key(text: &str) -> Option<Self> {
        Self::OF_KEYS.into_iter().find(|role| role.as_str() == text)
    }

    /// The name as people see it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Viewer => "Viewer",
            Self::Member => "Member",
            Self::Admin => "Admin",
            Self::Owner => "Owner",
        }
    }

    /// For sentences: "Only owners may do this".
    pub const fn plural(self) -> &'static str {
        match self {
            Self::None => "everybody",
            Self::Viewer => "members",
            Self::Member => "members who are not viewers",
            Self::Admin => "admins and owners",
            Self::Owner => "owners",
        }
    }

    /// For sentences: "You are an admin".
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::None => "without a role",
            Self::Viewer => "a viewer",
            Self::Member => "a member",
            Self::Admin => "an admin",
            Self::Owner => "an owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_read_back() {
        assert!(Role::ALL.is_sorted() && Role::OF_KEYS.is_sorted());
        assert_eq!((Role::parse("none"), Role::parse_of_key("none")), (None, Some(Role::None)));
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("Admin"), None);
        assert_eq!(Role::parse(""), None);
    }
}
