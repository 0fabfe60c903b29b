//! The panel of a rotation, while both secrets are valid: how much each is used, and whether the old one can end.

use leptos::prelude::*;

use super::facts::caller_texts;
use super::rotation_share::RotationShare;
use crate::keys::server::pages::path_of;
use crate::keys::server::{Key, SecretUse};
use crate::shared::{Kind, SecretId, Timestamp};
use crate::ui::form::Form;
use crate::ui::parts::{
    Button, Chart, ChartHeight, Glyph, GlyphSize, Icon, Ink, KeyText, Legend, LinkButton, Look, Series,
    Symbol, Time, Wording, counted, grouped, words,
};
use crate::usage::server::{ChartRange, Hour, KeyCaller};

/// After this long without use of the old secret, the page suggests finishing the rotation.
const SILENT: u64 = 60 * 60;

/// Returns None if the key has only one secret.
pub fn panel(
    key: &Key,
    day: &[Hour],
    share: Option<RotationShare>,
    secrets: &[SecretUse],
    callers: &[KeyCaller],
    (may_manage, may_grant): (bool, bool),
    now: Timestamp,
) -> Option<AnyView> {
    let (old, until) = key.rotation(now)?;
    let path = path_of(key.id);
    let old_text = old.to_string();
    let calls = |secret: &str| -> u64 {
        let hours = day.iter().filter(|hour| hour.secret == secret);
        hours.map(|hour| u64::try_from(hour.requests).unwrap_or(0)).sum()
    };
    let (new_calls, old_calls) = (calls(key.secret.as_str()), calls(&old_text));
    let last =
        |id: SecretId| secrets.iter().find(|secret| secret.id == id).and_then(|secret| secret.last_used_at);
    let (new_last, old_last) = (last(key.secret), last(old));
    let kind = key.kind;
    let side_of = |title, start: String, is_old, last| {
        // Refused callers are left out, because they may know only the visible beginning of the secret.
        let accepted = callers.iter().filter(|caller| caller.secret == start && caller.accepted_at.is_some());
        let caller = accepted.max_by_key(|caller| caller.accepted_at).cloned();
        side(Side { title, kind, start, is_old, share, last, caller }, now)
    };
    let new_side = side_of("New secret", key.secret.to_string(), false, new_last);
    let old_side = side_of("Old secret", old_text.clone(), true, old_last);
    let series: Vec<Series> = [("New secret", Ink::Brass), ("Old secret", Ink::Off)]
        .map(|(name, ink)| Series { name: name.to_owned(), ink })
        .into();
    let counts = day.iter().map(|hour| (hour.hour, usize::from(hour.secret == old_text), hour.requests));
    let bars = ChartRange::Day.bars(now, ChartRange::Day.columns(now, counts, 2));
    let summary = format!(
        "Requests per hour in the last 24 hours: {} with the new secret, {} with the old one.",
        grouped(new_calls),
        grouped(old_calls)
    );
    let quiet = old_last.is_none_or(|at| now.since(at).as_secs() >= SILENT);
    let left = words(until, now, Wording::Relative).replacen("In", "in", 1);
    let extend = may_grant.then(|| {
        view! {
            <Form action=format!("{path}/extend")><Button icon=Symbol::Clock>"Extend by 24 h"</Button></Form>
        }
    });
    let look = if quiet { Look::Primary } else { Look::Secondary };
    let finish = may_manage.then(|| {
        view! {
            <LinkButton href=format!("{path}/finish") icon=Symbol::Check look>"Finish now…"</LinkButton>
        }
    });
    let verdict = verdict(old_last, quiet, now);
    let panel = view! {
        <section class="panel mt-6" aria-labelledby="rotation">
            <div class="flex flex-wrap items-center gap-x-6 gap-y-3 border-b border-line px-4 py-3 sm:px-5">
                <div class="mr-auto">
                    <h2 class="h-sect" id="rotation">"Rotation in progress"</h2>
                    <p class="text-dense text-ink-2">
                        "Both secrets work until " <Time at=until now wording=Wording::Moment class="font-medium text-ink"/>
                        {format!(". That is {left}.")}
                    </p>
                </div>
                <div class="flex flex-wrap gap-2">{extend}{finish}</div>
            </div>
            <div class="grid divide-line max-md:divide-y md:grid-cols-2 md:divide-x">{new_side}{old_side}</div>
            <div class="border-t border-line px-4 pt-4 pb-3 sm:px-5">
                <div class="mb-3 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
                    <Legend series=series.clone() bars=bars.clone()/>
                    <span class="cap">"Requests per hour, last 24 h"</span>
                </div>
                <Chart summary series bars axis=ChartRange::Day.axis(now) now height=ChartHeight::Low/>
            </div>
            {verdict}
        </section>
    };
    Some(panel.into_any())
}

