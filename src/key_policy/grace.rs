//! The rules together with their grace periods. A changed rule applies to new keys at once, and to requests and idle keys
//! when its grace period is over. Until then the previous rule still applies, unless the new one is looser.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::{CallerAddress, KeyFacts, PolicyRule, PolicyRules};
use super::weakening::{loosest_kinds, loosest_limit, loosest_ranges};
use crate::shared::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    pub rules: PolicyRules,
    /// The rules that checks apply during the grace period, until the times in `from`. Never stricter than `rules`.
    previous: PolicyRules,
    pub from: RuleStartTimes,
}

/// When each rule begins to apply to existing keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStartTimes {
    pub max_life: Timestamp,
    pub allowed_kinds: Timestamp,
    pub allowed_ranges: Timestamp,
    pub idle: Timestamp,
}

const ALWAYS: Timestamp = Timestamp::from_millis(0);

impl Default for KeyPolicy {
    fn default() -> Self {
        let from =
            RuleStartTimes { max_life: ALWAYS, allowed_kinds: ALWAYS, allowed_ranges: ALWAYS, idle: ALWAYS };
        Self { rules: PolicyRules::default(), previous: PolicyRules::default(), from }
    }
}

/// When a key stops working, and because of which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRefusal {
    pub at: Timestamp,
    pub rule: PolicyRule,
}

impl KeyPolicy {
    /// The rule that refuses a request with the key at that time. Checks and the preview use this.
    pub fn refusing_rule(
        &self,
        key: &KeyFacts<'_>,
        caller: CallerAddress,
        at: Timestamp,
    ) -> Option<PolicyRule> {
        let (rules, previous, from) = (&self.rules, &self.previous, &self.from);
        let kind = |rules: &PolicyRules| rules.excludes_kind(key.kind);
        let life = |rules: &PolicyRules| rules.is_too_old(key.created_at, at);
        let address = |rules: &PolicyRules| rules.excludes_address(key.ranges, caller);
        if kind(rules) && (at >= from.allowed_kinds || kind(previous)) {
            Some(PolicyRule::AllowedKinds)
        } else if life(rules) && (at >= from.max_life || life(previous)) {
            Some(PolicyRule::MaxLife)
        } else if address(rules) && (at >= from.allowed_ranges || address(previous)) {
            Some(PolicyRule::AllowedRanges)
        } else {
            None
        }
    }

    /// When the key stops working from every address. None if it expires first, or never stops working.
    pub fn first_refusal(&self, key: &KeyFacts<'_>, now: Timestamp) -> Option<PolicyRefusal> {
        let any = CallerAddress::Any;
        let mut times = vec![now, self.from.allowed_kinds, self.from.max_life, self.from.allowed_ranges];
        let ends =
            [&self.rules, &self.previous].into_iter().filter_map(|rules| rules.end_of_life(key.created_at));
        // A key is too old after the end of its life.
        times.extend(ends.map(|end| end.plus(Duration::from_millis(1))));
        times.sort();
        let ended = |at: Timestamp| key.expires_at.is_some_and(|end| end <= at);
        let mut times = times.into_iter().filter(|at| *at >= now && !ended(*at));
        times.find_map(|at| self.refusing_rule(key, any, at).map(|rule| PolicyRefusal { at, rule }))
    }

    /// How long a key may stay unused before it is disabled, by the rules that apply at that time.
    pub fn idle_time(&self, at: Timestamp) -> Option<Duration> {
        if at >= self.from.idle { self.rules.idle_time() } else { self.previous.idle_time() }
    }

    /// When the last of the changed rules applies to existing keys.
    pub fn all_apply_from(&self) -> Timestamp {
        let RuleStartTimes { max_life, allowed_kinds, allowed_ranges, idle } = self.from;
        max_life.max(allowed_kinds).max(allowed_ranges).max(idle)
    }

    /// The policy with new rules. If a rule changes again during its grace period, the period keeps the earlier end, so
    /// that repeated changes cannot postpone it.
    #[must_use]
    pub fn changed_to(&self, new: PolicyRules, grace: Duration, now: Timestamp) -> Self {
        let (old, previous) = (&self.rules, &self.previous);
        let RuleStartTimes { max_life, allowed_kinds, allowed_ranges, idle } = self.from;
        let applies_from = |is_looser: bool, from: Timestamp| match is_looser {
            true => now,
            false if now < from => from.min(now.plus(grace)),
            false => now.plus(grace),
        };
        let mut changed = Self { rules: new, ..self.clone() };
        let new = &changed.rules;
        if new.max_life_days != old.max_life_days {
            let current = effective_limit(now, max_life, old.max_life_days, previous.max_life_days);
            changed.previous.max_life_days = loosest_limit(current, new.max_life_days);
            let is_looser = changed.previous.max_life_days == new.max_life_days;
            changed.from.max_life = applies_from(is_looser, max_life);
        }
        if new.idle_days != old.idle_days {
            let current = effective_limit(now, idle, old.idle_days, previous.idle_days);
            changed.previous.idle_days = loosest_limit(current, new.idle_days);
            changed.from.idle = applies_from(changed.previous.idle_days == new.idle_days, idle);
        }
        if new.allowed_kinds != old.allowed_kinds {
            let current = match now >= allowed_kinds {
                true => old.allowed_kinds.clone(),
                false => loosest_kinds(previous.allowed_kinds.as_ref(), old.allowed_kinds.as_ref()),
            };
            changed.previous.allowed_kinds = loosest_kinds(current.as_ref(), new.allowed_kinds.as_ref());
            changed.from.allowed_kinds =
                applies_from(changed.previous.allowed_kinds == new.allowed_kinds, allowed_kinds);
        }
        if new.allowed_ranges != old.allowed_ranges {
            let current = match now >= allowed_ranges {
                true => old.allowed_ranges.clone(),
                false => loosest_ranges(&previous.allowed_ranges, &old.allowed_ranges),
            };
            let is_looser = new.allowed_ranges.is_empty() || !current.is_empty() && new.covers(&current);
            changed.previous.allowed_ranges = loosest_ranges(&current, &new.allowed_ranges);
            changed.from.allowed_ranges = applies_from(is_looser, allowed_ranges);
        }
        changed
    }
}

