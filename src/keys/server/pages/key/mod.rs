//! `/settings/api-keys/{id}`: one key with its properties, usage, callers, history and actions. The dialogs for rotating and
//! revoking open above it and have their own addresses.

mod calls;
mod facts;
mod policy_note;
mod rotation;
mod rotation_share;
mod why;

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use calls::ChartView;
pub use facts::caller_texts;
use rotation_share::RotationShare;

use super::recent_use::RecentUse;
use super::{HOME, LazyView, RegisteredKeyNotice, badge_of, path_of};
use crate::accounts::server as accounts;
use crate::audit::{self, AuditFilter, Recorded, Target};
use crate::key_policy::KeyPolicy;
use crate::key_policy::server as key_policy;
use crate::keys::Status;
use crate::keys::server::{self as keys, Key};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, Permission, Timestamp};
use crate::ui::form::Form;
use crate::ui::islands::CopyButton;
use crate::ui::parts::{
    Button, Glyph, GlyphSize, Icon, KeyText, LinkButton, LivePart, LiveRegion, Look, Note, Symbol, Tone,
    grouped,
};
use crate::ui::shell::{Breadcrumb, Nav, Shell};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, ChartRange, Hour, KeyCaller};

pub const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<KeyId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let chart = ChartView::parse(&query.unwrap_or_default());
    let state = KeyPageState { chart, ..KeyPageState::default() };
    page(&app, &member, id, state, StatusCode::OK).await
}

/// The variable parts of the key's page.
#[derive(Default)]
pub struct KeyPageState {
    pub chart: ChartView,
    /// The box with a new secret.
    pub reveal: Option<LazyView>,
    pub dialog: Option<LazyView>,
}

/// The data that the page shows.
struct KeyDetails {
    key: Key,
    /// The topic on which the page waits for the first use of the key.
    first_call: Option<String>,
    creator: String,
    creating_key: Option<String>,
    hours: Vec<Hour>,
    /// The usage of the last day, if the chart shows another span.
    day: Vec<Hour>,
    callers: Vec<KeyCaller>,
    events: Option<Vec<Recorded>>,
    /// Says that the key was found in public.
    notice: Option<LazyView>,
    /// The topic of reports about the key.
    leaks: Option<String>,
    secrets: Vec<keys::SecretUse>,
    rotation: Option<RotationShare>,
    quota: Option<keys::QuotaState>,
    policy: Option<KeyPolicy>,
    may_manage: bool,
    may_grant: bool,
    may_enable: bool,
    may_rotate: bool,
}

async fn load(
    app: &App,
    member: &Member,
    id: KeyId,
    range: ChartRange,
    is_revealed: bool,
) -> Result<KeyDetails, Error> {
    let key = keys::find(app, member, id).await?;
    let now = app.clock.now();
    // The box with a new secret waits for the first call itself.
    let waits = !is_revealed && key.status(now).is_active() && key.last_used_at.is_none();
    let first_call = waits.then(|| app.live.expect(keys::first_call(&key.org, key.secret)));
    let hours = usage::hours_of(app, id, range.from(now)).await?;
    let day = if range == ChartRange::Day {
        hours.clone()
    } else {
        usage::hours_of(app, id, ChartRange::Day.from(now)).await?
    };
    let callers = usage::callers_of(app, id, now.minus(A_DAY * 30)).await?;
    let events = if member.may(Permission::ReadAudit) {
        let of_it = AuditFilter { targets: vec![Target::Id(id.to_string())], ..AuditFilter::default() };
        Some(audit::list(app.db.pool(), member.org.org, &of_it, 20).await?)
    } else {
        None
    };
    let notice = app.slice::<RegisteredKeyNotice>().0.of_key(app, member, &key).await?;
    let is_alive = !is_revealed && key.revoked_at.is_none() && notice.is_none();
    let leaks = is_alive.then(|| app.live.expect(keys::leak_topic(key.org, key.id)));
    let names = accounts::names(app, std::slice::from_ref(&key.created_by)).await?;
    let creating_keys = keys::creating_keys(app, std::slice::from_ref(&key)).await?;
    let policy = key_policy::of_org(app.db.pool(), key.org).await?;
    let secrets = keys::secrets(app, &key).await?;
    let rules = policy.as_ref().map(|policy| policy.rules.clone()).unwrap_or_default();
    Ok(KeyDetails {
        creator: names.get(&key.created_by).cloned().unwrap_or_else(|| "somebody who is gone".to_owned()),
        creating_key: key
            .created_by_key
            .as_ref()
            .and_then(|creating_key| creating_keys.get(creating_key).cloned()),
        rotation: RotationShare::load(app, &key, &secrets).await?,
        secrets,
        quota: keys::quota_state(app, &key).await?,
        may_manage: keys::may_manage(member, &key),
        may_grant: keys::may_manage(member, &key) && member.org.role >= key.role,
        may_enable: keys::may_enable(member, &key, &rules),
        may_rotate: keys::may_rotate(member, &key, &rules),
        policy,
        key,
        first_call,
        hours,
        day,
        callers,
        events,
        notice,
        leaks,
    })
}

