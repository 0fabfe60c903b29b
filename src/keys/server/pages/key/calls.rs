//! The chart of a key's requests: in three series, or with `?by=reason` in one for each outcome.

use std::time::Duration;

use leptos::prelude::*;

use super::why;
use crate::keys::server::pages::{path_of, refusals_path};
use crate::keys::server::{Key, RefusalSpan};
use crate::shared::Timestamp;
use crate::ui::parts::{Chart, Legend, LinkSegment, grouped};
use crate::usage::Outcome;
use crate::usage::server::{ChartRange, Hour, KeyCaller, OutcomeChart};

/// The span of the chart and its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChartView {
    pub range: ChartRange,
    /// One series for each outcome, instead of all refusals in one.
    pub by_reason: bool,
}

impl ChartView {
    pub fn parse(query: &str) -> Self {
        let mut view = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "range" => view.range = ChartRange::parse(&value),
                "by" => view.by_reason = value == "reason",
                _ => {}
            }
        }
        view
    }

    fn address(self, key: &Key) -> String {
        let by = if self.by_reason { "&by=reason" } else { "" };
        format!("{}?range={}{by}", path_of(key.id), self.range.as_str())
    }
}

/// `callers` are those of the last 30 days. Counts are stored for `retention`.
pub fn calls(
    key: &Key,
    view: ChartView,
    hours: &[Hour],
    callers: &[KeyCaller],
    retention: Duration,
    now: Timestamp,
) -> AnyView {
    let ChartView { range, by_reason } = view;
    let counts: Vec<(i64, Outcome, i64)> =
        hours.iter().map(|hour| (hour.hour, hour.outcome, hour.requests)).collect();
    let opens = |from, until, reason| refusals_path(key.id, reason, RefusalSpan::between(from, until));
    let chart = OutcomeChart::new(range, now, &counts, by_reason, opens);
    let valid = chart.total(0);
    let is_refused = chart.refused() > 0;
    let OutcomeChart { series, bars, details } = chart.clone();
    let figures: Vec<String> = series
        .iter()
        .enumerate()
        .map(|(index, series)| format!("{} {}", grouped(chart.total(index)), series.name.to_lowercase()))
        .collect();
    let words = range.words();
    let summary = format!("Calls {words}: {}.", figures.join(", "));
    let options = range.options(retention, |option| ChartView { range: option, ..view }.address(key));
    let other = ChartView { by_reason: !by_reason, ..view };
    let switch = (is_refused || by_reason).then(|| {
        let text = if by_reason { "All refusals together" } else { "Refusals by reason" };
        view! { <a class="link pb-0.5" href=format!("{}#calls", other.address(key))>{text}</a> }
    });
    let span = if range == ChartRange::Month { "Day" } else { "Time" };
    let why = why::why(key, range, hours, callers, now);
    view! {
        <section aria-labelledby="calls">
            <div class="flex flex-wrap items-center justify-between gap-3">
                <h2 class="h-sect" id="calls">"Requests"</h2>
                <LinkSegment label="Time range" options/>
            </div>
            <div class="mt-3 mb-4 flex flex-wrap items-end gap-x-8 gap-y-2 text-dense">
                <div>
                    <div class="text-figure font-semi tracking-[-0.02em]">{grouped(valid)}</div>
                    <div class="cap">{format!("calls {words}")}</div>
                    <div class="cap">"A call is an accepted request."</div>
                </div>
                <div class="pb-0.5"><Legend series=series.clone() bars=bars.clone()/></div>
                {switch}
            </div>
            <Chart summary series bars axis=range.axis(now) now details span opens=OPENS/>
            {why}
        </section>
    }
    .into_any()
}

/// The description of a bar's link, for screen readers and the tooltip.
const OPENS: &str = "Opens the refused requests";
