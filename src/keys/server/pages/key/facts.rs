//! The parts of a key's page that list its properties, its callers and its audit events.

use std::net::IpAddr;

use leptos::prelude::*;

use crate::audit::{self, Recorded};
use crate::keys::QuotaPeriod;
use crate::keys::server::pages::{path_of, refusals_path};
use crate::keys::server::{Customer, Key, QuotaState, RefusalSpan};
use crate::shared::{Role, Timestamp};
use crate::ui::parts::{
    Cell, Column, Ink, LinkButton, Panel, RolePins, Row, Size, Table, Time, Wording, grouped,
};
use crate::usage::Outcome;
use crate::usage::server::{KeyCaller, outcome_reason};

pub fn facts(
    key: &Key,
    creator: &str,
    creating_key: Option<String>,
    quota: Option<QuotaState>,
    now: Timestamp,
) -> AnyView {
    let by = match (&key.login, creating_key) {
        (Some(_), _) if key.renewal.is_some() => format!("by {creator}: MCP login"),
        (Some(login), _) => format!("by {creator}: CLI login on {}", login.device),
        (None, Some(creating_key)) => format!("by {creator} with {creating_key}"),
        (None, None) => format!("by {creator}"),
    };
    let end = match key.expires_at {
        None if key.renewal.is_some() => "After 30 days without use".into_any(),
        None => view! { "Never" }.into_any(),
        Some(at) => {
            view! { <Time at now/><span class="cap block"><Time at now wording=Wording::LastDay/></span> }
                .into_any()
        }
    };
    let ended = key.revoked_at.map(|at| ("Revoked", at)).or(key.disabled_at.map(|at| ("Disabled", at)));
    let ended = ended.map(|(label, at)| view! { <div><dt>{label}</dt><dd><Time at now/></dd></div> });
    let limit = key.rate_limit.map_or("No limit".to_owned(), |limit| grouped(u64::from(limit)));
    let is_shared = key.rate_limit.is_some() && key.counts_with.is_some();
    let shared = is_shared.then(
        || view! { <span class="cap block">"Counted together with the key that made or rotated it"</span> },
    );
    let ranges = if key.ranges.is_empty() {
        view! { "Every address" }.into_any()
    } else {
        let ranges = key.ranges.iter().map(ToString::to_string);
        ranges
            .map(|range| view! { <span class="mono block text-cap leading-5">{range}</span> })
            .collect_view()
            .into_any()
    };
    let note = (!key.note.is_empty()).then(|| {
        view! { <div><dt>"Stored in"</dt><dd class="whitespace-pre-line" dir="auto">{key.note.clone()}</dd></div> }
    });
    let calls = grouped(u64::try_from(key.calls).unwrap_or(0));
    let last = key.last_used_at.map(|at| view! { <div><dt>"Last used"</dt><dd><Time at now/></dd></div> });
    let place = key.audience.map(|_| view! { <div><dt>"Accepted at"</dt><dd>"/api/mcp only"</dd></div> });
    let (role, created_at) = (key.role, key.created_at);
    let opens_nothing =
        (role == Role::None).then(|| view! { <span class="cap block">"No access to Latchkey"</span> });
    view! {
        <section aria-labelledby="facts">
            <h2 class="h-sect flex min-h-8 items-center" id="facts">"Facts"</h2>
            <dl class="facts mt-2">
                {quota.map(quota_fact)}
                <div><dt>"Role"</dt><dd><RolePins role/>{opens_nothing}</dd></div>
                <div><dt>"Created"</dt><dd><Time at=created_at now wording=Wording::Day/><span class="cap block" dir="auto">{by}</span></dd></div>
                {customer_facts(key)}
                {ended}
                {place}
                <div><dt>"Expires"</dt><dd>{end}</dd></div>
                <div><dt>"Calls in total"</dt><dd class="num">{calls}</dd></div>
                {last}
                <div><dt>"Requests per minute"</dt><dd class="num">{limit}{shared}</dd></div>
                <div><dt>"Allowed addresses"</dt><dd>{ranges}</dd></div>
                {note}
            </dl>
        </section>
    }
    .into_any()
}

