//! Roles as pins: one to four raised ones, as in a lock. Always with the word.

use leptos::prelude::*;

use super::markup::{Markup, markup};
use crate::shared::Role;

/// The pins alone, for a choice that says the word itself.
#[component]
pub fn Pins(role: Role) -> AnyView {
    pins(role).into_any()
}

fn pins(role: Role) -> Markup {
    let pin = |(pin, x): (Role, u32)| match pin <= role {
        true => markup!(r#"<path d="M"# { x } r#" 0h2.5v12h-2.5z"/>"#),
        false => markup!(r#"<path class="off" d="M"# { x } r#" 6h2.5v6h-2.5z"/>"#),
    };
    let pins: Vec<_> = Role::ALL.into_iter().zip([0, 4, 8, 12]).map(pin).collect();
    markup!(r#"<svg class="pins" viewBox="0 0 15 12" fill="currentColor" aria-hidden="true">"# { pins } "</svg>")
}

#[component]
pub fn RolePins(role: Role) -> AnyView {
    role_pins(role).into_any()
}

pub fn role_pins(role: Role) -> Markup {
    markup!(
        r#"<span class="inline-flex items-center gap-2">"# { pins(role) } "<span>" { role.label() } "</span></span>"
    )
}