/// The limit that applies to requests now.
fn effective_limit(now: Timestamp, from: Timestamp, rule: Option<u32>, previous: Option<u32>) -> Option<u32> {
    if now >= from { rule } else { loosest_limit(previous, rule) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Kind;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn at(day: u32) -> Timestamp {
        Timestamp::from_millis(1_795_168_800_000).plus(DAY * day)
    }

    fn life(days: Option<u32>) -> PolicyRules {
        PolicyRules { max_life_days: days, ..PolicyRules::default() }
    }

    fn key(created: u32, expires: Option<u32>) -> KeyFacts<'static> {
        KeyFacts { kind: Kind::Live, created_at: at(created), expires_at: expires.map(at), ranges: &[] }
    }

    #[test]
    fn a_changed_rule_applies_to_requests_after_the_grace_period() {
        let policy = KeyPolicy::default().changed_to(life(Some(10)), DAY * 7, at(100));
        let refused = |day| policy.refusing_rule(&key(50, None), CallerAddress::Any, at(day)).is_some();
        assert!(!refused(106) && refused(107));
        let new_refused = |day| policy.refusing_rule(&key(100, None), CallerAddress::Any, at(day)).is_some();
        assert!(!new_refused(110) && new_refused(111), "a key works until its last day");
    }

    #[test]
    fn changes_within_the_grace_period_do_not_postpone_its_end() {
        let first = KeyPolicy::default().changed_to(life(Some(100)), DAY * 7, at(200));
        let second = first.changed_to(life(Some(99)), DAY * 90, at(206));
        assert_eq!(second.from.max_life, at(207));
        let unchanged = first.changed_to(life(Some(100)), DAY * 90, at(206));
        assert_eq!(unchanged.from.max_life, at(207));
        // A looser rule applies at once.
        let looser = second.changed_to(life(None), DAY * 90, at(300));
        assert_eq!(looser.refusing_rule(&key(0, None), CallerAddress::Any, at(300)), None);
    }

    #[test]
    fn a_stricter_rule_leaves_the_previous_one_in_effect() {
        let strict = KeyPolicy::default().changed_to(life(Some(100)), Duration::ZERO, at(0));
        let stricter = strict.changed_to(life(Some(50)), DAY * 30, at(200));
        let refused = |created, day| stricter.refusing_rule(&key(created, None), CallerAddress::Any, at(day));
        assert!(refused(90, 201).is_some(), "it was refused before");
        assert!(refused(140, 201).is_none() && refused(140, 230).is_some());
    }

    #[test]
    fn a_key_stops_when_it_is_first_refused() {
        let policy = KeyPolicy::default().changed_to(life(Some(10)), DAY * 7, at(100));
        let stops = |key: KeyFacts<'_>| policy.first_refusal(&key, at(101)).map(|refusal| refusal.at);
        assert_eq!(stops(key(50, None)), Some(at(107)));
        assert_eq!(stops(key(100, None)), Some(at(110).plus(Duration::from_millis(1))));
        assert_eq!(stops(key(100, Some(109))), None, "it expires before");
        let kinds = PolicyRules { allowed_kinds: Some(vec![Kind::Test]), ..PolicyRules::default() };
        let policy = KeyPolicy::default().changed_to(kinds, Duration::ZERO, at(1));
        let refusal = policy.first_refusal(&key(0, None), at(5)).expect("it stops");
        assert_eq!((refusal.at, refusal.rule), (at(5), PolicyRule::AllowedKinds));
    }

    #[test]
    fn allowed_ranges_are_checked_against_the_caller_and_the_ranges_of_the_key() {
        let nets =
            |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a range")).collect::<Vec<_>>();
        let rules = PolicyRules { allowed_ranges: nets(&["10.0.0.0/8"]), ..PolicyRules::default() };
        let policy = KeyPolicy::default().changed_to(rules, Duration::ZERO, at(0));
        let refused = |own: &[&str], caller| {
            let ranges = nets(own);
            policy.refusing_rule(&KeyFacts { ranges: &ranges, ..key(0, None) }, caller, at(1)).is_some()
        };
        let from = |text: &str| CallerAddress::At(text.parse().expect("an address"));
        assert!(!refused(&[], from("10.1.2.3")) && !refused(&[], from("::ffff:10.1.2.3")));
        assert!(refused(&[], from("11.1.2.3")) && refused(&[], CallerAddress::Unknown));
        assert!(!refused(&[], CallerAddress::Any) && !refused(&["0.0.0.0/0"], CallerAddress::Any));
        assert!(!refused(&["11.0.0.0/8", "10.1.0.0/16"], CallerAddress::Any));
        assert!(refused(&["11.0.0.0/8"], CallerAddress::Any));
    }
}
