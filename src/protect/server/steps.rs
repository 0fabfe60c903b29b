//! The result of a try: the steps of the check, the one that refuses the key, and what to do.

use std::net::IpAddr;

use leptos::prelude::*;

use crate::keys::server::rest::status_of;
use crate::keys::server::{Key, KeyTrial, TrialStep};
use crate::shared::{Kind, SecretId, Timestamp};
use crate::ui::parts::{Badge, Icon, Symbol, Tone, counted, exact, grouped};
use crate::usage::Outcome;
use crate::usage::server::outcome_reason;

pub struct TriedKey {
    /// The kind and the public id, if the text has the form of a key.
    pub token: Option<(Kind, SecretId)>,
    /// Why the text is not a key, if it is none.
    pub problem: String,
    /// There were spaces around the text.
    pub is_padded: bool,
    /// The key with the public id, if the organization has one.
    pub key: Option<Key>,
    pub may_manage: bool,
    pub address: Option<IpAddr>,
    pub trial: KeyTrial,
    pub now: Timestamp,
}

/// A line of the result: a sentence, and what explains it or says what to do.
struct StepText {
    title: String,
    detail: AnyView,
}

impl StepText {
    fn new(title: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self { title: title.into(), detail: detail.into_any() }
    }
}

pub fn result(tried: &TriedKey) -> AnyView {
    let outcome = tried.trial.trial.outcome;
    let is_valid = outcome == Outcome::Valid;
    let badge = if is_valid {
        view! { <Badge tone=Tone::Ok text="Valid"/> }.into_any()
    } else {
        outcome_reason(outcome)
    };
    let title = if is_valid { "Accepted" } else { "Refused" };
    let status = status_of(outcome).as_u16().to_string();
    let visible = tried.token.map(|(kind, id)| {
        let start = format!("{}_{id}…", kind.prefix());
        view! { <p class="mono mt-1 text-cap leading-5 [overflow-wrap:anywhere]" translate="no">{start}</p> }
    });
    view! {
        <div role="status">
            <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                <h3 class="h-sect" id="result">{title}</h3>
                {badge}
            </div>
            {visible}
            <p class="mt-1 text-dense text-ink-2">
                <span class="mono text-cap">"verify"</span>
                " answers "
                <span class="mono text-cap">{outcome.as_str()}</span>
                ", "
                <span class="mono text-cap">"authorize"</span>
                " answers "
                <b>{status}</b>
                "."
            </p>
        </div>
        {trail(tried)}
    }
    .into_any()
}

fn trail(tried: &TriedKey) -> AnyView {
    let failed = tried.trial.trial.failed;
    let passed = TrialStep::ALL.into_iter().take_while(|step| Some(*step) != failed);
    let passed = passed.map(|step| line("dot dot-ok", Symbol::Check, "Passed: ", passed_text(step, tried)));
    let refusing =
        failed.map(|step| line("dot dot-no", Symbol::Cross, "Refused: ", failed_text(step, tried)));
    let rest: Vec<_> =
        TrialStep::ALL.into_iter().filter(|step| failed.is_some_and(|failed| *step > failed)).collect();
    let unreached = (!rest.is_empty()).then(|| {
        let names: Vec<_> = rest.into_iter().map(name).collect();
        view! {
            <li class="skip">
                <span class="dot dot-skip"><Icon symbol=Symbol::Minus/></span>
                <div class="min-w-0">{format!("Not reached: {}.", names.join(", "))}</div>
            </li>
        }
    });
    view! { <ol class="trail mt-4">{passed.collect_view()}{refusing}{unreached}</ol> }.into_any()
}

fn line(class: &'static str, symbol: Symbol, spoken: &'static str, text: StepText) -> AnyView {
    let StepText { title, detail } = text;
    view! {
        <li>
            <span class=class><Icon symbol/></span>
            <div class="min-w-0 [overflow-wrap:anywhere]">
                <span class="sr-only">{spoken}</span>
                <b class="font-medium">{title}</b>
                " "
                <span class="text-ink-2">{detail}</span>
            </div>
        </li>
    }
    .into_any()
}

