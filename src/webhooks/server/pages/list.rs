//! The list of endpoints, and how a receiver checks signatures.

use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::{HOME, path_of};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::Timestamp;
use crate::ui::parts::{
    Badge, Cell, Column, EmptyState, LinkButton, Look, Note, Pagination, Panel, Row, RowLink, Shape, Symbol,
    Table, Time, Tone, capped, counted, words,
};
use crate::ui::shell::{Nav, PageHead, Shell};
use crate::webhooks::server::service::{self, EndpointCounts, MAX_COUNTED};
use crate::webhooks::server::{Endpoint, EndpointState};

const ABOUT: &str =
    "Latchkey tells your systems when something happens to a key. Signatures follow Standard Webhooks.";

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let mut endpoints = Vec::new();
    for endpoint in service::list(&app, &member).await? {
        let counts = service::count(&app, &endpoint).await?;
        endpoints.push((endpoint, counts));
    }
    let now = app.clock.now();
    let chrome = chrome(&app, &member, Some(Nav::Webhooks), HOME);
    let message = member.visitor.message.clone();
    let page = page_for(&app, &member, "Webhooks").render(move || {
        let toast = message.map(toast);
        let is_empty = endpoints.is_empty();
        let content = if is_empty { nothing() } else { table(endpoints, now) };
        view! {
            <Shell chrome toast>
                <PageHead title="Webhooks" text=ABOUT>
                    {(!is_empty).then(|| view! {
                        <LinkButton href=format!("{HOME}/new") look=Look::Primary icon=Symbol::Plus>"Add webhook"</LinkButton>
                    })}
                </PageHead>
                {content}
                {checking()}
            </Shell>
        }
    });
    Ok(page.await)
}

fn nothing() -> AnyView {
    view! {
        <EmptyState
            class="mt-6" title="No webhooks yet"
            text="Add the address of a receiver to notify it when keys are created, rotated or revoked, or expire."
        >
            <LinkButton href=format!("{HOME}/new") look=Look::Primary icon=Symbol::Plus>"Add webhook"</LinkButton>
        </EmptyState>
    }
    .into_any()
}

fn table(endpoints: Vec<(Endpoint, EndpointCounts)>, now: Timestamp) -> AnyView {
    let count = endpoints.len() as u64;
    let failing = endpoints
        .iter()
        .filter(|(endpoint, _)| endpoint.state() == EndpointState::Failing)
        .map(|(endpoint, counts)| failing_note(endpoint, counts, now, "mt-4"));
    let failing = failing.collect_view();
    let mut columns: Vec<Column> =
        ["Address", "Events", "State", "Last delivery"].into_iter().map(Column::new).collect();
    columns.push(Column::right("Events, 24 h"));
    let rows = endpoints.into_iter().map(|(endpoint, counts)| row(&endpoint, counts, now)).collect_view();
    view! {
        {failing}
        <Panel class="mt-6">
            <Table caption="Webhooks" columns>{rows}</Table>
            <Pagination summary=counted(count, "webhook", "webhooks")/>
        </Panel>
    }
    .into_any()
}

fn row(endpoint: &Endpoint, counts: EndpointCounts, now: Timestamp) -> AnyView {
    let last = endpoint.last_attempt_at.map_or_else(
        || view! { <span class="text-ink-3">"Never"</span> }.into_any(),
        |at| view! { <Time at now/> }.into_any(),
    );
    let total = match counts.waiting {
        0 => view! { {capped(counts.recent, MAX_COUNTED)} }.into_any(),
        waiting => {
            let text = format!("{} waiting", capped(waiting, MAX_COUNTED));
            view! { <span class="tone-warn">{text}</span> }.into_any()
        }
    };
    let description = endpoint.description.clone();
    let (href, name) = (path_of(endpoint.id), endpoint.name().to_owned());
    let (events, state) = (endpoint.events.words(), state(endpoint));
    view! {
        <Row>
            <Cell class="full max-sm:mb-1">
                <RowLink href text=name/>
                {(!description.is_empty()).then(|| view! { <div class="cap [overflow-wrap:anywhere]" dir="auto">{description}</div> })}
            </Cell>
            <Cell class="full align-middle text-ink-2 [overflow-wrap:anywhere]" label="Events">{events}</Cell>
            <Cell class="align-middle" label="State">{state}</Cell>
            <Cell class="align-middle text-ink-2 sm:whitespace-nowrap" label="Last delivery">{last}</Cell>
            <Cell class="r num align-middle" label="Events, 24 h">{total}</Cell>
        </Row>
    }
    .into_any()
}

pub fn state(endpoint: &Endpoint) -> AnyView {
    match endpoint.state() {
        EndpointState::Delivering if endpoint.last_success_at.is_some() => {
            view! { <span class="text-ink-2">"Delivering"</span> }.into_any()
        }
        EndpointState::Delivering => {
            let text =
                if endpoint.last_attempt_at.is_some() { "Nothing delivered yet" } else { "Nothing sent yet" };
            view! { <span class="text-ink-3">{text}</span> }.into_any()
        }
        EndpointState::Failing => {
            view! { <Badge tone=Tone::Warn shape=Shape::Revoked text="Failing"/> }.into_any()
        }
        EndpointState::Off => view! { <Badge shape=Shape::Disabled text="Off"/> }.into_any(),
    }
}

/// Says since when an endpoint fails, what waits, and what happens next.
pub fn failing_note(
    endpoint: &Endpoint,
    counts: &EndpointCounts,
    now: Timestamp,
    class: &'static str,
) -> AnyView {
    let since = endpoint.failing_since.unwrap_or(now);
    let when = words(since, now, Default::default()).to_lowercase();
    let title = format!("{} began to fail {when}.", endpoint.host());
    let waiting = match counts.waiting {
        1 => "1 event waits".to_owned(),
        count => format!("{} events wait", capped(count, MAX_COUNTED)),
    };
    let given_up = match counts.given_up {
        0 => String::new(),
        1 => ", 1 of the last 24 h was given up".to_owned(),
        count => format!(", {} of the last 24 h were given up", capped(count, MAX_COUNTED)),
    };
    let text = format!(
        " {waiting}{given_up}. Latchkey retries each one for a day. After five days of failures Latchkey turns \
         the webhook off and emails the owners and admins."
    );
    view! { <Note tone=Tone::Warn class=class><p><b>{title}</b>{text}</p></Note> }.into_any()
}

fn checking() -> AnyView {
    const BEFORE: &str = "import { Webhook } from ";
    const AFTER: &str = ";\n\nconst webhook = new Webhook(process.env.LATCHKEY_WEBHOOK_SECRET);\n\
                         const event = webhook.verify(body, headers);\n";
    const RESULT: &str = "// { type: \"key.rotated\", timestamp: \"2026-11-20T14:31:48.000Z\", data: { id: \"…\", name: \"ci-deploy\" } }";
    view! {
        <section class="mt-10 grid gap-x-12 gap-y-3 lg:grid-cols-[18.5rem_minmax(0,1fr)]" aria-labelledby="check">
            <div>
                <h2 class="h-sect" id="check">"Check the signature"</h2>
                <p class="mt-1 text-dense text-ink-2">
                    "Any Standard Webhooks library does it. You need only the signing secret."
                </p>
            </div>
            <pre class="code" tabindex="0" role="group" aria-label="Node example" translate="no">
                {BEFORE}<span class="s">"\"standardwebhooks\""</span>{AFTER}<span class="c">{RESULT}</span>
            </pre>
        </section>
    }
    .into_any()
}
