//! The key list's page: filters, table and empty states.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::super::{HOME, LazyView};
use super::load::{KeyListPage, OFFERED, load};
use super::query::{Query, Sort};
use super::row::{SELECTION, row};
use crate::keys::StatusFilter;
use crate::keys::islands::SelectAll;
use crate::keys::server::Key;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::{Kind, Timestamp};
use crate::ui::form::Form;
use crate::ui::live_filter::LiveFilter;
use crate::ui::parts::{
    Button, Column, EmptyState, Glyph, GlyphSize, HiddenFields, LinkButton, LinkOption, LinkSegment,
    LiveRegion, Look, Pagination, Panel, SearchField, Select, SelectOption, Size, Sorted, Symbol, Table,
};
use crate::ui::shell::{Nav, PageHead, Shell};
use crate::usage::server::changes_topic;

/// The variable parts of the list's page.
#[derive(Default)]
pub struct ListPageState {
    pub query: Query,
    /// The key that was just created, and the box that reveals its secret.
    pub fresh: Option<(Key, LazyView)>,
    /// A dialog above the page.
    pub dialog: Option<LazyView>,
}

pub async fn page(
    app: &App,
    member: &Member,
    state: ListPageState,
    status: StatusCode,
) -> Result<Response, Error> {
    let ListPageState { query, fresh, dialog } = state;
    let (fresh, reveal) = fresh.unzip();
    let listed = load(app, member, &query, fresh).await?;
    let now = app.clock.now();
    let chrome = chrome(app, member, Some(Nav::Keys), &query.address());
    let message = member.visitor.message.clone();
    let user = member.user;
    let mut creates = query.pairs();
    creates.push(("dialog", "create".to_owned()));
    let creates = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(creates).finish();
    let creates = format!("{HOME}?{creates}");
    // A page that answers a form has another address than the list.
    let is_list = reveal.is_none() && dialog.is_none() && status == StatusCode::OK;
    let changes = if is_list { app.live.expect(changes_topic(member.org.org)) } else { String::new() };
    let response = page_for(app, member, "API keys").status(status).render(move || {
        let toast = message.map(toast);
        let dialog = dialog.map(|draw| draw());
        let reveal = reveal.map(|draw| draw());
        let is_first = listed.is_first;
        let sub = if reveal.is_some() { "" } else { "Each key lets one program call your API. Its role is frozen when you create it." };
        let body = if is_first {
            first_use()
        } else {
            let filters = filters(&query, &listed, &user.to_string());
            let (statuses, narrowed) = (statuses(&query, &listed), narrowed(&query));
            let export = (!listed.rows.is_empty()).then(|| view! {
                <LinkButton href=query.export_address() look=Look::Ghost size=Size::Small icon=Symbol::Download>
                    "Export CSV"
                </LinkButton>
            });
            view! {
                {filters}
                <div id=RESULTS>
                    <div class="folded mt-2 flex flex-wrap items-center justify-between gap-2">
                        {statuses}
                        {export}
                    </div>
                    {narrowed}
                    {content(&query, listed, changes, now)}
                </div>
            }
            .into_any()
        };
        view! {
            <Shell chrome dialog toast>
                <PageHead title="API keys" text=sub>
                    {(!is_first).then(|| view! {
                        <LinkButton href=creates look=Look::Primary icon=Symbol::Plus>"Create key"</LinkButton>
                    })}
                </PageHead>
                {reveal}
                {body}
            </Shell>
        }
    });
    Ok(response.await)
}

/// The part of the page that follows the search text.
const RESULTS: &str = "key-results";

