//! `/settings/organization`: the organization's name, its plan, the member's role, and the link to delete it.

pub mod delete;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::check_name;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::orgs::server::service::{find, rename};
use crate::platform::{App, Error};
use crate::shared::{Permission, Plan};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::islands::CopyButton;
use crate::ui::parts::{Icon, Input, LinkButton, Look, Note, RolePins, Select, SelectOption, Symbol};
use crate::ui::server::message::leave_message;
use crate::ui::shell::{Nav, PageHead, Shell};

const HERE: &str = "/settings/organization";

#[derive(Deserialize)]
pub struct RenameOrganizationForm {
    #[serde(default)]
    name: String,
}

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let name = member.org.org_name.clone();
    page(&app, &member, name, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<RenameOrganizationForm>,
) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    match check_name(&form.name, "the organization's name") {
        Ok(name) => {
            rename(&app, &member, &name).await?;
            leave_message(&session, "Name saved.").await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(why) => {
            let errors = FormErrors::default().with("name", why);
            page(&app, &member, form.name, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}

async fn page(
    app: &App,
    member: &Member,
    name: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let (_, plan) = find(app, member.org.org).await?.ok_or(Error::NotFound)?;
    let chrome = chrome(app, member, Some(Nav::Organization), HERE);
    let may_change = member.may(Permission::ManageOrganization);
    let message = member.visitor.message.clone();
    let org = member.org.clone();
    let plans = plans_without_api(&app.config.keys.api_plans);
    let rendered = page_for(app, member, "Organization").status(status).render(move || {
        let form = if may_change {
            view! {
                <PageForm
                    action=HERE errors failed="The name was not saved." class="grid gap-4"
                >
                    <Input name="name" label="Name" value=name autocomplete="organization" max_length=80/>
                    <div><SubmitButton text="Save name"/></div>
                </PageForm>
            }
            .into_any()
        } else {
            view! {
                <div class="grid gap-4">
                    <div>
                        <p class="label">"Name"</p>
                        <p class="mt-1 [overflow-wrap:anywhere]" dir="auto">{org.org_name.clone()}</p>
                    </div>
                    <Note>"Only owners can change an organization."</Note>
                </div>
            }
            .into_any()
        };
        let toast = message.map(toast);
        view! {
            <Shell chrome toast>
                <PageHead title="Organization" text="Keys belong to it and work only in it."/>
                <section class="mt-8 max-w-[26rem]" aria-label="Name">{form}</section>
                {plan_section(plan, may_change, plans)}
                <section class="mt-10 max-w-[40rem]" aria-labelledby="place">
                    <h2 class="h-sect" id="place">"Your membership"</h2>
                    <dl class="mt-4 grid gap-4 border-t border-line pt-4">
                        <div class="flex flex-wrap items-center justify-between gap-3">
                            <dt class="text-ink-2">"Role"</dt>
                            <dd><RolePins role=org.role/></dd>
                        </div>
                        <div class="flex flex-wrap items-center justify-between gap-3">
                            <dt class="text-ink-2">"Organization id"</dt>
                            <dd class="flex min-w-0 items-center gap-1">
                                <span class="mono min-w-0 select-all [overflow-wrap:anywhere]" id="org-id">{org.org.to_string()}</span>
                                <CopyButton
                                    target="org-id".to_owned() class="btn-icon size-6".to_owned()
                                    name="Copy the organization id".to_owned()
                                >
                                    <Icon symbol=Symbol::Copy class="size-3.5"/>
                                </CopyButton>
                            </dd>
                        </div>
                    </dl>
                </section>
                {may_change.then(leak_section)}
                {may_change.then(danger_section)}
            </Shell>
        }
    });
    Ok(rendered.await)
}

/// "On this server, Free and Pro can’t call /api/v1."
fn plans_without_api(api_plans: &[Plan]) -> String {
    let without: Vec<&str> =
        Plan::ALL.into_iter().filter(|plan| !api_plans.contains(plan)).map(Plan::label).collect();
    match without.split_last() {
        None => "On this server, all plans can call /api/v1.".to_owned(),
        Some((only, [])) => format!("On this server, {only} can’t call /api/v1."),
        Some((last, others)) => {
            format!("On this server, {} and {last} can’t call /api/v1.", others.join(", "))
        }
    }
}

fn plan_section(plan: Plan, may_change: bool, plans: String) -> AnyView {
    let form = if may_change {
        let options = Plan::ALL
            .into_iter()
            .map(|choice| SelectOption::new(choice.as_str(), choice.label(), choice == plan))
            .collect();
        view! {
            <PageForm action="/settings/organization/plan" prefix="p" class="mt-4 grid gap-4">
                <Select
                    name="plan" label="Plan" options class="max-w-60"
                    hint=plans
                />
                <div><SubmitButton text="Change plan…" saving="One moment…" look=Look::Secondary/></div>
            </PageForm>
        }
        .into_any()
    } else {
        view! { <p class="mt-4">{plan.label()}</p> }.into_any()
    };
    view! {
        <section class="mt-10 max-w-[40rem]" aria-labelledby="plan">
            <h2 class="h-sect" id="plan">"Plan"</h2>
            <div class="mt-4 border-t border-line">{form}</div>
        </section>
    }
    .into_any()
}

fn leak_section() -> AnyView {
    view! {
        <section class="mt-10 max-w-[40rem]" aria-labelledby="leaks">
            <h2 class="h-sect" id="leaks">"Leaked keys"</h2>
            <div class="mt-4 flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
                <p class="text-ink-2">"What happens to a key that was found in public."</p>
                <LinkButton href="/settings/organization/leaked-keys" look=Look::Secondary>"Choose"</LinkButton>
            </div>
        </section>
    }
    .into_any()
}

fn danger_section() -> AnyView {
    view! {
        <section class="mt-10 max-w-[40rem]" aria-labelledby="end">
            <h2 class="h-sect" id="end">"Delete organization"</h2>
            <div class="mt-4 flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
                <p class="text-ink-2">"Its keys stop working and everybody loses access."</p>
                <LinkButton href="/settings/organization/delete" look=Look::DangerQuiet>"Delete…"</LinkButton>
            </div>
        </section>
    }
    .into_any()
}
