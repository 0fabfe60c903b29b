//! The page `/overview`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use leptos::prelude::*;

use super::attention::{AttentionItem, TextPart, counts, ended_but_used, items, leaked};
use super::period::Period;
use super::refused::{refused_keys, refusing_plan};
use super::requests::{requests, top_keys};
use crate::audit::{self, AuditFilter, Recorded};
use crate::keys::server as keys;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::parts::{
    EmptyState, LinkButton, LinkSegment, LiveRegion, Look, Size, StatusShape, Symbol, Time, Wording,
};
use crate::ui::shell::{Nav, PageHead, Shell};
use crate::usage::server::{self as usage, ChartRange};

/// The keys with the most requests that the page names.
const TOP_KEYS: usize = 5;

pub async fn show(
    State(app): State<App>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let now = app.clock.now();
    let retention = app.config.keys.usage_retention;
    let range = range_of(&query.unwrap_or_default()).stored(retention);
    let first = Period::start(range, retention, now).min(ChartRange::Day.from(now));
    let (hours, top, activity, leaked, ended, refused, counts) = tokio::try_join!(
        usage::hours_of_org(&app, member.org.org, first),
        keys::top_keys(&app, &member, range, TOP_KEYS),
        recent(&app, &member),
        leaked(&app, &member),
        ended_but_used(&app, &member),
        refused_keys(&app, &member),
        counts(&app, &member),
    )?;
    let plan = refusing_plan(&app, &member, &hours).await?;
    let urgent = plan.into_iter().chain(leaked).chain(refused).chain(ended).collect();
    let items = items(&app, &member, urgent, &counts).await?;
    let chrome = chrome(&app, &member, Some(Nav::Overview), &address(range));
    let message = member.visitor.message.clone();
    let changes = app.live.expect(usage::changes_topic(member.org.org));
    let response = page_for(&app, &member, "Overview").render(move || {
        let toast = message.map(toast);
        let options = range.options(retention, address);
        let requests = requests(Period::of(range, retention, &hours, now), &counts, now);
        let attention = attention(items, counts.all == 0);
        let top = (counts.all > 0).then(|| top_keys(top, range, now));
        let activity = activity.map(|events| activity_list(events, now));
        let time = view! { <Time at=now now wording=Wording::Weekday/> }.into_any();
        view! {
            <Shell chrome toast>
                <div class="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
                    <PageHead title="Overview" time/>
                    <LinkSegment label="Time range" options/>
                </div>
                <LiveRegion topic=changes id="overview">
                    {requests}
                    <div class="mt-10 grid gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_21rem]">
                        <div class="min-w-0">{attention}{top}</div>
                        {activity}
                    </div>
                </LiveRegion>
            </Shell>
        }
    });
    Ok(response.await)
}

fn address(range: ChartRange) -> String {
    format!("/overview?range={}", range.as_str())
}

fn range_of(query: &str) -> ChartRange {
    let range = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "range");
    range.map(|(_, value)| ChartRange::parse(&value)).unwrap_or_default()
}

/// The latest audit events, for people who may read the audit log.
async fn recent(app: &App, member: &Member) -> Result<Option<Vec<Recorded>>, Error> {
    if !member.may(Permission::ReadAudit) {
        return Ok(None);
    }
    Ok(Some(audit::list(app.db.pool(), member.org.org, &AuditFilter::default(), 8).await?))
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
                TextPart::Clock(at) => view! { <Time at now=at wording=Wording::Clock/> }.into_any(),
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
                <p class="min-w-0 flex-1 [overflow-wrap:anywhere]">
                    <b class="font-medium" dir="auto">{actor}</b>
                    " "
                    <span class="text-ink-2">{verb}</span>
                    " "
                    <bdi>{what}</bdi>
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