const fn name(step: TrialStep) -> &'static str {
    match step {
        TrialStep::Form => "form",
        TrialStep::Known => "organization",
        TrialStep::Current => "revoked or replaced",
        TrialStep::Secret => "secret",
        TrialStep::Expiry => "expiry",
        TrialStep::Disabled => "disabled",
        TrialStep::Audience => "where it is accepted",
        TrialStep::Plan => "plan",
        TrialStep::Kind => "kind",
        TrialStep::Role => "role",
        TrialStep::Address => "address",
        TrialStep::Policy => "key policy",
        TrialStep::Permissions => "permissions",
        TrialStep::Quota => "quota",
        TrialStep::RateLimit => "requests per minute",
    }
}

fn passed_text(step: TrialStep, tried: &TriedKey) -> StepText {
    let TriedKey { trial: KeyTrial { trial, granted, .. }, token, key, address, .. } = tried;
    let state = trial.state.as_deref();
    match step {
        TrialStep::Form => {
            let kind = token.map_or("", |(kind, _)| kind.label());
            let padded =
                if tried.is_padded { " The spaces around it were removed; verify refuses them." } else { "" };
            StepText::new("It has the form of a key.", format!("{kind}, and the checksum is right.{padded}"))
        }
        TrialStep::Known => match key {
            Some(key) => {
                StepText { title: "It is a key of this organization:".to_owned(), detail: key_link(key, "") }
            }
            None => StepText::new("It is a key of this organization.", ""),
        },
        TrialStep::Current => StepText::new("It is not revoked.", "This secret was not replaced."),
        TrialStep::Secret => StepText::new("The secret is right.", ""),
        TrialStep::Expiry => match state.and_then(|state| state.expires_at()) {
            Some(at) => StepText::new("It has not expired.", format!("It expires on {}.", exact(at))),
            None => StepText::new("It has not expired.", "It never does."),
        },
        TrialStep::Disabled => StepText::new("It is not disabled.", ""),
        TrialStep::Audience => StepText::new("It is accepted at your API.", ""),
        TrialStep::Plan => {
            let plan = state.map(|state| state.org.plan.label()).unwrap_or_default();
            StepText::new("The plan includes the API.", format!("{plan}."))
        }
        TrialStep::Kind => {
            let kind = state.map_or("", |state| state.kind.label());
            StepText::new(format!("{kind} keys are accepted."), "")
        }
        TrialStep::Role => {
            let role = state.map_or("", |state| state.role.label());
            StepText::new("Its role is high enough.", format!("{role}."))
        }
        TrialStep::Address => match (key.as_ref().is_some_and(|key| !key.ranges.is_empty()), address) {
            (true, Some(address)) => StepText::new(format!("{address} is an allowed address."), ""),
            _ => StepText::new("It works from every address.", ""),
        },
        TrialStep::Policy => StepText::new("The key policy does not refuse it.", ""),
        TrialStep::Permissions if granted.is_empty() => StepText::new("No permissions were asked for.", ""),
        TrialStep::Permissions => {
            StepText::new("It has the permissions.", format!("{}.", granted.join(", ")))
        }
        TrialStep::Quota => match trial.quota {
            Some(quota) => StepText::new(
                "Its quota is not used up.",
                format!(
                    "{} of {} are left for this {}.",
                    grouped(quota.remaining),
                    grouped(quota.limit),
                    quota.period.as_str()
                ),
            ),
            None => StepText::new("It has no quota.", ""),
        },
        TrialStep::RateLimit => match trial.rate {
            Some(rate) => StepText::new(
                "Its requests of this minute are not used up.",
                format!(
                    "{} of {} are left.",
                    grouped(u64::from(rate.remaining)),
                    grouped(u64::from(rate.limit))
                ),
            ),
            None => StepText::new("Its requests per minute are not limited.", ""),
        },
    }
}

