//! Dialogs: a form in a window above a page. The server renders a dialog open, at its own address, so it needs no script: closing it
//! is a link to the page without it. `Shell` makes the page behind an open dialog `inert`.

use leptos::prelude::*;

use super::button::IconLink;
use super::icon::Symbol;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialogWidth {
    #[default]
    Usual,
    /// For a confirmation.
    Narrow,
}

/// Children: usually a `form` of `DialogBody` and `DialogFoot`.
#[component]
pub fn Dialog(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    #[prop(into)] title: String,
    /// The page without the dialog.
    #[prop(into)]
    close: String,
    #[prop(optional)] width: DialogWidth,
    /// The id of the sentence that describes the consequences.
    #[prop(into, optional)]
    described_by: String,
    children: Children,
) -> AnyView {
    let class = match width {
        DialogWidth::Usual => "dialog",
        DialogWidth::Narrow => "dialog dialog-narrow",
    };
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <div class="scrim"></div>
        <dialog
            open
            id=id
            class=class
            aria-modal="true"
            aria-labelledby=labelled_by
            aria-describedby=(!described_by.is_empty()).then_some(described_by)
        >
            <div class="dialog-head">
                <h2 class="h-sect min-w-0 [overflow-wrap:anywhere]" id=title_id dir="auto">{title}</h2>
                <IconLink href=close symbol=Symbol::Cross label="Close"/>
            </div>
            {children()}
        </dialog>
    }
    .into_any()
}

#[component]
pub fn DialogBody(children: Children) -> AnyView {
    view! { <div class="dialog-body">{children()}</div> }.into_any()
}

/// The buttons of a dialog: first the one that cancels, last the one that acts.
#[component]
pub fn DialogFoot(#[prop(into, optional)] caption: String, children: Children) -> AnyView {
    view! {
        <div class="dialog-foot">
            {(!caption.is_empty()).then(|| view! { <p class="cap mr-auto max-sm:hidden">{caption}</p> })}
            {children()}
        </div>
    }
    .into_any()
}
