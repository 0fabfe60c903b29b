//! `/settings/api-keys/{id}/refusals`: the last requests with a key that were refused, and a sample of its accepted calls.
//! `/settings/api-keys/refusals`: the refused requests with any key of the organization.

use std::collections::HashMap;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::call_sample::{self, sample_form, sample_note};
use super::{HOME, LazyView, RefusalsAddress, leave_refusal, path_of};
use crate::keys::server::{self as keys, Edit, Key, Refusal, RefusalPage, RefusalSpan};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::FormErrors;
use crate::ui::parts::{
    Button, Cell, Column, EmptyState, HiddenFields, LinkButton, Note, Pagination, Panel, Reason, Row, Select,
    SelectOption, Shape, Table, Time, TimeSpan, Tone, Wording, counted, on_page,
};
use crate::ui::server::message::leave_message;
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};
use crate::usage::Outcome;
use crate::usage::server::{RefusalFilter, RefusalPosition, RefusalReason, outcome_reason};

const PAGE: usize = 50;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RefusalQuery {
    /// An outcome; all requests if it is empty or none.
    reason: String,
    from: String,
    until: String,
    before: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SampleForm {
    /// Empty: no accepted calls are logged.
    sample_one_in: String,
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
        let outcome = offered_outcomes(key.is_some()).find(|outcome| outcome.as_str() == query.reason);
        let (span, wrong_span) = match RefusalSpan::parse(&query.from, &query.until) {
            Ok(span) => (span, None),
            Err((_, why)) => (RefusalSpan::default(), Some(why)),
        };
        let address = RefusalsAddress { key, outcome, span };
        Self { address, wrong_span, before: RefusalPosition::parse(&query.before) }
    }

    fn filter(&self) -> RefusalFilter {
        let RefusalsAddress { key, outcome, span } = self.address;
        RefusalFilter {
            outcome,
            accepted: key.is_some(),
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
    key_page(&app, &member, id, &query, FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<SampleForm>,
) -> Result<Response, Error> {
    // The service rejects zero.
    let one_in = match form.sample_one_in.as_str() {
        "" => None,
        text => Some(text.parse().unwrap_or(0)),
    };
    let edit = Edit { sample_one_in: Some(one_in), ..Edit::default() };
    match keys::edit(&app, &member, id, &edit).await {
        Ok(key) => leave_message(&session, &call_sample::words(key.sample(app.clock.now()))).await?,
        Err(Refusal::Input(wrong)) => {
            let errors =
                wrong.into_iter().fold(FormErrors::default(), |errors, (field, why)| errors.with(field, why));
            return key_page(&app, &member, id, &RefusalQuery::default(), errors).await;
        }
        Err(refusal) => leave_refusal(&session, refusal).await?,
    }
    Ok(Redirect::to(&RefusalsAddress { key: Some(id), ..RefusalsAddress::default() }.href()).into_response())
}

pub async fn show_all(
    State(app): State<App>,
    member: Member,
    Query(query): Query<RefusalQuery>,
) -> Result<Response, Error> {
    let request = RefusalRequest::read(None, &query);
    let (refusals, names) = keys::org_refusals(&app, &member, request.filter()).await?;
    page(&app, &member, RefusedOf::Names(names), refusals, request, None, StatusCode::OK).await
}

async fn key_page(
    app: &App,
    member: &Member,
    id: KeyId,
    query: &RefusalQuery,
    errors: FormErrors,
) -> Result<Response, Error> {
    let request = RefusalRequest::read(Some(id), query);
    let (key, refusals) = keys::refusals(app, member, id, request.filter()).await?;
    let may_edit = keys::require_to_grant(member, &key).is_ok() && key.revoked_at.is_none();
    let sample = key.sample(app.clock.now());
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let own = key.clone();
    let settings: LazyView = Box::new(move || match sample {
        _ if may_edit => sample_form(&own, sample, errors),
        Some(sample) => sample_note(sample),
        None => ().into_any(),
    });
    page(app, member, RefusedOf::Key(Box::new(key)), refusals, request, Some(settings), status).await
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
    settings: Option<LazyView>,
    status: StatusCode,
) -> Result<Response, Error> {
    let chrome = chrome(app, member, Some(Nav::Keys), &request.address.href());
    let message = member.visitor.message.clone();
    let now = app.clock.now();
    let title = match &of {
        RefusedOf::Key(_) => "Recent requests",
        RefusedOf::Names(_) => "Refused requests",
    };
    let response = page_for(app, member, title).status(status).render(move || {
        let home = (HOME.to_owned(), "API keys".to_owned());
        let (up, text) = match &of {
            RefusedOf::Key(key) => {
                let text = format!(
                    "Refused requests with {}, up to 60 an hour, and accepted calls if you log them. Stored for 7 days. A \
                     refused caller receives the request id and no reason.",
                    key.name
                );
                (vec![home, (path_of(key.id), key.name.clone())], text)
            }
            RefusedOf::Names(_) => (
                vec![home],
                "The last requests with the organization's keys that were refused: up to 60 an hour of each key, stored for 7 \
                 days. Callers receive the request id and no reason."
                    .to_owned(),
            ),
        };
        let wrong = request.wrong_span.clone().map(|why| {
            view! { <Note tone=Tone::Warn class="mt-4"><p>{format!("The time filter was not used. {why}")}</p></Note> }
        });
        view! {
            <Shell chrome toast=message.map(toast)>
                <Breadcrumb up here=title/>
                <PageHead title text/>
                {settings.map(|draw| draw())}
                {wrong}
                {filters(&request.address, now)}
                {list(&of, refusals, &request, now)}
            </Shell>
        }
    });
    Ok(response.await)
}

/// The outcomes that the list can be narrowed to.
fn offered_outcomes(with_accepted: bool) -> impl Iterator<Item = Outcome> {
    with_accepted.then_some(Outcome::Valid).into_iter().chain(Outcome::refusals())
}

const fn label_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Valid => "Accepted",
        refused => refused.label(),
    }
}

fn filters(address: &RefusalsAddress, now: Timestamp) -> AnyView {
    let RefusalsAddress { key, outcome, span } = *address;
    let (label, all) = if key.is_some() { ("Outcome", "All requests") } else { ("Reason", "Every reason") };
    let all = SelectOption::new("", all, outcome.is_none());
    let outcomes = offered_outcomes(key.is_some())
        .map(|each| SelectOption::new(each.as_str(), label_of(each), Some(each) == outcome));
    let options = std::iter::once(all).chain(outcomes).collect();
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
            <Select name="reason" label options quiet=true class="w-52"/>
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
    let (second, fourth, caption) = match of {
        RefusedOf::Key(_) => ("Outcome", "Secret", "Recent requests, the newest first"),
        RefusedOf::Names(_) => ("Reason", "Key", "Refused requests, the newest first"),
    };
    let columns = ["Time", second, "Caller", fourth, "Request id"].map(Column::new).to_vec();
    let summary = on_page(counted(requests.len() as u64, "request", "requests"), &previous, &older);
    let rows = requests.into_iter().map(|refused| row(refused, of, now)).collect_view();
    view! {
        <Panel class="mt-3 overflow-hidden">
            <Table caption columns>{rows}</Table>
            <Pagination summary previous next=older previous_label="Newest" next_label="Older"/>
        </Panel>
    }
    .into_any()
}

fn row(refused: RefusalReason, of: &RefusedOf, now: Timestamp) -> AnyView {
    let RefusalReason { request_id, at, key: id, secret, outcome, address, permitted } = refused;
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
    let outcome = match outcome {
        Outcome::Valid => {
            view! { <Reason tone=Tone::Ok shape=Shape::Active text=label_of(outcome)/> }.into_any()
        }
        refused => outcome_reason(refused),
    };
    let permitted = permitted.map(|permitted| {
        let text = if permitted { "Has the permissions" } else { "Lacks a permission" };
        view! { <span class="cap block">{text}</span> }
    });
    view! {
        <Row>
            <Cell class="whitespace-nowrap">
                <Time at now/><Time at now wording=Wording::Exact class="cap block"/>
            </Cell>
            <Cell>{outcome}{permitted}</Cell>
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
                text="No request had this outcome at that time, or the list ends before this page."
            >
                <LinkButton href=all>"Show all requests"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let (title, text, href, link) = match address.key {
        Some(key) => (
            "No recent requests",
            "No request with this key was refused in the last 7 days, and no accepted call was logged.",
            path_of(key),
            "See the key",
        ),
        None => (
            "No refused requests",
            "No request with a key was refused in the last 7 days.",
            HOME.to_owned(),
            "See the keys",
        ),
    };
    view! {
        <EmptyState class="mt-3" title text>
            <LinkButton href>{link}</LinkButton>
        </EmptyState>
    }
    .into_any()
}
