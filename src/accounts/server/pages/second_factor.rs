//! `/sign-in/second-factor`: asks for the code after the password.

use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::{SignInQuery, browser, complete_sign_in, onward, slowed};
use crate::accounts::server::service;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::ReturnPath;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input};
use crate::ui::server::form_page::FormPage;

#[derive(Deserialize)]
pub struct SecondFactorForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    Query(going): Query<SignInQuery>,
) -> Result<Response, Error> {
    let next = ReturnPath::or_home(&going.next);
    if service::pending(&app, &session).await?.is_none() {
        return Ok(start_over(&next));
    }
    Ok(page(&app, &visit, next, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SecondFactorForm>,
) -> Result<Response, Error> {
    let next = ReturnPath::or_home(&form.next);
    let Some(person) = service::pending(&app, &session).await? else { return Ok(start_over(&next)) };
    let browser_token = browser(&app, &headers);
    match service::check_second_factor(&app, &visit, &person, &form.code, browser_token.as_ref()).await {
        Ok(true) => complete_sign_in(&app, &session, &visit, &headers, &person, &next).await,
        Ok(false) => {
            let error = "This code is wrong or was used already. Enter the one that the app shows now.";
            let errors = FormErrors::default().with("code", error);
            Ok(page(&app, &visit, next, errors).await)
        }
        Err(Error::TooMany(wait)) => Ok(slowed(wait, |errors| page(&app, &visit, next, errors)).await),
        Err(error) => Err(error),
    }
}

/// Asks for the password again: it was entered too long ago, or not in this session.
fn start_over(next: &ReturnPath) -> Response {
    onward("/sign-in", next)
}

async fn page(app: &App, visit: &Visit, next: ReturnPath, errors: FormErrors) -> Response {
    FormPage::solo(app, visit, "Second factor", "/sign-in/second-factor")
        .heading("Enter your code")
        .text("from your authenticator app, or a recovery code")
        .failed("You are not signed in.")
        .submit("Sign in")
        .saving("Signing in…")
        .below(|| {
            view! {
                <p class="mt-8 text-center text-dense text-ink-3 text-balance">
                    "Lost both? Whoever runs this server can turn the second factor off. "
                    <a class="link" href="/sign-in">"Start over"</a>
                </p>
            }
            .into_any()
        })
        .render(errors, move || {
            view! {
                <HiddenFields fields=vec![("next", next.to_string())]/>
                <Input
                    name="code" label="Code" autocomplete="one-time-code" verbatim=true large=true focus=true
                    control="mono" max_length=40
                />
            }
        })
        .await
}
