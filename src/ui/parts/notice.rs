//! Messages besides the content of a page: notes, toasts that confirm the last action, and empty states that name the next step.

use leptos::prelude::*;

use super::badge::Tone;
use super::icon::{Icon, Symbol};
use crate::ui::islands::ToastTimer;

#[component]
pub fn Note(
    #[prop(optional)] tone: Tone,
    /// Makes screen readers read the note at once, for errors of the last action.
    #[prop(optional)]
    alert: bool,
    #[prop(into, optional)] class: String,
    children: Children,
) -> AnyView {
    let (suffix, symbol) = match tone {
        Tone::Warn => (" note-warn", Symbol::Warning),
        Tone::Danger => (" note-danger", Symbol::Warning),
        Tone::Ok => (" note-ok", Symbol::Check),
        Tone::Info => (" note-info", Symbol::Info),
        Tone::Plain | Tone::Brass | Tone::Line => ("", Symbol::Info),
    };
    view! {
        <div class=format!("note{suffix} {class}").trim_end().to_owned() role=alert.then_some("alert")>
            <Icon symbol/>
            <div class="min-w-0 [overflow-wrap:anywhere]">{children()}</div>
        </div>
    }
    .into_any()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastOutcome {
    /// Disappears after six seconds.
    Done,
    /// Stays until closed, because it offers to undo what was done.
    Undoable,
    /// Stays until closed.
    Failed,
}

/// A message at the bottom right. Without a script it stays until the next page. Children: the form that undoes what was done.
#[component]
pub fn Toast(
    outcome: ToastOutcome,
    /// A sentence that says what happened.
    #[prop(into)]
    title: String,
    #[prop(into, optional)] detail: String,
    #[prop(optional)] children: Option<Children>,
) -> AnyView {
    let undo = children.map(|undo| undo());
    view! {
        <div class="toasts">
            <ToastBox outcome title detail>{undo}</ToastBox>
        </div>
    }
    .into_any()
}

/// The toast without its position on the page.
#[component]
pub fn ToastBox(
    outcome: ToastOutcome,
    #[prop(into)] title: String,
    #[prop(into, optional)] detail: String,
    #[prop(optional)] children: Option<Children>,
) -> AnyView {
    let undo = children.map(|undo| undo());
    let (role, tone, symbol) = match outcome {
        ToastOutcome::Done | ToastOutcome::Undoable => ("status", "tone-ok", Symbol::Check),
        ToastOutcome::Failed => ("alert", "tone-danger", Symbol::Warning),
    };
    view! {
        <ToastTimer stays=outcome != ToastOutcome::Done>
            <div class="toast" role=role>
                <Icon symbol class=tone/>
                <p class="min-w-0 flex-1 [overflow-wrap:anywhere]" dir="auto">
                    <b class="font-semi">{title}</b>
                    " "
                    {(!detail.is_empty()).then(|| view! { <span class="text-ink-2">{detail}</span> })}
                </p>
                {undo}
                <button type="button" class="btn-icon size-6 needs-script" data-close="" aria-label="Close">
                    <Icon symbol=Symbol::Cross/>
                </button>
            </div>
        </ToastTimer>
    }
    .into_any()
}

/// A sentence that says why there is nothing, and the next step (the children).
#[component]
pub fn EmptyState(
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(into, optional)] class: String,
    #[prop(optional)] children: Option<Children>,
) -> AnyView {
    view! {
        <section class=format!("panel px-6 py-8 text-center {class}").trim_end().to_owned()>
            <h2 class="h-sect [overflow-wrap:anywhere]" dir="auto" data-summary="">{title}</h2>
            <p class="mt-1 text-ink-2 [overflow-wrap:anywhere]" dir="auto">{text}</p>
            {children.map(|next| view! { <div class="mt-3 flex flex-wrap justify-center gap-2">{next()}</div> })}
        </section>
    }
    .into_any()
}

/// A gray placeholder while a list is loading.
#[component]
pub fn Skeleton(#[prop(into)] label: String, #[prop(default = 3)] rows: usize) -> AnyView {
    let row = |index: usize| {
        let rule = if index > 0 { " border-t border-line" } else { "" };
        view! {
            <div class=format!("flex items-center gap-4 px-4 py-3.5{rule}")>
                <div class="skeleton h-3.5 w-10"></div>
                <div class="grid flex-1 gap-2">
                    <div class="skeleton w-40 max-w-full"></div>
                    <div class="skeleton w-28 max-w-full"></div>
                </div>
                <div class="skeleton w-36 max-sm:hidden"></div>
                <div class="skeleton w-16"></div>
            </div>
        }
    };
    view! {
        <div class="panel" role="status" aria-busy="true">
            <span class="sr-only">{label}</span>
            {(0..rows).map(row).collect_view()}
        </div>
    }
    .into_any()
}
