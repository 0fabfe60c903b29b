//! A small chart of fourteen days (55 × 18 px) with the refused requests in orange, and the animation that waits for a first call.

use leptos::prelude::*;

use super::markup::{Markup, markup};

/// One day of a trend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SparkDay {
    pub calls: u64,
    /// The requests that the rate limit refused.
    pub limited: u64,
}

const HEIGHT: f64 = 18.0;
const TALLEST: f64 = 17.0;

/// The chart. It is decoration, because the numbers are in the same row.
#[component]
pub fn Spark(days: Vec<SparkDay>) -> AnyView {
    markup!(
        r#"<svg class="spark" viewBox="0 0 55 18" fill="currentColor" aria-hidden="true">"# { shapes(&days) } "</svg>"
    )
    .into_any()
}

/// At most three shapes: the days without a request, the other days, and the refused requests.
fn shapes(days: &[SparkDay]) -> Vec<Markup> {
    let most = days.iter().map(|day| day.calls).max().unwrap_or(0).max(1) as f64;
    let [mut none, mut some, mut limited] = [String::new(), String::new(), String::new()];
    let bar = |shape: &mut String, index: usize, y: f64, height: f64| {
        shape.push_str(&format!("M{} {y:.1}h3v{height:.1}h-3z", index * 4));
    };
    for (index, day) in days.iter().enumerate() {
        if day.calls == 0 {
            bar(&mut none, index, HEIGHT - 1.0, 1.0);
            continue;
        }
        let height = (day.calls as f64 / most * TALLEST).max(1.5);
        bar(&mut some, index, HEIGHT - height, height);
        if day.limited > 0 {
            let height_of_limited = (day.limited.min(day.calls) as f64 / most * TALLEST).max(2.0);
            bar(&mut limited, index, HEIGHT - height, height_of_limited);
        }
    }
    [("nil", none), ("", some), ("lim", limited)]
        .into_iter()
        .filter(|(_, shape)| !shape.is_empty())
        .map(|(class, shape)| markup!(r#"<path class=""# { class } r#"" d=""# { shape } r#""/>"#))
        .collect()
}

/// Five pins that move while the page waits for the first call, and line up after it.
#[component]
pub fn Tumbler(#[prop(optional)] set: bool) -> AnyView {
    let heights = if set { [4; 5] } else { [2, 5, 3, 6, 4] };
    let pins = heights.into_iter().zip(["0.5", "6.5", "12.5", "18.5", "24.5"]).map(|(y, x)| {
        view! { <rect x=x y=y width="3" height="8" rx=".5" fill="currentColor"></rect> }
    });
    let class = if set { "tumbler tumbler-set" } else { "tumbler" };
    view! { <svg class=class viewBox="0 0 28 16" aria-hidden="true">{pins.collect_view()}</svg> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_day_fills_the_height_and_none_is_invisible() {
        let day = |calls, limited| SparkDay { calls, limited };
        assert_eq!(shapes(&[day(0, 0)]), [markup!(r#"<path class="nil" d="M0 17.0h3v1.0h-3z"/>"#)]);
        assert_eq!(
            shapes(&[day(1_000, 0), day(500, 100), day(1, 0)]),
            [
                markup!(r#"<path class="" d="M0 1.0h3v17.0h-3zM4 9.5h3v8.5h-3zM8 16.5h3v1.5h-3z"/>"#),
                markup!(r#"<path class="lim" d="M4 9.5h3v2.0h-3z"/>"#),
            ]
        );
    }
}
