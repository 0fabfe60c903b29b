//! `/settings/api-keys/{id}/refusals`: the last requests with a key that were refused.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::{HOME, path_of, refusals_path};
use crate::keys::server::{self as keys, Key, RefusalPage};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::parts::{
    Button, Cell, Column, EmptyState, LinkButton, Pagination, Panel, Row, Select, SelectOption, Table, Time,
    counted, exact,
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
    before: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<KeyId>,
    Query(query): Query<RefusalQuery>,
) -> Result<Response, Error> {
    let outcome = Outcome::refusals().find(|outcome| outcome.as_str() == query.reason);
    let before = RefusalPosition::parse(&query.before);
    let is_later_page = before.is_some();
    let filter = RefusalFilter { outcome, before, limit: PAGE };
    let (key, refusals) = keys::refusals(&app, &member, id, filter).await?;
    let chrome = chrome(&app, &member, Some(Nav::Keys), &refusals_path(id, outcome));
    let message = member.visitor.message.clone();
    let now = app.clock.now();
    let response = page_for(&app, &member, "Refused requests").render(move || {
        let up = vec![(HOME.to_owned(), "API keys".to_owned()), (path_of(id), key.name.clone())];
        let text = format!(
            "The last requests with {} that were refused: up to 60 an hour, stored for 7 days. Callers receive the \
             request id and no reason.",
            key.name
        );
        view! {
            <Shell chrome toast=message.map(toast)>
                <Breadcrumb up here="Refused requests"/>
                <PageHead title="Refused requests" text/>
                {filters(&key, outcome)}
                {list(&key, refusals, outcome, is_later_page, now)}
            </Shell>
        }
    });
    Ok(response.await)
}

fn filters(key: &Key, outcome: Option<Outcome>) -> AnyView {
    let all = SelectOption::new("", "Every reason", outcome.is_none());
    let reasons = Outcome::refusals()
        .map(|reason| SelectOption::new(reason.as_str(), reason.label(), Some(reason) == outcome));
    let options = std::iter::once(all).chain(reasons).collect();
    view! {
        <form method="get" action=refusals_path(key.id, None) role="search" class="mt-6 flex flex-wrap gap-2">
            <Select name="reason" label="Reason" options quiet=true class="w-52"/>
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
    let columns = ["Time", "Reason", "Caller", "Secret", "Request id"].map(Column::new).to_vec();
    let summary = counted(requests.len() as u64, "request", "requests");
    let rows = requests.into_iter().map(|refused| row(refused, key, now)).collect_view();
    view! {
        <Panel class="mt-3 overflow-hidden">
            <Table caption="Refused requests, the newest first" columns>{rows}</Table>
            <Pagination
                summary previous next=older.unwrap_or_default() previous_label="Newest" next_label="Older"
            />
        </Panel>
    }
    .into_any()
}

fn row(refused: RefusalReason, key: &Key, now: Timestamp) -> AnyView {
    let RefusalReason { request_id, at, secret, outcome, address, .. } = refused;
    let secret = match key.rotation(now) {
        _ if secret == key.secret => "Current",
        Some((old, _)) if secret == old => "Old",
        _ => "Ended",
    };
    let address = if address.is_empty() { "Unknown".to_owned() } else { address };
    view! {
        <Row>
            <Cell class="whitespace-nowrap"><Time at now/><span class="cap block">{exact(at)}</span></Cell>
            <Cell>{outcome_reason(outcome)}</Cell>
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
                class="mt-3" title="No such requests" text="No request was refused for this reason, or the list ends before this page."
            >
                <LinkButton href=refusals_path(key, None)>"Show all refused requests"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState class="mt-3" title="No refused requests" text="No request with this key was refused in the last 7 days.">
            <LinkButton href=path_of(key)>"See the key"</LinkButton>
        </EmptyState>
    }
    .into_any()
}
