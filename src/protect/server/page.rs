//! The page: the examples, and the form that tries a key.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HERE;
use super::answers::answers;
use super::snippets::{CheckEndpoint, SNIPPETS, Snippet, SnippetTarget};
use crate::keys::server::{LazyView, Refusal, permission_requirement};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::{Permission, contains_token};
use crate::ui::form::{Form, FormErrors, SubmitButton};
use crate::ui::islands::CopyButton;
use crate::ui::parts::{Checkbox, HiddenFields, Icon, Input, LinkOption, LinkTabs, Look, Symbol};
use crate::ui::server::message::warn_of_token_in_address;
use crate::ui::shell::{Nav, PageHead, Shell};

#[derive(Deserialize)]
pub struct ProtectQuery {
    #[serde(default, rename = "for")]
    example: String,
    #[serde(default)]
    permissions: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(query): Query<ProtectQuery>,
) -> Result<Response, Error> {
    member.require(Permission::See)?;
    if [&query.example, &query.permissions].into_iter().any(|text| contains_token(text)) {
        warn_of_token_in_address(&session).await?;
        return Ok(Redirect::to(HERE).into_response());
    }
    let mut state = ProtectPage { example: query.example, ..ProtectPage::default() };
    match permission_requirement(&app, &member, &query.permissions).await {
        Ok(_) => {}
        Err(Refusal::Input(wrong)) => state.query_error = wrong.into_iter().next().map(|(_, why)| why),
        Err(Refusal::Error(error)) => return Err(error),
        Err(_) => return Err(Error::OutOfStep),
    }
    state.permissions = one_line(&query.permissions);
    Ok(page(&app, &member, state, StatusCode::OK).await)
}

/// The text without line breaks and other control characters.
pub fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The variable parts of the page.
#[derive(Default)]
pub struct ProtectPage {
    /// The id of the example.
    pub example: String,
    /// The permissions that the examples and the form ask for.
    pub permissions: String,
    /// The error in the permission query of the address.
    pub query_error: Option<String>,
    pub ip: String,
    pub with_test: bool,
    pub errors: FormErrors,
    pub result: Option<LazyView>,
}

pub async fn page(app: &App, member: &Member, state: ProtectPage, status: StatusCode) -> Response {
    let ProtectPage { example, permissions, query_error, ip, with_test, errors, result } = state;
    let snippet = Snippet::find(&example);
    let is_usable = query_error.is_none() && errors.of("permissions").is_none();
    let asked = if is_usable { permissions.clone() } else { String::new() };
    let (origin, org) = (app.public_url.origin().to_owned(), member.org.org.to_string());
    let target = SnippetTarget { origin, org, permissions: asked };
    let chrome = chrome(app, member, Some(Nav::Protect), HERE);
    let message = member.visitor.message.clone();
    let may_create = member.may(Permission::ManageOwnKeys);
    let rendered = page_for(app, member, "Protect your API").status(status).render(move || {
        let toast = message.map(toast);
        let form = TryFields { example: snippet.id, permissions: permissions.clone(), ip, with_test };
        let result = match result {
            Some(draw) => draw(),
            None => nothing_tried(),
        };
        view! {
            <Shell chrome toast>
                <PageHead
                    title="Protect your API"
                    text="Your service or your proxy asks Latchkey about each key that it receives. Copy the example that fits."
                />
                {facts(&target)}
                {examples(snippet, &target, permissions, query_error, may_create)}
                {answers(snippet.endpoint)}
                {try_section(form, errors, result)}
            </Shell>
        }
    });
    rendered.await
}

fn facts(target: &SnippetTarget) -> AnyView {
    view! {
        <dl class="mt-5 flex flex-wrap gap-x-10 gap-y-2 text-dense">
            {fact("Organization id", "protect-org", target.org.clone(), "Copy the organization id")}
            {fact("This server", "protect-server", target.origin.clone(), "Copy the address of this server")}
        </dl>
    }
    .into_any()
}

fn fact(name: &'static str, id: &'static str, value: String, label: &'static str) -> AnyView {
    view! {
        <div class="min-w-0">
            <dt class="cap">{name}</dt>
            <dd class="flex items-center gap-1">
                <span class="mono min-w-0 text-cap leading-5 select-all [overflow-wrap:anywhere]" id=id>{value}</span>
                <CopyButton target=id.to_owned() class="btn-icon size-6".to_owned() name=label.to_owned()>
                    <Icon symbol=Symbol::Copy class="size-3.5"/>
                </CopyButton>
            </dd>
        </div>
    }
    .into_any()
}

/// The address of the page with another example.
fn address_of(example: &str, permissions: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("for", example);
    if !permissions.is_empty() {
        query.append_pair("permissions", permissions);
    }
    format!("{HERE}?{}", query.finish())
}

const CODE: &str = "protect-example";