fn quota_fact(quota: QuotaState) -> AnyView {
    let QuotaState { limit, remaining, period, .. } = quota;
    let (name, begins) = match period {
        QuotaPeriod::Day => ("Quota today", "at 00:00 UTC"),
        QuotaPeriod::Month => ("Quota this month", "on the first of the month, 00:00 UTC"),
    };
    let used = limit.saturating_sub(remaining);
    let percent = (used.saturating_mul(100) / limit.max(1)).min(100);
    let width = format!("{percent}");
    let text = format!("{} of {}", grouped(used), grouped(limit));
    view! {
        <div>
            <dt>{name}</dt>
            <dd>
                <span class="num">{text.clone()}</span>
                <svg class="meter mt-1" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=text>
                    <rect class="meter-bg" width="100" height="6"></rect>
                    <rect class="meter-used" width=width height="6"></rect>
                </svg>
                <span class="cap mt-1 block">
                    {format!("{} left. Resets {begins}", grouped(remaining))}
                </span>
            </dd>
        </div>
    }
    .into_any()
}

fn customer_facts(key: &Key) -> AnyView {
    let Customer { external_id, metadata, permissions, .. } = &key.customer;
    let owner = external_id.clone().map(|id| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("owner", &id).finish();
        view! {
            <div>
                <dt>"Owner"</dt>
                <dd>
                    <span class="mono text-cap [overflow-wrap:anywhere]" dir="auto">{id}</span>
                    <a class="link cap block" href=format!("/settings/api-keys?{query}")>"Keys of this owner"</a>
                </dd>
            </div>
        }
    });
    let names =
        permissions.iter().cloned().map(|name| view! { <span class="perm">{name}</span> }).collect_view();
    let permissions = (!permissions.is_empty())
        .then(|| view! { <div><dt>"Permissions"</dt><dd class="flex flex-wrap gap-1">{names}</dd></div> });
    let metadata = metadata.clone().map(|text| {
        view! { <div><dt>"Metadata"</dt><dd class="mono text-cap [overflow-wrap:anywhere]" dir="auto">{text}</dd></div> }
    });
    view! { {owner} {permissions} {metadata} }.into_any()
}

/// The name and mark of a caller's secret.
fn secret_of(caller: &KeyCaller, key: &Key, now: Timestamp) -> (&'static str, Ink) {
    let (current, rotation) = (key.secret.to_string(), key.rotation(now));
    match rotation {
        Some(_) if caller.secret == current => ("New", Ink::Brass),
        Some((old, _)) if caller.secret == old.to_string() => ("Old", Ink::Off),
        None if caller.secret == current => ("Current", Ink::Brass),
        _ => ("Ended", Ink::Off),
    }
}

/// Whether a caller was accepted, and why its last refused request was refused.
fn answer(caller: &KeyCaller) -> AnyView {
    let accepted = caller.accepted_at.map(|_| view! { <span class="text-ink-2">"Accepted"</span> });
    let refused = caller.refusal.map(|refusal| {
        let count = grouped(u64::try_from(refusal.requests).unwrap_or(0));
        view! {
            <span class="inline-flex gap-1.5">
                {outcome_reason(refusal.outcome)}
                <span class="num text-ink-3">{count}</span>
            </span>
        }
    });
    view! { <span class="flex flex-wrap items-center gap-x-4">{accepted}{refused}</span> }.into_any()
}

/// The address of the form that allows a caller, if the key does not allow its address.
fn allow_path(key: &Key, caller: &KeyCaller) -> Option<String> {
    let address: IpAddr = caller.address.parse().ok()?;
    let is_refused = caller.refusal.is_some_and(|refusal| refusal.outcome == Outcome::IpNotAllowed);
    (is_refused && key.excludes(address)).then(|| format!("{}/allow?address={address}", path_of(key.id)))
}

