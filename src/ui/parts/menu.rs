//! Menus are native popovers, which open, close and restore the focus without a script. A destructive item comes last, after a line;
//! "…" means that another step follows.

use leptos::prelude::*;

use super::hidden_fields::HiddenFields;
use super::icon::{Icon, Symbol};
use crate::ui::form::Form;

/// An item of a menu.
#[derive(Clone, Debug)]
pub enum MenuItem {
    Link {
        href: String,
        symbol: Symbol,
        text: &'static str,
        danger: bool,
    },
    /// An action without another step: a form with one button and hidden values.
    Action {
        action: String,
        fields: Vec<(&'static str, String)>,
        symbol: Symbol,
        text: &'static str,
    },
    Rule,
}

impl MenuItem {
    pub fn link(href: impl Into<String>, symbol: Symbol, text: &'static str) -> Self {
        Self::Link { href: href.into(), symbol, text, danger: false }
    }

    /// A link to an action that cannot be undone.
    pub fn danger(href: impl Into<String>, symbol: Symbol, text: &'static str) -> Self {
        Self::Link { href: href.into(), symbol, text, danger: true }
    }

    fn view(self) -> AnyView {
        match self {
            Self::Link { href, symbol, text, danger } => {
                let class = if danger { "menu-item menu-item-danger" } else { "menu-item" };
                view! { <a class=class href=href><Icon symbol/>{text}</a> }.into_any()
            }
            Self::Action { action, fields, symbol, text } => view! {
                <Form action>
                    <HiddenFields fields/>
                    <button type="submit" class="menu-item"><Icon symbol/>{text}</button>
                </Form>
            }
            .into_any(),
            Self::Rule => view! { <hr/> }.into_any(),
        }
    }
}

/// The "…" button of a row or a page, with its items.
#[component]
pub fn Menu(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// The name of the button, such as "Actions for ci-deploy".
    #[prop(into)]
    label: String,
    items: Vec<MenuItem>,
) -> AnyView {
    let items = items.into_iter().map(MenuItem::view).collect_view();
    view! {
        <button type="button" class="btn-icon over" popovertarget=id.clone() aria-label=label>
            <Icon symbol=Symbol::More/>
        </button>
        <div popover="auto" id=id class="menu">{items}</div>
    }
    .into_any()
}
