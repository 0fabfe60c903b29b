//! A menu is a native popover: it opens, closes and gives the focus back without a script. The destructive item comes
//! last, after a rule; "…" means that another step follows.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use crate::ui::form::Form;

/// A row's or page's "…" with its items.
#[component]
pub fn Menu(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// Names the button, such as "Actions for ci-deploy".
    #[prop(into)]
    label: String,
    /// `MenuLink`, `MenuAction` and `MenuRule`.
    children: Children,
) -> AnyView {
    view! {
        <button type="button" class="btn-icon over" popovertarget=id.clone() aria-label=label>
            <Icon symbol=Symbol::More/>
        </button>
        <div popover="auto" id=id class="menu">
            {children()}
        </div>
    }
    .into_any()
}

#[component]
pub fn MenuLink(
    #[prop(into)] href: String,
    symbol: Symbol,
    #[prop(optional)] danger: bool,
    #[prop(into)] text: String,
) -> AnyView {
    view! { <a class=item(danger) href=href><Icon symbol/>{text}</a> }.into_any()
}

/// Does it at once: a form of one button. `fields` are its hidden values.
#[component]
pub fn MenuAction(
    #[prop(into)] action: String,
    #[prop(optional)] fields: Vec<(&'static str, String)>,
    symbol: Symbol,
    #[prop(optional)] danger: bool,
    #[prop(into)] text: String,
) -> AnyView {
    view! {
        <Form action>
            <HiddenFields fields/>
            <button type="submit" class=item(danger)><Icon symbol/>{text}</button>
        </Form>
    }
    .into_any()
}

#[component]
pub fn MenuRule() -> AnyView {
    view! { <hr/> }.into_any()
}

/// Values that a form carries without showing them.
#[component]
pub fn HiddenFields(fields: Vec<(&'static str, String)>) -> AnyView {
    fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view()
        .into_any()
}

fn item(danger: bool) -> &'static str {
    if danger { "menu-item menu-item-danger" } else { "menu-item" }
}
