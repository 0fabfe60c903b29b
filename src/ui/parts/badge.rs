//! Badges: a status as a shape and a word, never as color alone. Active keys have no badge in lists.

use leptos::prelude::*;

use super::button::filled;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Ok,
    Info,
    Warn,
    Danger,
    Brass,
    Line,
}

impl Tone {
    pub(super) const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Ok => Some("ok"),
            Self::Info => Some("info"),
            Self::Warn => Some("warn"),
            Self::Danger => Some("danger"),
            Self::Brass => Some("brass"),
            Self::Line => Some("line"),
        }
    }

    /// The class that gives text this colour.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Plain | Self::Brass | Self::Line => "text-ink-3",
            Self::Ok => "tone-ok",
            Self::Info => "tone-info",
            Self::Warn => "tone-warn",
            Self::Danger => "tone-danger",
        }
    }
}

/// The shape of a status on a 10 px grid, so that it is recognizable without color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Active,
    Expiring,
    Rotating,
    Limited,
    Disabled,
    Expired,
    Revoked,
    Unused,
    New,
    Address,
    Secret,
    Permission,
    Quota,
    Locked,
    Flood,
}

impl Shape {
    const fn paths(self) -> &'static str {
        match self {
            Self::Active => r#"<circle cx="5" cy="5" r="3.5" fill="currentColor"/>"#,
            Self::Expiring => {
                r#"<circle cx="5" cy="5" r="3.75" stroke="currentColor" stroke-width="1.5"/><path d="M5 5V1.5A3.5 3.5 0 018.5 5z" fill="currentColor"/>"#
            }
            Self::Rotating => {
                r#"<path d="M4.25 1a4 4 0 000 8z" fill="currentColor"/><path d="M5.75 1.75a3.3 3.3 0 010 6.5z" stroke="currentColor" stroke-width="1.3"/>"#
            }
            Self::Limited => r#"<path d="M1 1.5h8M1 5h5M1 8.5h8" stroke="currentColor" stroke-width="1.6"/>"#,
            Self::Disabled => r#"<path d="M3 1.5v7M7 1.5v7" stroke="currentColor" stroke-width="2"/>"#,
            Self::Expired => {
                r#"<circle cx="5" cy="5" r="3.75" stroke="currentColor" stroke-width="1.5"/><path d="M5 2.75V5h2" stroke="currentColor" stroke-width="1.25"/>"#
            }
            Self::Revoked => {
                r#"<path d="M1.75 1.75l6.5 6.5M8.25 1.75l-6.5 6.5" stroke="currentColor" stroke-width="1.75"/>"#
            }
            Self::Unused => r#"<circle cx="5" cy="5" r="3.5" stroke="currentColor" stroke-width="1.5"/>"#,
            Self::New => r#"<path d="M5 1v8M1 5h8" stroke="currentColor" stroke-width="1.75"/>"#,
            Self::Address => {
                r#"<circle cx="5" cy="5" r="3.75" stroke="currentColor" stroke-width="1.5"/><path d="M2.5 7.5l5-5" stroke="currentColor" stroke-width="1.5"/>"#
            }
            Self::Secret => {
                r#"<path d="M1.25 5h1.5M4.25 5h1.5M7.25 5h1.5" stroke="currentColor" stroke-width="2"/><path d="M1 1.25h8M1 8.75h8" stroke="currentColor" stroke-width="1.2"/>"#
            }
            Self::Permission => r#"<path d="M1 1h4l4 4-4 4-4-4z" stroke="currentColor" stroke-width="1.5"/>"#,
            Self::Quota => r#"<path d="M1 8.75h8v-7.5z" fill="currentColor"/>"#,
            Self::Locked => {
                r#"<path d="M1.5 4.5h7v4.75h-7z" fill="currentColor"/><path d="M3 4.5V3a2 2 0 014 0v1.5" stroke="currentColor" stroke-width="1.4"/>"#
            }
            Self::Flood => {
                r#"<path d="M.75 3.25l2-1.5 2.25 1.5 2.25-1.5 2 1.5M.75 6l2-1.5L5 6l2.25-1.5 2 1.5M.75 8.75l2-1.5L5 8.75l2.25-1.5 2 1.5" stroke="currentColor" stroke-width="1.2"/>"#
            }
        }
    }
}

/// The shape alone, for lists that have the word in their text.
#[component]
pub fn StatusShape(shape: Shape, #[prop(into, optional)] class: String) -> AnyView {
    view! {
        <svg
            class=filled(class) viewBox="0 0 10 10" fill="none" aria-hidden="true"
            inner_html=shape.paths()
        ></svg>
    }
    .into_any()
}

#[component]
pub fn Badge(
    #[prop(optional)] tone: Tone,
    #[prop(optional)] shape: Option<Shape>,
    #[prop(into)] text: String,
) -> AnyView {
    let class = tone.suffix().map_or("badge".to_owned(), |suffix| format!("badge badge-{suffix}"));
    let shape = shape.map(|shape| view! { <StatusShape shape/> });
    view! { <span class=class>{shape}{text}</span> }.into_any()
}