pub async fn page(
    app: &App,
    member: &Member,
    id: KeyId,
    state: KeyPageState,
    status: StatusCode,
) -> Result<Response, Error> {
    let KeyPageState { mut chart, reveal, dialog } = state;
    let retention = app.config.keys.usage_retention;
    chart.range = chart.range.stored(retention);
    let details = load(app, member, id, chart.range, reveal.is_some()).await?;
    let now = app.clock.now();
    let chrome = chrome(app, member, Some(Nav::Keys), &path_of(id));
    let message = member.visitor.message.clone();
    let title = details.key.name.clone();
    // A page that answers a form has another address than the key.
    let is_opened = reveal.is_none() && dialog.is_none() && status == StatusCode::OK;
    let changes =
        if is_opened { app.live.expect(usage::changes_topic(member.org.org)) } else { String::new() };
    let response = page_for(app, member, &title).status(status).render(move || {
        let toast = message.map(toast);
        let here = details.key.name.clone();
        let dialog = dialog.map(|draw| draw());
        let body = body(details, chart, retention, reveal.map(|draw| draw()), changes, now);
        view! {
            <Shell chrome dialog toast>
                <Breadcrumb up=vec![(HOME.to_owned(), "API keys".to_owned())] here/>
                {body}
            </Shell>
        }
    });
    Ok(response.await)
}

/// `changes` is the topic of live updates, or empty.
fn body(
    details: KeyDetails,
    chart: ChartView,
    retention: Duration,
    box_: Option<AnyView>,
    changes: String,
    now: Timestamp,
) -> AnyView {
    let KeyDetails {
        key,
        first_call,
        creator,
        creating_key,
        hours,
        day,
        callers,
        events,
        notice,
        leaks,
        secrets,
        rotation,
        quota,
        policy,
        may_manage,
        may_grant,
        may_enable,
        may_rotate,
    } = details;
    let status = key.status(now);
    let refused_since: i64 =
        day.iter().filter(|hour| hour.outcome == Outcome::Revoked).map(|hour| hour.requests).sum();
    let tried = (refused_since > 0).then(|| tried(refused_since, &callers, now));
    let policy = policy.and_then(|policy| policy_note::policy_note(&policy, &key, &day, now));
    let waits = first_call.map(|topic| {
        view! { <div class="mt-4 text-dense text-ink-2"><LivePart
            topic waiting="Nobody has used this key yet. Waiting for the first call…"
            done="First call received."
        /></div> }
    });
    let notice = notice.map(|draw| draw());
    let leaks = leaks.map(|topic| {
        view! { <div class="text-dense text-ink-2"><LivePart
            topic quiet=true waiting="Watching for reports of a leak."
            done="This key was found in public. Load the page again to see what was done."
        /></div> }
    });
    let rotation = rotation::panel(&key, &day, rotation, &secrets, &callers, (may_manage, may_grant), now);
    let danger = (may_manage && status != Status::Revoked).then(|| danger(&key, &day, &callers, now));
    let head = head(&key, status, &changes, may_manage, may_grant, (may_enable, may_rotate), now);
    let chart = calls::calls(&key, chart, &hours, &callers, retention, now);
    let facts = facts::facts(&key, &creator, creating_key, quota, now);
    let callers = facts::callers(callers, &key, may_grant, now);
    // Only for people who may read the audit log.
    let log = format!("/settings/audit-log?target={}", key.id);
    let events = events.map(|events| facts::events(events, log, now));
    view! {
        {head}
        {notice}
        {box_}
        <LiveRegion topic=changes.clone() id="key-notes">{tried}{policy}</LiveRegion>
        {waits}
        {leaks}
        <LiveRegion topic=changes.clone() id="key-rotation">{rotation}</LiveRegion>
        <LiveRegion topic=changes.clone() id="key-usage">
            <div class="mt-10 grid gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_18.5rem]">{chart}{facts}</div>
            {callers}
            {events}
        </LiveRegion>
        <LiveRegion topic=changes id="key-danger">{danger}</LiveRegion>
    }
    .into_any()
}