fn examples(
    snippet: &'static Snippet,
    target: &SnippetTarget,
    permissions: String,
    query_error: Option<String>,
    may_create: bool,
) -> AnyView {
    let tabs = SNIPPETS.iter().map(|other| {
        LinkOption::new(address_of(other.id, &permissions), other.label, other.id == snippet.id)
    });
    let tabs: Vec<_> = tabs.collect();
    let needs = match snippet.endpoint {
        CheckEndpoint::Verify => {
            let create = may_create
                .then(|| view! { " " <a class="link" href="/settings/api-keys/new">"Create one"</a> });
            view! {
                <span class="mono">"LATCHKEY_API_KEY"</span>
                " is the key of your service, not that of the caller."
                {create}
            }
            .into_any()
        }
        CheckEndpoint::Authorize => view! { "It needs no key of its own." }.into_any(),
    };
    let code = snippet.render(target);
    view! {
        <section class="panel mt-5" aria-labelledby="examples">
            <h2 class="sr-only" id="examples">"Examples"</h2>
            {permission_form(snippet.id, permissions, query_error)}
            <div class="px-4 pt-1 pb-5 sm:px-5">
                <LinkTabs label="Examples" options=tabs/>
                <div class="mt-3 mb-2 flex items-center justify-between gap-3">
                    <p class="text-dense text-ink-2">{snippet.about}</p>
                    <CopyButton target=CODE.to_owned() class="btn btn-ghost btn-sm -mr-2".to_owned() name=String::new()>
                        <Icon symbol=Symbol::Copy/>
                        "Copy"
                    </CopyButton>
                </div>
                <pre
                    class="code" id=CODE tabindex="0" role="group" aria-label=format!("{} example", snippet.label)
                    translate="no"
                >
                    {code}
                </pre>
                <p class="hint mt-2">{needs}</p>
            </div>
        </section>
    }
    .into_any()
}

/// Chooses the permissions that the examples ask for.
fn permission_form(example: &'static str, permissions: String, error: Option<String>) -> AnyView {
    let is_wrong = error.is_some().then_some("true");
    let below = match error {
        Some(error) => view! {
            <p class="field-error basis-full" id="ask-below">
                <Icon symbol=Symbol::Warning class="mt-px"/>
                <span class="min-w-0 [overflow-wrap:anywhere]">{error}</span>
            </p>
        }
        .into_any(),
        None => view! {
            <p class="hint basis-full" id="ask-below">
                "Optional. Combine names of your permissions with and, or and parentheses. The examples use it too."
            </p>
        }
        .into_any(),
    };
    view! {
        <form
            method="get" action=HERE
            class="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-3 sm:px-5"
        >
            <HiddenFields fields=vec![("for", example.to_owned())]/>
            <label class="text-dense font-medium" for="ask">"Ask for permissions"</label>
            <input
                class="input mono quiet max-sm:basis-full sm:!w-72" id="ask" name="permissions" value=permissions
                placeholder="invoices.read" spellcheck="false" autocapitalize="none" autocomplete="off"
                aria-invalid=is_wrong aria-describedby="ask-below"
            />
            <button type="submit" class="btn btn-secondary">"Apply"</button>
            {below}
        </form>
    }
    .into_any()
}

/// The values of the form that tries a key, without the key.
struct TryFields {
    example: &'static str,
    permissions: String,
    ip: String,
    with_test: bool,
}

fn try_section(fields: TryFields, errors: FormErrors, result: AnyView) -> AnyView {
    let TryFields { example, permissions, ip, with_test } = fields;
    view! {
        <section class="mt-10" aria-labelledby="try">
            <div class="flex flex-wrap items-baseline justify-between gap-x-4">
                <h2 class="h-sect" id="try">"Try a key"</h2>
                <p class="cap">"A try is not counted and uses no quota. The key is not stored."</p>
            </div>
            <div class="panel mt-3 grid grid-cols-[minmax(0,1fr)] lg:grid-cols-[minmax(0,22rem)_minmax(0,1fr)]">
                <div class="border-line p-4 max-lg:border-b sm:p-5 lg:border-r">
                    <Form
                        action=format!("{HERE}#try") errors failed="The key was not checked." prefix="t"
                        class="grid gap-4"
                    >
                        <HiddenFields fields=vec![("for", example.to_owned())]/>
                        <Input
                            name="key" label="Key" kind="password" autocomplete="off" verbatim=true control="mono"
                            placeholder="Paste a key"
                        />
                        <Input
                            name="permissions" label="Permissions" value=permissions optional=true control="mono"
                            verbatim=true autocomplete="off" hint="Names, and, or, parentheses."
                        />
                        <Input
                            name="ip" label="Address of the caller" value=ip optional=true control="mono" verbatim=true
                            autocomplete="off" placeholder="203.0.113.9"
                            hint="Needed for keys that work only from some addresses."
                        />
                        <Checkbox name="test" label="Accept Test keys" checked=with_test/>
                        <div><SubmitButton text="Check key" saving="Checking…" look=Look::Secondary/></div>
                    </Form>
                </div>
                <div class="p-4 sm:p-5">{result}</div>
            </div>
        </section>
    }
    .into_any()
}

fn nothing_tried() -> AnyView {
    view! {
        <p class="text-ink-2">
            "Paste a key to see what Latchkey answers about it, step by step, and what to do if it is refused."
        </p>
    }
    .into_any()
}
