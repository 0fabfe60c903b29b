//! The chart of a key's requests: in three series, or with `?by=reason` in one for each outcome.

use leptos::prelude::*;

use super::chart::{Range, by_outcome, outcome_group, total};
use super::why;
use crate::keys::server::Key;
use crate::keys::server::pages::path_of;
use crate::shared::Timestamp;
use crate::ui::parts::{Bar, Chart, Legend, LinkOption, LinkSegment, Series, grouped};
use crate::usage::Outcome;
use crate::usage::server::{Hour, KeyCaller, outcome_ink};

/// The span of the chart and its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChartView {
    pub range: Range,
    /// One series for each outcome, instead of all refusals in one.
    pub by_reason: bool,
}

impl ChartView {
    pub fn parse(query: &str) -> Self {
        let mut view = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "range" => view.range = Range::parse(&value),
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

/// `callers` are those of the last 30 days.
pub fn calls(key: &Key, view: ChartView, hours: &[Hour], callers: &[KeyCaller], now: Timestamp) -> AnyView {
    let ChartView { range, by_reason } = view;
    let folded: Vec<Bar> = range.bars(now, hours, 3, |hour| outcome_group(hour.outcome));
    let valid = total(&folded, 0);
    let is_refused = total(&folded, 1) + total(&folded, 2) > 0;
    let (series, bars) = if by_reason { by_each_outcome(range, hours, now) } else { (by_outcome(), folded) };
    let figures: Vec<String> = series
        .iter()
        .enumerate()
        .map(|(index, series)| format!("{} {}", grouped(total(&bars, index)), series.name.to_lowercase()))
        .collect();
    let words = range.words();
    let summary = format!("Calls {words}: {}.", figures.join(", "));
    let options = Range::ALL
        .map(|option| {
            let address = ChartView { range: option, ..view }.address(key);
            LinkOption::new(address, option.label(), option == range)
        })
        .to_vec();
    let other = ChartView { by_reason: !by_reason, ..view };
    let switch = (is_refused || by_reason).then(|| {
        let text = if by_reason { "All refusals together" } else { "Refusals by reason" };
        view! { <a class="link pb-0.5" href=format!("{}#calls", other.address(key))>{text}</a> }
    });
    let span = if range == Range::Month { "Day" } else { "From" };
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
            <Chart summary series bars axis=range.axis(now) span/>
            {why}
        </section>
    }
    .into_any()
}

/// A series for each outcome that occurs, and for accepted requests.
fn by_each_outcome(range: Range, hours: &[Hour], now: Timestamp) -> (Vec<Series>, Vec<Bar>) {
    let first = range.first_hour(now);
    let occurs = |outcome: &Outcome| {
        *outcome == Outcome::Valid
            || hours.iter().any(|hour| hour.hour >= first && hour.outcome == *outcome && hour.requests > 0)
    };
    let outcomes: Vec<Outcome> = Outcome::ALL.into_iter().filter(occurs).collect();
    let group = |hour: &Hour| outcomes.iter().position(|outcome| *outcome == hour.outcome);
    let bars = range.bars(now, hours, outcomes.len(), |hour| group(hour).unwrap_or(outcomes.len()));
    let series = outcomes
        .iter()
        .map(|outcome| Series { name: outcome.label().to_owned(), ink: outcome_ink(*outcome) })
        .collect();
    (series, bars)
}
