//! The list, and the form that adds a permission.

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use super::row::row;
use crate::keys::server::{self as keys, PermissionHolders};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::permissions::model::{MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH};
use crate::permissions::server::{self as permissions, ListedPermission, NewPermission, PermissionRefusal};
use crate::platform::{App, Error};
use crate::shared::{Permission, contains_token};
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors};
use crate::ui::parts::{
    Button, EmptyState, Input, LinkButton, Look, Pagination, Panel, SearchField, Symbol, counted,
};
use crate::ui::server::message::{leave_message, warn_of_token_in_address};
use crate::ui::shell::{Nav, PageHead, Shell};

/// Rows on a page.
const PAGE: usize = 50;

#[derive(Default, Deserialize)]
pub struct PermissionsQuery {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// The last name of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Default, Deserialize)]
pub struct AddPermissionForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(query): Query<PermissionsQuery>,
) -> Result<Response, Error> {
    if contains_token(&query.q) || contains_token(&query.after) {
        warn_of_token_in_address(&session).await?;
        return Ok(Redirect::to(HOME).into_response());
    }
    page(&app, &member, &query, AddPermissionForm::default(), FormErrors::default()).await
}

pub async fn add(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<AddPermissionForm>,
) -> Result<Response, Error> {
    let new = NewPermission { name: form.name.clone(), description: form.description.clone() };
    match permissions::add(&app, &member, &new).await {
        Ok(added) => {
            leave_message(&session, &format!("{} is listed. Admins can give it to keys.", added.name))
                .await?;
            Ok(Redirect::to(HOME).into_response())
        }
        Err(PermissionRefusal::Input(field, why)) => {
            let errors = FormErrors::default().with(field, why);
            page(&app, &member, &PermissionsQuery::default(), form, errors).await
        }
        Err(PermissionRefusal::Error(error)) => Err(error),
    }
}

async fn page(
    app: &App,
    member: &Member,
    query: &PermissionsQuery,
    typed: AddPermissionForm,
    errors: FormErrors,
) -> Result<Response, Error> {
    let all = permissions::list(app, member).await?;
    let is_empty = all.is_empty();
    let search = query.q.trim().to_lowercase();
    let matching = all.iter().filter(|permission| permission.name.contains(&search));
    let mut rows: Vec<ListedPermission> =
        matching.filter(|permission| permission.name > query.after).take(PAGE + 1).cloned().collect();
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| has_more).map(|last| address(&search, &last.name));
    let first = (!query.after.is_empty()).then(|| address(&search, ""));
    let holders = keys::permission_holders(app, member, &all, &rows).await?;
    let (may_manage, now) = (member.may(Permission::ManagePermissions), app.clock.now());
    let chrome = chrome(app, member, Some(Nav::Permissions), HOME);
    let message = member.visitor.message.clone();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let rendered = page_for(app, member, "Permissions").status(status).render(move || {
        let list = match (is_empty, rows.is_empty()) {
            (true, _) => nothing_listed(may_manage),
            (false, true) => no_match(&search),
            (false, false) => table(rows, holders, may_manage, now, first, next),
        };
        let toast = message.map(toast);
        view! {
            <Shell chrome toast>
                <PageHead title="Permissions" text="What a key may do in your API. A role says what it may do in Latchkey.">
                    {may_manage.then(|| view! { <LinkButton href="#add" look=Look::Primary icon=Symbol::Plus>"Add permission"</LinkButton> })}
                </PageHead>
                {(!is_empty).then(|| search_form(search.clone()))}
                {list}
                {may_manage.then(|| add_form(typed, errors))}
            </Shell>
        }
    });
    Ok(rendered.await)
}

fn address(search: &str, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", search), ("after", after)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { HOME.to_owned() } else { format!("{HOME}?{query}") }
}

fn search_form(search: String) -> AnyView {
    view! {
        <form method="get" action=HOME role="search" class="mt-6 flex flex-wrap items-center gap-2">
            <SearchField name="q" label="Search permissions" value=search placeholder="Name" class="sm:w-64 max-sm:flex-1"/>
            <Button>"Search"</Button>
        </form>
    }
    .into_any()
}

fn nothing_listed(may_manage: bool) -> AnyView {
    let text = "A permission is a name such as invoices.read. Give it to keys, and your services ask for it when they check a key.";
    let text = if may_manage { text.to_owned() } else { format!("{text} Admins add them.") };
    view! { <EmptyState class="mt-6" title="No permissions yet" text/> }.into_any()
}

fn no_match(search: &str) -> AnyView {
    view! {
        <EmptyState class="mt-3" title="No permission found" text=format!("No name contains \u{201c}{search}\u{201d}.")>
            <LinkButton href=HOME>"Show all permissions"</LinkButton>
        </EmptyState>
    }
    .into_any()
}

fn table(
    rows: Vec<ListedPermission>,
    mut holders: PermissionHolders,
    may_manage: bool,
    now: crate::shared::Timestamp,
    first: Option<String>,
    next: Option<String>,
) -> AnyView {
    let summary = counted(rows.len() as u64, "permission", "permissions");
    let rows = rows
        .into_iter()
        .map(|permission| {
            let keys = holders.remove(&permission.id).unwrap_or_default();
            row(permission, keys, may_manage, now)
        })
        .collect_view();
    view! {
        <Panel class="mt-3 overflow-hidden">
            <div class="openhead g-perm" aria-hidden="true">
                <span>"Name"</span>
                <span>"What it allows"</span>
                <span class="text-right">"Keys"</span>
                <span>"Last asked for"</span>
                <span></span>
            </div>
            {rows}
            <Pagination
                summary previous=first.unwrap_or_default() next=next.unwrap_or_default() previous_label="First page"
            />
        </Panel>
    }
    .into_any()
}

fn add_form(typed: AddPermissionForm, errors: FormErrors) -> AnyView {
    let AddPermissionForm { name, description } = typed;
    view! {
        <PageForm
            id="add" action=HOME errors
            class="panel mt-6 grid gap-x-4 gap-y-3 p-4 sm:grid-cols-[16rem_minmax(0,1fr)_auto] sm:p-5"
        >
            <h2 class="h-sect sm:col-span-3">"Add permission"</h2>
            <ErrorSummary failed="The permission was not added." class="sm:col-span-3"/>
            <Input
                name="name" label="Name" value=name verbatim=true control="mono" autocomplete="off"
                max_length=MAX_NAME_LENGTH placeholder="invoices.read"
                hint="invoices.* stands for everything below invoices."
            />
            <Input
                name="description" label="What it allows" value=description optional=true autocomplete="off"
                max_length=MAX_DESCRIPTION_LENGTH placeholder="See invoices and their lines"
            />
            <Button class="sm:mt-[1.6875rem] h-[2.125rem] max-sm:h-10">"Add"</Button>
        </PageForm>
    }
    .into_any()
}
