//! Links to the next and the previous page. Totals are counted up to a maximum, because counting a million rows is expensive.

use leptos::prelude::*;

use super::button::{LinkButton, Size};
use super::icon::{Icon, Symbol};

/// "50 events on this page", or "50 events" if there are no other pages. For lists whose entries are not counted.
pub fn on_page(count: String, previous: &str, next: &str) -> String {
    if previous.is_empty() && next.is_empty() { count } else { format!("{count} on this page") }
}

#[component]
pub fn Pagination(
    /// The contents of this page, such as "10 keys" or "1–50 of 1,000+ keys".
    #[prop(into)]
    summary: String,
    /// The address of "Previous"; empty on the first page.
    #[prop(into, optional)]
    previous: String,
    /// The address of "Next"; empty on the last page.
    #[prop(into, optional)]
    next: String,
    #[prop(into, default = "Previous".to_owned())] previous_label: String,
    #[prop(into, default = "Next".to_owned())] next_label: String,
) -> AnyView {
    let links = !(previous.is_empty() && next.is_empty());
    view! {
        <div class="foot">
            <span class="num" data-summary="">{summary}</span>
            {links
                .then(|| {
                    view! {
                        <nav class="flex gap-2" aria-label="Pages">
                            {step(previous, previous_label, false)}
                            {step(next, next_label, true)}
                        </nav>
                    }
                })}
        </div>
    }
    .into_any()
}

fn step(href: String, label: String, onward: bool) -> AnyView {
    let symbol = if onward { Symbol::Right } else { Symbol::Left };
    if href.is_empty() {
        let icon = move || view! { <Icon symbol/> };
        view! {
            <span class="btn btn-secondary btn-sm" aria-disabled="true">
                {(!onward).then(icon)}
                {label}
                {onward.then(icon)}
            </span>
        }
        .into_any()
    } else if onward {
        view! { <LinkButton href size=Size::Small icon_after=symbol>{label}</LinkButton> }.into_any()
    } else {
        view! { <LinkButton href size=Size::Small icon=symbol>{label}</LinkButton> }.into_any()
    }
}
