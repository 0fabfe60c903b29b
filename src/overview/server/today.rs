//! An organization's calls today and yesterday, hour by hour.

use crate::shared::Timestamp;
use crate::ui::parts::{Bar, Ink, Series};
use crate::usage::Outcome;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

pub struct Today {
    pub bars: Vec<Bar>,
    pub valid: u64,
    pub limited: u64,
    pub rejected: u64,
    /// Yesterday's calls until the same time of day; the current hour counts in part.
    pub valid_before: u64,
    pub limited_before: u64,
    pub rejected_before: u64,
}

/// The start of yesterday.
pub fn begin(now: Timestamp) -> Timestamp {
    Timestamp::from_millis((now.millis().div_euclid(DAY) - 1) * DAY)
}

pub fn series() -> Vec<Series> {
    [("Valid", Ink::Valid), ("Rate limited", Ink::Limited), ("Rejected", Ink::Rejected)]
        .map(|(name, ink)| Series { name: name.to_owned(), ink })
        .into()
}

impl Today {
    pub fn of(hours: &[(i64, Outcome, i64)], now: Timestamp) -> Self {
        let first = begin(now).millis() / HOUR;
        let mut figures = vec![[0_u64; 3]; 48];
        for (hour, outcome, requests) in hours {
            let group = match outcome {
                Outcome::Valid => 0,
                Outcome::RateLimited => 1,
                _ => 2,
            };
            if let Some(figure) = usize::try_from(hour - first).ok().and_then(|place| figures.get_mut(place))
            {
                figure[group] += u64::try_from(*requests).unwrap_or(0);
            }
        }
        let (yesterday, today) = figures.split_at(24);
        let current = usize::try_from(now.millis().rem_euclid(DAY) / HOUR).unwrap_or(0);
        let part = now.millis().rem_euclid(HOUR) as f64 / HOUR as f64;
        let sum = |group: usize| today.iter().map(|figure| figure[group]).sum();
        let before = |group: usize| {
            let whole: u64 = yesterday[..current].iter().map(|figure| figure[group]).sum();
            whole + (yesterday[current][group] as f64 * part) as u64
        };
        let bars = (0..24).map(|hour| Bar {
            label: format!("{hour:02}:00"),
            values: if hour <= current { today[hour].to_vec() } else { Vec::new() },
            earlier: Some(yesterday[hour].iter().sum()),
        });
        Self {
            bars: bars.collect(),
            valid: sum(0),
            limited: sum(1),
            rejected: sum(2),
            valid_before: before(0),
            limited_before: before(1),
            rejected_before: before(2),
        }
    }
}

/// "8.7% more", "3% fewer", "As many"; none where nothing was before.
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

    #[test]
    fn a_day_stands_before_the_day_before() {
        let hour = TEN / HOUR;
        let hours = [
            (hour, Outcome::Valid, 6),
            (hour, Outcome::Revoked, 2),
            (hour - 10, Outcome::RateLimited, 3),
            (hour - 24, Outcome::Valid, 10),
            (hour - 23, Outcome::Valid, 100),
            (hour - 34, Outcome::Valid, 7),
            (hour - 35, Outcome::Valid, 1_000),
        ];
        let today = Today::of(&hours, Timestamp::from_millis(TEN + HOUR / 2));
        assert_eq!((today.valid, today.limited, today.rejected), (6, 3, 2));
        assert_eq!((today.valid_before, today.limited_before), (7 + 5, 0));
        assert_eq!(
            (today.bars[10].values.as_slice(), today.bars[10].earlier),
            ([6, 0, 2].as_slice(), Some(10))
        );
        assert!(today.bars[11].values.is_empty());
    }

    #[test]
    fn figures_are_compared_in_words() {
        for (now, before, words) in
            [(117, 100, "17% more"), (1_087, 1_000, "8.7% more"), (97, 100, "3.0% fewer"), (5, 5, "As many")]
        {
            assert_eq!(compared(now, before).map(|(words, _)| words).as_deref(), Some(words));
        }
        assert_eq!(compared(5, 0), None);
    }
}
