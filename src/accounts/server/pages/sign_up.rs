//! `/sign-up`: there is no form for everybody; the page says how accounts come about.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use crate::platform::App;
use crate::platform::config::SignUp;
use crate::platform::http::Visit;
use crate::ui::parts::{LinkButton, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

pub async fn show(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    let host = app.public_url.authority().to_owned();
    let (title, text) = match app.config.accounts.sign_up {
        SignUp::Invitation => (
            "By invitation",
            "Accounts on this server are made by invitation. Ask an admin of your organization for a link.",
        ),
        SignUp::Closed => ("Closed", "No new accounts are made on this server. Ask whoever runs it."),
    };
    Page::new(&app, &visit, "Sign up")
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">{title}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance">
                        {text}
                    </p>
                    <p class="text-center">
                        <LinkButton href="/sign-in" size=Size::Large>"Sign in"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
