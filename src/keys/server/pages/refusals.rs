//! `/settings/api-keys/{id}/refusals`: the last requests with a key that were refused, and a sample of its accepted calls.

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::{HOME, leave_refusal, path_of, refusals_path};
use crate::keys::server::{self as keys, Edit, Key, Refusal, RefusalPage};
use crate::keys::{CallSample, SAMPLE_RATES};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Button, Cell, Column, EmptyState, LinkButton, Look, Note, Pagination, Panel, Reason, Row, Select,
    SelectOption, Shape, Table, Time, Tone, counted, exact, grouped,
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
    before: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SampleForm {
    /// Empty: no accepted calls are logged.
    sample_one_in: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<KeyId>,
    Query(query): Query<RefusalQuery>,
) -> Result<Response, Error> {
    page(&app, &member, id, &query, FormErrors::default()).await
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
        Ok(key) => leave_message(&session, &sample_words(key.sample(app.clock.now()))).await?,
        Err(Refusal::Input(wrong)) => {
            let errors =
                wrong.into_iter().fold(FormErrors::default(), |errors, (field, why)| errors.with(field, why));
            return page(&app, &member, id, &RefusalQuery::default(), errors).await;
        }
        Err(refusal) => leave_refusal(&session, refusal).await?,
    }
    Ok(Redirect::to(&refusals_path(id, None)).into_response())
}

async fn page(
    app: &App,
    member: &Member,
    id: KeyId,
    query: &RefusalQuery,
    errors: FormErrors,
) -> Result<Response, Error> {
    let outcome = filters_of().find(|outcome| outcome.as_str() == query.reason);
    let before = RefusalPosition::parse(&query.before);
    let is_later_page = before.is_some();
    let filter = RefusalFilter { outcome, accepted: true, before, limit: PAGE };
    let (key, refusals) = keys::refusals(app, member, id, filter).await?;
    let may_edit = keys::require_to_grant(member, &key).is_ok() && key.revoked_at.is_none();
    let chrome = chrome(app, member, Some(Nav::Keys), &refusals_path(id, outcome));
    let message = member.visitor.message.clone();
    let now = app.clock.now();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let response = page_for(app, member, "Recent requests").status(status).render(move || {
        let up = vec![(HOME.to_owned(), "API keys".to_owned()), (path_of(id), key.name.clone())];
        let text = format!(
            "Refused requests with {}, up to 60 an hour, and accepted calls if you log them. Stored for 7 days. A \
             refused caller receives the request id and no reason.",
            key.name
        );
        let sample = key.sample(now);
        view! {
            <Shell chrome toast=message.map(toast)>
                <Breadcrumb up here="Recent requests"/>
                <PageHead title="Recent requests" text/>
                {if may_edit { Some(sample_form(&key, sample, errors)) } else { sample.map(sample_note) }}
                {filters(&key, outcome)}
                {list(&key, refusals, outcome, is_later_page, now)}
            </Shell>
        }
    });
    Ok(response.await)
}

/// "1 in 100 accepted calls is logged until 27 Nov 2026, 10:00:00 UTC."
fn sample_words(sample: Option<CallSample>) -> String {
    match sample {
        Some(CallSample { one_in, until }) => {
            let one_in = grouped(u64::from(one_in));
            format!("1 in {one_in} accepted calls is logged until {}.", exact(until))
        }
        None => "Accepted calls are not logged.".to_owned(),
    }
}

fn sample_note(sample: CallSample) -> AnyView {
    view! { <Note class="mt-6"><p>{sample_words(Some(sample))}</p></Note> }.into_any()
}

fn sample_form(key: &Key, sample: Option<CallSample>, errors: FormErrors) -> AnyView {
    let chosen = sample.map(|sample| sample.one_in);
    let none = SelectOption::new("", "Off", chosen.is_none());
    let rates = SAMPLE_RATES.map(|rate| {
        let label = format!("1 in {}", grouped(u64::from(rate)));
        SelectOption::new(rate.to_string(), label, chosen == Some(rate))
    });
    let options = std::iter::once(none).chain(rates).collect();
    let next = match sample {
        Some(_) => "Saving again starts another 7 days.",
        None => "Logging ends by itself after 7 days.",
    };
    let hint = format!("{} {next}", sample_words(sample));
    view! {
        <PageForm
            action=refusals_path(key.id, None) errors failed="Nothing was changed."
            class="mt-6 flex max-w-[40rem] flex-wrap items-start gap-2"
        >
            <Select name="sample_one_in" label="Log accepted calls" options hint class="min-w-0 flex-1"/>
            <SubmitButton text="Save" look=Look::Secondary class="mt-[1.625rem]"/>
        </PageForm>
    }
    .into_any()
}

