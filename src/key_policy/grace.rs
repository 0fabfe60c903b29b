//! The rules together with the grace period of those that were changed. Rules apply to new keys at once, and to requests and
//! to idle keys when the grace period is over. Until then the rules before still apply, where the new ones are not looser.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::{CallerAddress, KeyFacts, PolicyRule, PolicyRules};
use super::weakening::{loosest_kinds, loosest_limit, loosest_ranges};
use crate::shared::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    pub rules: PolicyRules,
    /// What applies to requests until the time in `from`. Never stricter than `rules`.
    previous: PolicyRules,
    pub from: RuleTimes,
}

/// From when each rule applies to keys that existed before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTimes {
    pub longest_life: Timestamp,
    pub allowed_kinds: Timestamp,
    pub allowed_ranges: Timestamp,
    pub idle: Timestamp,
}

const ALWAYS: Timestamp = Timestamp::from_millis(0);

impl Default for KeyPolicy {
    fn default() -> Self {
        let from =
            RuleTimes { longest_life: ALWAYS, allowed_kinds: ALWAYS, allowed_ranges: ALWAYS, idle: ALWAYS };
        Self { rules: PolicyRules::default(), previous: PolicyRules::default(), from }
    }
}

/// That a key stops working because of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRefusal {
    pub at: Timestamp,
    pub rule: PolicyRule,
}

impl KeyPolicy {
    /// The rule that refuses a request with the key at that time. Checks and the preview use this.
    pub fn refuses(&self, key: &KeyFacts<'_>, caller: CallerAddress, at: Timestamp) -> Option<PolicyRule> {
        let (rules, previous, from) = (&self.rules, &self.previous, &self.from);
        let kind = |rules: &PolicyRules| rules.excludes_kind(key.kind);
        let life = |rules: &PolicyRules| rules.is_too_old(key.created_at, at);
        let address = |rules: &PolicyRules| rules.excludes_address(key.ranges, caller);
        if kind(rules) && (at >= from.allowed_kinds || kind(previous)) {
            Some(PolicyRule::AllowedKinds)
        } else if life(rules) && (at >= from.longest_life || life(previous)) {
            Some(PolicyRule::LongestLife)
        } else if address(rules) && (at >= from.allowed_ranges || address(previous)) {
            Some(PolicyRule::AllowedRanges)
        } else {
            None
        }
    }

    /// When the key stops working, whatever address it is used from. None if it expires before, or does not stop.
    pub fn stops(&self, key: &KeyFacts<'_>, now: Timestamp) -> Option<PolicyRefusal> {
        let any = CallerAddress::Any;
        let mut times = vec![now, self.from.allowed_kinds, self.from.longest_life, self.from.allowed_ranges];
        let ends =
            [&self.rules, &self.previous].into_iter().filter_map(|rules| rules.end_of_life(key.created_at));
        // A key is too old after the end of its life.
        times.extend(ends.map(|end| end.plus(Duration::from_millis(1))));
        times.sort();
        let ended = |at: Timestamp| key.expires_at.is_some_and(|end| end <= at);
        let mut times = times.into_iter().filter(|at| *at >= now && !ended(*at));
        times.find_map(|at| self.refuses(key, any, at).map(|rule| PolicyRefusal { at, rule }))
    }

    /// How long a key may be unused at that time before it is disabled.
    pub fn idle_time(&self, at: Timestamp) -> Option<Duration> {
        if at >= self.from.idle { self.rules.idle_time() } else { self.previous.idle_time() }
    }

    /// When the last of the changed rules applies to existing keys.
    pub fn all_apply_from(&self) -> Timestamp {
        let RuleTimes { longest_life, allowed_kinds, allowed_ranges, idle } = self.from;
        longest_life.max(allowed_kinds).max(allowed_ranges).max(idle)
    }

    /// The policy with other rules. A rule that is changed again within its grace period keeps the earlier end of it, so
    /// that changes cannot put it off.
    #[must_use]
    pub fn changed_to(&self, new: PolicyRules, grace: Duration, now: Timestamp) -> Self {
        let (old, before) = (&self.rules, &self.previous);
        let RuleTimes { longest_life, allowed_kinds, allowed_ranges, idle } = self.from;
        let ends = |is_looser: bool, from: Timestamp| match is_looser {
            true => now,
            false if now < from => from.min(now.plus(grace)),
            false => now.plus(grace),
        };
        let mut changed = Self { rules: new, ..self.clone() };
        let new = &changed.rules;
        if new.longest_life_days != old.longest_life_days {
            let present = in_force(now, longest_life, old.longest_life_days, before.longest_life_days);
            changed.previous.longest_life_days = loosest_limit(present, new.longest_life_days);
            let is_looser = changed.previous.longest_life_days == new.longest_life_days;
            changed.from.longest_life = ends(is_looser, longest_life);
        }
        if new.idle_days != old.idle_days {
            let present = in_force(now, idle, old.idle_days, before.idle_days);
            changed.previous.idle_days = loosest_limit(present, new.idle_days);
            changed.from.idle = ends(changed.previous.idle_days == new.idle_days, idle);
        }
        if new.allowed_kinds != old.allowed_kinds {
            let present = match now >= allowed_kinds {
                true => old.allowed_kinds.clone(),
                false => loosest_kinds(before.allowed_kinds.as_ref(), old.allowed_kinds.as_ref()),
            };
            changed.previous.allowed_kinds = loosest_kinds(present.as_ref(), new.allowed_kinds.as_ref());
            changed.from.allowed_kinds =
                ends(changed.previous.allowed_kinds == new.allowed_kinds, allowed_kinds);
        }
        if new.allowed_ranges != old.allowed_ranges {
            let present = match now >= allowed_ranges {
                true => old.allowed_ranges.clone(),
                false => loosest_ranges(&before.allowed_ranges, &old.allowed_ranges),
            };
            let is_looser = new.allowed_ranges.is_empty() || !present.is_empty() && new.covers(&present);
            changed.previous.allowed_ranges = loosest_ranges(&present, &new.allowed_ranges);
            changed.from.allowed_ranges = ends(is_looser, allowed_ranges);
        }
        changed
    }
}

