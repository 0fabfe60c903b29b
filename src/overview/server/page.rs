//! The page `/overview`.

use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::attention::{AttentionItem, Counts, TextPart, counts, ended_but_used, items, leaked};
use super::refused::{refused_keys, refusing_plan};
use super::today::{Today, compared, series, start_of_yesterday};
use crate::audit::{self, AuditFilter, Recorded};
use crate::keys::server::MAX_COUNTED;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::parts::{
    Chart, ChartHeight, EmptyState, Legend, LinkButton, LiveRegion, Look, Size, StatusShape, Symbol, Time,
    Wording, capped, day, grouped,
};
use crate::ui::shell::{Nav, PageHead, Shell};
use crate::usage::server as usage;

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let now = app.clock.now();
    let (hours, activity, leaked, ended, refused, counts) = tokio::try_join!(
        usage::hours_of_org(&app, member.org.org, start_of_yesterday(now)),
        recent(&app, &member),
        leaked(&app, &member),
        ended_but_used(&app, &member),
        refused_keys(&app, &member),
        counts(&app, &member),
    )?;
    let plan = refusing_plan(&app, &member, &hours).await?;
    let urgent = plan.into_iter().chain(leaked).chain(refused).chain(ended).collect();
    let items = items(&app, &member, urgent, &counts).await?;
    let chrome = chrome(&app, &member, Some(Nav::Overview), "/overview");
    let message = member.visitor.message.clone();
    let changes = app.live.expect(usage::changes_topic(member.org.org));
    let response = page_for(&app, &member, "Overview").render(move || {
        let toast = message.map(toast);
        let today = today(Today::of(&hours, now), &counts, now);
        let attention = attention(items, counts.all == 0);
        let activity = activity.map(|events| activity_list(events, now));
        view! {
            <Shell chrome toast>
                <PageHead title="Overview" text=long_date(now)/>
                <LiveRegion topic=changes id="overview">
                    {today}
                    <div class="mt-10 grid gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_21rem]">{attention}{activity}</div>
                </LiveRegion>
            </Shell>
        }
    });
    Ok(response.await)
}

/// The latest audit events, for people who may read the audit log.
async fn recent(app: &App, member: &Member) -> Result<Option<Vec<Recorded>>, Error> {
    if !member.may(Permission::ReadAudit) {
        return Ok(None);
    }
    Ok(Some(audit::list(app.db.pool(), member.org.org, &AuditFilter::default(), 8).await?))
}

/// "Friday, 20 Nov 2026, 14:32 UTC".
fn long_date(now: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let weekday = usize::try_from(now.millis().div_euclid(86_400_000).rem_euclid(7)).unwrap_or(0);
    format!("{}, {}, {} UTC", DAYS[weekday], day(now), clock(now))
}