fn failed_text(step: TrialStep, tried: &TriedKey) -> StepText {
    let TriedKey { trial: KeyTrial { trial, missing, .. }, key, now, .. } = tried;
    let state = trial.state.as_deref();
    match step {
        TrialStep::Form => StepText::new("It does not have the form of a key.", tried.problem.clone()),
        TrialStep::Known => StepText::new(
            "No key of this organization has this public id.",
            "It is a key of another organization or of another server, or there never was one.",
        ),
        TrialStep::Current => {
            let is_revoked = key.as_ref().is_some_and(|key| key.revoked_at.is_some());
            match (key, is_revoked) {
                (Some(key), true) => of_key(
                    "The key was revoked.",
                    key,
                    ". That is permanent: create another key for this caller.",
                ),
                (Some(key), false) => of_key(
                    "This secret was replaced by a newer one.",
                    key,
                    ". Give the caller the current secret, or rotate the key again.",
                ),
                (None, _) => StepText::new("The key was revoked, or this secret was replaced.", ""),
            }
        }
        TrialStep::Secret => match key {
            Some(key) => of_key(
                "The secret is wrong.",
                key,
                " has this public id. Copy the whole key again, or rotate it if it is lost.",
            ),
            None => StepText::new("The secret is wrong.", ""),
        },
        TrialStep::Expiry => match (key, state.and_then(|state| state.expires_at())) {
            (Some(key), Some(at)) => of_key(
                &format!("It expired on {}.", exact(at)),
                key,
                " can get a later expiry on its page, if you may edit it. Otherwise create another key.",
            ),
            _ => StepText::new("It has expired.", "Create another key."),
        },
        TrialStep::Disabled => match key {
            Some(key) => of_key("It is disabled.", key, " can be enabled on its page."),
            None => StepText::new("It is disabled.", ""),
        },
        TrialStep::Audience => StepText::new(
            "It is accepted at /api/mcp only.",
            "It belongs to the login of an MCP client. Create another key for this caller.",
        ),
        TrialStep::Plan => {
            let plan = state.map(|state| state.org.plan.label()).unwrap_or_default();
            StepText::new(
                format!("The plan {plan} does not include the API."),
                "An owner can change the plan under Organization.",
            )
        }
        TrialStep::Kind => StepText::new(
            "Test keys are not accepted.",
            "Your request must name them: kinds in verify, kind in authorize. Tick Accept Test keys to try it.",
        ),
        TrialStep::Role => StepText::new(
            format!("Its role, {}, is too low.", state.map_or("", |state| state.role.as_str())),
            "Without permissions, a check accepts the role viewer or more. Ask for the permissions of the key, or add role=none.",
        ),
        TrialStep::Address => address_text(tried),
        TrialStep::Policy => {
            let policy = state.and_then(|state| state.org.policy.as_deref()).zip(trial.rule);
            let why = policy.map(|(policy, rule)| policy.explain(rule)).unwrap_or_default();
            StepText::new("The key policy refuses it.", why)
        }
        TrialStep::Permissions => {
            let title = format!("It lacks {}.", missing.join(", "));
            match key {
                Some(key) => {
                    of_key(&title, key, " does not have them. An admin can add them on the key's Edit page.")
                }
                None => StepText::new(title, ""),
            }
        }
        TrialStep::Quota => {
            let anew = trial.quota.map(|quota| exact(now.plus(quota.reset)));
            StepText::new(
                "Its quota is used up.",
                format!("It starts again on {}. An admin can raise it.", anew.unwrap_or_default()),
            )
        }
        TrialStep::RateLimit => {
            let seconds = trial.rate.map_or(60, |rate| rate.reset.as_secs() + 1);
            StepText::new(
                "Its requests of this minute are used up.",
                format!("More are accepted in {}.", counted(seconds, "second", "seconds")),
            )
        }
    }
}

fn address_text(tried: &TriedKey) -> StepText {
    let ranges = tried.key.as_ref().map(|key| key.ranges.iter().map(ToString::to_string).collect::<Vec<_>>());
    let ranges = ranges.unwrap_or_default().join(", ");
    let Some(address) = tried.address else {
        return StepText::new(
            "It works only from some addresses, and you gave none.",
            format!("It allows {ranges}. Enter the address of the caller."),
        );
    };
    let allow = tried.key.as_ref().filter(|_| tried.may_manage).map(|key| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("address", &address.to_string())
            .finish();
        let href = format!("/settings/api-keys/{}/allow?{query}", key.id);
        view! { " " <a class="link" href=href>"Allow this address…"</a> }
    });
    StepText {
        title: format!("{address} is not an allowed address."),
        detail: view! { {format!("It allows {ranges}.")} {allow} }.into_any(),
    }
}

/// A sentence about the key, followed by its name and `after`.
fn of_key(title: &str, key: &Key, after: &'static str) -> StepText {
    StepText { title: title.to_owned(), detail: key_link(key, after) }
}

fn key_link(key: &Key, after: &'static str) -> AnyView {
    let name = key.name.clone();
    let href = format!("/settings/api-keys/{}", key.id);
    let owner = key.customer.external_id.clone().filter(|_| after.is_empty());
    let owner = owner.map(|owner| view! { " of " <span class="mono text-cap" dir="auto">{owner}</span> });
    view! { <a class="link" href=href dir="auto">{name}</a>{owner}{after} }.into_any()
}