/// One form for the search text and the choices. It is sent by POST, because people paste whole keys into the search.
fn filters(query: &Query, listed: &KeyListPage, user: &str) -> AnyView {
    let chosen = ["q", "kind", "creator", "sort"];
    let others: Vec<_> =
        query.changed(|_| {}).pairs().into_iter().filter(|(name, _)| !chosen.contains(name)).collect();
    let kinds = std::iter::once(SelectOption::new("", "All kinds", query.kind.is_none()));
    let kinds = kinds.chain(Kind::ALL.map(|kind| {
        SelectOption::new(
            kind.as_str(),
            format!("{} {}_", kind.label(), kind.prefix()),
            query.kind == Some(kind),
        )
    }));
    let kinds: Vec<_> = kinds.collect();
    let creators = std::iter::once(SelectOption::new("", "All creators", query.creator.is_none()));
    let creators = creators.chain(listed.creators.iter().map(|(id, name)| {
        let name = if id.to_string() == user { "Created by you".to_owned() } else { name.clone() };
        SelectOption::new(id.to_string(), name, query.creator.as_ref() == Some(id))
    }));
    let creators: Vec<_> = creators.collect();
    let sorts = Sort::ALL.map(|sort| SelectOption::new(sort.as_str(), sort.label(), query.sort == sort));
    let (text, fold) = (query.text.clone(), fold(query));
    view! {
        <search class="mt-6 block">
            <Form action=HOME class="flex flex-wrap items-center gap-2">
                <HiddenFields fields=others/>
                {fold}
                <LiveFilter results=RESULTS.to_owned()>
                    <SearchField
                        name="q" label="Search by name, prefix or owner" placeholder="Name, prefix or owner"
                        value=text class="flex-1 basis-44 lg:max-w-64"
                    />
                    <div class="folded flex flex-wrap gap-2 sm:ml-auto max-sm:order-last max-sm:w-full">
                        <Select name="kind" label="Kind" quiet=true class="w-34 max-sm:flex-1" options=kinds/>
                        <Select name="creator" label="Creator" quiet=true class="w-38 max-sm:flex-1" options=creators/>
                        <Select name="sort" label="Sort" quiet=true class="w-42 max-sm:flex-1" options=sorts.to_vec()/>
                        <button type="submit" class="btn btn-secondary by-hand">"Apply"</button>
                    </div>
                </LiveFilter>
            </Form>
        </search>
    }
    .into_any()
}

/// The button that shows the filters on phones. It is a checkbox, so that it works without a script; it has no name, so it is not sent.
fn fold(query: &Query) -> AnyView {
    let chosen = [query.status_filter.is_some(), query.kind.is_some(), query.creator.is_some()];
    let count = chosen.into_iter().filter(|is_chosen| *is_chosen).count();
    let label = if count == 0 { "Filters".to_owned() } else { format!("Filters ({count})") };
    view! {
        <label class="btn btn-secondary order-1 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-focus sm:hidden">
            <input type="checkbox" id="unfold" class="sr-only"/>
            {label}
        </label>
    }
    .into_any()
}

/// The statuses with the number of matching keys that have each.
fn statuses(query: &Query, listed: &KeyListPage) -> AnyView {
    let statuses = OFFERED.into_iter().zip(&listed.counts).map(|(status_filter, count)| {
        let href = query.changed(|query| query.status_filter = status_filter).address();
        let label = status_filter.map_or("All", StatusFilter::label);
        let option = LinkOption::new(href, label, query.status_filter == status_filter);
        // That there are at least none says nothing.
        if count.is_exact || count.number > 0 { option.count(count.to_string()) } else { option }
    });
    // Statuses that only the overview links to are offered while they are selected.
    let other = query.status_filter.filter(|status_filter| !OFFERED.contains(&Some(*status_filter)));
    let statuses: Vec<_> = statuses
        .chain(other.map(|status_filter| LinkOption::new(query.address(), status_filter.label(), true)))
        .collect();
    view! { <LinkSegment label="Status" options=statuses/> }.into_any()
}

/// The heading of a list that shows only the keys of an owner, or with a permission.
fn narrowed(query: &Query) -> Option<AnyView> {
    if query.owner.is_empty() && query.permission.is_empty() {
        return None;
    }
    let title = match (query.owner.as_str(), query.permission.as_str()) {
        (owner, "") => format!("Keys of {owner}"),
        ("", permission) => format!("Keys that may use {permission}"),
        (owner, permission) => format!("Keys of {owner} that may use {permission}"),
    };
    let all = query.changed(|query| (query.owner, query.permission) = Default::default()).address();
    Some(
        view! {
            <div class="mt-5 flex flex-wrap items-center justify-between gap-3">
                <h2 class="h-sect [overflow-wrap:anywhere]" dir="auto">{title}</h2>
                <LinkButton href=all size=Size::Small>"Show all keys"</LinkButton>
            </div>
        }
        .into_any(),
    )
}

/// `changes` is the topic of live updates, or empty.
fn content(query: &Query, listed: KeyListPage, changes: String, now: Timestamp) -> AnyView {
    let KeyListPage { rows, summary, previous, next, .. } = listed;
    if rows.is_empty() {
        return no_match(query);
    }
    let selectable = rows.iter().any(|row| row.may_manage);
    let rows = rows.into_iter().enumerate().map(|(place, data)| row(data, place, selectable, now));
    let rows = rows.collect_view();
    let caption = format!("API keys, {}", query.sort.label().to_lowercase());
    let columns = columns(query.sort);
    let selection = selectable.then(|| {
        view! {
            <div class="selection">
                <Form action=format!("{HOME}/selected") id=SELECTION class="flex flex-wrap items-center gap-2">
                    <span class="selected-count text-dense font-medium">"selected"</span>
                    <SelectAll/>
                    <button type="reset" class="btn btn-ghost btn-sm mr-auto">"Clear"</button>
                    <Button name="do" value="disable" size=Size::Small icon=Symbol::Pause>"Disable"</Button>
                    <Button name="do" value="revoke" size=Size::Small look=Look::DangerQuiet icon=Symbol::Ban>"Revoke…"</Button>
                </Form>
            </div>
        }
    });
    view! {
        <Panel class="keys mt-3">
            <div class="counts-selected">
                <LiveRegion topic=changes id="key-rows" rows=true>
                    <Table caption class="t-keys" columns>{rows}</Table>
                    <Pagination summary previous next/>
                </LiveRegion>
                {selection}
            </div>
        </Panel>
    }
    .into_any()
}

