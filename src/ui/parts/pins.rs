//! Roles as pins: one to four raised ones, as in a lock. Always with the word.

use leptos::prelude::*;

use crate::shared::Role;

/// The pins alone, for a choice that says the word itself.
#[component]
pub fn Pins(role: Role) -> AnyView {
    let pins = Role::ALL.into_iter().zip([0, 4, 8, 12]).map(|(pin, x)| {
        let raised = pin <= role;
        let (y, height) = if raised { (0, 12) } else { (6, 6) };
        view! {
            <rect x=x y=y width="2.5" height=height fill="currentColor" class=(!raised).then_some("off")></rect>
        }
    });
    view! { <svg class="pins" viewBox="0 0 15 12" aria-hidden="true">{pins.collect_view()}</svg> }.into_any()
}

#[component]
pub fn RolePins(role: Role) -> AnyView {
    view! { <span class="inline-flex items-center gap-2"><Pins role/><span>{role.label()}</span></span> }
        .into_any()
}
