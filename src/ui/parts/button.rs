//! Buttons and links that look like them. One primary per view; danger is quiet on pages and solid only inside its
//! confirmation; Approve and Deny weigh the same. A submit button is never disabled to show an error.

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

/// Submits its form. `form::SubmitButton` is the one that also says "Saving…".
#[component]
pub fn Button(
    #[prop(optional)] look: Look,
    #[prop(optional)] size: Size,
    #[prop(optional)] icon: Option<Symbol>,
    /// What the form learns from this button; nothing when empty.
    #[prop(into, optional)]
    name: String,
    #[prop(into, optional)] value: String,
    /// Another address than the form's.
    #[prop(into, optional)]
    action: String,
    /// Submits although fields are not filled in, as Cancel and Deny must.
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
    /// Behind the words, as in "Next".
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

/// A link that shows only its icon; `label` is what it is called.
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

/// An attribute that is left out when there is nothing to say.
pub(in crate::ui) fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
