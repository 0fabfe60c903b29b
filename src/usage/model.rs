//! What became of a request that presented a key.

use serde::{Deserialize, Serialize};

/// The codes of verification, as the API, the charts and the database name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Valid,
    Missing,
    Malformed,
    /// No such secret, or a wrong one for a public id that exists.
    Unknown,
    /// A secret that has ended: recognised by its public id, unproven.
    Revoked,
    Disabled,
    Expired,
    RateLimited,
    IpNotAllowed,
    PlanNotEligible,
    RoleTooLow,
    KindNotAllowed,
}

impl Outcome {
    pub const ALL: [Self; 12] = [
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
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}
