//! The overview's figures and chart of requests, and the keys with the most of them.

use leptos::prelude::*;

use super::attention::Counts;
use super::period::{OutcomeTotals, Period, compared};
use crate::keys::server::{Key, MAX_COUNTED, RefusalsAddress};
use crate::shared::Timestamp;
use crate::ui::parts::{Chart, ChartHeight, Glyph, Ink, Legend, ShareBar, capped, counted, grouped};
use crate::usage::server::{ChartRange, TopKey};

pub fn requests(period: Period, counts: &Counts, now: Timestamp) -> AnyView {
    let Period { range, chart, totals, before } = period;
    let words = range.words();
    let before_words = range.before().replacen("The", "the", 1);
    let calls = match before.and_then(|before| Some((before, compared(totals.valid, before.valid)?))) {
        Some((before, (change, up))) => {
            let class = if up { "tone-ok font-medium" } else { "font-medium" };
            let than = if change == "As many" { "as in" } else { "than in" };
            let comparison = format!(" {than} {before_words} ({})", grouped(before.valid));
            view! { <span class=class>{change}</span>{comparison} }.into_any()
        }
        None => view! { {words} }.into_any(),
    };
    let earlier = |value: fn(&OutcomeTotals) -> u64| match before.as_ref().map(value) {
        None => words.to_owned(),
        Some(0) => format!("None in {before_words}"),
        Some(count) => format!("{} in {before_words}", grouped(count)),
    };
    let limited = earlier(|totals| totals.limited);
    let rejected = earlier(|totals| totals.rejected);
    let stats = [
        stat("Calls", view! { {grouped(totals.valid)} }.into_any(), calls),
        stat("Rate limited", view! { {grouped(totals.limited)} }.into_any(), view! { {limited} }.into_any()),
        stat("Rejected", view! { {grouped(totals.rejected)} }.into_any(), view! { {rejected} }.into_any()),
        active_keys(counts),
    ];
    let mut summary = format!(
        "Requests per {} {words}: {} calls, {} rate limited, {} rejected.",
        range.bar_words(),
        grouped(totals.valid),
        grouped(totals.limited),
        grouped(totals.rejected)
    );
    if let Some(before) = before {
        summary.push_str(&format!(" {} calls in {before_words}.", grouped(before.valid)));
    }
    let heading = format!("Requests per {}", range.bar_words());
    let span = if range == ChartRange::Month { "Day" } else { "Time" };
    let earlier = if before.is_some() { range.before() } else { "" };
    let refused = RefusalsAddress::default().href();
    let (series, bars, details) = (chart.series, chart.bars, chart.details);
    view! {
        <section class="panel mt-6" aria-label="Requests">
            <div class="grid grid-cols-2 lg:grid-cols-4 [&>*]:border-line [&>*:nth-child(even)]:border-l max-lg:[&>*:nth-child(n+3)]:border-t lg:[&>*+*]:border-l">
                {stats.into_iter().collect_view()}
            </div>
            <div class="border-t border-line px-5 pt-4 pb-4">
                <div class="mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
                    <h2 class="h-sect">{heading}</h2>
                    <Legend series=series.clone() bars=bars.clone() earlier/>
                </div>
                <Chart
                    summary series bars axis=range.axis(now) now details span earlier
                    opens="Opens the refused requests" height=ChartHeight::Tall
                />
                <p class="mt-2 text-right"><a class="link text-dense" href=refused>"Refused requests"</a></p>
            </div>
        </section>
    }
    .into_any()
}

fn active_keys(counts: &Counts) -> AnyView {
    let of = format!(" of {}", capped(counts.all, MAX_COUNTED));
    let parts = [(counts.rotating, "rotating"), (counts.expiring, "expiring")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{} {state}", capped(count, MAX_COUNTED)))
        .collect();
    let keys = if parts.is_empty() { "None is rotating or expiring".to_owned() } else { parts.join(", ") };
    let figure = view! {
        {capped(counts.active, MAX_COUNTED)} <span class="text-lead font-normal tracking-normal text-ink-3">{of}</span>
    };
    stat("Active keys", figure.into_any(), view! { {keys} }.into_any())
}

fn stat(label: &'static str, figure: AnyView, caption: AnyView) -> AnyView {
    view! {
        <div class="px-5 py-4">
            <div class="cap">{label}</div>
            <div class="mt-1 text-figure font-semi tracking-[-0.02em]">{figure}</div>
            <div class="cap mt-0.5">{caption}</div>
        </div>
    }
    .into_any()
}

pub fn top_keys(keys: Vec<(Key, TopKey)>, range: ChartRange, now: Timestamp) -> AnyView {
    let most = keys.first().map_or(1, |(_, top)| top.requests().max(1));
    let content = if keys.is_empty() {
        view! { <p class="mt-2 border-t border-line py-3 text-dense text-ink-2">{format!("No key was used {}.", range.words())}</p> }
            .into_any()
    } else {
        let rows = keys.iter().map(|(key, top)| row(key, top, most, now)).collect_view();
        view! { <ol class="mt-2">{rows}</ol> }.into_any()
    };
    view! {
        <section class="mt-9" aria-labelledby="top-keys">
            <div class="flex items-baseline justify-between gap-3">
                <h2 class="h-sect" id="top-keys">"Top keys"</h2>
                <span class="cap">{range.words()}</span>
                <a class="link ml-auto text-dense" href="/settings/api-keys?sort=calls">"All keys by calls"</a>
            </div>
            {content}
        </section>
    }
    .into_any()
}

/// `most` are the requests of the first key.
fn row(key: &Key, top: &TopKey, most: u64, now: Timestamp) -> AnyView {
    let (name, kind, seed) = (key.name.clone(), key.kind, key.secret.to_string());
    let href = format!("/settings/api-keys/{}", key.id);
    let is_off = !key.status(now).is_active();
    let (tone, refused) = match top.refused {
        0 => ("text-ink-3", "None refused".to_owned()),
        count => ("tone-warn", format!("{} refused", grouped(count))),
    };
    let percent = (u128::from(top.requests()) * 100 / u128::from(most)) as u64;
    view! {
        <li class="top-key border-t border-line py-2 text-dense">
            <Glyph seed kind off=is_off/>
            <a class="min-w-0 font-medium underline-offset-3 hover:underline [overflow-wrap:anywhere]" href=href dir="auto">{name}</a>
            <span class="top-key-bar"><ShareBar ink=Ink::Valid percent/></span>
            <span class=format!("num text-right {tone}")>{refused}</span>
            <span class="num text-right">{counted(top.calls, "call", "calls")}</span>
        </li>
    }
    .into_any()
}
