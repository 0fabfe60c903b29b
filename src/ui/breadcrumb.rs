//! The way from a page to the pages above it.

use leptos::prelude::*;

/// Links to the pages above; the last item is the page itself.
#[component]
pub fn Breadcrumb(up: Vec<(String, String)>, #[prop(into)] here: String) -> AnyView {
    let steps = up.into_iter().map(|(href, name)| {
        view! {
            <li class="flex min-w-0 gap-1.5">
                <a class="truncate underline-offset-3 hover:text-ink hover:underline" href=href dir="auto">{name}</a>
                <span aria-hidden="true">"/"</span>
            </li>
        }
    });
    view! {
        <nav aria-label="Breadcrumb" class="mb-3 text-dense text-ink-3">
            <ol class="flex gap-1.5">
                {steps.collect_view()}
                <li class="min-w-0 truncate text-ink-2" aria-current="page" dir="auto">{here}</li>
            </ol>
        </nav>
    }
    .into_any()
}
