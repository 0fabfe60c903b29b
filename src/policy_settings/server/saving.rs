//! Stores the policy, and formats rules for people.

use crate::audit::{self, Event};
use crate::key_policy::server as store;
use crate::key_policy::{KeyPolicy, PolicyRule, PolicyRules};
use crate::orgs::server::Actor;
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};

/// Stores the policy, with its audit row, in the transaction of the caller.
pub async fn save(
    app: &App,
    write: &mut Write,
    actor: &Actor,
    old: &KeyPolicy,
    new: &KeyPolicy,
) -> Result<(), Error> {
    let (org, now) = (&actor.org, app.clock.now());
    store::save(write, org.org, new, actor.user, now).await?;
    let event = Event::new("key_policy.changed").on("organization", org.org, &org.org_name);
    let event = old.rules.changed_by(&new.rules).into_iter().fold(event, |event, rule| {
        let (was, is) = (rule_value(&old.rules, rule), rule_value(&new.rules, rule));
        event.detail(rule.as_str(), is).detail(&format!("{}_was", rule.as_str()), was)
    });
    audit::record(app, write, &actor.by, event).await?;
    Ok(changes::record(write, now, ChangeKind::Organization, org.org).await?)
}

/// The name of a rule on pages.
pub fn label(rule: PolicyRule) -> &'static str {
    match rule {
        PolicyRule::MaxLife => "Maximum lifetime",
        PolicyRule::AllowedKinds => "Allowed kinds",
        PolicyRule::AllowedRanges => "Allowed addresses",
        PolicyRule::IdleDays => "Idle keys",
        PolicyRule::MaxSecretAge => "Old secrets",
        PolicyRule::ApprovalFrom => "Approval",
    }
}

/// The value of a rule as text, such as "90 days".
pub fn rule_value(rules: &PolicyRules, rule: PolicyRule) -> String {
    let days = |days: Option<u32>| days.map_or_else(|| "off".to_owned(), |days| format!("{days} days"));
    match rule {
        PolicyRule::MaxLife => days(rules.max_life_days),
        PolicyRule::AllowedKinds if rules.allowed_kinds.is_none() => "off".to_owned(),
        PolicyRule::AllowedKinds => rules.kind_names(),
        PolicyRule::AllowedRanges if rules.allowed_ranges.is_empty() => "off".to_owned(),
        PolicyRule::AllowedRanges => {
            rules.allowed_ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        PolicyRule::IdleDays => days(rules.idle_days),
        PolicyRule::MaxSecretAge => days(rules.max_secret_age_days),
        PolicyRule::ApprovalFrom => {
            rules.approval_from.map_or_else(|| "off".to_owned(), |role| format!("from {}", role.as_str()))
        }
    }
}
