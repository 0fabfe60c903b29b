//! `/settings/webhooks/{id}`: one endpoint, its deliveries and what can be done with it.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::deliveries::{self, DeliveryTable, DeliveryTableFilter};
use super::list::{failing_note, state};
use super::{HOME, path_of};
use crate::accounts::server::names;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, Timestamp, WebhookId};
use crate::ui::form::Form as PageForm;
use crate::ui::parts::{Button, ExactTime, LinkButton, Look, Note, Symbol, Time, Tone, Wording, capped};
use crate::ui::shell::{Breadcrumb, Nav, Shell};
use crate::webhooks::server::service::{self, EndpointCounts, MAX_COUNTED, PAGE};
use crate::webhooks::server::{DeliveryFilter, Endpoint, EndpointState};

#[derive(Default, Deserialize)]
pub struct DeliveriesQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<WebhookId>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Response, Error> {
    let endpoint = service::find(&app, &member, id).await?;
    let table_filter = DeliveryTableFilter::parse(&query.state);
    let filter = DeliveryFilter {
        state: table_filter.state(),
        is_retried: table_filter == DeliveryTableFilter::Retried,
        before: DeliveryId::parse(&query.before),
        limit: PAGE,
    };
    let (found, has_more) = service::deliveries(&app, &endpoint, &filter).await?;
    let table = DeliveryTable {
        endpoint: id,
        target: endpoint.name().trim_start_matches(endpoint.host()).to_owned(),
        filter: table_filter,
        is_later_page: filter.before.is_some(),
        attempts: service::attempts_of(&app, &found).await?,
        deliveries: found,
        has_more,
        can_resend: endpoint.disabled_at.is_none(),
    };
    let counts = service::count(&app, &endpoint).await?;
    let creator = names(&app, &[endpoint.created_by]).await?.remove(&endpoint.created_by);
    let now = app.clock.now();
    let chrome = chrome(&app, &member, Some(Nav::Webhooks), &path_of(id));
    let message = member.visitor.message.clone();
    let title = endpoint.host().to_owned();
    let page = page_for(&app, &member, &title).render(move || {
        let toast = message.map(toast);
        view! {
            <Shell chrome toast>
                <Breadcrumb up=vec![(HOME.to_owned(), "Webhooks".to_owned())] here=title/>
                {head(&endpoint)}
                {note(&endpoint, &counts, now)}
                <div class="mt-8 grid grid-cols-[minmax(0,1fr)] gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_18.5rem]">
                    {deliveries::view(table, now)}
                    {facts(&endpoint, &counts, creator, now)}
                </div>
                {danger(&endpoint)}
            </Shell>
        }
    });
    Ok(page.await)
}

fn head(endpoint: &Endpoint) -> AnyView {
    let path = path_of(endpoint.id);
    let is_on = endpoint.disabled_at.is_none();
    let state = match endpoint.state() {
        EndpointState::Delivering => None,
        _ => Some(state(endpoint)),
    };
    let (test, toggle) =
        (format!("{path}/test"), format!("{path}/turn-{}", if is_on { "off" } else { "on" }));
    let toggle_look = if is_on { Look::Secondary } else { Look::Primary };
    let toggle_symbol = if is_on { Symbol::Pause } else { Symbol::Check };
    let toggle_text = if is_on { "Turn off" } else { "Turn on" };
    view! {
        <div class="flex flex-wrap items-start gap-x-5 gap-y-3">
            <div class="mr-auto min-w-0">
                <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <h1 class="h-page [overflow-wrap:anywhere]">{endpoint.host().to_owned()}</h1>
                    {state}
                </div>
                <p class="mono mt-0.5 text-cap leading-5 text-ink-3 [overflow-wrap:anywhere]">{endpoint.url.clone()}</p>
            </div>
            <div class="flex flex-wrap gap-2">
                {is_on.then(|| view! {
                    <PageForm action=test><Button icon=Symbol::Webhook>"Send a test event"</Button></PageForm>
                })}
                <LinkButton href=format!("{path}/edit") icon=Symbol::Edit>"Edit"</LinkButton>
                <PageForm action=toggle><Button look=toggle_look icon=toggle_symbol>{toggle_text}</Button></PageForm>
            </div>
        </div>
    }
    .into_any()
}

