//! The page of the audit log: filters, and events by day, each with its details behind a disclosure.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use tower_sessions::Session;

use super::export::value;
use super::filter::{FilterQuery, MAX_MATCHES, SPANS};
use super::{HOME, redirect_without_token};
use crate::audit::{self, Recorded};
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::orgs::server::{Member, search_members};
use crate::platform::config::AccountSettings;
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::live_filter::LiveFilter;
use crate::ui::parts::{
    Button, EmptyState, ExactTime, Icon, LinkButton, LiveRegion, Pagination, SearchField, Select,
    SelectOption, Symbol, Time, Wording, counted, on_page, words,
};
use crate::ui::shell::{Nav, PageHead, Shell};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, RefusalReason};

const PAGE: usize = 50;

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(query): Query<FilterQuery>,
) -> Result<Response, Error> {
    member.require(Permission::ReadAudit)?;
    if let Some(redirect) = redirect_without_token(&session, &query).await? {
        return Ok(redirect);
    }
    let org = member.org.org;
    let filter = query.filter(&app, &member).await?;
    let is_cut = filter.actors.len().max(filter.targets.len()) > MAX_MATCHES;
    let mut rows = audit::list(app.db.pool(), org, &filter, PAGE + 1).await?;
    let next = rows.get(PAGE - 1).filter(|_| rows.len() > PAGE).map(|last| last.id.to_string());
    rows.truncate(PAGE);
    let suggestions = Suggestions::load(&app, &member).await?;
    let refused = match query.request.trim() {
        "" => None,
        request => usage::refusal(&app, org, request).await?,
    };
    let now = app.clock.now();
    let text = about(&app.config.accounts);
    let chrome = chrome(&app, &member, Some(Nav::Audit), HOME);
    let word = member.visitor.message.clone();
    let is_newest = query.before.is_empty();
    let changes = if is_newest { app.live.expect(usage::changes_topic(org)) } else { String::new() };
    let page = page_for(&app, &member, "Audit log").render(move || {
        let (jsonl, csv) = match query.query_string("") {
            query if query.is_empty() => (format!("{HOME}/export"), format!("{HOME}/export?format=csv")),
            query => (format!("{HOME}/export?{query}"), format!("{HOME}/export?{query}&format=csv")),
        };
        let list = match rows.is_empty() {
            true if refused.is_some() => ().into_any(),
            true => nothing(&query),
            false => events(rows, now, &query, next, changes),
        };
        let refused = refused.map(refusal);
        let toast = word.map(toast);
        view! {
            <Shell chrome toast>
                <PageHead title="Audit log" text>
                    <span id=EXPORT class="flex gap-2 max-sm:flex-col">
                        <LinkButton href=csv icon=Symbol::Download>"Export CSV"</LinkButton>
                        <LinkButton href=jsonl icon=Symbol::Download>"Export JSONL"</LinkButton>
                    </span>
                </PageHead>
                {filters(&query, suggestions)}
                <div id=RESULTS>
                    {is_cut.then(|| view! { <p class="cap mt-3">{CUT}</p> })}
                    {refused}
                    {list}
                </div>
            </Shell>
        }
    });
    Ok(page.await)
}

/// The parts of the page that follow the filter.
const RESULTS: &str = "events";
const EXPORT: &str = "export";
const CUT: &str =
    "More than 50 people or keys match. These are the events of 50 of them; type more of the name.";

/// What the fields of the filter offer, at most `MAX_MATCHES` of each.
struct Suggestions {
    people: Vec<String>,
    actions: Vec<String>,
    targets: Vec<String>,
}

impl Suggestions {
    async fn load(app: &App, member: &Member) -> Result<Self, Error> {
        let (pool, org) = (app.db.pool(), member.org.org);
        let people = search_members(app, member, "", MAX_MATCHES).await?;
        let mut actions = audit::actions(pool, org).await?;
        actions.truncate(MAX_MATCHES);
        Ok(Self {
            people: people.into_iter().map(|person| person.email).collect(),
            actions,
            targets: audit::latest_targets(pool, org, MAX_MATCHES as i64).await?,
        })
    }
}

