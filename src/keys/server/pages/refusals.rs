//! `/settings/api-keys/{id}/refusals`: the last requests with a key that were refused. `/settings/api-keys/refusals`: those with any
//! key of the organization.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::{HOME, RefusalsAddress, path_of};
use crate::keys::server::{self as keys, Key, RefusalPage, RefusalSpan};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::parts::{
    Button, Cell, Column, EmptyState, HiddenFields, LinkButton, Note, Pagination, Panel, Row, Select,
    SelectOption, Table, Time, TimeSpan, Tone, Wording, counted,
};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};
use crate::usage::Outcome;
use crate::usage::server::{RefusalFilter, RefusalPosition, RefusalReason, outcome_reason};

const PAGE: usize = 50;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RefusalQuery {
    /// An outcome; all refusals if it is empty or none.
    reason: String,
    from: String,
    until: String,
    before: String,
}

/// The parts of the query that can be used.
struct RefusalRequest {
    address: RefusalsAddress,
    /// Why the times were not used.
    wrong_span: Option<String>,
    before: Option<RefusalPosition>,
}

impl RefusalRequest {
    fn read(key: Option<KeyId>, query: &RefusalQuery) -> Self {
        let outcome = Outcome::refusals().find(|outcome| outcome.as_str() == query.reason);
        let (span, wrong_span) = match RefusalSpan::parse(&query.from, &query.until) {
            Ok(span) => (span, None),
            Err((_, why)) => (RefusalSpan::default(), Some(why)),
        };
        let address = RefusalsAddress { key, outcome, span };
        Self { address, wrong_span, before: RefusalPosition::parse(&query.before) }
    }

    fn filter(&self) -> RefusalFilter {
        let RefusalsAddress { outcome, span, .. } = self.address;
        RefusalFilter {
            outcome,
            from: span.from,
            until: span.until,
            before: self.before.clone(),
            limit: PAGE,
        }
    }
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<KeyId>,
    Query(query): Query<RefusalQuery>,
) -> Result<Response, Error> {
    let request = RefusalRequest::read(Some(id), &query);
    let (key, refusals) = keys::refusals(&app, &member, id, request.filter()).await?;
    let of = RefusedOf::Key(Box::new(key));
    page(&app, &member, of, refusals, request).await
}

pub async fn show_all(
    State(app): State<App>,
    member: Member,
    Query(query): Query<RefusalQuery>,
) -> Result<Response, Error> {
    let request = RefusalRequest::read(None, &query);
    let (refusals, names) = keys::org_refusals(&app, &member, request.filter()).await?;
    page(&app, &member, RefusedOf::Names(names), refusals, request).await
}

/// The key that all requests were made with, or the names of their keys.
enum RefusedOf {
    Key(Box<Key>),
    Names(HashMap<KeyId, String>),
}

async fn page(
    app: &App,
    member: &Member,
    of: RefusedOf,
    refusals: RefusalPage,
    request: RefusalRequest,
) -> Result<Response, Error> {
    let chrome = chrome(app, member, Some(Nav::Keys), &request.address.href());
    let message = member.visitor.message.clone();
    let now = app.clock.now();
    let response = page_for(app, member, "Refused requests").render(move || {
        let home = (HOME.to_owned(), "API keys".to_owned());
        let (up, with) = match &of {
            RefusedOf::Key(key) => (vec![home, (path_of(key.id), key.name.clone())], key.name.as_str()),
            RefusedOf::Names(_) => (vec![home], "the organization's keys"),
        };
        let text = format!(
            "The last requests with {with} that were refused: up to 60 an hour of each key, stored for 7 days. Callers receive \
             the request id and no reason."
        );
        let wrong = request.wrong_span.clone().map(|why| {
            view! { <Note tone=Tone::Warn class="mt-4"><p>{format!("The time filter was not used. {why}")}</p></Note> }
        });
        view! {
            <Shell chrome toast=message.map(toast)>
                <Breadcrumb up here="Refused requests"/>
                <PageHead title="Refused requests" text/>
                {wrong}
                {filters(&request.address, now)}
                {list(&of, refusals, &request, now)}
            </Shell>
        }
    });
    Ok(response.await)
}

