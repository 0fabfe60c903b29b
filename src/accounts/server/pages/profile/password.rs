//! Changing the password.

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::done;
use crate::accounts::server::pages::remember;
use crate::accounts::server::service::{self, Changed};
use crate::orgs::server::Actor;
use crate::platform::{App, Error, Secret};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{Input, LinkButton, Look};
use crate::ui::server::chrome::{chrome, page_for};
use crate::ui::shell::{Breadcrumb, PageHead, Shell};

const HERE: &str = "/settings/profile/password";

#[derive(Deserialize)]
pub struct Given {
    present: Secret,
    new: Secret,
}

pub async fn show(State(app): State<App>, actor: Actor) -> Response {
    page(&app, &actor, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Result<Response, Error> {
    let visitor = &actor.visitor;
    let by = visitor.by();
    let changed = service::change_password(
        &app,
        &visitor.visit,
        &by,
        &visitor.person,
        &visitor.session,
        given.present,
        given.new,
    );
    let errors = match changed.await? {
        Changed::Done => {
            service::keep_session(&session).await?;
            let word = "Password changed. All other sessions were signed out.";
            let mut response = done(&session, word).await?.into_response();
            remember(&app, &headers, &visitor.person, &mut response).await?;
            return Ok(response);
        }
        Changed::WrongPassword => FormErrors::default().with("present", "This is not your present password."),
        Changed::NotTaken(why) => FormErrors::default().with("new", why),
    };
    Ok(page(&app, &actor, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
}

async fn page(app: &App, actor: &Actor, errors: FormErrors, status: StatusCode) -> Response {
    let chrome = chrome(app, actor, None, HERE);
    let email = actor.visitor.person.email.clone();
    page_for(app, actor, "Password")
        .status(status)
        .render(move || {
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![("/settings/profile".to_owned(), "Profile".to_owned())] here="Password"/>
                    <PageHead title="Change password" text="All your other sessions are signed out."/>
                    <PageForm
                        action=HERE errors failed="The password was not changed." class="mt-6 grid max-w-[26rem] gap-4"
                    >
                        <input type="hidden" name="username" value=email autocomplete="username"/>
                        <Input
                            name="present" label="Present password" kind="password" autocomplete="current-password"
                            focus=true
                        />
                        <Input
                            name="new" label="New password" kind="password" autocomplete="new-password"
                            hint="At least 12 characters. Several unrelated words are good."
                        />
                        <div class="mt-2 flex gap-2">
                            <SubmitButton text="Change password"/>
                            <LinkButton href="/settings/profile" look=Look::Ghost>"Cancel"</LinkButton>
                        </div>
                    </PageForm>
                </Shell>
            }
        })
        .await
}