/// The limit that applies to requests now.
fn in_force(now: Timestamp, from: Timestamp, rule: Option<u32>, before: Option<u32>) -> Option<u32> {
    if now >= from { rule } else { loosest_limit(before, rule) }
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
        PolicyRules { longest_life_days: days, ..PolicyRules::default() }
    }

    fn key(created: u32, expires: Option<u32>) -> KeyFacts<'static> {
        KeyFacts { kind: Kind::Live, created_at: at(created), expires_at: expires.map(at), ranges: &[] }
    }

    #[test]
    fn a_changed_rule_applies_to_requests_after_the_grace_period() {
        let policy = KeyPolicy::default().changed_to(life(Some(10)), DAY * 7, at(100));
        let refused = |day| policy.refuses(&key(50, None), CallerAddress::Any, at(day)).is_some();
        assert!(!refused(106) && refused(107));
        let young = |day| policy.refuses(&key(100, None), CallerAddress::Any, at(day)).is_some();
        assert!(!young(110) && young(111), "a key works until its last day");
    }

    #[test]
    fn changes_within_the_grace_period_do_not_put_it_off() {
        let first = KeyPolicy::default().changed_to(life(Some(100)), DAY * 7, at(200));
        let second = first.changed_to(life(Some(99)), DAY * 90, at(206));
        assert_eq!(second.from.longest_life, at(207));
        let unchanged = first.changed_to(life(Some(100)), DAY * 90, at(206));
        assert_eq!(unchanged.from.longest_life, at(207));
        // A looser rule applies at once.
        let looser = second.changed_to(life(None), DAY * 90, at(300));
        assert_eq!(looser.refuses(&key(0, None), CallerAddress::Any, at(300)), None);
    }

    #[test]
    fn a_stricter_rule_leaves_the_one_before_in_force() {
        let strict = KeyPolicy::default().changed_to(life(Some(100)), Duration::ZERO, at(0));
        let stricter = strict.changed_to(life(Some(50)), DAY * 30, at(200));
        let refused = |created, day| stricter.refuses(&key(created, None), CallerAddress::Any, at(day));
        assert!(refused(90, 201).is_some(), "it was refused before");
        assert!(refused(140, 201).is_none() && refused(140, 230).is_some());
    }

    #[test]
    fn a_key_stops_when_it_is_first_refused() {
        let policy = KeyPolicy::default().changed_to(life(Some(10)), DAY * 7, at(100));
        let stops = |key: KeyFacts<'_>| policy.stops(&key, at(101)).map(|refusal| refusal.at);
        assert_eq!(stops(key(50, None)), Some(at(107)));
        assert_eq!(stops(key(100, None)), Some(at(110).plus(Duration::from_millis(1))));
        assert_eq!(stops(key(100, Some(109))), None, "it expires before");
        let kinds = PolicyRules { allowed_kinds: Some(vec![Kind::Test]), ..PolicyRules::default() };
        let policy = KeyPolicy::default().changed_to(kinds, Duration::ZERO, at(1));
        let refusal = policy.stops(&key(0, None), at(5)).expect("it stops");
        assert_eq!((refusal.at, refusal.rule), (at(5), PolicyRule::AllowedKinds));
    }

    #[test]
    fn ranges_are_met_by_the_caller_and_by_some_address_of_the_key() {
        let nets =
            |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a range")).collect::<Vec<_>>();
        let rules = PolicyRules { allowed_ranges: nets(&["10.0.0.0/8"]), ..PolicyRules::default() };
        let policy = KeyPolicy::default().changed_to(rules, Duration::ZERO, at(0));
        let refused = |own: &[&str], caller| {
            let ranges = nets(own);
            policy.refuses(&KeyFacts { ranges: &ranges, ..key(0, None) }, caller, at(1)).is_some()
        };
        let from = |text: &str| CallerAddress::At(text.parse().expect("an address"));
        assert!(!refused(&[], from("10.1.2.3")) && !refused(&[], from("::ffff:10.1.2.3")));
        assert!(refused(&[], from("11.1.2.3")) && refused(&[], CallerAddress::Unknown));
        assert!(!refused(&[], CallerAddress::Any) && !refused(&["0.0.0.0/0"], CallerAddress::Any));
        assert!(!refused(&["11.0.0.0/8", "10.1.0.0/16"], CallerAddress::Any));
        assert!(refused(&["11.0.0.0/8"], CallerAddress::Any));
    }
}
