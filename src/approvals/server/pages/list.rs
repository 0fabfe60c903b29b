//! `/approvals`: what waits, one's own requests, and what was decided.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::card::{CardActions, card, state_badge};
use super::one::actions_for;
use crate::approvals::server::service::{self, ApprovalList};
use crate::approvals::{ApprovalRequest, approval_path};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, Timestamp};
use crate::ui::parts::{
    Cell, Column, EmptyState, LinkButton, LinkOption, LinkSegment, Pagination, Panel, Row, RowLink, Table,
    Time, counted,
};
use crate::ui::shell::{Nav, PageHead, Shell};

const HOME: &str = "/approvals";
const ABOUT: &str = "Requests that need a second person. Nobody can decide their own.";
/// Requests of a page.
const PAGE: usize = 20;
/// Decided requests below those that wait.
const RECENT: usize = 5;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ApprovalListQuery {
    state: String,
    before: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    Query(query): Query<ApprovalListQuery>,
) -> Result<Response, Error> {
    let which = match query.state.as_str() {
        "mine" => ApprovalList::Own,
        "done" => ApprovalList::Decided,
        _ => ApprovalList::Waiting,
    };
    let before = ApprovalId::parse(&query.before);
    let page = service::list(&app, &member, which, before, PAGE).await?;
    let recent = match which {
        ApprovalList::Waiting => {
            service::list(&app, &member, ApprovalList::Decided, None, RECENT).await?.requests
        }
        _ => Vec::new(),
    };
    let now = app.clock.now();
    let mut waiting = Vec::new();
    if which == ApprovalList::Waiting {
        for request in &page.requests {
            waiting.push(actions_for(&app, &member, request));
        }
    }
    let next = page.next.map(|id| format!("{HOME}?state={}&before={id}", query.state)).unwrap_or_default();
    let chrome = chrome(&app, &member, Some(Nav::Approvals), HOME);
    let message = member.visitor.message.clone();
    let response = page_for(&app, &member, "Approvals").render(move || {
        let toast = message.map(toast);
        let content = match which {
            ApprovalList::Waiting => waiting_list(page.requests, waiting, next, recent, now),
            _ => decided(page.requests, next, "No requests yet", now),
        };
        view! {
            <Shell chrome toast>
                <PageHead title="Approvals" text=ABOUT/>
                <div class="mt-6">{tabs(which)}</div>
                {content}
            </Shell>
        }
    });
    Ok(response.await)
}

fn tabs(which: ApprovalList) -> AnyView {
    let option = |state: &str, label: &'static str, of: ApprovalList| {
        LinkOption::new(format!("{HOME}?state={state}"), label, which == of)
    };
    let options = vec![
        option("waiting", "Waiting", ApprovalList::Waiting),
        option("mine", "Yours", ApprovalList::Own),
        option("done", "Decided", ApprovalList::Decided),
    ];
    view! { <LinkSegment label="State" options/> }.into_any()
}

fn waiting_list(
    requests: Vec<ApprovalRequest>,
    actions: Vec<CardActions>,
    next: String,
    recent: Vec<ApprovalRequest>,
    now: Timestamp,
) -> AnyView {
    let recent = (!recent.is_empty()).then(|| {
        view! {
            <section class="mt-10" aria-labelledby="done">
                <div class="flex items-baseline justify-between">
                    <h2 class="h-sect" id="done">"Decided"</h2>
                    <a class="link text-dense" href=format!("{HOME}?state=done")>"All decided requests"</a>
                </div>
                {table(recent, String::new(), now)}
            </section>
        }
    });
    if requests.is_empty() {
        return view! {
            <EmptyState
                class="mt-4" title="Nothing waits"
                text="New keys with a strong role, and changes that weaken the key policy, appear here. You get an email too."
            >
                <LinkButton href="/settings/key-policy">"What needs approval"</LinkButton>
            </EmptyState>
            {recent}
        }
        .into_any();
    }
    let heading = format!("{} waiting", counted(requests.len() as u64, "request", "requests"));
    let cards: Vec<AnyView> =
        requests.iter().zip(actions).map(|(request, actions)| card(request, actions, true, now)).collect();
    let more = (!next.is_empty()).then(|| view! { <LinkButton href=next>"Older requests"</LinkButton> });
    view! {
        <section class="mt-4 grid gap-4" aria-labelledby="wait">
            <h2 class="sr-only" id="wait">{heading}</h2>
            {cards}
            {more}
        </section>
        {recent}
    }
    .into_any()
}

fn decided(requests: Vec<ApprovalRequest>, next: String, nothing: &'static str, now: Timestamp) -> AnyView {
    if requests.is_empty() {
        return view! {
            <EmptyState class="mt-4" title=nothing text="Requests stay listed here after they are decided."/>
        }
        .into_any();
    }
    table(requests, next, now)
}

fn table(requests: Vec<ApprovalRequest>, next: String, now: Timestamp) -> AnyView {
    let columns = ["Request", "Asked by", "State", "Decided by", "When"]
        .into_iter()
        .map(Column::new)
        .collect::<Vec<_>>();
    let summary = counted(requests.len() as u64, "request", "requests");
    let rows = requests.into_iter().map(|request| row(&request, now)).collect_view();
    view! {
        <Panel class="mt-3">
            <Table caption="Requests" columns>{rows}</Table>
            <Pagination summary next next_label="Older"/>
        </Panel>
    }
    .into_any()
}

fn row(request: &ApprovalRequest, now: Timestamp) -> AnyView {
    let (href, title) = (approval_path(request.id), request.title.clone());
    let (asked, reason) = (request.requester_name.clone(), request.reason.clone());
    let by = match request.decided_by_name.clone() {
        name if name.is_empty() => view! { <span class="text-ink-3">"Nobody"</span> }.into_any(),
        name => view! { <span dir="auto">{name}</span> }.into_any(),
    };
    let state = state_badge(request.state(now));
    let at = request.decided_at.or(request.ended_at).unwrap_or(request.created_at);
    view! {
        <Row>
            <Cell class="full max-sm:mb-1">
                <RowLink href text=title/>
                {(!reason.is_empty()).then(|| view! { <div class="cap [overflow-wrap:anywhere]" dir="auto">{reason}</div> })}
            </Cell>
            <Cell class="align-middle text-ink-2" label="Asked by"><span dir="auto">{asked}</span></Cell>
            <Cell class="align-middle" label="State">{state}</Cell>
            <Cell class="align-middle" label="Decided by">{by}</Cell>
            <Cell class="align-middle text-ink-2 sm:whitespace-nowrap" label="When"><Time at now/></Cell>
        </Row>
    }
    .into_any()
}