fn verdict(old_last: Option<Timestamp>, quiet: bool, now: Timestamp) -> AnyView {
    let (symbol, tone, bold, rest) = match old_last {
        None => {
            (Symbol::Check, "tone-ok", "The old secret was never used.".to_owned(), " You can finish now.")
        }
        Some(at) if quiet => {
            let span = words(at, now, Wording::Relative).replace(" ago", "");
            let silent = if span == "Yesterday" { "a day".to_owned() } else { span };
            (
                Symbol::Check,
                "tone-ok",
                format!("The old secret has been silent for {silent}."),
                " If every deployment has the new one, you can finish now.",
            )
        }
        Some(at) => (
            Symbol::Warning,
            "tone-warn",
            format!("The old secret was used {}.", words(at, now, Wording::Relative).to_lowercase()),
            " Callers still using it get 401 as soon as you finish.",
        ),
    };
    view! {
        <p class="flex items-start gap-2 border-t border-line px-4 py-2.5 text-dense sm:px-5">
            <span class=format!("{tone} mt-0.5")><Icon symbol/></span>
            <span><b class="font-semi">{bold}</b><span class="text-ink-2">{rest}</span></span>
        </p>
    }
    .into_any()
}

struct Side {
    title: &'static str,
    kind: Kind,
    start: String,
    is_old: bool,
    share: Option<RotationShare>,
    last: Option<Timestamp>,
    caller: Option<KeyCaller>,
}

fn side(side: Side, now: Timestamp) -> AnyView {
    let Side { title, kind, start, is_old, share, last, caller } = side;
    let share = share.map(|share| calls_since(&share, is_old, now));
    let seed = start.clone();
    let last = match last {
        Some(at) => view! { <Time at now/> }.into_any(),
        None => view! { "Never" }.into_any(),
    };
    let caller = caller.map(|caller| {
        let (address, user_agent) = caller_texts(caller.address, caller.user_agent);
        view! {
            <div>
                <dt>"Last caller"</dt>
                <dd>
                    <span class="mono text-cap">{address}</span>
                    " "
                    <span class="text-ink-3 [overflow-wrap:anywhere]">{user_agent}</span>
                </dd>
            </div>
        }
    });
    view! {
        <div class="p-4 sm:px-5">
            <div class="flex items-center gap-3">
                <Glyph seed kind off=is_old size=GlyphSize::Large/>
                <div class="min-w-0"><h3 class="text-dense font-semi">{title}</h3><KeyText kind start/></div>
            </div>
            {share}
            <dl class="facts mt-2"><div><dt>"Last call"</dt><dd>{last}</dd></div>{caller}</dl>
        </div>
    }
    .into_any()
}

/// The share of the calls since the rotation that were made with one of the secrets.
fn calls_since(share: &RotationShare, is_old: bool, now: Timestamp) -> AnyView {
    let figure = if is_old {
        "text-figure font-semi tracking-[-0.02em] text-ink-2"
    } else {
        "text-figure font-semi tracking-[-0.02em]"
    };
    let calls = if is_old { share.old_calls } else { share.new_calls };
    let since = share.since;
    if since > now {
        return view! {
            <p class="mt-3 text-dense text-ink-2">
                "Calls since the rotation will be counted from " <Time at=since now wording=Wording::Moment/> "."
            </p>
        }
        .into_any();
    }
    let percent = match share.all() {
        0 => "–".to_owned(),
        _ => format!("{}%", share.percent(calls)),
    };
    let of = format!("{} of {} since ", grouped(calls), counted(share.all(), "call", "calls"));
    view! {
        <div class="mt-3 flex flex-wrap items-baseline gap-2">
            <span class=figure>{percent}</span>
            <span class="num text-dense text-ink-2">{of}<Time at=since now wording=Wording::Moment/></span>
        </div>
        <p class="cap">"Counted from the first whole hour after the rotation"</p>
    }
    .into_any()
}
