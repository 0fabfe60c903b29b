//! The pages of accounts. Each form posts to its page's own address: 303 on success, the same page with 422 otherwise.

mod forgotten;
mod oauth;
mod oauth_error_page;
mod providers;
mod reset;
mod second_factor;
mod sign_in;
mod sign_up;

pub use providers::{ProviderButton, ProviderButtons, provider_buttons, start_link};

use std::time::Duration;

use axum::http::header::{REFRESH, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::service::{self, Person};
use crate::platform::http::{Audience, Routes, Visit, cookie};
use crate::platform::{App, Error, Secret, minutes};
use crate::shared::ReturnPath;
use crate::ui::form::FormErrors;
use crate::ui::parts::{LinkButton, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

pub fn routes() -> Routes {
    Routes::default()
        .get("/sign-in", Audience::Anyone, sign_in::show)
        .post("/sign-in", Audience::Anyone, sign_in::submit)
        .get("/sign-in/second-factor", Audience::Anyone, second_factor::show)
        .post("/sign-in/second-factor", Audience::Anyone, second_factor::submit)
        .post("/sign-out", Audience::Anyone, sign_in::sign_out)
        .get("/auth/{provider}", Audience::Anyone, oauth::start)
        .get("/auth/{provider}/callback", Audience::Anyone, oauth::callback)
        .get("/sign-up", Audience::Anyone, sign_up::show)
        .post("/sign-up", Audience::Anyone, sign_up::submit)
        .get("/reset", Audience::Anyone, forgotten::show)
        .post("/reset", Audience::Anyone, forgotten::submit)
        .get("/reset/{token}", Audience::Anyone, reset::show)
        .post("/reset/{token}", Audience::Anyone, reset::submit)
}

/// The query of the sign-in pages.
#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
    /// Not empty: show the sign-in page although somebody is signed in.
    #[serde(default)]
    again: String,
}

/// The sign-in URL for a person who is already signed in.
pub fn sign_in_again(next: &ReturnPath) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("/sign-in?again=1&next={next}")
}

/// Redirects to the next sign-in step and passes the return path on.
fn onward(step: &str, next: &ReturnPath) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    Redirect::to(&format!("{step}?next={next}")).into_response()
}

/// Renders the page again with status 429 and the time to wait.
async fn slowed<F>(wait: Duration, page: impl FnOnce(FormErrors) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let why = format!("Too many tries. Wait {} before the next one.", minutes(wait));
    let mut response = page(FormErrors::default().with("", why)).await;
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, wait.as_secs().into());
    response
}

fn browser_cookie(app: &App) -> &'static str {
    if app.public_url.is_secure() { "__Host-latchkey_browser" } else { "latchkey_browser" }
}

/// The token that this browser received at an earlier sign-in.
pub fn browser(app: &App, headers: &HeaderMap) -> Option<Secret> {
    cookie(headers, browser_cookie(app)).map(Secret::new)
}

/// The last step of every sign-in: starts a session, remembers the browser, and redirects to the return path.
pub async fn complete_sign_in(
    app: &App,
    session: &Session,
    visit: &Visit,
    headers: &HeaderMap,
    person: &Person,
    next: &ReturnPath,
) -> Result<Response, Error> {
    service::start_session(app, session, visit, person).await?;
    let mut response = signed_in_page(app, visit, next).await;
    set_browser_cookie(app, headers, person, &mut response).await?;
    Ok(response)
}

/// A page that redirects to `next` by the Refresh header, with a link for browsers that ignore it. A plain redirect does
/// not do: Chromium caches the page that a form's response redirects to, despite its Cache-Control, and the Back button
/// shows it after signing out.
async fn signed_in_page(app: &App, visit: &Visit, next: &ReturnPath) -> Response {
    let host = app.public_url.authority().to_owned();
    let href = next.to_string();
    let page = Page::new(app, visit, "Signed in").render(move || {
        view! {
            <Solo width=SoloWidth::Slim rack=true host>
                <h1 class="h-page text-center">"You are signed in"</h1>
                <p class="mt-6 text-center">
                    <LinkButton href size=Size::Large>"Continue"</LinkButton>
                </p>
            </Solo>
        }
    });
    let mut response = page.await;
    if let Ok(value) = HeaderValue::from_str(&format!("0; url={next}")) {
        response.headers_mut().insert(REFRESH, value);
    }
    response
}

/// Remembers the browser by a token in a cookie, so that the throttle does not slow it down when strangers attack the
/// account.
pub async fn set_browser_cookie(
    app: &App,
    headers: &HeaderMap,
    person: &Person,
    response: &mut Response,
) -> Result<(), Error> {
    if let Some(token) = service::remember_browser(app, person, browser(app, headers).as_ref()).await? {
        let secure = if app.public_url.is_secure() { "; Secure" } else { "" };
        let life = service::BROWSER_LIFE.as_secs();
        let line = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}",
            browser_cookie(app),
            token.expose()
        );
        if let Ok(value) = HeaderValue::from_str(&line) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    Ok(())
}