fn clock(at: Timestamp) -> String {
    let minutes = at.millis().div_euclid(60_000).rem_euclid(1_440);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn today(today: Today, counts: &Counts, now: Timestamp) -> AnyView {
    let calls = match compared(today.valid, today.valid_yesterday) {
        Some((change, up)) => {
            let class = if up { "tone-ok font-medium" } else { "font-medium" };
            let than = if change == "As many" { "as" } else { "than" };
            let comparison =
                format!(" {than} yesterday at {} ({})", clock(now), grouped(today.valid_yesterday));
            view! { <span class=class>{change}</span>{comparison} }.into_any()
        }
        None => view! { "None yesterday by this time" }.into_any(),
    };
    let by_this_time = |yesterday: u64| match yesterday {
        0 => view! { "None yesterday by this time" }.into_any(),
        _ => view! { {format!("{} yesterday by this time", grouped(yesterday))} }.into_any(),
    };
    let of = format!(" of {}", capped(counts.all, MAX_COUNTED));
    let parts = [(counts.rotating, "rotating"), (counts.expiring, "expiring")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{} {state}", capped(count, MAX_COUNTED)))
        .collect();
    let keys = if parts.is_empty() { "None is rotating or expiring".to_owned() } else { parts.join(", ") };
    let stats = [
        stat("Calls today", view! { {grouped(today.valid)} }.into_any(), calls),
        stat("Rate limited today", view! { {grouped(today.limited)} }.into_any(), by_this_time(today.limited_yesterday)),
        stat("Rejected today", view! { {grouped(today.rejected)} }.into_any(), by_this_time(today.rejected_yesterday)),
        stat(
            "Active keys",
            view! { {capped(counts.active, MAX_COUNTED)} <span class="text-lead font-normal tracking-normal text-ink-3">{of}</span> }
                .into_any(),
            view! { {keys} }.into_any(),
        ),
    ];
    let summary = format!(
        "Requests per hour today against yesterday. {} calls so far today, {} by this time yesterday.",
        grouped(today.valid),
        grouped(today.valid_yesterday)
    );
    let axis = ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"].map(str::to_owned).to_vec();
    let (series, bars) = (series(), today.bars);
    view! {
        <section class="panel mt-6 overflow-hidden" aria-label="Today">
            <div class="grid grid-cols-2 lg:grid-cols-4 [&>*]:border-line [&>*:nth-child(even)]:border-l max-lg:[&>*:nth-child(n+3)]:border-t lg:[&>*+*]:border-l">
                {stats.into_iter().collect_view()}
            </div>
            <div class="border-t border-line px-5 pt-4 pb-4">
                <div class="mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
                    <h2 class="h-sect">"Requests per hour"</h2>
                    <Legend series=series.clone() bars=bars.clone() earlier="Yesterday"/>
                </div>
                <Chart summary series bars axis earlier="Yesterday" height=ChartHeight::Tall/>
            </div>
        </section>
    }
    .into_any()
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

fn attention(items: Vec<AttentionItem>, has_no_keys: bool) -> AnyView {
    let content = if has_no_keys {
        view! {
            <EmptyState title="There are no keys yet" text="A key takes about a minute: create it, store it, make one call." class="mt-3">
                <LinkButton href="/settings/api-keys?dialog=create" look=Look::Primary icon=Symbol::Plus>"Create key"</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else if items.is_empty() {
        view! { <p class="mt-2 border-t border-line py-3 text-dense text-ink-2">"Nothing. Every key is in order."</p> }.into_any()
    } else {
        let rows = items.into_iter().map(|AttentionItem { tone, shape, title, text, action, href }| {
            let text = text.into_iter().map(|piece| match piece {
                TextPart::Plain(text) => view! { {text} }.into_any(),
                TextPart::Name(name) => view! { <b class="font-medium text-ink" dir="auto">{name}</b> }.into_any(),
            });
            let label = format!("{action}: {title}");
            view! {
                <li class="grid grid-cols-[1rem_1fr_auto] items-start gap-x-3 border-t border-line py-3">
                    <StatusShape shape class=format!("mt-1.5 size-2.5 justify-self-center {}", tone.text())/>
                    <div class="min-w-0 text-dense">
                        <h3 class="font-semi">{title}</h3>
                        <p class="text-ink-2 [overflow-wrap:anywhere]">{text.collect_view()}</p>
                    </div>
                    <LinkButton href size=Size::Small class="mt-1"><span class="sr-only">{label}</span><span aria-hidden="true">{action}</span></LinkButton>
                </li>
            }
        });
        view! { <ul class="mt-2">{rows.collect_view()}</ul> }.into_any()
    };
    view! { <section aria-labelledby="attention"><h2 class="h-sect" id="attention">"Needs attention"</h2>{content}</section> }
        .into_any()
}

fn activity_list(events: Vec<Recorded>, now: Timestamp) -> AnyView {
    let items = events.into_iter().map(|event| {
        let (verb, what) = audit::in_general(&event);
        let Recorded { at, actor_name: actor, .. } = event;
        let actor = if actor.is_empty() { "Somebody".to_owned() } else { actor };
        view! {
            <li class="flex items-baseline gap-3 border-t border-line py-2 text-dense">
                <p class="min-w-0 flex-1 [overflow-wrap:anywhere]" dir="auto">
                    <b class="font-medium">{actor}</b>
                    " "
                    <span class="text-ink-2">{verb}</span>
                    " "
                    {what}
                </p>
                <Time at now wording=Wording::Relative class="cap flex-none"/>
            </li>
        }
    });
    view! {
        <section aria-labelledby="activity">
            <div class="flex items-baseline justify-between gap-3">
                <h2 class="h-sect" id="activity">"Recent activity"</h2>
                <a class="link text-dense" href="/settings/audit-log">"Audit log"</a>
            </div>
            <ol class="mt-2">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}
