//! The arguments of `verify`: what is required of the key, and who presents it.

use std::net::IpAddr;
use std::sync::Arc;

use crate::keys::server::KeyAudience;
use crate::permissions::query::PermissionQuery;
use crate::permissions::server::OrgPermissions;
use crate::shared::{Kind, OrgId, Role};

/// What an endpoint requires of a key.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Only keys of this organization; None accepts any.
    pub org: Option<OrgId>,
    /// The place that checks the key. Keys that are made for another place alone are refused.
    pub audience: Option<KeyAudience>,
    pub least_role: Role,
    pub kinds: Kinds,
    /// The organization's plan must include the API.
    pub plan: bool,
    pub permissions: Option<&'a PermissionRequirement<'a>>,
    /// How much of the key's quota the request uses up.
    pub cost: u32,
}

/// A query for permissions, all of whose names the organization lists.
#[derive(Debug)]
pub struct PermissionRequirement<'t> {
    pub query: PermissionQuery<'t>,
    pub listed: Arc<OrgPermissions>,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const ALL: Self = Self(u8::MAX);
    pub const NONE: Self = Self(0);
    /// The kinds that a check accepts unless the request names others. Test keys must be named.
    pub const DEFAULT: Self = Self::ALL.without(Kind::Test);

    #[must_use]
    pub const fn and(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

/// The client that presents the key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presenter<'a> {
    pub address: Option<IpAddr>,
    /// The organization whose service reported the address. None when this server saw the address itself.
    pub reported_by: Option<OrgId>,
    pub user_agent: &'a str,
    /// The request id that a refused caller receives, and with which an admin finds the reason.
    pub request_id: &'a str,
}
