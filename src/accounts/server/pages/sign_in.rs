//! `/sign-in` and signing out.

use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::providers::{ProviderButtons, provider_buttons};
use super::{SignInQuery, browser, complete_sign_in, onward, slowed};
use crate::accounts::server::service::{self, SignIn};
use crate::accounts::server::session_person::SessionPerson;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input};
use crate::ui::server::form_page::FormPage;

#[derive(Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    email: String,
    password: Secret,
    #[serde(default)]
    next: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    person: Option<SessionPerson>,
    Query(going): Query<SignInQuery>,
) -> Response {
    let next = ReturnPath::or_home(&going.next);
    match person {
        Some(_) if going.again.is_empty() => Redirect::to(next.as_str()).into_response(),
        _ => page(&app, &visit, String::new(), next, FormErrors::default()).await,
    }
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Error> {
    let next = ReturnPath::or_home(&form.next);
    let browser_token = browser(&app, &headers);
    let refused = |errors| page(&app, &visit, form.email.clone(), next.clone(), errors);
    match service::sign_in(&app, &visit, &form.email, form.password.clone(), browser_token.as_ref()).await {
        Ok(SignIn::Done(person)) => complete_sign_in(&app, &session, &visit, &headers, &person, &next).await,
        Ok(SignIn::NeedsFactor(person)) => {
            service::start_pending(&app, &session, &visit, &person).await?;
            Ok(onward("/sign-in/second-factor", &next))
        }
        Ok(SignIn::Refused) => {
            let error = "That email and password don't match. Passwords are case-sensitive.";
            let errors = FormErrors::default().with("password", error);
            Ok(refused(errors).await)
        }
        Err(Error::TooMany(wait)) => Ok(slowed(wait, refused).await),
        Err(error) => Err(error),
    }
}

pub async fn sign_out(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    person: Option<SessionPerson>,
) -> Result<Response, Error> {
    match person {
        Some(SessionPerson(person)) => service::end_this_session(&app, &session, &visit, &person).await?,
        None => session.flush().await?,
    }
    let mut response = Redirect::to("/sign-in").into_response();
    // The Back button must not show pages that the browser has cached, and drafts of forms belong to whoever typed them.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    // The session layer removes the cookie without the Secure attribute, which browsers ignore for a __Host- cookie.
    if app.public_url.is_secure() {
        let removal = HeaderValue::from_static(
            "__Host-latchkey_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
        );
        response.headers_mut().append(SET_COOKIE, removal);
    }
    Ok(response)
}

async fn page(app: &App, visit: &Visit, email: String, next: ReturnPath, errors: FormErrors) -> Response {
    let is_new = email.is_empty();
    let buttons = provider_buttons(app, &next);
    let (has_mail, is_open) = (app.mail.is_on(), service::sign_up_is_open(app));
    // If the database is away, signing in says so.
    let needs_setup = service::needs_setup(app).await.unwrap_or(false);
    FormPage::solo(app, visit, "Sign in", "/sign-in")
        .text("to manage the API keys of your organization")
        .failed("You are not signed in.")
        .submit("Sign in")
        .saving("Signing in…")
        .below(move || {
            view! {
                {needs_setup.then(setup_first)}
                <ProviderButtons buttons/>
                <p class="mt-8 text-center text-dense text-ink-3 text-balance">
                    {no_account(is_open)}
                    " "
                    {forgotten(has_mail)}
                </p>
            }
            .into_any()
        })
        .render(errors, move || {
            view! {
                <HiddenFields fields=vec![("next", next.to_string())]/>
                <Input
                    name="email" label="Email" kind="email" value=email autocomplete="username"
                    verbatim=true large=true focus=is_new max_length=254
                />
                <Input
                    name="password" label="Password" kind="password" autocomplete="current-password" large=true
                />
            }
        })
        .await
}

/// On a server without accounts, says how to create the first one.
fn setup_first() -> AnyView {
    view! {
        <div class="note note-info mt-6" role="note">
            <p>
                "This server has no account yet. Open the setup link that it printed when it started, or print a new one with "
                <code>"latchkey admin setup-link"</code>
                "."
            </p>
        </div>
    }
    .into_any()
}

/// The link to reset a password; without mail, whom to ask. It stands below the form, so that the Tab key leads from the
/// email to the password.
fn forgotten(has_mail: bool) -> AnyView {
    if has_mail {
        view! { <a class="link" href="/reset">"Forgot password?"</a> }.into_any()
    } else {
        "Forgotten your password? The operator of this server can create a reset link for you.".into_any()
    }
}

fn no_account(is_open: bool) -> AnyView {
    if !is_open {
        return "No account? Ask an admin of your organization to invite you.".into_any();
    }
    view! { "No account? " <a class="link" href="/sign-up">"Sign up"</a> "." }.into_any()
}
