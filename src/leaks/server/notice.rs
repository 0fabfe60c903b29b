//! The notice on the page of a key that was found in public: where, what was done, and what is left to do.

use std::time::Duration;

use async_trait::async_trait;
use leptos::prelude::*;

use super::page::policy_sentence;
use super::policy;
use super::store::{self, LeakReport};
use crate::keys::LeakOutcome;
use crate::keys::server::{self as keys, Key, KeyNotice, LazyView};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::parts::{ExactTime, Icon, LinkButton, RolePins, Symbol, Time, counted};
use crate::usage::Outcome;
use crate::usage::server as usage;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The maximum number of further places that the notice lists.
const MAX_PLACES: usize = 10;

pub struct LeakNotice;

#[async_trait]
impl KeyNotice for LeakNotice {
    async fn of_key(&self, app: &App, member: &Member, key: &Key) -> Result<Option<LazyView>, Error> {
        let reports = store::of_key(app.db.pool(), key.id).await?;
        let Some(first) = reports.iter().find(|report| report.outcome.is_some()).cloned() else {
            return Ok(None);
        };
        let before = usage::hours_of(app, key.id, first.at.minus(DAY)).await?;
        let since = usage::hours_of(app, key.id, first.at).await?;
        let sum = |hours: &[usage::Hour], is_valid: bool| {
            let counted = hours.iter().filter(|hour| (hour.outcome == Outcome::Valid) == is_valid);
            counted.map(|hour| u64::try_from(hour.requests).unwrap_or(0)).sum::<u64>()
        };
        let callers = usage::callers_of(app, key.id, first.at).await?;
        let last = callers.into_iter().map(|caller| caller.address).find(|address| !address.is_empty());
        let policy = policy::policy(app, member).await?;
        let notice = NoticeContent {
            calls_before: sum(&before, true),
            refused_since: sum(&since, false),
            last_address: last,
            places: reports
                .into_iter()
                .filter(|report| report.id != first.id && !report.url.is_empty())
                .collect(),
            may_rotate: keys::may_rotate(member, key, &keys::policy_rules(app, key.org).await?),
            policy: policy_sentence(&member.org.org_name, policy),
            may_change: member.may(Permission::ManageOrganization),
            may_read_audit: member.may(Permission::ReadAudit),
            key: key.clone(),
            report: first,
            now: app.clock.now(),
        };
        Ok(Some(Box::new(move || notice.view())))
    }
}

struct NoticeContent {
    report: LeakReport,
    key: Key,
    /// Other places where a secret of the key was found.
    places: Vec<LeakReport>,
    calls_before: u64,
    refused_since: u64,
    /// The address of the last caller since the report.
    last_address: Option<String>,
    policy: String,
    may_rotate: bool,
    may_change: bool,
    may_read_audit: bool,
    now: Timestamp,
}

impl NoticeContent {
    fn view(self) -> AnyView {
        let heading = match self.report.outcome {
            Some(LeakOutcome::Revoked) => "Found in public, revoked on ",
            Some(LeakOutcome::Disabled) => "Found in public, disabled on ",
            Some(LeakOutcome::RotationFinished) => "The old secret was found in public and ended on ",
            Some(LeakOutcome::Reported) | None => "Found in public on ",
        };
        let still_works = self.key.is_leaked() && self.key.status(self.now).is_active();
        let text = match (still_works, self.report.mailed_at) {
            (true, _) => "It still works, even for whoever found it.",
            (false, Some(_)) => "The owners and the creator were notified by email.",
            (false, None) => "The secret that was found no longer works.",
        };
        let path = format!("/settings/api-keys/{}", self.key.id);
        let action = if still_works && !self.may_rotate {
            view! { <LinkButton href=format!("{path}/revoke") icon=Symbol::Ban>"Revoke…"</LinkButton> }
                .into_any()
        } else if still_works {
            view! { <LinkButton href=format!("{path}/rotate") icon=Symbol::Rotate>"Rotate…"</LinkButton> }
                .into_any()
        } else if self.report.outcome == Some(LeakOutcome::RotationFinished) {
            ().into_any()
        } else {
            view! { <LinkButton href="/settings/api-keys/new" icon=Symbol::Plus>"Create a replacement"</LinkButton> }.into_any()
        };
        let footer = self.may_change.then(|| {
            view! { " "<a class="link" href="/settings/organization/leaked-keys">"Change the leak policy"</a> }
        });
        let policy = self.policy.clone();
        view! {
            <section class="panel mt-6 overflow-hidden" aria-labelledby="leak">
                <div class="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-danger-line bg-danger-tint px-4 py-3 sm:px-5">
                    <span class="tone-danger"><Icon symbol=Symbol::Warning/></span>
                    <div class="mr-auto min-w-0">
                        <h2 class="h-sect" id="leak">{heading}<ExactTime at=self.report.at/></h2>
                        <p class="text-dense text-ink-2">{text}</p>
                    </div>
                    {action}
                </div>
                {self.facts()}
                {self.steps(still_works)}
            </section>
            <p class="mt-3 text-dense text-ink-3">{policy}{footer}</p>
        }
        .into_any()
    }