fn filters(query: &FilterQuery, suggestions: Suggestions) -> AnyView {
    let FilterQuery { actor, action, target, time, request, .. } = query.clone();
    let Suggestions { people, actions, targets } = suggestions;
    let spans =
        SPANS.iter().map(|(value, _, words)| SelectOption::new(*value, *words, *value == time)).collect();
    view! {
        <form method="get" action=HOME role="search" class="audit-filters mt-6">
            <LiveFilter results=format!("{RESULTS} {EXPORT}")>
                <SearchField
                    name="actor" label="Actor" value=actor placeholder="Actor"
                    class="max-lg:col-span-2" suggestions=people
                />
                <SearchField
                    name="action" label="Action" value=action placeholder="Action"
                    suggestions=actions
                />
                <Select name="time" label="Time" options=spans quiet=true/>
                <SearchField
                    name="target" label="Target" value=target placeholder="Target"
                    class="max-lg:col-span-2" suggestions=targets
                />
                <SearchField
                    name="request" label="Request" value=request placeholder="Request id"
                    class="max-lg:col-span-2"
                />
                <Button class="max-lg:col-span-2">"Apply"</Button>
            </LiveFilter>
        </form>
    }
    .into_any()
}

/// Why a check of a key was refused. The refused caller received only the request id. Also for a logged accepted call.
fn refusal(reason: RefusalReason) -> AnyView {
    let is_refused = reason.outcome != Outcome::Valid;
    let title = if is_refused { "This request was refused" } else { "This request was accepted" };
    let key = format!("/settings/api-keys/{}", reason.key);
    let facts = [
        ("Secret", reason.secret.to_string()),
        ("Address", reason.address),
        ("Code", reason.outcome.as_str().to_owned()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(
        |(name, value)| view! { <div><dt>{name}</dt><dd class="mono text-cap leading-5">{value}</dd></div> },
    );
    view! {
        <section class="panel mt-3 px-4 py-4" aria-labelledby="refused">
            <div class="flex flex-wrap items-baseline justify-between gap-3">
                <h2 class="h-sect" id="refused">{title}</h2>
                <LinkButton href=key>"See the key"</LinkButton>
            </div>
            <p class="mt-1 text-dense">{usage::outcome_reason(reason.outcome)}</p>
            {is_refused.then(|| view! { <p class="mt-1 text-ink-2">{reason.outcome.reason()}</p> })}
            <dl class="facts mt-3">
                <div><dt>"Time"</dt><dd class="mono text-cap leading-5"><ExactTime at=reason.at/></dd></div>
                {facts.collect_view()}
            </dl>
        </section>
    }
    .into_any()
}

/// The sentence that says what the log contains and how long rows are stored.
fn about(settings: &AccountSettings) -> String {
    let days = |keep: Duration| counted(keep.as_secs().div_ceil(24 * 60 * 60), "day", "days");
    let refusals = settings
        .audit_retention
        .map_or(settings.refusal_retention, |all| all.min(settings.refusal_retention));
    let changes = match settings.audit_retention {
        Some(keep) => format!("Every change of the last {}", days(keep)),
        None => "Every change".to_owned(),
    };
    format!(
        "{changes}, and what was refused in the last {}; refusals that repeat share a row. Nobody can edit it.",
        days(refusals)
    )
}

fn nothing(query: &FilterQuery) -> AnyView {
    if query.is_narrowed() || !query.before.is_empty() {
        return view! {
            <EmptyState
                class="mt-3" title="No such events"
                text="Nothing matches all of the filters. Search people by any part of their name or email, keys by any part of their name, and other targets by their whole name."
            >
                <LinkButton href=HOME>"Show all events"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    view! { <EmptyState class="mt-3" title="No events yet" text="Nothing was changed and nothing was refused."/> }
        .into_any()
}

/// `changes` is the topic of live updates, or empty.
fn events(
    rows: Vec<Recorded>,
    now: Timestamp,
    query: &FilterQuery,
    next: Option<String>,
    changes: String,
) -> AnyView {
    let count = rows.len() as u64;
    let older = next.map(|before| format!("{HOME}?{}", query.query_string(&before))).unwrap_or_default();
    let newest =
        if query.before.is_empty() { String::new() } else { format!("{HOME}?{}", query.query_string("")) };
    let mut last = String::new();
    let rows = rows.into_iter().map(|row| {
        let day = words(row.at, now, Wording::Heading);
        let heading = (day != last).then(|| {
            view! { <h2 class="border-t border-line bg-sunken px-4 py-1.5 text-cap font-semi text-ink-2" data-day="">{day.clone()}</h2> }
        });
        last = day;
        view! { {heading}{event(row, now)} }
    });
    let rows = rows.collect_view();
    view! {
        <div class="panel mt-3 overflow-hidden">
            <div class="audit-head" aria-hidden="true">
                <span>"Time"<span class="scriptless">", UTC"</span></span><span>"Actor"</span><span>"Action"</span><span>"Target"</span>
                <span>"Address"</span><span></span>
            </div>
            <LiveRegion topic=changes id="events" rows=true>
            <div data-days="">{rows}</div>
            <Pagination
                summary=on_page(counted(count, "event", "events"), &newest, &older) previous=newest next=older previous_label="Newest"
                next_label="Older"
            />
            </LiveRegion>
        </div>
    }
    .into_any()
}

fn actor(row: &Recorded) -> String {
    match row.actor_kind.as_str() {
        "stranger" => "Not signed in".to_owned(),
        "system" => "Latchkey itself".to_owned(),
        "several" => "Several people or keys".to_owned(),
        _ => row.actor_name.clone(),
    }
}

fn tone(action: &str) -> &'static str {
    match action.rsplit('.').next() {
        Some("refused" | "slowed") => "tone-warn",
        Some("revoked" | "removed" | "deleted") => "tone-danger",
        _ => "",
    }
}

fn event(row: Recorded, now: Timestamp) -> AnyView {
    let text = serde_json::to_string_pretty(&value(&row)).unwrap_or_default();
    let at = row.at;
    let who = actor(&row);
    let is_person = !matches!(row.actor_kind.as_str(), "stranger" | "system" | "several");
    let often = audit::how_often(&row);
    let repeated = often.as_ref().map(|_| {
        view! { <span class="text-ink-3">{format!(" × {}", row.times)}</span> }
    });
    let actor_class = if is_person { "a-actor truncate font-medium" } else { "a-actor truncate text-ink-3" };
    let action_class =
        format!("a-action mono text-cap leading-5 {}", tone(&row.action)).trim_end().to_owned();
    let facts = [
        ("Repeated", often.unwrap_or_default(), ""),
        ("Actor", who.clone(), ""),
        (
            "Target",
            format!("{} {}", row.target_kind, row.target_id).trim().to_owned(),
            "mono text-cap leading-5",
        ),
        ("Address", row.address.clone(), "mono text-cap leading-5"),
        ("User agent", row.user_agent, ""),
        ("Request", row.request_id, "mono text-cap leading-5"),
    ];
    let facts = facts.into_iter().filter(|(_, value, _)| !value.is_empty()).map(|(name, value, class)| {
        view! { <div><dt>{name}</dt><dd class=(!class.is_empty()).then_some(class) dir="auto">{value}</dd></div> }
    });
    view! {
        <details class="audit-row" data-row=row.id.to_string()>
            <summary>
                <span class="a-time num text-ink-3"><Time at now wording=Wording::ClockSeconds/></span>
                <span class=actor_class dir="auto">{who}</span>
                <span class=action_class>{row.action}{repeated}</span>
                <span class="a-target truncate" dir="auto">{row.target_name}</span>
                <span class="a-ip mono truncate text-cap leading-5 text-ink-3">{row.address}</span>
                <span class="chev"><Icon symbol=Symbol::Right/></span>
            </summary>
            <div class="grid gap-x-10 gap-y-3 border-t border-line bg-sunken px-4 py-4 md:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]">
                <dl class="facts">
                    <div><dt>"Time"</dt><dd><ExactTime at/></dd></div>
                    {facts.collect_view()}
                </dl>
                <pre class="code !bg-surface" tabindex="0" aria-label="Event as JSON">{text}</pre>
            </div>
        </details>
    }
    .into_any()
}
