//! A menu is a native popover: it opens, closes and gives the focus back without a script. The destructive item comes
//! last, after a rule; "…" means that another step follows.

use super::icon::{Symbol, icon};
use super::markup::{Markup, markup};
use crate::ui::button_form::button_form;

/// What a menu offers.
#[derive(Clone, Debug)]
pub enum MenuItem {
    Link {
        href: String,
        symbol: Symbol,
        text: &'static str,
        danger: bool,
    },
    /// Does it at once: a form of one button with hidden values.
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

    /// Of a step that cannot be undone.
    pub fn danger(href: impl Into<String>, symbol: Symbol, text: &'static str) -> Self {
        Self::Link { href: href.into(), symbol, text, danger: true }
    }

    fn drawn(self) -> Markup {
        match self {
            Self::Link { href, symbol, text, danger } => {
                let danger = danger.then_some(" menu-item-danger");
                markup!(
                    r#"<a class="menu-item"# { danger } r#"" href=""# { href } r#"">"# { icon(symbol) } { text } "</a>"
                )
            }
            Self::Action { action, fields, symbol, text } => {
                let button = markup!(r#"<button type="submit" class="menu-item">"# { icon(symbol) } { text } "</button>");
                button_form(&action, &fields, button)
            }
            Self::Rule => markup!("<hr>"),
        }
    }
}

/// A row's or page's "…" with its items. The id is unique on the page; the label names the button, such as "Actions for
/// ci-deploy".
pub fn menu(id: &str, label: &str, items: Vec<MenuItem>) -> Markup {
    let items: Vec<_> = items.into_iter().map(MenuItem::drawn).collect();
    markup!(
        r#"<button type="button" class="btn-icon over" popovertarget=""# { id } r#"" aria-label=""# { label } r#"">"#
        { icon(Symbol::More) } r#"</button><div popover="auto" id=""# { id } r#"" class="menu">"# { items } "</div>"
    )
}
