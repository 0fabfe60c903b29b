//! An organization's requests in a range, compared with the equally long span before it.

use std::time::Duration;

use crate::keys::server::{RefusalSpan, RefusalsAddress};
use crate::shared::Timestamp;
use crate::usage::Outcome;
use crate::usage::server::{ChartRange, OutcomeChart, OutcomeCounts};

pub struct Period {
    pub range: ChartRange,
    pub chart: OutcomeChart,
    pub totals: OutcomeTotals,
    /// The totals of the period before, cut off at the same point. None if they are no longer stored.
    pub before: Option<OutcomeTotals>,
}

/// Accepted, rate limited and other refused requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeTotals {
    pub valid: u64,
    pub limited: u64,
    pub rejected: u64,
}

impl OutcomeTotals {
    fn add(&mut self, values: &[u64], share: f64) {
        let part = |place: usize| (values.get(place).copied().unwrap_or(0) as f64 * share) as u64;
        self.valid += part(0);
        self.limited += part(1);
        self.rejected += part(2);
    }
}

impl Period {
    /// The first hour of the counts that `of` needs.
    pub fn start(range: ChartRange, retention: Duration, now: Timestamp) -> Timestamp {
        if range.has_before(retention) { range.from_before(now) } else { range.from(now) }
    }

    pub fn of(range: ChartRange, retention: Duration, counts: OutcomeCounts<'_>, now: Timestamp) -> Self {
        let link = |from, until, outcome| {
            RefusalsAddress { key: None, outcome, span: RefusalSpan::between(from, until) }.href()
        };
        let mut chart = OutcomeChart::new(range, now, counts, false, link);
        let mut totals = OutcomeTotals::default();
        chart.bars.iter().for_each(|bar| totals.add(&bar.values, 1.0));
        let before = range.has_before(retention).then(|| {
            let before = range.from_before(now);
            let shift = (range.from(now).millis() - before.millis()) / 3_600_000;
            let shifted: Vec<(i64, Outcome, i64)> =
                counts.iter().map(|(hour, outcome, requests)| (hour + shift, *outcome, *requests)).collect();
            let earlier = OutcomeChart::new(range, now, &shifted, false, |_, _, _| String::new());
            let mut totals = OutcomeTotals::default();
            let last = earlier.bars.len().saturating_sub(1);
            for (place, (bar, earlier)) in chart.bars.iter_mut().zip(earlier.bars).enumerate() {
                bar.earlier = Some(earlier.values.iter().sum());
                let share = if place == last { range.elapsed_of_last(now) } else { 1.0 };
                totals.add(&earlier.values, share);
            }
            totals
        });
        Self { range, chart, totals, before }
    }
}

/// Compares two numbers in words ("8.7% more", "3.0% fewer", "As many"), and returns whether the number has not fallen. None
/// if the earlier one is zero.
pub fn compared(now: u64, before: u64) -> Option<(String, bool)> {
    if before == 0 {
        return None;
    }
    let change = (now as f64 / before as f64 - 1.0) * 100.0;
    let size = change.abs();
    let digits = if size < 10.0 { format!("{size:.1}") } else { format!("{size:.0}") };
    Some(match digits.as_str() {
        "0.0" => ("As many".to_owned(), true),
        _ if change > 0.0 => (format!("{digits}% more"), true),
        _ => (format!("{digits}% fewer"), false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 Nov 2026, 10:00 UTC.
    const TEN: i64 = 1_795_168_800_000;
    const HOUR: i64 = 3_600_000;
    const QUARTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    #[test]
    fn a_day_is_compared_with_the_day_before() {
        let hour = TEN / HOUR;
        let counts = [
            (hour, Outcome::Valid, 6),
            (hour, Outcome::Revoked, 2),
            (hour - 23, Outcome::RateLimited, 3),
            (hour - 24, Outcome::Valid, 10),
            (hour - 25, Outcome::Valid, 7),
            (hour - 47, Outcome::Valid, 100),
            (hour - 48, Outcome::Valid, 1_000),
        ];
        let now = Timestamp::from_millis(TEN + HOUR / 2);
        let day = Period::of(ChartRange::Day, QUARTER, &counts, now);
        assert_eq!(day.totals, OutcomeTotals { valid: 6, limited: 3, rejected: 2 });
        let before = day.before.expect("stored");
        assert_eq!((before.valid, before.limited), (5 + 7 + 100, 0), "half of the last hour has passed");
        let last = &day.chart.bars[23];
        assert_eq!((last.values.as_slice(), last.earlier), ([6, 0, 2].as_slice(), Some(10)));
        assert!(last.href.starts_with("/settings/api-keys/refusals?from=2026-11-20T10:00:00.000Z&until="));
        let short = Period::of(ChartRange::Day, Duration::from_secs(24 * 60 * 60), &counts, now);
        assert!(short.before.is_none() && short.chart.bars[23].earlier.is_none());
    }

    #[test]
    fn numbers_are_compared_in_words() {
        for (today, yesterday, words) in
            [(117, 100, "17% more"), (1_087, 1_000, "8.7% more"), (97, 100, "3.0% fewer"), (5, 5, "As many")]
        {
            assert_eq!(compared(today, yesterday).map(|(words, _)| words).as_deref(), Some(words));
        }
        assert_eq!(compared(5, 0), None);
    }
}
