//! The number of an organization's calls per hour, today and yesterday.

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
    /// Yesterday's calls until the same time of day. Of the current hour it is the elapsed share.
    pub valid_yesterday: u64,
    pub limited_yesterday: u64,
    pub rejected_yesterday: u64,
}

pub fn start_of_yesterday(now: Timestamp) -> Timestamp {
    Timestamp::from_millis((now.millis().div_euclid(DAY) - 1) * DAY)
}

pub fn series() -> Vec<Series> {
    [("Valid", Ink::Valid), ("Rate limited", Ink::Limited), ("Rejected", Ink::Rejected)]
        .map(|(name, ink)| Series { name: name.to_owned(), ink })
        .into()
}

impl Today {
    pub fn of(hours: &[(i64, Outcome, i64)], now: Timestamp) -> Self {
        let first = start_of_yesterday(now).millis() / HOUR;
        let mut figures = vec![[0_u64; 3]; 48];
        for (hour, outcome, requests) in hours {
            let group = match outcome {
                Outcome::Valid => 0,
                Outcome::RateLimited => 1,
                _ => 2,
            };
            if let Some(figure) = usize::try_from(hour - first).ok().and_then(|index| figures.get_mut(index))
            {
                figure[group] += u64::try_from(*requests).unwrap_or(0);
            }
        }
        let (yesterday, today) = figures.split_at(24);
        let current = usize::try_from(now.millis().rem_euclid(DAY) / HOUR).unwrap_or(0);
        let elapsed_share = now.millis().rem_euclid(HOUR) as f64 / HOUR as f64;
        let sum = |group: usize| today.iter().map(|figure| figure[group]).sum();
        let sum_yesterday = |group: usize| {
            let whole_hours: u64 = yesterday[..current].iter().map(|figure| figure[group]).sum();
            whole_hours + (yesterday[current][group] as f64 * elapsed_share) as u64
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
            valid_yesterday: sum_yesterday(0),
            limited_yesterday: sum_yesterday(1),
            rejected_yesterday: sum_yesterday(2),
        }
    }
}

/// Compares two numbers in words ("8.7% more", "3.0% fewer", "As many"), and returns whether the number has not fallen. None
/// if the earlier one is zero.
pub fn compared(today: u64, yesterday: u64) -> Option<(String, bool)> {
    if yesterday == 0 {
        return None;
    }
    let change = (today as f64 / yesterday as f64 - 1.0) * 100.0;
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
    fn today_is_compared_with_yesterday() {
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
        assert_eq!((today.valid_yesterday, today.limited_yesterday), (7 + 5, 0));
        assert_eq!(
            (today.bars[10].values.as_slice(), today.bars[10].earlier),
            ([6, 0, 2].as_slice(), Some(10))
        );
        assert!(today.bars[11].values.is_empty());
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