fn note(endpoint: &Endpoint, counts: &EndpointCounts, now: Timestamp) -> Option<AnyView> {
    if endpoint.state() == EndpointState::Failing {
        return Some(failing_note(endpoint, counts, now, "mt-6"));
    }
    let at = endpoint.disabled_at?;
    let (text, rest) = match endpoint.disabled_because.as_str() {
        "gone" => ("It responded with 410 Gone on ", ", which asks for no further events."),
        "failing" => ("Every delivery had failed for five days, so Latchkey turned it off on ", "."),
        _ => ("It was turned off on ", "."),
    };
    Some(
        view! {
            <Note tone=Tone::Warn class="mt-6">
                <p>{text}<ExactTime at/>{rest}" Events since then are not stored for it."</p>
            </Note>
        }
        .into_any(),
    )
}

fn facts(endpoint: &Endpoint, counts: &EndpointCounts, creator: Option<String>, now: Timestamp) -> AnyView {
    let creator = format!("by {}", creator.as_deref().unwrap_or("somebody whose account was deleted"));
    let rotation = endpoint.previous_until.filter(|until| *until > now).map(|until| {
        view! { <span class="cap block">"The old secret stays valid until "<ExactTime at=until/></span> }
    });
    let description = endpoint.description.clone();
    let description = (!description.is_empty()).then(|| {
        view! { <div><dt>"Description"</dt><dd dir="auto">{description}</dd></div> }
    });
    let success = endpoint.last_success_at.map(|at| {
        view! { <div><dt>"Last success"</dt><dd><Time at now/></dd></div> }
    });
    let rotate = format!("{}/rotate-secret", path_of(endpoint.id));
    let created_at = endpoint.created_at;
    view! {
        <section aria-labelledby="facts">
            <h2 class="h-sect flex min-h-8 items-center" id="facts">"Facts"</h2>
            <dl class="facts mt-2">
                {description}
                <div><dt>"Events"</dt><dd>{endpoint.events.words()}</dd></div>
                <div><dt>"In 24 hours"</dt><dd class="num">{capped(counts.recent, MAX_COUNTED)}</dd></div>
                <div><dt>"Waiting"</dt><dd class="num">{capped(counts.waiting, MAX_COUNTED)}</dd></div>
                {success}
                <div>
                    <dt>"Signing secret"</dt>
                    <dd>
                        <span class="mono text-cap">"whsec_••••••••"</span>
                        <span class="cap block"><a class="link" href=rotate>"Rotate…"</a>" keeps the old one for 24 h"</span>
                        {rotation}
                    </dd>
                </div>
                <div><dt>"Order"</dt><dd>"Kept for each key"</dd></div>
                <div>
                    <dt>"Added"</dt>
                    <dd><Time at=created_at now wording=Wording::Day/><span class="cap block" dir="auto">{creator}</span></dd>
                </div>
            </dl>
        </section>
    }
    .into_any()
}

fn danger(endpoint: &Endpoint) -> AnyView {
    let href = format!("{}/remove", path_of(endpoint.id));
    view! {
        <section
            class="mt-10 flex flex-wrap items-center justify-between gap-x-8 gap-y-3 rounded-panel border border-danger-line px-4 py-4 sm:px-5"
            aria-labelledby="danger"
        >
            <div>
                <h2 class="h-sect" id="danger">"Remove this webhook"</h2>
                <p class="mt-0.5 text-dense text-ink-2">"It no longer receives events, and its deliveries are deleted."</p>
            </div>
            <LinkButton href look=Look::DangerQuiet icon=Symbol::Ban>"Remove…"</LinkButton>
        </section>
    }
    .into_any()
}