fn columns(sort: Sort) -> Vec<Column> {
    let sorted = |column: Column, by: Sort, how: Sorted| if sort == by { column.sorted(how) } else { column };
    vec![
        sorted(Column::new("Name"), Sort::Name, Sorted::Ascending),
        Column::new("Key"),
        Column::new("Role"),
        sorted(Column::right("Calls"), Sort::Calls, Sorted::Descending),
        sorted(Column::new("Last used"), Sort::LastUsed, Sorted::Descending),
        sorted(Column::new("Created").class("a-created"), Sort::Newest, Sorted::Descending),
        sorted(Column::new("Expires"), Sort::Expiring, Sorted::Ascending),
        Column::hidden("Actions"),
    ]
}

/// Shows the search text and a link that clears it.
fn no_match(query: &Query) -> AnyView {
    let what = match query.status_filter {
        Some(status_filter) => format!("No {} key", status_filter.label().to_lowercase()),
        None => "No key".to_owned(),
    };
    let title = match query.text.as_str() {
        "" => format!("{what} is here"),
        text => format!("{what} matches “{text}”"),
    };
    let text = if query.text.is_empty() {
        "Nothing fits these filters."
    } else {
        "Search matches any part of a name (one or two letters: its beginning), the beginning of a key, or the whole id of an owner."
    };
    let clear = query.changed(|query| query.text.clear()).address();
    let everything = Query::of_text(&query.text).address();
    let is_searched = !query.text.is_empty();
    let narrowed = query.status_filter.is_some() || query.kind.is_some() || query.creator.is_some();
    view! {
        <EmptyState title text class="mt-3 py-14">
            {is_searched.then(|| view! { <LinkButton href=clear>"Clear search"</LinkButton> })}
            {narrowed.then(|| {
                let label = if is_searched { "Search all keys" } else { "Show all keys" };
                view! { <LinkButton href=everything look=Look::Ghost>{label}</LinkButton> }
            })}
        </EmptyState>
    }
    .into_any()
}

const STEPS: [(&str, &str); 3] = [
    (
        "Create it",
        "Name it after the program that will use it, such as ci-deploy. Choose the lowest role that works.",
    ),
    ("Store it", "You see the full key once. Put it in your secret manager or a .env file, never in code."),
    ("Make one call", "Copy the ready-made example. The page shows the first call as soon as it arrives."),
];

fn first_use() -> AnyView {
    let steps = STEPS.into_iter().enumerate().map(|(place, (title, text))| {
        let rule = if place > 0 { " mt-4 border-t border-line pt-4" } else { "" };
        view! {
            <li class=format!("grid grid-cols-[2rem_1fr]{rule}")>
                <span class="mono pt-px text-dense text-brass-ink" aria-hidden="true">{place + 1}</span>
                <div>
                    <h3 class="font-semi">{title}</h3>
                    <p class="mt-0.5 text-ink-2">{text}</p>
                </div>
            </li>
        }
    });
    view! {
        <section class="panel mt-6 px-5 py-8 sm:px-10 sm:py-12">
            <div class="flex flex-col gap-x-14 gap-y-8 lg:flex-row">
                <div class="flex-none lg:w-80">
                    <div class="mb-5"><Glyph seed="first-key" kind=Kind::Live size=GlyphSize::Huge/></div>
                    <h2 class="text-title font-semi tracking-[-0.015em]">"Create your first key"</h2>
                    <p class="mt-2 text-ink-2">
                        "A key takes about a minute: create it, store it, make one call. You can limit it, rotate it or \
                        revoke it at any time."
                    </p>
                    <div class="mt-5 flex gap-2">
                        <LinkButton href=format!("{HOME}?dialog=create") look=Look::Primary icon=Symbol::Plus>
                            "Create key"
                        </LinkButton>
                    </div>
                </div>
                <ol class="flex-1 border-line lg:border-l lg:pl-14">{steps.collect_view()}</ol>
            </div>
        </section>
    }
    .into_any()
}
