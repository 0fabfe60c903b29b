//! The rules of a key policy, and the checks of a key or a request against them.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::shared::{Kind, Role, Timestamp};

/// The maximum number of days that a rule can set.
pub const MAX_RULE_DAYS: u32 = 366;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyRule {
    MaxLife,
    AllowedKinds,
    AllowedRanges,
    IdleDays,
    MaxSecretAge,
    ApprovalFrom,
}

impl PolicyRule {
    pub const ALL: [Self; 6] = [
        Self::MaxLife,
        Self::AllowedKinds,
        Self::AllowedRanges,
        Self::IdleDays,
        Self::MaxSecretAge,
        Self::ApprovalFrom,
    ];

    /// The name in JSON and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxLife => "max_life_days",
            Self::AllowedKinds => "allowed_kinds",
            Self::AllowedRanges => "allowed_ranges",
            Self::IdleDays => "idle_days",
            Self::MaxSecretAge => "max_secret_age_days",
            Self::ApprovalFrom => "approval_from",
        }
    }

    /// A phrase for sentences such as "Weaken the key policy: the maximum lifetime".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::MaxLife => "the maximum lifetime",
            Self::AllowedKinds => "the allowed kinds",
            Self::AllowedRanges => "the allowed addresses",
            Self::IdleDays => "the idle time",
            Self::MaxSecretAge => "reminders about old secrets",
            Self::ApprovalFrom => "the approval of privileged roles",
        }
    }
}

/// The rules of an organization. Without a value, a rule is off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyRules {
    pub max_life_days: Option<u32>,
    /// In the order of `Kind::ALL`.
    pub allowed_kinds: Option<Vec<Kind>>,
    /// Empty: any address.
    #[serde(with = "range_texts")]
    pub allowed_ranges: Vec<IpNet>,
    pub idle_days: Option<u32>,
    pub max_secret_age_days: Option<u32>,
    /// Creating a key with this role or a higher one needs the approval of a second person.
    pub approval_from: Option<Role>,
}

/// The properties of a key that the rules check.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts<'a> {
    pub kind: Kind,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// Empty: any address.
    pub ranges: &'a [IpNet],
}

/// The address of a caller, as far as a rule about addresses can judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerAddress {
    At(IpAddr),
    /// The service that verifies the key did not report the caller's address.
    Unknown,
    /// Every address that the key's own ranges allow. It is refused only if the rules refuse all of them.
    Any,
}

impl PolicyRules {
    pub(super) fn excludes_kind(&self, kind: Kind) -> bool {
        self.allowed_kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind))
    }

    /// When a key that was created at this time becomes too old. None if the rule is off.
    pub(super) fn end_of_life(&self, created_at: Timestamp) -> Option<Timestamp> {
        self.max_life_days.map(|days| created_at.plus(DAY * days))
    }

    pub(super) fn is_too_old(&self, created_at: Timestamp, at: Timestamp) -> bool {
        self.end_of_life(created_at).is_some_and(|end| at > end)
    }

    pub(super) fn excludes_address(&self, own: &[IpNet], caller: CallerAddress) -> bool {
        let allowed = &self.allowed_ranges;
        if allowed.is_empty() {
            return false;
        }
        match caller {
            CallerAddress::Unknown => true,
            CallerAddress::At(address) => {
                let address = address.to_canonical();
                !allowed.iter().any(|range| range.contains(&address))
            }
            CallerAddress::Any => {
                let overlaps =
                    |own: &IpNet| allowed.iter().any(|range| range.contains(own) || own.contains(range));
                !own.is_empty() && !own.iter().any(overlaps)
            }
        }
    }

    /// Whether these ranges lie within the allowed ones. Adjacent ranges together cover a range that spans them.
    pub(super) fn covers(&self, ranges: &[IpNet]) -> bool {
        if self.allowed_ranges.is_empty() {
            return true;
        }
        let allowed = IpNet::aggregate(&self.allowed_ranges);
        ranges.iter().all(|range| allowed.iter().any(|wide| wide.contains(range)))
    }

    /// How long a key may be unused before it is disabled.
    pub fn idle_time(&self) -> Option<Duration> {
        self.idle_days.map(|days| DAY * days)
    }

    /// How old the current secret of a key may be without a reminder.
    pub fn max_secret_age(&self) -> Option<Duration> {
        self.max_secret_age_days.map(|days| DAY * days)
    }

    pub fn needs_approval(&self, role: Role) -> bool {
        self.approval_from.is_some_and(|least| role >= least)
    }

    /// Whether a rule can refuse requests.
    pub fn can_refuse_requests(&self) -> bool {
        self.max_life_days.is_some() || self.allowed_kinds.is_some() || !self.allowed_ranges.is_empty()
    }
}

mod range_texts {
    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(ranges: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        texts.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let ranges = texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom));
        ranges.collect()
    }
}
