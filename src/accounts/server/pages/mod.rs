//! The pages of accounts. Each form posts to its page's own address: 303 on success, the same page with 422 otherwise.

mod profile;
mod reset;
mod second_factor;
mod sign_in;
mod sign_up;

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::service::{self, Person};
use crate::platform::http::{Doors, Visit, Who, cookie};
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;

pub fn doors() -> Doors {
    Doors::default()
        .get("/sign-in", Who::Anyone, sign_in::show)
        .post("/sign-in", Who::Anyone, sign_in::submit)
        .get("/sign-in/second-factor", Who::Anyone, second_factor::show)
        .post("/sign-in/second-factor", Who::Anyone, second_factor::submit)
        .post("/sign-out", Who::Anyone, sign_in::sign_out)
        .get("/sign-up", Who::Anyone, sign_up::show)
        .get("/reset/{token}", Who::Anyone, reset::show)
        .post("/reset/{token}", Who::Anyone, reset::submit)
        .and(profile::doors())
}

fn browser_cookie(app: &App) -> &'static str {
    if app.public_url.is_secure() { "__Host-latchkey_browser" } else { "latchkey_browser" }
}

/// The token that this browser got when somebody signed in with it.
fn browser(app: &App, headers: &HeaderMap) -> Option<Secret> {
    cookie(headers, browser_cookie(app)).map(Secret::new)
}

/// The last step of every way in: a session under a new id, the browser remembered, on to where one was going.
pub async fn enter(
    app: &App,
    session: &Session,
    visit: &Visit,
    headers: &HeaderMap,
    person: &Person,
    next: &ReturnPath,
) -> Result<Response, Error> {
    service::start_session(app, session, visit, person).await?;
    let mut response = Redirect::to(next.as_str()).into_response();
    remember(app, headers, person, &mut response).await?;
    Ok(response)
}

/// A browser that has proven to be the person's is not slowed by what strangers try.
async fn remember(
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
