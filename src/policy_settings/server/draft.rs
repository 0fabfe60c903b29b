//! The requested rules, and their validation.

use std::time::Duration;

use crate::key_policy::{MAX_RULE_DAYS, PolicyRules};
use crate::keys::server::{MAX_RANGES, read_ranges};
use crate::shared::{Kind, Role};

/// The grace periods that the page offers, in days.
pub const GRACE_CHOICES: [i64; 4] = [0, 7, 30, 90];
pub const MAX_GRACE_DAYS: i64 = 90;

/// All rules as they are requested. None turns a rule off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyDraft {
    pub max_life_days: Option<i64>,
    pub allowed_kinds: Option<Vec<Kind>>,
    pub allowed_ranges: Option<Vec<String>>,
    pub idle_days: Option<i64>,
    pub max_secret_age_days: Option<i64>,
    pub approval_from: Option<Role>,
    pub grace_days: i64,
}

/// Validated rules and their grace period.
pub struct RequestedPolicy {
    pub rules: PolicyRules,
    pub grace_days: u32,
}

impl RequestedPolicy {
    pub fn grace(&self) -> Duration {
        days(self.grace_days)
    }
}

pub fn days(count: u32) -> Duration {
    Duration::from_secs(24 * 60 * 60) * count
}

impl PolicyDraft {
    pub fn of(rules: &PolicyRules, grace_days: i64) -> Self {
        let ranges = (!rules.allowed_ranges.is_empty())
            .then(|| rules.allowed_ranges.iter().map(ToString::to_string).collect());
        Self {
            max_life_days: rules.max_life_days.map(i64::from),
            allowed_kinds: rules.allowed_kinds.clone(),
            allowed_ranges: ranges,
            idle_days: rules.idle_days.map(i64::from),
            max_secret_age_days: rules.max_secret_age_days.map(i64::from),
            approval_from: rules.approval_from,
            grace_days,
        }
    }

    /// Validates all rules and reports all errors at once.
    pub fn check(&self) -> Result<RequestedPolicy, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let mut count = |field, value: Option<i64>| {
            let value = value?;
            let days = u32::try_from(value).ok().filter(|days| (1..=MAX_RULE_DAYS).contains(days));
            if days.is_none() {
                wrong.push((field, format!("Enter a number of days from 1 to {MAX_RULE_DAYS}.")));
            }
            days
        };
        let max_life_days = count("max_life_days", self.max_life_days);
        let idle_days = count("idle_days", self.idle_days);
        let max_secret_age_days = count("max_secret_age_days", self.max_secret_age_days);
        let allowed_kinds = self
            .allowed_kinds
            .as_ref()
            .map(|kinds| Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)).collect::<Vec<_>>());
        if allowed_kinds.as_ref().is_some_and(Vec::is_empty) {
            wrong.push(("allowed_kinds", "Choose at least one kind.".to_owned()));
        }
        // Allowing every kind is the same as turning the rule off.
        let allowed_kinds = allowed_kinds.filter(|kinds| kinds.len() < Kind::ALL.len());
        let allowed_ranges = match &self.allowed_ranges {
            None => Vec::new(),
            Some(texts) if texts.is_empty() => {
                wrong.push(("allowed_ranges", "Enter at least one address or range.".to_owned()));
                Vec::new()
            }
            Some(texts) if texts.len() > MAX_RANGES => {
                wrong.push(("allowed_ranges", format!("A key policy has at most {MAX_RANGES} ranges.")));
                Vec::new()
            }
            Some(texts) => read_ranges(texts).unwrap_or_else(|why| {
                wrong.push(("allowed_ranges", why));
                Vec::new()
            }),
        };
        if self.approval_from.is_some_and(|role| role < Role::Member) {
            wrong.push(("approval_from", "Approval can start at member, admin or owner.".to_owned()));
        }
        let grace = u32::try_from(self.grace_days).ok().filter(|_| self.grace_days <= MAX_GRACE_DAYS);
        if grace.is_none() {
            wrong.push(("grace_days", format!("Enter a grace period from 0 to {MAX_GRACE_DAYS} days.")));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let rules = PolicyRules {
            max_life_days,
            allowed_kinds,
            allowed_ranges,
            idle_days,
            max_secret_age_days,
            approval_from: self.approval_from,
        };
        Ok(RequestedPolicy { rules, grace_days: grace.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(draft: &PolicyDraft) -> Vec<&'static str> {
        draft.check().err().unwrap_or_default().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn invalid_rules_are_reported_by_field() {
        let none = PolicyDraft::default;
        assert!(fields(&none()).is_empty());
        for (days, is_valid) in
            [(0, false), (-1, false), (1, true), (366, true), (367, false), (i64::MAX, false)]
        {
            let draft = PolicyDraft {
                max_life_days: Some(days),
                idle_days: Some(days),
                max_secret_age_days: Some(days),
                ..none()
            };
            let expected = ["max_life_days", "idle_days", "max_secret_age_days"];
            assert_eq!(fields(&draft), if is_valid { vec![] } else { expected.to_vec() }, "{days}");
        }
        assert_eq!(fields(&PolicyDraft { allowed_kinds: Some(vec![]), ..none() }), ["allowed_kinds"]);
        let all = PolicyDraft { allowed_kinds: Some(Kind::ALL.to_vec()), ..none() };
        assert_eq!(all.check().map(|checked| checked.rules.allowed_kinds).ok(), Some(None));
        for ranges in
            [vec![], vec!["nonsense"], vec!["10.0.0.1/8"], vec!["10.0.0.0/8", "10.1.0.0/16"], vec![""]]
        {
            let ranges = Some(ranges.into_iter().map(str::to_owned).collect());
            assert_eq!(fields(&PolicyDraft { allowed_ranges: ranges, ..none() }), ["allowed_ranges"]);
        }
        for role in [Role::None, Role::Viewer] {
            assert_eq!(fields(&PolicyDraft { approval_from: Some(role), ..none() }), ["approval_from"]);
        }
        for grace_days in [-1, 91] {
            assert_eq!(fields(&PolicyDraft { grace_days, ..none() }), ["grace_days"]);
        }
    }
}
