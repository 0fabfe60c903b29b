//! `/` redirects signed-in people to the overview and others to the sign-in page. Before the first account it explains the
//! setup link.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;

use crate::accounts::server::needs_setup;
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
    if needs_setup(&app).await? {
        return Ok(setup_page(&app, &visit).await);
    }
    Ok(Redirect::to("/sign-in").into_response())
}

async fn setup_page(app: &App, visit: &Visit) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Not set up yet")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"Latchkey is running"</h1>
                    <p class="mt-1 text-center text-ink-2 text-balance">
                        "There are no accounts yet. Open the link that the server printed when it started, or run this \
                        command on the server to print a new one:"
                    </p>
                    <p class="mt-4 text-center"><code class="mono select-all">"latchkey admin setup-link"</code></p>
                </Solo>
            }
        })
        .await
}
