//! `/`: says that the server runs, and with what.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::page::Page;
use crate::platform::App;
use crate::platform::http::Visit;
use crate::shared::VERSION;

pub async fn show(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    let (engine, address) = (app.db.engine().to_string(), app.public_url.origin().to_owned());
    Page::new(&app, &visit, "Running")
        .render(move || {
            view! {
                <main id="main" class="mx-auto max-w-[26rem] px-4 pt-24">
                    <h1 class="h-page">"Latchkey is running"</h1>
                    <p class="mt-2 text-ink-2">"Version " {VERSION} " with " {engine} " at " {address} "."</p>
                </main>
            }
        })
        .await
}
