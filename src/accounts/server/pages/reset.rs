//! `/reset/{token}`: sets a new password by a link that works once.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::service::{self, Reset};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Input, LinkButton, Size};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Deserialize)]
pub struct ResetPasswordForm {
    password: Secret,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(token): Path<Secret>,
) -> Result<Response, Error> {
    match service::person_of_reset_link(&app, &token).await? {
        Some(person) => Ok(page(&app, &visit, token, person.email, FormErrors::default()).await),
        None => Ok(invalid_link_page(&app, &visit).await),
    }
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(token): Path<Secret>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<ResetPasswordForm>,
) -> Result<Response, Error> {
    match Reset::by_link(&app, &visit, &token, form.password).await? {
        Reset::Done(person) => {
            // End the session of this browser too: the person signs in with the new password and the second factor.
            session.flush().await?;
            let mut response = Redirect::to("/sign-in").into_response();
            super::set_browser_cookie(&app, &headers, &person, &mut response).await?;
            Ok(response)
        }
        Reset::InvalidLink => Ok(invalid_link_page(&app, &visit).await),
        Reset::Invalid(person, why) => {
            let errors = FormErrors::default().with("password", why);
            Ok(page(&app, &visit, token, person.email, errors).await)
        }
    }
}

async fn page(app: &App, visit: &Visit, token: Secret, email: String, errors: FormErrors) -> Response {
    FormPage::solo(app, visit, "New password", format!("/reset/{}", token.expose()))
        .heading("Set a new password")
        .text(format!("for {email}"))
        .failed("The password was not changed.")
        .submit("Set password")
        .below(|| {
            view! {
                <p class="mt-8 text-center text-dense text-ink-3">"All your sessions end; sign in again after this."</p>
            }
            .into_any()
        })
        .render(errors, move || {
            view! {
                <input type="hidden" name="username" value=email autocomplete="username"/>
                <Input
                    name="password" label="New password" kind="password" autocomplete="new-password"
                    hint="At least 12 characters. Several unrelated words are good." large=true focus=true
                />
            }
        })
        .await
}

async fn invalid_link_page(app: &App, visit: &Visit) -> Response {
    let host = app.public_url.authority().to_owned();
    let (advice, button, href) = if app.mail.is_on() {
        ("Ask for a new one.", "Ask for a new link", "/reset")
    } else {
        ("Ask whoever runs this server for a new one.", "Sign in", "/sign-in")
    };
    Page::new(app, visit, "Link has ended")
        .status(StatusCode::GONE)
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"This link has ended"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance">
                        {format!("It was used, is older than an hour, or was replaced by a newer one. {advice}")}
                    </p>
                    <p class="text-center">
                        <LinkButton href size=Size::Large>{button}</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
