//! Comparing two sets of rules: which rules become weaker, and the loosest combination of both.

use ipnet::IpNet;

use super::rules::{PolicyRule, PolicyRules};
use crate::shared::Kind;

impl PolicyRules {
    /// The rules that are weaker in `new`.
    pub fn weakened_by(&self, new: &Self) -> Vec<PolicyRule> {
        let is_weaker = |rule: &PolicyRule| match rule {
            PolicyRule::MaxLife => is_higher(self.max_life_days, new.max_life_days),
            PolicyRule::AllowedKinds => match (&self.allowed_kinds, &new.allowed_kinds) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(old), Some(new)) => new.iter().any(|kind| !old.contains(kind)),
            },
            PolicyRule::AllowedRanges => {
                !self.allowed_ranges.is_empty()
                    && (new.allowed_ranges.is_empty() || !self.covers(&new.allowed_ranges))
            }
            PolicyRule::IdleDays => is_higher(self.idle_days, new.idle_days),
            PolicyRule::MaxSecretAge => is_higher(self.max_secret_age_days, new.max_secret_age_days),
            PolicyRule::ApprovalFrom => is_higher(self.approval_from, new.approval_from),
        };
        PolicyRule::ALL.into_iter().filter(is_weaker).collect()
    }

    /// The rules that differ.
    pub fn changed_by(&self, new: &Self) -> Vec<PolicyRule> {
        let is_changed = |rule: &PolicyRule| match rule {
            PolicyRule::MaxLife => self.max_life_days != new.max_life_days,
            PolicyRule::AllowedKinds => self.allowed_kinds != new.allowed_kinds,
            PolicyRule::AllowedRanges => self.allowed_ranges != new.allowed_ranges,
            PolicyRule::IdleDays => self.idle_days != new.idle_days,
            PolicyRule::MaxSecretAge => self.max_secret_age_days != new.max_secret_age_days,
            PolicyRule::ApprovalFrom => self.approval_from != new.approval_from,
        };
        PolicyRule::ALL.into_iter().filter(is_changed).collect()
    }
}

/// Whether a limit is removed or raised.
fn is_higher<T: PartialOrd>(old: Option<T>, new: Option<T>) -> bool {
    match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => new > old,
    }
}

/// The higher of two limits; None, no limit, is the highest.
pub(super) fn loosest_limit(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.zip(other).map(|(one, other)| one.max(other))
}

pub(super) fn loosest_kinds(one: Option<&Vec<Kind>>, other: Option<&Vec<Kind>>) -> Option<Vec<Kind>> {
    let (one, other) = one.zip(other)?;
    Some(Kind::ALL.into_iter().filter(|kind| one.contains(kind) || other.contains(kind)).collect())
}

pub(super) fn loosest_ranges(one: &[IpNet], other: &[IpNet]) -> Vec<IpNet> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    let mut both = one.to_vec();
    both.extend(other.iter().filter(|range| !one.contains(range)));
    both
}
