//! Charts of requests: their ranges, and the bars of a range from counts by hour.

use std::time::Duration;

use super::reason::outcome_ink;
use super::refusals::RETENTION;
use crate::shared::Timestamp;
use crate::ui::parts::{AxisMark, Bar, Ink, LinkOption, Series, Wording};
use crate::usage::Outcome;

const HOUR: i64 = 3_600_000;

/// The span of a chart, which ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartRange {
    #[default]
    Day,
    Week,
    Month,
}

impl ChartRange {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Day => "in the last 24 h",
            Self::Week => "in the last 7 days",
            Self::Month => "in the last 30 days",
        }
    }

    /// The name of the equally long span before this one.
    pub const fn before(self) -> &'static str {
        match self {
            Self::Day => "The 24 h before",
            Self::Week => "The 7 days before",
            Self::Month => "The 30 days before",
        }
    }

    /// What one bar counts.
    pub const fn bar_words(self) -> &'static str {
        match self {
            Self::Day => "hour",
            Self::Week => "6 hours",
            Self::Month => "day",
        }
    }

    /// The default for everything that is not the name of a range.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.as_str() == text).unwrap_or_default()
    }

    /// The ranges for which counts are stored, as links.
    pub fn options(self, retention: Duration, address: impl Fn(Self) -> String) -> Vec<LinkOption> {
        Self::ALL
            .into_iter()
            .filter(|range| range.is_stored(retention, 1) || *range == Self::Day)
            .map(|range| LinkOption::new(address(range), range.label(), range == self))
            .collect()
    }

    /// The longest range up to this one for which counts are stored.
    #[must_use]
    pub fn stored(self, retention: Duration) -> Self {
        Self::ALL
            .into_iter()
            .rev()
            .find(|range| range.hours() <= self.hours() && range.is_stored(retention, 1))
            .unwrap_or_default()
    }

    /// Whether counts of the equally long span before this one are stored.
    pub fn has_before(self, retention: Duration) -> bool {
        self.is_stored(retention, 2)
    }

    fn is_stored(self, retention: Duration, times: i64) -> bool {
        i64::try_from(retention.as_secs() / 3_600).unwrap_or(i64::MAX) >= self.hours() * times
    }

    const fn hours(self) -> i64 {
        let (columns, width) = self.shape();
        columns * width
    }

    /// The number of columns, and the hours of each.
    const fn shape(self) -> (i64, i64) {
        match self {
            Self::Day => (24, 1),
            Self::Week => (28, 6),
            Self::Month => (30, 24),
        }
    }

    /// The hour in which the first column begins; columns begin at whole multiples of their width.
    pub fn first_hour(self, now: Timestamp) -> i64 {
        let (columns, width) = self.shape();
        let current = now.millis().div_euclid(HOUR * width);
        (current - columns + 1) * width
    }

    pub fn from(self, now: Timestamp) -> Timestamp {
        start_of(self.first_hour(now))
    }

    /// When the equally long span before this one begins.
    pub fn from_before(self, now: Timestamp) -> Timestamp {
        start_of(self.first_hour(now) - self.hours())
    }

    /// The share of the last column that has passed.
    pub fn elapsed_of_last(self, now: Timestamp) -> f64 {
        let width = HOUR * self.shape().1;
        now.millis().rem_euclid(width) as f64 / width as f64
    }

    /// The labels below the chart.
    pub fn axis(self, now: Timestamp) -> Vec<AxisMark> {
        let (columns, width) = self.shape();
        let first = self.first_hour(now);
        let step = columns / if matches!(self, Self::Week) { 7 } else { 6 };
        let wording = if matches!(self, Self::Day) { Wording::AxisClock } else { Wording::AxisDay };
        let marks = (0..columns).step_by(usize::try_from(step).unwrap_or(1));
        let marks = marks.map(|column| AxisMark::Time(start_of(first + column * width), wording));
        marks.chain([AxisMark::Now]).collect()
    }

    /// The sums of each column. `counts` are hours, groups below `groups`, and requests.
    pub fn columns(
        self,
        now: Timestamp,
        counts: impl IntoIterator<Item = (i64, usize, i64)>,
        groups: usize,
    ) -> Vec<Vec<u64>> {
        let (columns, width) = self.shape();
        let first = self.first_hour(now);
        let mut sums = vec![vec![0_u64; groups]; usize::try_from(columns).unwrap_or(0)];
        for (hour, group, requests) in counts {
            let column = usize::try_from((hour - first).div_euclid(width)).ok();
            let sum = column.and_then(|column| sums.get_mut(column)).and_then(|sums| sums.get_mut(group));
            if let Some(sum) = sum {
                *sum += u64::try_from(requests).unwrap_or(0);
            }
        }
        sums
    }

    /// A bar for each column.
    pub fn bars(self, now: Timestamp, columns: Vec<Vec<u64>>) -> Vec<Bar> {
        let (_, width) = self.shape();
        let begins = (self.first_hour(now)..).step_by(usize::try_from(width).unwrap_or(1));
        let bar = |(hour, values)| Bar::new(start_of(hour), start_of(hour + width), values);
        begins.zip(columns).map(bar).collect()
    }
}

fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour.saturating_mul(HOUR))
}

/// The bars of a chart of requests, and the columns of its table, which are the reasons that occur.
#[derive(Clone, Debug)]
pub struct OutcomeChart {
    pub series: Vec<Series>,
    pub bars: Vec<Bar>,
    pub details: Vec<Series>,
}

/// Counts by hour and outcome. An hour may occur several times.
pub type OutcomeCounts<'a> = &'a [(i64, Outcome, i64)];

impl OutcomeChart {
    /// With three series, or one for each outcome that occurs. `link` returns what opens the refused requests of a span, or those
    /// with one outcome.
    pub fn new(
        range: ChartRange,
        now: Timestamp,
        counts: OutcomeCounts<'_>,
        by_reason: bool,
        link: impl Fn(Timestamp, Timestamp, Option<Outcome>) -> String,
    ) -> Self {
        let first = range.first_hour(now);
        let occurs = |outcome: &Outcome| {
            let is_it = |(hour, other, requests): &(i64, Outcome, i64)| {
                *hour >= first && other == outcome && *requests > 0
            };
            *outcome == Outcome::Valid || counts.iter().any(is_it)
        };
        let outcomes: Vec<Outcome> = Outcome::ALL.into_iter().filter(occurs).collect();
        let place = |outcome: Outcome| outcomes.iter().position(|other| *other == outcome);
        let points = counts
            .iter()
            .map(|(hour, outcome, requests)| (*hour, place(*outcome).unwrap_or(outcomes.len()), *requests));
        let columns = range.columns(now, points, outcomes.len());
        let recorded_from = now.minus(RETENTION);
        let bars = range.bars(now, columns).into_iter().map(|mut bar| {
            let details = std::mem::take(&mut bar.values);
            let refused: Vec<Outcome> = outcomes
                .iter()
                .zip(&details)
                .filter(|(outcome, count)| **outcome != Outcome::Valid && **count > 0)
                .map(|(outcome, _)| *outcome)
                .collect();
            if !refused.is_empty() && bar.until > recorded_from {
                let only = (by_reason && refused.len() == 1).then(|| refused[0]);
                bar.href = link(bar.from, bar.until, only);
                if by_reason && refused.len() > 1 {
                    let part = |outcome: &Outcome| match outcome {
                        Outcome::Valid => String::new(),
                        reason => link(bar.from, bar.until, Some(*reason)),
                    };
                    bar.part_hrefs = outcomes.iter().map(part).collect();
                }
            }
            bar.values = if by_reason { details.clone() } else { folded(&outcomes, &details) };
            bar.details = details;
            bar
        });
        let bars = bars.collect();
        let details: Vec<Series> = outcomes
            .iter()
            .map(|outcome| Series { name: outcome.label().to_owned(), ink: outcome_ink(*outcome) })
            .collect();
        let series = if by_reason { details.clone() } else { folded_series() };
        Self { series, bars, details }
    }

    pub fn total(&self, series: usize) -> u64 {
        self.bars.iter().filter_map(|bar| bar.values.get(series)).sum()
    }

    /// All requests that were not accepted.
    pub fn refused(&self) -> u64 {
        self.bars.iter().flat_map(|bar| bar.details.iter().skip(1)).sum()
    }
}

fn folded_series() -> Vec<Series> {
    [("Valid", Ink::Valid), ("Rate limited", Ink::Limited), ("Rejected", Ink::Rejected)]
        .map(|(name, ink)| Series { name: name.to_owned(), ink })
        .into()
}

pub const fn outcome_group(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Valid => 0,
        Outcome::RateLimited => 1,
        _ => 2,
    }
}

