//! A problem as a page: what happened, what to do, and the id under which the log has it.

use std::pin::Pin;

use axum::response::Response;
use leptos::prelude::*;

use super::page::Page;
use crate::platform::http::Visit;
use crate::platform::{App, Problem};

pub fn page(app: App, visit: Visit, problem: Problem) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    let id = visit.request_id.clone();
    let page = Page::new(&app, &visit, problem.title).status(problem.status);
    Box::pin(page.render(move || {
        view! {
            <main id="main" class="mx-auto max-w-[26rem] px-4 pt-24">
                <p class="cap">{problem.status.as_u16()}</p>
                <h1 class="h-page">{problem.title}</h1>
                <p class="mt-2 text-ink-2">{problem.detail}</p>
                <p class="mt-6"><a class="btn btn-secondary" href="/">"Go to the start page"</a></p>
                <p class="cap mt-6">"Request " <code>{id}</code></p>
            </main>
        }
    }))
}
