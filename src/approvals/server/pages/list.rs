//! `/approvals`: pending requests, the member's own requests, and decided requests.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::card::{CardActions, card, state_badge};
use super::one::actions_for;
use crate::approvals::server::service::{self, ApprovalListFilter};
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
const ABOUT: &str = "Requests that a second person must approve. You cannot decide your own.";
/// Requests per page.
const PAGE_SIZE: usize = 20;
/// How many decided requests are listed below the pending ones.
const RECENT_COUNT: usize = 5;

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
    let filter = match query.state.as_str() {
        "mine" => ApprovalListFilter::Own,
        "done" => ApprovalListFilter::Decided,
        _ => ApprovalListFilter::Waiting,
    };
    let before = ApprovalId::parse(&query.before);
    let page = service::list(&app, &member, filter, before, PAGE_SIZE).await?;
    let recent = match filter {
        ApprovalListFilter::Waiting => {
            service::list(&app, &member, ApprovalListFilter::Decided, None, RECENT_COUNT).await?.requests
        }
        _ => Vec::new(),
    };
    let now = app.clock.now();
    let mut waiting = Vec::new();
    if filter == ApprovalListFilter::Waiting {
        for request in &page.requests {
            waiting.push(actions_for(&app, &member, request));
        }
    }
    let next = page.next.map(|id| format!("{HOME}?state={}&before={id}", query.state)).unwrap_or_default();
    let chrome = chrome(&app, &member, Some(Nav::Approvals), HOME);
    let message = member.visitor.message.clone();
    let response = page_for(&app, &member, "Approvals").render(move || {
        let toast = message.map(toast);
        let content = match filter {
            ApprovalListFilter::Waiting => waiting_list(page.requests, waiting, next, recent, now),
            _ => decided(page.requests, next, "No requests yet", now),
        };
        view! {
            <Shell chrome toast>
                <PageHead title="Approvals" text=ABOUT/>
                <div class="mt-6">{tabs(filter)}</div>
                {content}
            </Shell>
        }
    });
    Ok(response.await)
}

fn tabs(filter: ApprovalListFilter) -> AnyView {
    let option = |state: &str, label: &'static str, of: ApprovalListFilter| {
        LinkOption::new(format!("{HOME}?state={state}"), label, filter == of)
    };
    let options = vec![
        option("waiting", "Waiting", ApprovalListFilter::Waiting),
        option("mine", "Yours", ApprovalListFilter::Own),
        option("done", "Decided", ApprovalListFilter::Decided),
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
                class="mt-4" title="No pending requests"
                text="New keys with a privileged role, and changes that weaken the key policy, appear here. If this server sends email, you also get one."
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
    let columns = ["Request", "Requested by", "State", "Decided by", "When"]
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
    let (requester, reason) = (request.requester_name.clone(), request.reason.clone());
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
            <Cell class="align-middle text-ink-2" label="Requested by"><span dir="auto">{requester}</span></Cell>
            <Cell class="align-middle" label="State">{state}</Cell>
            <Cell class="align-middle" label="Decided by">{by}</Cell>
            <Cell class="align-middle text-ink-2 sm:whitespace-nowrap" label="When"><Time at now/></Cell>
        </Row>
    }
    .into_any()
}
