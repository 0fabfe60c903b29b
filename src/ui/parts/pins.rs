//! Drawings of roles: one to four raised pins, as in a lock. The word is always next to them.

use leptos::prelude::*;

use crate::shared::Role;

/// The pins alone, for options that have the word as their label.
#[component]
pub fn Pins(role: Role) -> AnyView {
    let pins = Role::ALL.into_iter().zip([0, 4, 8, 12]).map(|(pin, x)| {
        let (class, path) = match pin <= role {
            true => (None, format!("M{x} 0h2.5v12h-2.5z")),
            false => (Some("off"), format!("M{x} 6h2.5v6h-2.5z")),
        };
        view! { <path class=class d=path></path> }
    });
    view! {
        <svg class="pins" viewBox="0 0 15 12" fill="currentColor" aria-hidden="true">{pins.collect_view()}</svg>
    }
    .into_any()
}

#[component]
pub fn RolePins(role: Role) -> AnyView {
    view! { <span class="inline-flex items-center gap-2"><Pins role/><span>{role.label()}</span></span> }
        .into_any()
}
