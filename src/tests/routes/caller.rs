//! The callers of routes.

use crate::shared::Role;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    /// Signed in as a member of the organization that the objects belong to.
    Session(Role),
    /// Signed in as the owner of another organization.
    ForeignSession,
    Key(Role),
    /// A key of another organization's owner.
    ForeignKey,
    RevokedKey,
    DisabledKey,
    ExpiredKey,
}

impl Caller {
    pub const ALL: [Self; 14] = [
        Self::Anonymous,
        Self::Session(Role::Viewer),
        Self::Session(Role::Member),
        Self::Session(Role::Admin),
        Self::Session(Role::Owner),
        Self::ForeignSession,
        Self::Key(Role::Viewer),
        Self::Key(Role::Member),
        Self::Key(Role::Admin),
        Self::Key(Role::Owner),
        Self::ForeignKey,
        Self::RevokedKey,
        Self::DisabledKey,
        Self::ExpiredKey,
    ];

    /// The role of the person behind it, in that person's organization.
    pub fn role(self) -> Role {
        match self {
            Self::Session(role) | Self::Key(role) => role,
            _ => Role::Owner,
        }
    }

    pub fn is_foreign(self) -> bool {
        matches!(self, Self::ForeignSession | Self::ForeignKey)
    }

    /// The column of the table for callers who are signed in.
    pub fn session_column(self) -> Option<usize> {
        match self {
            Self::Session(role) => Some(column(role)),
            Self::ForeignSession => Some(4),
            _ => None,
        }
    }

    /// The column of the table for callers with a valid key.
    pub fn key_column(self) -> Option<usize> {
        match self {
            Self::Key(role) => Some(column(role)),
            Self::ForeignKey => Some(4),
            _ => None,
        }
    }

    pub fn has_invalid_key(self) -> bool {
        matches!(self, Self::RevokedKey | Self::DisabledKey | Self::ExpiredKey)
    }
}

fn column(role: Role) -> usize {
    match role {
        Role::None => unreachable!("no caller has it"),
        Role::Viewer => 0,
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}
