//! Roles as pins: one to four raised ones, as in a lock. Always with the word.

use leptos::prelude::*;

use crate::shared::Role;

/// The pins alone, for a choice that says the word itself.
#[component]
pub fn Pins(role: Role) -> AnyView {
    // Drawn as text: a list has many, and each is one piece.
    let pins: String = Role::ALL
        .into_iter()
        .zip([0, 4, 8, 12])
        .map(|(pin, x)| match pin <= role {
            true => format!(r#"<path d="M{x} 0h2.5v12h-2.5z"/>"#),
            false => format!(r#"<path class="off" d="M{x} 6h2.5v6h-2.5z"/>"#),
        })
        .collect();
    view! { <svg class="pins" viewBox="0 0 15 12" fill="currentColor" aria-hidden="true" inner_html=pins></svg> }
        .into_any()
}

#[component]
pub fn RolePins(role: Role) -> AnyView {
    view! { <span class="inline-flex items-center gap-2"><Pins role/><span>{role.label()}</span></span> }
        .into_any()
}
