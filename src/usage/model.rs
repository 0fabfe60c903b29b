//! The outcome of a request that presented a key.

use serde::{Deserialize, Serialize};

/// The outcomes of key checks, with the names that the API, the charts and the database use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Valid,
    Missing,
    Malformed,
    /// The public id does not exist, or the secret for it is wrong.
    Unknown,
    /// The secret or its key has ended. After a secret has ended, it is recognized by its public id alone.
    Revoked,
    Disabled,
    Expired,
    RateLimited,
    IpNotAllowed,
    PlanNotEligible,
    RoleTooLow,
    KindNotAllowed,
    InsufficientPermissions,
    QuotaExceeded,
    /// The key, or the address of the caller, breaks a rule of the organization's key policy.
    PolicyRefused,
    /// The key is made for one place alone, and another one checked it.
    WrongAudience,
}

impl Outcome {
    pub const ALL: [Self; 16] = [
        Self::Valid,
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::RateLimited,
        Self::IpNotAllowed,
        Self::PlanNotEligible,
        Self::RoleTooLow,
        Self::KindNotAllowed,
        Self::InsufficientPermissions,
        Self::QuotaExceeded,
        Self::PolicyRefused,
        Self::WrongAudience,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::RateLimited => "rate_limited",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::PlanNotEligible => "plan_not_eligible",
            Self::RoleTooLow => "role_too_low",
            Self::KindNotAllowed => "kind_not_allowed",
            Self::InsufficientPermissions => "insufficient_permissions",
            Self::QuotaExceeded => "quota_exceeded",
            Self::PolicyRefused => "policy_refused",
            Self::WrongAudience => "wrong_audience",
        }
    }

    /// The outcomes with which a request that presented an existing key is refused.
    pub fn refusals() -> impl Iterator<Item = Self> {
        let others = [Self::Valid, Self::Missing, Self::Malformed];
        Self::ALL.into_iter().filter(move |outcome| !others.contains(outcome))
    }

    /// The short name on pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Valid => "Valid",
            Self::Missing => "No key",
            Self::Malformed => "Malformed key",
            Self::Unknown => "Wrong secret",
            Self::Revoked => "Revoked",
            Self::Disabled => "Disabled",
            Self::Expired => "Expired",
            Self::RateLimited => "Rate limited",
            Self::IpNotAllowed => "Address not allowed",
            Self::PlanNotEligible => "Not in the plan",
            Self::RoleTooLow => "Role too low",
            Self::KindNotAllowed => "Kind not accepted",
            Self::InsufficientPermissions => "Permission missing",
            Self::QuotaExceeded => "Quota used up",
            Self::PolicyRefused => "Key policy",
            Self::WrongAudience => "Only for MCP",
        }
    }

    /// Why a request was refused, as a sentence for the key's organization.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Valid => "It was not refused.",
            Self::Missing => "It had no key.",
            Self::Malformed => "The key was malformed: its form or checksum is wrong.",
            Self::Unknown => {
                "It used the public id of this key with a wrong secret, or asked for another organization."
            }
            Self::Revoked => "The key was revoked, or this secret of it had ended.",
            Self::Disabled => "The key was disabled.",
            Self::Expired => "The key had expired.",
            Self::RateLimited => "The key's requests of that minute were used up.",
            Self::IpNotAllowed => "The address is not among those that the key is allowed from.",
            Self::PlanNotEligible => "The organization's plan does not include the API.",
            Self::RoleTooLow => "The key's role is too low for what was asked.",
            Self::KindNotAllowed => "Keys of this kind are not accepted where it was used.",
            Self::InsufficientPermissions => "The key lacks a permission that was asked for.",
            Self::QuotaExceeded => "The key's quota of that day or month was used up.",
            Self::PolicyRefused => "The key, or the address, broke a rule of the organization's key policy.",
            Self::WrongAudience => "The key belongs to a login that is accepted at /api/mcp only.",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}