fn head(
    key: &Key,
    status: Status,
    changes: &str,
    may_manage: bool,
    may_grant: bool,
    (may_enable, may_rotate): (bool, bool),
    now: Timestamp,
) -> AnyView {
    let path = path_of(key.id);
    let (kind, start) = (key.kind, key.secret.to_string());
    let is_unrevoked = status != Status::Revoked;
    let rotates = may_rotate && !matches!(status, Status::Revoked | Status::Expired);
    let switch = if key.disabled_at.is_some() {
        may_enable.then(|| {
            view! { <Form action=format!("{path}/enable")><Button icon=Symbol::Check>"Enable"</Button></Form> }.into_any()
        })
    } else {
        may_manage.then(|| {
            view! { <Form action=format!("{path}/disable")><Button icon=Symbol::Pause>"Disable"</Button></Form> }.into_any()
        })
    };
    let actions = (is_unrevoked && may_manage).then(|| {
        view! {
            <div class="flex flex-wrap gap-2">
                {rotates.then(|| view! { <LinkButton href=format!("{path}/rotate") icon=Symbol::Rotate>"Rotate…"</LinkButton> })}
                {may_grant.then(|| view! { <LinkButton href=format!("{path}/edit") icon=Symbol::Edit>"Edit"</LinkButton> })}
                {switch}
            </div>
        }
    });
    let hint = (is_unrevoked && may_grant && !may_rotate).then(|| {
        let what = if may_enable { "rotate" } else { "rotate, enable or extend" };
        let text = format!("Only the creator of this key can {what} it.");
        view! { <p class="cap basis-full">{text}</p> }
    });
    let badge = badge_of(key, now, false, false);
    let connect = (kind == Kind::Mcp && status.is_active())
        .then(|| view! { <a class="link" href="/settings/agents/connect?way=key">"Connect an agent"</a> });
    let name = key.name.clone();
    let seed = start.clone();
    view! {
        <div class="mt-3 flex flex-wrap items-center gap-x-5 gap-y-4">
            <LiveRegion topic=changes id="key-glyph" class="flex-none">
                <Glyph seed kind off=!status.is_active() size=GlyphSize::Huge/>
            </LiveRegion>
            <div class="mr-auto min-w-0">
                <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <h1 class="h-page [overflow-wrap:anywhere]" dir="auto">{name}</h1>
                    <LiveRegion topic=changes id="key-badge">{badge}</LiveRegion>
                </div>
                <div class="mt-0.5 flex flex-wrap items-center gap-x-2 text-dense">
                    <span id="key-start"><KeyText kind start/></span>
                    <CopyButton
                        target="key-start".to_owned() class="btn-icon size-6".to_owned()
                        name="Copy the visible start of the key".to_owned()
                    >
                        <Icon symbol=Symbol::Copy class="size-3.5"/>
                    </CopyButton>
                    <span class="text-ink-3">{format!("{} key", kind.label())}</span>
                    {connect}
                </div>
                <div class="flex flex-wrap items-center gap-x-2 text-cap text-ink-3">
                    "Key id"
                    <span class="mono select-all [overflow-wrap:anywhere]" id="key-id">{key.id.to_string()}</span>
                    <CopyButton
                        target="key-id".to_owned() class="btn-icon size-6".to_owned() name="Copy the key id".to_owned()
                    >
                        <Icon symbol=Symbol::Copy class="size-3.5"/>
                    </CopyButton>
                </div>
            </div>
            <LiveRegion topic=changes id="key-actions" class="contents">{actions}{hint}</LiveRegion>
        </div>
    }
    .into_any()
}

/// Warns about an ended secret that is still used. Its sender is not verified.
fn tried(count: i64, callers: &[KeyCaller], now: Timestamp) -> AnyView {
    let count = grouped(u64::try_from(count).unwrap_or(0));
    let from = callers.iter().find(|caller| !caller.address.is_empty() && caller.last_at >= now.minus(A_DAY));
    let from = from.map(|caller| format!(", last from {}", caller.address)).unwrap_or_default();
    view! {
        <Note tone=Tone::Warn class="mt-6">
            <p><b>"Someone still calls with a revoked secret:"</b>
            {format!(" {count} refused in 24 h{from}. Update that program.")}</p>
        </Note>
    }
    .into_any()
}

fn danger(key: &Key, day: &[Hour], callers: &[KeyCaller], now: Timestamp) -> AnyView {
    let text = match RecentUse::count(day, callers, now).words() {
        None => "Nobody has used it in the last 24 h. This cannot be undone.".to_owned(),
        Some(calls) => format!("{calls} would start failing at once. This cannot be undone."),
    };
    let href = format!("{}/revoke", path_of(key.id));
    view! {
        <section
            class="mt-10 flex flex-wrap items-center justify-between gap-x-8 gap-y-3 rounded-panel border border-danger-line px-4 py-4 sm:px-5"
            aria-labelledby="danger"
        >
            <div>
                <h2 class="h-sect" id="danger">"Revoke this key"</h2>
                <p class="mt-0.5 text-dense text-ink-2">{text}</p>
            </div>
            <LinkButton href look=Look::DangerQuiet icon=Symbol::Ban>"Revoke key…"</LinkButton>
        </section>
    }
    .into_any()
}
