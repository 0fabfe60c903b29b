//! `/` leads on: to the pages of whoever is signed in, to signing in, or, before the first account, to the setup link.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;

use crate::accounts::server::nobody_yet;
use crate::orgs::server::Visitor;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    visitor: Option<Visitor>,
) -> Result<Response, Error> {
    if visitor.is_some() {
        return Ok(Redirect::to("/overview").into_response());
    }
    if nobody_yet(&app).await? {
        return Ok(not_set_up(&app, &visit).await);
    }
    Ok(Redirect::to("/sign-in").into_response())
}

async fn not_set_up(app: &App, visit: &Visit) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Not set up yet")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"Latchkey is running"</h1>
                    <p class="mt-1 text-center text-ink-2 text-balance">
                        "Nobody has an account yet. Open the link that the server printed when it started, or have \
                        a new one printed:"
                    </p>
                    <p class="mt-4 text-center"><code class="mono select-all">"latchkey admin setup-link"</code></p>
                </Solo>
            }
        })
        .await
}
