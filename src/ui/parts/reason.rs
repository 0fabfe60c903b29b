//! Why a request was refused: a shape and a word, and a bar that compares how often.

use leptos::prelude::*;

use super::badge::{Shape, StatusShape, Tone};
use super::chart::Ink;

#[component]
pub fn Reason(tone: Tone, shape: Shape, #[prop(into)] text: String) -> AnyView {
    view! { <span class=format!("reason {}", tone.text())><StatusShape shape/><span>{text}</span></span> }
        .into_any()
}

/// A bar from 0 to 100. Decorative: the number is in a text beside it.
#[component]
pub fn ShareBar(ink: Ink, percent: u64) -> AnyView {
    // A share of almost nothing is still visible.
    let width = percent.clamp(1, 100).to_string();
    view! {
        <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class="meter-bg" width="100" height="6"></rect>
            <rect class=ink.fill() width=width height="6"></rect>
        </svg>
    }
    .into_any()
}
