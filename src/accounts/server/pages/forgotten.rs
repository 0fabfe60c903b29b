//! `/reset`: sends an email with a link to reset a forgotten password. Not found when no mail server is configured.

use axum::Extension;
use axum::extract::{Form, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::slowed;
use crate::accounts::check_email;
use crate::accounts::server::service;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Input, LinkButton, Size};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Deserialize)]
pub struct ForgottenPasswordForm {
    #[serde(default)]
    email: String,
}

pub async fn show(State(app): State<App>, Extension(visit): Extension<Visit>) -> Result<Response, Error> {
    if !app.mail.is_on() {
        return Err(Error::NotFound);
    }
    Ok(page(&app, &visit, String::new(), FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Form(form): Form<ForgottenPasswordForm>,
) -> Result<Response, Error> {
    if !app.mail.is_on() {
        return Err(Error::NotFound);
    }
    let email = match check_email(&form.email) {
        Ok(email) => email,
        Err(why) => {
            let errors = FormErrors::default().with("email", why);
            return Ok(page(&app, &visit, form.email, errors).await);
        }
    };
    match service::mail_reset_link(&app, &visit, &email).await {
        Ok(()) => Ok(sent_page(&app, &visit, email).await),
        Err(Error::TooMany(wait)) => Ok(slowed(wait, |errors| page(&app, &visit, email, errors)).await),
        Err(error) => Err(error),
    }
}

async fn page(app: &App, visit: &Visit, email: String, errors: FormErrors) -> Response {
    FormPage::solo(app, visit, "Forgotten password", "/reset")
        .text("You get an email with a link to set a new one.")
        .failed("No email was sent.")
        .submit("Send link")
        .saving("Sending…")
        .below(|| {
            view! {
                <p class="mt-8 text-center text-dense text-ink-3">
                    <a class="link" href="/sign-in">"Back to signing in"</a>
                </p>
            }
            .into_any()
        })
        .render(errors, move || {
            view! {
                <Input
                    name="email" label="Email" kind="email" value=email autocomplete="username" verbatim=true
                    large=true focus=true max_length=254
                />
            }
        })
        .await
}

/// The page is the same for an address without an account.
async fn sent_page(app: &App, visit: &Visit, email: String) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Check your email")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"Check your email"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">
                        {format!(
                            "If {email} has an account here, an email with a link is on its way to it. The link works \
                             once, within an hour. Nothing after a few minutes? Check your spam folder, then \
                             ask whoever runs this server for a link."
                        )}
                    </p>
                    <p class="text-center">
                        <LinkButton href="/sign-in" size=Size::Large>"Sign in"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
