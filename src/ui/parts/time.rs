//! Times on pages: a text, and the exact time in UTC on hover. The server writes UTC and says so; in the browser, `ui::local_times`
//! replaces the text by that of the viewer's time zone.

use leptos::prelude::*;

use super::markup::{Markup, markup};
use super::time_text::{UTC, Wording, exact, span_text, words};
use crate::shared::Timestamp;

#[component]
pub fn Time(
    at: Timestamp,
    now: Timestamp,
    #[prop(optional)] wording: Wording,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let class = format!("over {class}").trim_end().to_owned();
    view! {
        <time
            class=class datetime=at.to_string() title=exact(at) data-at=at.millis() data-wording=wording.as_str()
        >
            {words(at, now, wording)}
        </time>
    }
    .into_any()
}

/// "20 Nov 2026, 14:32:06 UTC".
#[component]
pub fn ExactTime(at: Timestamp, #[prop(into, optional)] class: String) -> AnyView {
    view! { <Time at now=at wording=Wording::Exact class/> }.into_any()
}

/// `Time` as text, for charts, which have many.
pub fn time_markup(at: Timestamp, now: Timestamp, wording: Wording) -> Markup {
    markup!(
        r#"<time datetime=""# { at.to_string() } r#"" title=""# { exact(at) } r#"" data-at=""#
        { at.millis().to_string() } r#"" data-wording=""# { wording.as_str() } r#"">"#
        { words(at, now, wording) } "</time>"
    )
}

/// A span of time as text.
pub fn span_markup(from: Timestamp, until: Timestamp) -> Markup {
    let utc = span_text(from, until, &UTC);
    markup!(
        r#"<time datetime=""# { from.to_string() } r#"" title=""# { &utc } r#"" data-at=""#
        { from.millis().to_string() } r#"" data-until=""# { until.millis().to_string() } r#"">"# { &utc } "</time>"
    )
}

/// A span of time.
#[component]
pub fn TimeSpan(from: Timestamp, until: Timestamp) -> AnyView {
    span_markup(from, until).into_any()
}