pub fn callers(callers: Vec<KeyCaller>, key: &Key, may_grant: bool, now: Timestamp) -> AnyView {
    let refusals = refusals_path(key.id, None, RefusalSpan::default());
    let may_allow = may_grant && key.revoked_at.is_none();
    let offers_to_allow = may_allow && callers.iter().any(|caller| allow_path(key, caller).is_some());
    // Shown only while the key has two secrets, or if an ended one was used.
    let current = key.secret.to_string();
    let is_rotated = key.rotation(now).is_some() || callers.iter().any(|caller| caller.secret != current);
    // The secrets of a renewed login are many, and nobody chooses between them.
    let shows_secrets = key.renewal.is_none() && is_rotated;
    let content = if callers.is_empty() {
        view! { <p class="mt-2 border-t border-line py-2 text-dense text-ink-2">"Nobody has used this key in these days."</p> }
            .into_any()
    } else {
        let columns = [
            Some(Column::new("Address")),
            Some(Column::new("User agent")),
            shows_secrets.then(|| Column::new("Secret")),
            Some(Column::new("Answer")),
            Some(Column::new("First seen").class("max-lg:hidden")),
            Some(Column::new("Last seen")),
            Some(Column::right("Requests")),
            offers_to_allow.then(|| Column::hidden("Action")),
        ];
        let columns: Vec<Column> = columns.into_iter().flatten().collect();
        let rows = callers.into_iter().map(|caller| {
            let secret = shows_secrets.then(|| {
                let (label, ink) = secret_of(&caller, key, now);
                view! {
                    <Cell label="Secret">
                        <span class="inline-flex items-center gap-2"><span class=ink.swatch()></span>{label}</span>
                    </Cell>
                }
            });
            let answer = answer(&caller);
            let allow = offers_to_allow.then(|| {
                let link = allow_path(key, &caller).map(|href| {
                    let label = format!(" {}", caller.address);
                    view! {
                        <LinkButton href size=Size::Small>
                            "Allow this address…"<span class="sr-only">{label}</span>
                        </LinkButton>
                    }
                });
                view! { <Cell class="full whitespace-nowrap sm:text-right">{link}</Cell> }
            });
            let KeyCaller { address, user_agent, first_at, last_at, requests, .. } = caller;
            let (address, user_agent) = caller_texts(address, user_agent);
            view! {
                <Row>
                    <Cell class="mono text-cap leading-5 full [overflow-wrap:anywhere]">{address}</Cell>
                    <Cell class="text-ink-2 full [overflow-wrap:anywhere]">{user_agent}</Cell>
                    {secret}
                    <Cell class="full">{answer}</Cell>
                    <Cell class="text-ink-2 max-lg:hidden"><Time at=first_at now wording=Wording::Day/></Cell>
                    <Cell label="Last seen"><Time at=last_at now/></Cell>
                    <Cell class="r num" label="Requests">{grouped(u64::try_from(requests).unwrap_or(0))}</Cell>
                    {allow}
                </Row>
            }
        });
        let rows = rows.collect_view();
        view! { <Panel class="mt-3"><Table caption="Callers" columns>{rows}</Table></Panel> }.into_any()
    };
    view! {
        <section class="mt-10" aria-labelledby="callers">
            <div class="flex items-baseline justify-between gap-3">
                <h2 class="h-sect" id="callers">"Callers"</h2>
                <span class="cap">"Last 30 days"</span>
                <a class="link ml-auto text-dense" href=refusals>"Recent requests"</a>
            </div>
            {content}
        </section>
    }
    .into_any()
}

/// Address and user agent as the page shows them. Callers beyond the first hundred of a key are counted together.
pub fn caller_texts(address: String, user_agent: String) -> (String, String) {
    let or_unknown = |text: String| if text.is_empty() { "Unknown".to_owned() } else { text };
    if address.is_empty() && user_agent.is_empty() {
        ("Others".to_owned(), "Not listed one by one".to_owned())
    } else {
        (or_unknown(address), or_unknown(user_agent))
    }
}

/// The key's audit events. `log` is the address of the audit log with the same events.
pub fn events(events: Vec<Recorded>, log: String, now: Timestamp) -> AnyView {
    let items = events.into_iter().map(|event| {
        let sentence = audit::about_it(&event);
        let Recorded { at, actor_name: actor, address, .. } = event;
        let actor = if actor.is_empty() { "Somebody".to_owned() } else { actor };
        view! {
            <li class="grid grid-cols-[8.5rem_1fr_auto] gap-x-3 border-t border-line py-2 text-dense max-sm:grid-cols-1">
                <span class="text-ink-3"><Time at now/></span>
                <span class="[overflow-wrap:anywhere]" dir="auto">
                    <b class="font-medium">{actor}</b>
                    " "
                    <span class="text-ink-2">{sentence}</span>
                </span>
                <span class="mono text-cap leading-5 text-ink-3 max-sm:hidden">{address}</span>
            </li>
        }
    });
    view! {
        <section class="mt-10" aria-labelledby="events">
            <div class="flex items-baseline justify-between gap-3">
                <h2 class="h-sect" id="events">"Recent events"</h2>
                <a class="link text-dense" href=log>"Open in audit log"</a>
            </div>
            <ol class="mt-2">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}
