//! The logo, and the drawing of keys below the sign-in form.

use leptos::prelude::*;

use super::glyph::{blade, bow};
use crate::shared::Kind;

#[component]
pub fn Mark(
    /// A size utility, such as `size-7`.
    #[prop(into, default = "size-7".to_owned())]
    class: String,
) -> AnyView {
    view! {
        <svg class=format!("{class} flex-none") viewBox="0 0 28 28" aria-hidden="true">
            <rect width="28" height="28" rx="6" class="fill-solid"></rect>
            <path d="M8 6.5h4.5v10.6h6.2L22 21.5H8z" class="fill-on-solid"></path>
            <rect x="16.6" y="6.5" width="4.4" height="4.4" rx=".8" class="fill-brass-2"></rect>
        </svg>
    }
    .into_any()
}

const KEYS: usize = 15;
/// The index of the brass key.
const OWN: usize = 9;
const STEP: usize = 60;
const KINDS: [Kind; 9] = [
    Kind::Live,
    Kind::Live,
    Kind::Secret,
    Kind::Live,
    Kind::Mcp,
    Kind::Live,
    Kind::Test,
    Kind::Live,
    Kind::Claw,
];

/// A row of hanging keys: decoration for sign-in and setup only.
#[component]
pub fn Rack() -> AnyView {
    let keys = (0..KEYS).map(|index| {
        let kind = KINDS[index * 5 % KINDS.len()];
        let class = if index == OWN { "rack-own" } else { "rack-key" };
        view! {
            <g class=class transform=format!("translate({} 5)", index * STEP + STEP / 2)>
                <path d="M0 -5V4" class="rack-hook"></path>
                <g transform="translate(16.8 0) rotate(90) scale(2.1)">
                    <path d=format!("{}z", blade(&format!("rack{index}"), kind))></path>
                    <path d=bow(kind) fill-rule="evenodd"></path>
                </g>
            </g>
        }
    });
    view! {
        <svg
            class="rack"
            viewBox=format!("0 0 {} 92", KEYS * STEP)
            preserveAspectRatio="xMidYMin slice"
            aria-hidden="true"
        >
            <path class="rack-hook" d=format!("M0 1H{}", KEYS * STEP)></path>
            {keys.collect_view()}
        </svg>
    }
    .into_any()
}