/// The outcomes that the list can be narrowed to.
fn filters_of() -> impl Iterator<Item = Outcome> {
    std::iter::once(Outcome::Valid).chain(Outcome::refusals())
}

const fn label_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Valid => "Accepted",
        refused => refused.label(),
    }
}

fn filters(key: &Key, outcome: Option<Outcome>) -> AnyView {
    let all = SelectOption::new("", "All requests", outcome.is_none());
    let outcomes =
        filters_of().map(|each| SelectOption::new(each.as_str(), label_of(each), Some(each) == outcome));
    let options = std::iter::once(all).chain(outcomes).collect();
    view! {
        <form method="get" action=refusals_path(key.id, None) role="search" class="mt-6 flex flex-wrap gap-2">
            <Select name="reason" label="Outcome" options quiet=true class="w-52"/>
            <Button>"Apply"</Button>
        </form>
    }
    .into_any()
}

fn list(
    key: &Key,
    refusals: RefusalPage,
    outcome: Option<Outcome>,
    is_later_page: bool,
    now: Timestamp,
) -> AnyView {
    let newest = refusals_path(key.id, outcome);
    let RefusalPage { requests, next } = refusals;
    if requests.is_empty() {
        return nothing(key.id, outcome.is_some() || is_later_page);
    }
    let older = next.map(|before| {
        let separator = if newest.contains('?') { '&' } else { '?' };
        format!("{newest}{separator}before={}", before.to_text())
    });
    let previous = if is_later_page { newest } else { String::new() };
    let columns = ["Time", "Outcome", "Caller", "Secret", "Request id"].map(Column::new).to_vec();
    let summary = counted(requests.len() as u64, "request", "requests");
    let rows = requests.into_iter().map(|request| row(request, key, now)).collect_view();
    view! {
        <Panel class="mt-3 overflow-hidden">
            <Table caption="Recent requests, the newest first" columns>{rows}</Table>
            <Pagination
                summary previous next=older.unwrap_or_default() previous_label="Newest" next_label="Older"
            />
        </Panel>
    }
    .into_any()
}

fn row(request: RefusalReason, key: &Key, now: Timestamp) -> AnyView {
    let RefusalReason { request_id, at, secret, outcome, address, permitted, .. } = request;
    let secret = match key.rotation(now) {
        _ if secret == key.secret => "Current",
        Some((old, _)) if secret == old => "Old",
        _ => "Ended",
    };
    let address = if address.is_empty() { "Unknown".to_owned() } else { address };
    let outcome = match outcome {
        Outcome::Valid => {
            view! { <Reason tone=Tone::Ok shape=Shape::Active text=label_of(outcome)/> }.into_any()
        }
        refused => outcome_reason(refused),
    };
    let permitted = permitted.map(|permitted| {
        let text = if permitted { "Had the permissions" } else { "Lacked a permission" };
        view! { <span class="cap block">{text}</span> }
    });
    view! {
        <Row>
            <Cell class="whitespace-nowrap"><Time at now/><span class="cap block">{exact(at)}</span></Cell>
            <Cell>{outcome}{permitted}</Cell>
            <Cell class="mono text-cap leading-5" label="Caller">{address}</Cell>
            <Cell class="text-ink-2" label="Secret">{secret}</Cell>
            <Cell class="full mono text-cap leading-5 text-ink-3 select-all [overflow-wrap:anywhere]">{request_id}</Cell>
        </Row>
    }
    .into_any()
}

fn nothing(key: KeyId, is_narrowed: bool) -> AnyView {
    if is_narrowed {
        return view! {
            <EmptyState
                class="mt-3" title="No such requests" text="No request had this outcome, or the list ends before this page."
            >
                <LinkButton href=refusals_path(key, None)>"Show all recent requests"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState
            class="mt-3" title="No recent requests"
            text="No request with this key was refused in the last 7 days, and no accepted call was logged."
        >
            <LinkButton href=path_of(key)>"See the key"</LinkButton>
        </EmptyState>
    }
    .into_any()
}
