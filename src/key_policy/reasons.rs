//! What the rules say about a new key, a login and a refused request, in sentences for people.

use super::grace::KeyPolicy;
use super::rules::{KeyFacts, PolicyRule, PolicyRules};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::parts::exact;

/// What the rules allow for the key of a command-line login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginConstraints {
    pub highest_role: Role,
    /// When the key must end at the latest.
    pub expires_by: Option<Timestamp>,
}

impl PolicyRules {
    /// The rules that a key violates when it is created, rotated or enabled, as fields of the form with their reasons.
    pub fn violations(&self, key: &KeyFacts<'_>) -> Vec<(&'static str, String)> {
        let checks = [self.kind_violation(key), self.lifetime_violation(key), self.range_violation(key)];
        checks.into_iter().flatten().collect()
    }

    fn kind_violation(&self, key: &KeyFacts<'_>) -> Option<(&'static str, String)> {
        self.excludes_kind(key.kind).then(|| {
            let why =
                format!("The key policy allows no {} keys, only {}.", key.kind.label(), self.kind_names());
            ("kind", why)
        })
    }

    pub fn lifetime_violation(&self, key: &KeyFacts<'_>) -> Option<(&'static str, String)> {
        let (days, end) = self.max_life_days.zip(self.end_of_life(key.created_at))?;
        key.expires_at.is_none_or(|at| at > end).then(|| {
            let why = format!(
                "The key policy limits the lifetime of a key to {}, so this key must expire by {}.",
                counted_days(days),
                exact(end)
            );
            ("expires_at", why)
        })
    }

    pub fn range_violation(&self, key: &KeyFacts<'_>) -> Option<(&'static str, String)> {
        (!self.covers(key.ranges)).then(|| {
            let allowed: Vec<String> = self.allowed_ranges.iter().map(ToString::to_string).collect();
            let why = format!("The key policy allows only addresses within {}.", allowed.join(", "));
            ("ranges", why)
        })
    }

    /// The limits for a login at this time, or the reason why logins are not allowed.
    pub fn login_constraints(&self, kind: Kind, now: Timestamp) -> Result<LoginConstraints, String> {
        if self.excludes_kind(kind) {
            let (kinds, needed) = (self.kind_names(), kind.label());
            return Err(format!(
                "The key policy allows only {kinds} keys, and this login needs a key of the kind {needed}."
            ));
        }
        let highest_role = self.approval_from.map_or(Role::Owner, role_below);
        Ok(LoginConstraints { highest_role, expires_by: self.end_of_life(now) })
    }

    /// "Live and Test".
    pub fn kind_names(&self) -> String {
        let kinds = self.allowed_kinds.as_deref().unwrap_or(&Kind::ALL);
        let names: Vec<&str> = kinds.iter().map(|kind| kind.label()).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => "no".to_owned(),
        }
    }
}

impl KeyPolicy {
    /// Why requests with a key are refused, and what to do. For whoever presents the key, so it names no addresses.
    pub fn explain(&self, rule: PolicyRule) -> String {
        match rule {
            PolicyRule::MaxLife => {
                let days = self.rules.max_life_days.unwrap_or_default();
                format!(
                    "The organization's key policy lets a key work for {}, and this key is older. Create a new key.",
                    counted_days(days)
                )
            }
            PolicyRule::AllowedKinds => format!(
                "The organization's key policy does not allow keys of this kind. Create one of another kind: {}.",
                self.rules.kind_names()
            ),
            PolicyRule::AllowedRanges => {
                "The organization's key policy does not allow the address of this request. Call \
                                          from an allowed address, or ask an owner to allow this one."
                    .to_owned()
            }
            PolicyRule::IdleDays | PolicyRule::MaxSecretAge | PolicyRule::ApprovalFrom => {
                "The organization's key policy does not allow this.".to_owned()
            }
        }
    }
}

impl PolicyRules {
    /// Why a key stops, and what its creator can do.
    pub fn advice(&self, rule: PolicyRule) -> String {
        match rule {
            PolicyRule::MaxLife => format!(
                "Keys live for at most {}. Create a new key and switch its callers over.",
                counted_days(self.max_life_days.unwrap_or_default())
            ),
            PolicyRule::AllowedKinds => {
                format!("Only {} keys are allowed. Create one of them instead.", self.kind_names())
            }
            _ => "All of its allowed addresses are outside those of the organization. Edit its addresses."
                .to_owned(),
        }
    }
}

/// The highest role below this one.
pub fn role_below(role: Role) -> Role {
    Role::OF_KEYS.into_iter().rev().find(|lower| *lower < role).unwrap_or(Role::None)
}

fn counted_days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
