//! `/settings/organization`: the organization's name, its plan, and one's place in it.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::check_name;
use crate::orgs::server::{Actor, leave_word, rename};
use crate::platform::{App, Error};
use crate::shared::Permission;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{HiddenFields, Input, Note, Outcome, RolePins, Toast};
use crate::ui::server::chrome::{chrome, page_for};
use crate::ui::shell::{Nav, PageHead, Shell};

const HERE: &str = "/settings/organization";

#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    org: String,
    #[serde(default)]
    name: String,
}

pub async fn show(State(app): State<App>, actor: Actor) -> Response {
    let name = actor.org.org_name.clone();
    page(&app, &actor, name, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Form(given): Form<Given>,
) -> Result<Response, Error> {
    actor.require(Permission::ManageOrganization)?;
    actor.refuse_other_org(&given.org)?;
    match check_name(&given.name, "the organization's name") {
        Ok(name) => {
            rename(&app, &actor, &name).await?;
            leave_word(&session, "Name saved.").await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(why) => {
            let errors = FormErrors::default().with("name", why);
            Ok(page(&app, &actor, given.name, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
    }
}

async fn page(app: &App, actor: &Actor, name: String, errors: FormErrors, status: StatusCode) -> Response {
    let chrome = chrome(app, actor, Some(Nav::Organization), HERE);
    let may = actor.may(Permission::ManageOrganization);
    let word = actor.visitor.word.clone();
    let org = actor.org.clone();
    page_for(app, actor, "Organization")
        .status(status)
        .render(move || {
            let form = if may {
                let fields = vec![("org", org.org.to_string())];
                view! {
                    <PageForm action=HERE errors failed="The name was not saved." class="grid gap-4">
                        <HiddenFields fields/>
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
            let toast = word.map(|word| view! { <Toast outcome=Outcome::Done title=word/> }.into_any());
            view! {
                <Shell chrome toast>
                    <PageHead title="Organization" text="Keys belong to it and work only in it."/>
                    <section class="mt-8 max-w-[26rem]" aria-label="Name">{form}</section>
                    <section class="mt-10 max-w-[40rem]" aria-labelledby="place">
                        <h2 class="h-sect" id="place">"Your place"</h2>
                        <dl class="mt-4 grid gap-4 border-t border-line pt-4">
                            <div class="flex flex-wrap items-center justify-between gap-3">
                                <dt class="text-ink-2">"Role"</dt>
                                <dd><RolePins role=org.role/></dd>
                            </div>
                            <div class="flex flex-wrap items-center justify-between gap-3">
                                <dt class="text-ink-2">"Organization id"</dt>
                                <dd class="mono select-all [overflow-wrap:anywhere]">{org.org.to_string()}</dd>
                            </div>
                        </dl>
                    </section>
                </Shell>
            }
        })
        .await
}