fn filters(address: &RefusalsAddress, now: Timestamp) -> AnyView {
    let RefusalsAddress { outcome, span, .. } = *address;
    let all = SelectOption::new("", "Every reason", outcome.is_none());
    let reasons = Outcome::refusals()
        .map(|reason| SelectOption::new(reason.as_str(), reason.label(), Some(reason) == outcome));
    let options = std::iter::once(all).chain(reasons).collect();
    let any_time = RefusalsAddress { span: RefusalSpan::default(), ..*address }.href();
    let times = (!span.is_open()).then(|| {
        view! {
            <p class="mt-3 flex flex-wrap gap-x-3 gap-y-1 text-dense text-ink-2">
                {span_view(span, now)} <a class="link" href=any_time>"Show all times"</a>
            </p>
        }
    });
    view! {
        <form method="get" action=address.path() role="search" class="mt-6 flex flex-wrap gap-2">
            <HiddenFields fields=span.pairs()/>
            <Select name="reason" label="Reason" options quiet=true class="w-52"/>
            <Button>"Apply"</Button>
        </form>
        {times}
    }
    .into_any()
}

fn span_view(span: RefusalSpan, now: Timestamp) -> AnyView {
    match (span.from, span.until) {
        (Some(from), Some(until)) => view! { <TimeSpan from until/> }.into_any(),
        (Some(at), None) => view! { <span>"From "<Time at now wording=Wording::Moment/></span> }.into_any(),
        (None, Some(at)) => view! { <span>"Before "<Time at now wording=Wording::Moment/></span> }.into_any(),
        (None, None) => ().into_any(),
    }
}

fn list(of: &RefusedOf, refusals: RefusalPage, request: &RefusalRequest, now: Timestamp) -> AnyView {
    let address = &request.address;
    let is_later_page = request.before.is_some();
    let RefusalPage { requests, next } = refusals;
    if requests.is_empty() {
        return nothing(address, address.is_narrowed() || is_later_page);
    }
    let older = next.map(|before| address.before(&before.to_text())).unwrap_or_default();
    let previous = if is_later_page { address.href() } else { String::new() };
    let fourth = match of {
        RefusedOf::Key(_) => "Secret",
        RefusedOf::Names(_) => "Key",
    };
    let columns = ["Time", "Reason", "Caller", fourth, "Request id"].map(Column::new).to_vec();
    let summary = counted(requests.len() as u64, "request", "requests");
    let rows = requests.into_iter().map(|refused| row(refused, of, now)).collect_view();
    view! {
        <Panel class="mt-3 overflow-hidden">
            <Table caption="Refused requests, the newest first" columns>{rows}</Table>
            <Pagination summary previous next=older previous_label="Newest" next_label="Older"/>
        </Panel>
    }
    .into_any()
}

fn row(refused: RefusalReason, of: &RefusedOf, now: Timestamp) -> AnyView {
    let RefusalReason { request_id, at, key: id, secret, outcome, address } = refused;
    let fourth = match of {
        RefusedOf::Key(key) => {
            let secret = match key.rotation(now) {
                _ if secret == key.secret => "Current",
                Some((old, _)) if secret == old => "Old",
                _ => "Ended",
            };
            view! { <Cell class="text-ink-2" label="Secret">{secret}</Cell> }.into_any()
        }
        RefusedOf::Names(names) => {
            let name = names.get(&id).cloned().unwrap_or_else(|| "A deleted key".to_owned());
            view! {
                <Cell class="[overflow-wrap:anywhere]" label="Key">
                    <a class="underline-offset-3 hover:underline" href=path_of(id) dir="auto">{name}</a>
                </Cell>
            }
            .into_any()
        }
    };
    let address = if address.is_empty() { "Unknown".to_owned() } else { address };
    view! {
        <Row>
            <Cell class="whitespace-nowrap">
                <Time at now/><Time at now wording=Wording::Exact class="cap block"/>
            </Cell>
            <Cell>{outcome_reason(outcome)}</Cell>
            <Cell class="mono text-cap leading-5" label="Caller">{address}</Cell>
            {fourth}
            <Cell class="full mono text-cap leading-5 text-ink-3 select-all [overflow-wrap:anywhere]">{request_id}</Cell>
        </Row>
    }
    .into_any()
}

fn nothing(address: &RefusalsAddress, is_narrowed: bool) -> AnyView {
    if is_narrowed {
        let all = address.without_filters().href();
        return view! {
            <EmptyState
                class="mt-3" title="No such requests"
                text="No request was refused for this reason at that time, or the list ends before this page."
            >
                <LinkButton href=all>"Show all refused requests"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let (text, href, link) = match address.key {
        Some(key) => {
            ("No request with this key was refused in the last 7 days.", path_of(key), "See the key")
        }
        None => ("No request with a key was refused in the last 7 days.", HOME.to_owned(), "See the keys"),
    };
    view! {
        <EmptyState class="mt-3" title="No refused requests" text>
            <LinkButton href>{link}</LinkButton>
        </EmptyState>
    }
    .into_any()
}
