//! The usage chart of a key.

use std::time::Duration;

use crate::shared::Timestamp;
use crate::ui::parts::{Bar, Ink, Series, day};
use crate::usage::Outcome;
use crate::usage::server::Hour;

const HOUR: i64 = 3_600_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    #[default]
    Day,
    Week,
    Month,
}

impl Range {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Day => "in the last 24 h",
            Self::Week => "in the last 7 days",
            Self::Month => "in the last 30 days",
        }
    }

    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.as_str() == text).unwrap_or_default()
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
        Timestamp::from_millis(self.first_hour(now) * HOUR)
    }

    fn name(self, hour: i64) -> String {
        let at = Timestamp::from_millis(hour * HOUR);
        match self {
            Self::Day => clock(at),
            Self::Week => format!("{}, {}", short_day(at), clock(at)),
            Self::Month => short_day(at),
        }
    }

    /// The caption below the chart.
    pub fn axis(self, now: Timestamp) -> Vec<String> {
        let (columns, width) = self.shape();
        let first = self.first_hour(now);
        let step = columns / if matches!(self, Self::Week) { 7 } else { 6 };
        let marks = (0..columns).step_by(usize::try_from(step).unwrap_or(1)).map(|column| {
            let at = Timestamp::from_millis((first + column * width) * HOUR);
            if matches!(self, Self::Day) { clock(at) } else { short_day(at) }
        });
        marks.chain(["Now".to_owned()]).collect()
    }

    /// The values of each column. `group` returns the series of an hour.
    pub fn bars(
        self,
        now: Timestamp,
        hours: &[Hour],
        series: usize,
        group: impl Fn(&Hour) -> usize,
    ) -> Vec<Bar> {
        let (columns, width) = self.shape();
        let first = self.first_hour(now);
        let mut values = vec![vec![0_u64; series]; usize::try_from(columns).unwrap_or(0)];
        for hour in hours {
            let place = usize::try_from((hour.hour - first).div_euclid(width)).ok();
            let figure =
                place.and_then(|place| values.get_mut(place)).and_then(|column| column.get_mut(group(hour)));
            if let Some(figure) = figure {
                *figure += u64::try_from(hour.requests).unwrap_or(0);
            }
        }
        let named = (first..).step_by(usize::try_from(width).unwrap_or(1)).map(|hour| self.name(hour));
        named.zip(values).map(|(label, values)| Bar { label, values, earlier: None }).collect()
    }
}

fn clock(at: Timestamp) -> String {
    format!("{:02}:00", at.millis().div_euclid(HOUR).rem_euclid(24))
}

/// "20 Nov".
fn short_day(at: Timestamp) -> String {
    let whole = day(at);
    whole.rsplit_once(' ').map_or(whole.clone(), |(short, _)| short.to_owned())
}

pub fn by_outcome() -> Vec<Series> {
    [("Valid", Ink::Valid), ("Rate limited", Ink::Limited), ("Rejected", Ink::Rejected)]
        .map(|(name, ink)| Series { name: name.to_owned(), ink })
        .into()
}

pub fn outcome_group(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Valid => 0,
        Outcome::RateLimited => 1,
        _ => 2,
    }
}

pub fn total(bars: &[Bar], series: usize) -> u64 {
    bars.iter().filter_map(|bar| bar.values.get(series)).sum()
}

pub const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 Nov 2026, 10:00 UTC.
    const NOW: Timestamp = Timestamp::from_millis(1_795_168_800_000);

    fn hour(ago: i64, outcome: Outcome, requests: i64) -> Hour {
        Hour { secret: String::new(), hour: NOW.millis() / HOUR - ago, outcome, requests }
    }

    #[test]
    fn hours_fall_into_their_columns() {
        let hours = [
            hour(0, Outcome::Valid, 3),
            hour(0, Outcome::Valid, 4),
            hour(23, Outcome::Revoked, 1),
            hour(24, Outcome::Valid, 9),
        ];
        let bars = Range::Day.bars(NOW, &hours, 3, |hour| outcome_group(hour.outcome));
        assert_eq!((bars.len(), bars[23].label.as_str(), bars[0].label.as_str()), (24, "10:00", "11:00"));
        assert_eq!(
            (bars[23].values.as_slice(), bars[0].values.as_slice()),
            ([7, 0, 0].as_slice(), [0, 0, 1].as_slice())
        );
        let week = Range::Week.bars(NOW, &hours, 3, |hour| outcome_group(hour.outcome));
        assert_eq!((week.len(), week[27].label.as_str(), total(&week, 0)), (28, "20 Nov, 06:00", 16));
        let month = Range::Month.bars(NOW, &hours, 3, |hour| outcome_group(hour.outcome));
        assert_eq!((month.len(), month[29].label.as_str(), month[28].values[0]), (30, "20 Nov", 9));
        assert_eq!(Range::Day.axis(NOW).join(" "), "11:00 15:00 19:00 23:00 03:00 07:00 Now");
        assert_eq!(Range::Month.from(NOW).to_string(), "2026-10-22T00:00:00.000Z");
    }
}
