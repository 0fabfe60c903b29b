//! The permission table: what each role may do. All entry points (pages, REST, the published clients) use it.

use super::Role;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// View keys, usage and members of the organization.
    See,
    /// Create keys with at most one's own role, and manage these keys.
    ManageOwnKeys,
    ManageAllKeys,
    /// Maintain the list of permissions, and set the owner, metadata, permissions and quota of keys.
    ManagePermissions,
    /// Register agents and what they may use.
    RegisterAgents,
    /// Invite, change and remove members with at most one's own role.
    ManageMembers,
    ReadAudit,
    /// Add, change and remove endpoints that receive events.
    ManageWebhooks,
    /// Decide requests of others that need a second person.
    DecideApprovals,
    /// Rename or delete the organization, change its plan and its key policy, appoint owners.
    ManageOrganization,
}

/// How the actor is authenticated. As a person, a viewer may manage their own keys; a key with the role viewer may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    Person,
    Key,
}

impl Permission {
    pub const ALL: [Self; 10] = [
        Self::See,
        Self::ManageOwnKeys,
        Self::ManageAllKeys,
        Self::ManagePermissions,
        Self::RegisterAgents,
        Self::ManageMembers,
        Self::ReadAudit,
        Self::ManageWebhooks,
        Self::DecideApprovals,
        Self::ManageOrganization,
    ];

    pub fn is_granted(self, role: Role, door: PrincipalKind) -> bool {
        role >= self.least_role(door)
    }

    pub fn least_role(self, door: PrincipalKind) -> Role {
        match self {
            Self::See => Role::Viewer,
            Self::ManageOwnKeys if door == PrincipalKind::Person => Role::Viewer,
            Self::ManageOwnKeys | Self::RegisterAgents => Role::Member,
            Self::ManageAllKeys
            | Self::ManagePermissions
            | Self::ManageMembers
            | Self::ReadAudit
            | Self::ManageWebhooks
            | Self::DecideApprovals => Role::Admin,
            Self::ManageOrganization => Role::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_permissions() {
        use Permission::{
            DecideApprovals, ManageAllKeys, ManageMembers, ManageOrganization, ManageOwnKeys,
            ManagePermissions, ManageWebhooks, ReadAudit, RegisterAgents, See,
        };
        let may = |role, door| -> Vec<_> {
            Permission::ALL.into_iter().filter(|permission| permission.is_granted(role, door)).collect()
        };
        assert_eq!(may(Role::Viewer, PrincipalKind::Key), [See]);
        assert_eq!(may(Role::Viewer, PrincipalKind::Person), [See, ManageOwnKeys]);
        assert_eq!(may(Role::Member, PrincipalKind::Key), [See, ManageOwnKeys, RegisterAgents]);
        assert_eq!(may(Role::Member, PrincipalKind::Person), [See, ManageOwnKeys, RegisterAgents]);
        let admin = [
            See,
            ManageOwnKeys,
            ManageAllKeys,
            ManagePermissions,
            RegisterAgents,
            ManageMembers,
            ReadAudit,
            ManageWebhooks,
            DecideApprovals,
        ];
        assert!(may(Role::None, PrincipalKind::Key).is_empty());
        assert_eq!(may(Role::Admin, PrincipalKind::Person), admin);
        assert_eq!(may(Role::Admin, PrincipalKind::Key), admin);
        let owner = [admin.as_slice(), &[ManageOrganization]].concat();
        assert_eq!(may(Role::Owner, PrincipalKind::Person), owner);
        assert_eq!(may(Role::Owner, PrincipalKind::Key), owner);
    }
}
