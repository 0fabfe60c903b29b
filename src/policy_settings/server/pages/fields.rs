//! The rules as fields. Each says where it applies and where it does not.

use leptos::prelude::*;

use super::form::PolicyForm;
use crate::policy_settings::server::GRACE_CHOICES;
use crate::shared::{Kind, Role};
use crate::ui::parts::{
    Field, Icon, Input, RadioOption, RadioSegment, Select, SelectOption, Symbol, TextArea,
};

/// Where a rule applies, and where it does not.
type RuleScope = &'static [(bool, &'static str)];

const BOTH: RuleScope = &[(true, "Creating, rotating, enabling"), (true, "Every request")];

pub fn fields(form: &PolicyForm) -> AnyView {
    let PolicyForm { life, kinds, ranges, idle, oldest, approval, grace, .. } = form.clone();
    let kinds = Kind::ALL.map(|kind| {
        let checked = kinds.contains(&kind);
        view! {
            <label class="inline-flex items-center gap-2 rounded-control border border-edge bg-surface px-2.5 py-1 text-dense">
                <input class="check" type="checkbox" name="allowed_kinds" value=kind.as_str() checked=checked/>
                {kind.label()}
            </label>
        }
    });
    let kinds = kinds.into_iter().collect_view();
    let roles = [Role::Member, Role::Admin, Role::Owner]
        .map(|role| SelectOption::new(role.as_str(), role.label(), role.as_str() == approval))
        .to_vec();
    let graces = GRACE_CHOICES.map(|days| {
        let label = if days == 0 { "None".to_owned() } else { format!("{days} days") };
        RadioOption::new(days.to_string(), label, days.to_string() == grace)
    });
    let graces = graces.to_vec();
    view! {
        {rule(
            "life", form.has_life, "Maximum lifetime", "How long a key can work after it was created.", BOTH,
            number("max_life_days", "Maximum days", life),
        )}
        {rule(
            "kinds", form.has_kinds, "Allowed kinds", "Keys of other kinds cannot be created. Existing ones stop working after the grace period.", BOTH,
            view! {
                <Field name="allowed_kinds" label="Kinds">
                    <div class="mt-1.5 flex flex-wrap gap-2" id="f-allowed_kinds" tabindex="-1" role="group" aria-label="Kinds">
                        {kinds}
                    </div>
                </Field>
            }
            .into_any(),
        )}
        {rule(
            "ranges", form.has_ranges, "Allowed addresses",
            "A caller's address must be in one of these ranges, and in one of the key's own ranges if it has any.", BOTH,
            view! {
                <TextArea
                    name="allowed_ranges" label="Ranges" value=ranges optional=true rows=3 verbatim=true control="mono"
                    hint="One per line, such as 203.0.113.0/24." class="w-full max-w-80"
                />
            }
            .into_any(),
        )}
        {rule(
            "idle", form.has_idle, "Disable idle keys",
            "If this server sends email, the creator is notified. Enabling it again is one click.",
            &[(false, "Not on requests"), (true, "Checked once an hour")],
            number("idle_days", "Days without a call", idle),
        )}
        {rule(
            "oldest", form.has_oldest, "Remind about old secrets",
            "Old secrets keep working. The overview, and an email if this server sends email, ask for a rotation.",
            &[(true, "Overview and email"), (false, "Not on requests")],
            number("max_secret_age_days", "Days after the last rotation", oldest),
        )}
        {rule(
            "approval", form.has_approval, "Approval for privileged roles",
            "A second admin or owner must approve a new key before it is created. Only its creator can rotate or enable an existing one. Command-line logins and agents get a lower role.",
            &[(true, "Creating"), (false, "Not on requests")],
            view! { <Select name="approval_from" label="This role and higher" options=roles class="w-44"/> }.into_any(),
        )}
        <div class="mt-1 border-t border-line pt-5">
            <Field
                name="grace_days" label="Grace period"
                hint="For existing keys, and for disabling idle keys. New keys must follow the rules at once."
            >
                <div class="mt-1.5" id="f-grace_days" tabindex="-1">
                    <RadioSegment label="Grace period" name="grace_days" options=graces/>
                </div>
            </Field>
        </div>
    }
    .into_any()
}

fn rule(
    name: &'static str,
    is_on: bool,
    title: &'static str,
    about: &'static str,
    scope: RuleScope,
    value: AnyView,
) -> AnyView {
    let (id, about_id) = (format!("r-{name}"), format!("r-{name}-about"));
    let scope = scope.iter().map(|(applies, text)| {
        let symbol = if *applies { Symbol::Check } else { Symbol::Cross };
        view! { <span><Icon symbol/>{*text}</span> }
    });
    let scope = scope.collect_view();
    view! {
        <div class="polrule">
            <input class="check" type="checkbox" id=id.clone() name=name checked=is_on aria-describedby=about_id.clone()/>
            <div class="min-w-0">
                <label class="text-body font-semi" for=id>{title}</label>
                <p class="text-dense text-ink-2" id=about_id>{about}</p>
                <div class="mt-1.5"><p class="where">{scope}</p></div>
            </div>
            <div class="polrule-set">{value}</div>
        </div>
    }
    .into_any()
}

fn number(name: &'static str, label: &'static str, value: String) -> AnyView {
    view! {
        <Input
            name label kind="number" value min="1" max="366" inputmode="numeric" control="num max-w-24"
        />
    }
    .into_any()
}
