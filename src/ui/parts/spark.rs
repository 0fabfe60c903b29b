//! Fourteen days in 55 × 18 px, with the refused share in orange; and the pins that wait for a first call.

use leptos::prelude::*;

/// One day of a trend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SparkDay {
    pub calls: u64,
    /// How many of them the rate limit refused.
    pub limited: u64,
}

const HEIGHT: f64 = 18.0;
const TALLEST: f64 = 17.0;

/// Decoration: the figures are in the same row.
#[component]
pub fn Spark(days: Vec<SparkDay>) -> AnyView {
    let most = days.iter().map(|day| day.calls).max().unwrap_or(0).max(1) as f64;
    let bars = days.into_iter().enumerate().map(|(place, day)| {
        let x = place * 4;
        let height = if day.calls == 0 { 1.0 } else { (day.calls as f64 / most * TALLEST).max(1.5) };
        let y = HEIGHT - height;
        let limited =
            (day.limited > 0).then(|| (day.limited.min(day.calls) as f64 / most * TALLEST).max(2.0));
        view! {
            <rect
                x=x
                y=format!("{y:.1}")
                width="3"
                height=format!("{height:.1}")
                fill="currentColor"
                class=(day.calls == 0).then_some("nil")
            ></rect>
            {limited
                .map(|limited| {
                    let height = format!("{limited:.1}");
                    view! {
                        <rect
                            class="lim"
                            x=x
                            y=format!("{y:.1}")
                            width="3"
                            height=height
                            fill="currentColor"
                        ></rect>
                    }
                })}
        }
    });
    view! { <svg class="spark" viewBox="0 0 55 18" aria-hidden="true">{bars.collect_view()}</svg> }.into_any()
}

/// Five pins that search while we wait, and line up when the first call has come.
#[component]
pub fn Tumbler(#[prop(optional)] set: bool) -> AnyView {
    let heights = if set { [4; 5] } else { [2, 5, 3, 6, 4] };
    let pins = heights.into_iter().zip(["0.5", "6.5", "12.5", "18.5", "24.5"]).map(|(y, x)| {
        view! { <rect x=x y=y width="3" height="8" rx=".5" fill="currentColor"></rect> }
    });
    let class = if set { "tumbler tumbler-set" } else { "tumbler" };
    view! { <svg class=class viewBox="0 0 28 16" aria-hidden="true">{pins.collect_view()}</svg> }.into_any()
}
