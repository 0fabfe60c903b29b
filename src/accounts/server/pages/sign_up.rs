//! `/sign-up`: asks for an address and sends the sign-up link to it. When sign-up is not open, explains how to get an
//! account.

use axum::Extension;
use axum::extract::{Form, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::providers::{ProviderButtons, provider_buttons};
use super::slowed;
use crate::accounts::check_email;
use crate::accounts::server::oauth::ProviderIdentity;
use crate::accounts::server::service;
use crate::platform::config::SignUp;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::ReturnPath;
use crate::ui::form::FormErrors;
use crate::ui::parts::{Input, LinkButton, Size};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Deserialize)]
pub struct RequestSignUpForm {
    #[serde(default)]
    email: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
) -> Result<Response, Error> {
    let (title, text) = match app.config.accounts.sign_up {
        SignUp::Open => {
            let proven = service::proven_identity(&app, &session).await?;
            return Ok(page(&app, &visit, proven, String::new(), FormErrors::default()).await);
        }
        SignUp::Invitation => (
            "By invitation",
            "You need an invitation to create an account on this server. Ask an admin of your organization for a link.",
        ),
        SignUp::Closed => ("Closed", "No new accounts can be created on this server. Ask whoever runs it."),
    };
    Ok(message_page(&app, &visit, title, text.to_owned()).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    Form(form): Form<RequestSignUpForm>,
) -> Result<Response, Error> {
    if !service::sign_up_is_open(&app) {
        return Err(Error::NotFound);
    }
    let proven = service::proven_identity(&app, &session).await?;
    let email = match check_email(&form.email) {
        Ok(email) => email,
        Err(why) => {
            let errors = FormErrors::default().with("email", why);
            return Ok(page(&app, &visit, proven, form.email, errors).await);
        }
    };
    match service::request_sign_up(&app, &visit, &email).await {
        Ok(()) => {
            let text = format!(
                "An email is on its way to {email}. Its link creates the account; it works once, within a day. \
                 Nothing after a few minutes? Check your spam folder."
            );
            Ok(message_page(&app, &visit, "Check your email", text).await)
        }
        Err(Error::TooMany(wait)) => {
            Ok(slowed(wait, |errors| page(&app, &visit, proven, email, errors)).await)
        }
        Err(error) => Err(error),
    }
}

async fn page(
    app: &App,
    visit: &Visit,
    proven: Option<ProviderIdentity>,
    email: String,
    errors: FormErrors,
) -> Response {
    // A person who comes from a provider has chosen how to sign in, so no provider buttons are shown.
    let (buttons, text) = match proven {
        Some(identity) => {
            let name = identity.provider.name(app);
            (
                Vec::new(),
                format!(
                    "{name} knows you as {}. Which email address should this server use?",
                    identity.label
                ),
            )
        }
        None => (
            provider_buttons(app, &ReturnPath::home()),
            "You get an email with a link that creates your account.".to_owned(),
        ),
    };
    FormPage::solo(app, visit, "Sign up", "/sign-up")
        .text(text)
        .failed("No email was sent.")
        .submit("Send link")
        .saving("Sending…")
        .below(move || {
            view! {
                <ProviderButtons buttons/>
                <p class="mt-8 text-center text-dense text-ink-3">
                    "Already have an account? " <a class="link" href="/sign-in">"Sign in"</a>
                </p>
            }
            .into_any()
        })
        .render(errors, move || {
            view! {
                <Input
                    name="email" label="Email" kind="email" value=email autocomplete="email" verbatim=true
                    large=true focus=true max_length=254
                />
            }
        })
        .await
}

async fn message_page(app: &App, visit: &Visit, title: &'static str, text: String) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Sign up")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">{title}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">{text}</p>
                    <p class="text-center">
                        <LinkButton href="/sign-in" size=Size::Large>"Sign in"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
