//! Buttons, and links that look like them. A view has one primary button. Dangerous actions are inconspicuous on pages and prominent
//! only in their confirmation; Approve and Deny look equally important. A submit button is never disabled to show an error.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    Primary,
    #[default]
    Secondary,
    Ghost,
    DangerQuiet,
    Danger,
    Verdict,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    Small,
    #[default]
    Usual,
    Large,
}

/// The classes of a button, for the few places that need another element.
pub fn button_class(look: Look, size: Size, more: &str) -> String {
    let look = match look {
        Look::Primary => "btn btn-primary",
        Look::Secondary => "btn btn-secondary",
        Look::Ghost => "btn btn-ghost",
        Look::DangerQuiet => "btn btn-danger-quiet",
        Look::Danger => "btn btn-danger",
        Look::Verdict => "btn btn-verdict",
    };
    let size = match size {
        Size::Small => " btn-sm",
        Size::Usual => "",
        Size::Large => " btn-lg",
    };
    format!("{look}{size} {more}").trim_end().to_owned()
}

/// Submits its form. `form::SubmitButton` also says "Saving…".
#[component]
pub fn Button(
    #[prop(optional)] look: Look,
    #[prop(optional)] size: Size,
    #[prop(optional)] icon: Option<Symbol>,
    /// The name and value that the form sends for this button; none when empty.
    #[prop(into, optional)]
    name: String,
    #[prop(into, optional)] value: String,
    /// An address that replaces that of the form.
    #[prop(into, optional)]
    action: String,
    /// Submits although required fields are empty, for buttons such as Cancel and Deny.
    #[prop(optional)]
    unchecked: bool,
    #[prop(into, optional)] class: String,
    children: Children,
) -> AnyView {
    let value = (!name.is_empty()).then_some(value);
    view! {
        <button
            type="submit"
            class=button_class(look, size, &class)
            name=filled(name)
            value=value
            formaction=filled(action)
            formnovalidate=unchecked
        >
            {icon.map(|symbol| view! { <Icon symbol/> })}
            {children()}
        </button>
    }
    .into_any()
}

#[component]
pub fn LinkButton(
    #[prop(into)] href: String,
    #[prop(optional)] look: Look,
    #[prop(optional)] size: Size,
    #[prop(optional)] icon: Option<Symbol>,
    /// An icon after the text, as in "Next".
    #[prop(optional)]
    icon_after: Option<Symbol>,
    #[prop(into, optional)] class: String,
    children: Children,
) -> AnyView {
    view! {
        <a class=button_class(look, size, &class) href=href>
            {icon.map(|symbol| view! { <Icon symbol/> })}
            {children()}
            {icon_after.map(|symbol| view! { <Icon symbol/> })}
        </a>
    }
    .into_any()
}

/// A link that shows only an icon. `label` is its accessible name.
#[component]
pub fn IconLink(
    #[prop(into)] href: String,
    symbol: Symbol,
    #[prop(into)] label: String,
    #[prop(into, optional)] class: String,
) -> AnyView {
    view! {
        <a class=format!("btn-icon {class}").trim_end().to_owned() href=href aria-label=label>
            <Icon symbol/>
        </a>
    }
    .into_any()
}

/// The value of an attribute that is omitted when it is empty.
pub(in crate::ui) fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