fn folded(outcomes: &[Outcome], details: &[u64]) -> Vec<u64> {
    let mut values = vec![0; 3];
    for (outcome, count) in outcomes.iter().zip(details) {
        values[outcome_group(*outcome)] += count;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 Nov 2026, 10:00 UTC.
    const NOW: Timestamp = Timestamp::from_millis(1_795_168_800_000);

    fn hour(ago: i64, outcome: Outcome, requests: i64) -> (i64, Outcome, i64) {
        (NOW.millis() / HOUR - ago, outcome, requests)
    }

    fn chart(range: ChartRange, by_reason: bool) -> OutcomeChart {
        let counts = [
            hour(0, Outcome::Valid, 3),
            hour(0, Outcome::Valid, 4),
            hour(23, Outcome::Revoked, 1),
            hour(23, Outcome::Unknown, 2),
            hour(24, Outcome::Valid, 9),
            hour(24 * 8, Outcome::Revoked, 5),
        ];
        let link = |from: Timestamp, until: Timestamp, reason: Option<Outcome>| {
            format!("{from}/{until}/{}", reason.map_or("all", Outcome::as_str))
        };
        OutcomeChart::new(range, NOW, &counts, by_reason, link)
    }

    #[test]
    fn hours_fall_into_their_columns() {
        let day = chart(ChartRange::Day, false);
        assert_eq!(
            (day.bars.len(), day.bars[23].from, day.bars[23].until),
            (24, NOW, start_of(NOW.millis() / HOUR + 1))
        );
        assert_eq!(day.bars[23].values, [7, 0, 0]);
        assert_eq!(
            (&*day.bars[0].values, &*day.bars[0].details),
            ([0, 0, 3].as_slice(), [0, 2, 1].as_slice())
        );
        let names: Vec<&str> = day.details.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["Valid", "Wrong secret", "Revoked"]);
        assert_eq!((day.total(0), day.refused()), (7, 3));
        let week = chart(ChartRange::Week, false);
        assert_eq!((week.bars.len(), week.total(0)), (28, 16));
        assert_eq!(week.bars[27].from.to_string(), "2026-11-20T06:00:00.000Z");
        let month = chart(ChartRange::Month, false);
        assert_eq!((month.bars.len(), month.bars[28].values[0], month.refused()), (30, 9, 8));
        assert_eq!(ChartRange::Month.from(NOW).to_string(), "2026-10-22T00:00:00.000Z");
        assert_eq!(ChartRange::Month.from_before(NOW).to_string(), "2026-09-22T00:00:00.000Z");
        assert_eq!(ChartRange::Day.axis(NOW).len(), 7);
    }

    #[test]
    fn a_bar_opens_the_refused_requests_that_are_recorded() {
        let day = chart(ChartRange::Day, false);
        assert_eq!(day.bars[0].href, "2026-11-19T11:00:00.000Z/2026-11-19T12:00:00.000Z/all");
        assert!(day.bars[0].part_hrefs.is_empty() && day.bars[23].href.is_empty(), "nothing was refused");
        let reasons = chart(ChartRange::Day, true);
        let parts = &reasons.bars[0].part_hrefs;
        assert!(parts[0].is_empty() && parts[1].ends_with("/unknown") && parts[2].ends_with("/revoked"));
        let month = chart(ChartRange::Month, true);
        let old = month.bars.iter().find(|bar| bar.details[2] == 5).expect("a bar");
        assert!(old.href.is_empty(), "refused requests are recorded for seven days");
    }

    #[test]
    fn ranges_without_stored_counts_are_not_offered() {
        let day = Duration::from_secs(24 * 60 * 60);
        let offered = |days: u32| {
            let options = ChartRange::Day.options(day * days, |range| range.as_str().to_owned());
            options.into_iter().map(|option| option.href).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            [1, 6, 7, 29, 30].map(offered),
            ["24h", "24h", "24h 7d", "24h 7d", "24h 7d 30d"].map(str::to_owned)
        );
        assert_eq!(ChartRange::Month.stored(day * 10), ChartRange::Week);
        assert_eq!(ChartRange::Month.stored(day), ChartRange::Day);
        assert!(ChartRange::Month.has_before(day * 60) && !ChartRange::Month.has_before(day * 59));
        assert!(!ChartRange::Day.has_before(day));
        for text in ["", "7", "7D", "-7d", "90d", "24h "] {
            assert_eq!(ChartRange::parse(text), ChartRange::Day, "{text}");
        }
    }
}
