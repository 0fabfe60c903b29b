//! `/sign-up`: accounts come by invitation; the page says so to whoever looks for a form.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use crate::platform::App;
use crate::platform::http::Visit;
use crate::ui::parts::{LinkButton, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

pub async fn show(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(&app, &visit, "Sign up")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"By invitation"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance">
                        "Accounts on this server are made by invitation. Ask an admin of your organization for a link."
                    </p>
                    <p class="text-center">
                        <LinkButton href="/sign-in" size=Size::Large>"Sign in"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