    fn facts(&self) -> AnyView {
        let place = |report: &LeakReport| match report.url.as_str() {
            "" => view! { <dd>"Not stated"</dd> }.into_any(),
            url => view! {
                <dd class="mono text-cap leading-5 [overflow-wrap:anywhere]" dir="ltr">{url.to_owned()}
                    <span class="cap block font-sans">"Shown as reported, not as a link"</span>
                </dd>
            }
            .into_any(),
        };
        let others = self.places.iter().take(MAX_PLACES).map(|report| {
            let (at, now, url) = (report.at, self.now, report.url.clone());
            view! {
                <div>
                    <dt>"Also found"</dt>
                    <dd class="mono text-cap leading-5 [overflow-wrap:anywhere]" dir="ltr">{url}
                        <span class="cap block font-sans"><Time at now/></span>
                    </dd>
                </div>
            }
        });
        let others = others.collect_view();
        let reporter = self.report.reporter();
        let calls = counted(self.calls_before, "call", "calls");
        let refused = counted(self.refused_since, "request", "requests");
        let last = self.last_address.clone().filter(|_| self.refused_since > 0).map(|address| {
            view! { ", last from "<span class="mono text-cap">{address}</span> }
        });
        let role = self.key.role;
        view! {
            <div class="grid md:grid-cols-2 md:divide-x max-md:divide-y divide-line">
                <dl class="facts px-4 py-2 sm:px-5">
                    <div><dt>"Where"</dt>{place(&self.report)}</div>
                    {others}
                    <div><dt>"Reported by"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{reporter}</dd></div>
                    <div><dt>"Verified"</dt><dd>"The full secret was in the report"</dd></div>
                </dl>
                <dl class="facts px-4 py-2 sm:px-5">
                    <div><dt>"Before the report"</dt><dd><b class="font-semi num">{calls}</b>" in 24 h"</dd></div>
                    <div><dt>"Since then"</dt><dd><b class="font-semi num">{refused}</b>" refused"{last}</dd></div>
                    <div><dt>"Role"</dt><dd><RolePins role/></dd></div>
                </dl>
            </div>
        }
        .into_any()
    }

    fn steps(&self, still_works: bool) -> AnyView {
        let audit = self.may_read_audit.then(|| {
            let href = format!("/settings/audit-log?target={}", self.key.id);
            view! { " "<a class="link" href=href>"Open in audit log"</a> }
        });
        let program = match &self.last_address {
            Some(address) => format!(", and give it to the program at {address}"),
            None => String::new(),
        };
        let first = match (still_works, self.report.outcome) {
            (true, _) if !self.may_rotate => "Revoke the key.".to_owned(),
            (true, _) => "Rotate the key without an overlap, or revoke it.".to_owned(),
            (false, Some(LeakOutcome::RotationFinished)) => {
                "Make sure that every program has the new secret.".to_owned()
            }
            (false, Some(LeakOutcome::Disabled)) if !self.may_rotate => "Revoke the key.".to_owned(),
            (false, Some(LeakOutcome::Disabled)) => {
                "Rotate the key before you enable it again, or revoke it.".to_owned()
            }
            (false, _) => format!("Create a replacement{program}."),
        };
        view! {
            <div class="border-t border-line px-4 py-4 sm:px-5">
                <h3 class="text-dense font-semi">"What to do next"</h3>
                <ol class="mt-2 grid gap-2.5 text-dense">
                    <Step number=1>{first}</Step>
                    <Step number=2>"Remove the secret from the place where it was found. Scanners keep finding it there."</Step>
                    <Step number=3>"Review what the key did before it was found, and the keys that it created."{audit}</Step>
                </ol>
            </div>
        }
        .into_any()
    }
}

#[component]
fn Step(number: u8, children: Children) -> AnyView {
    view! {
        <li class="grid grid-cols-[1.25rem_1fr] gap-2">
            <span class="mono text-brass-ink">{number.to_string()}</span>
            <span class="text-ink-2">{children()}</span>
        </li>
    }
    .into_any()
}
