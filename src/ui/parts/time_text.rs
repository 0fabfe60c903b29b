//! The texts of times. The server writes them in UTC; in the browser, `ui::local_times` writes them in the viewer's time zone with
//! the same functions.

use std::time::Duration;

use crate::shared::Timestamp;

/// The form of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// "4 s ago", "Yesterday", "In 72 days".
    #[default]
    Relative,
    /// "Yesterday" or the date, for events in the distant past, such as a creation.
    Day,
    /// "20 Nov 2026, 14:32:06 UTC".
    Exact,
    /// "20 Nov, 14:32 UTC", with the year unless it is this one.
    Moment,
    /// "Friday, 20 Nov 2026, 14:32 UTC".
    Weekday,
    /// "20 Nov", with the year unless it is this one.
    Date,
    /// The last day before an end, as `Date`: an end at midnight belongs to the day that it completes.
    LastDay,
    /// "14:32 UTC", for a time within a day.
    Clock,
    /// "14:32", for the axis of a chart.
    AxisClock,
    /// "20 Nov", for the axis of a chart.
    AxisDay,
    /// "14:32:06", where the day is written elsewhere.
    ClockSeconds,
    /// "Today, 20 Nov 2026", for a heading.
    Heading,
}

impl Wording {
    const ALL: [Self; 12] = [
        Self::Relative,
        Self::Day,
        Self::Exact,
        Self::Moment,
        Self::Weekday,
        Self::Date,
        Self::LastDay,
        Self::Clock,
        Self::AxisClock,
        Self::AxisDay,
        Self::ClockSeconds,
        Self::Heading,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Day => "day",
            Self::Exact => "exact",
            Self::Moment => "moment",
            Self::Weekday => "weekday",
            Self::Date => "date",
            Self::LastDay => "last-day",
            Self::Clock => "clock",
            Self::AxisClock => "axis-clock",
            Self::AxisDay => "axis-day",
            Self::ClockSeconds => "clock-seconds",
            Self::Heading => "heading",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wording| wording.as_str() == text)
    }
}

/// The time zone in which texts are written.
#[derive(Clone, Copy)]
pub struct Zone {
    /// The minutes by which the zone's clocks are ahead of UTC at a time.
    pub offset: fn(Timestamp) -> i64,
    /// What follows a time of day.
    pub suffix: &'static str,
}

pub const UTC: Zone = Zone { offset: |_| 0, suffix: " UTC" };

impl Zone {
    /// The time whose UTC date and time of day are those of the zone's clocks.
    fn local(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.millis().saturating_add((self.offset)(at).saturating_mul(60_000)))
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const DAY_MILLIS: i64 = 86_400_000;

/// "3 Feb 2026", in UTC.
pub fn day(at: Timestamp) -> String {
    format!("{} {}", short_day(at), at.date().0)
}

/// "3 Feb".
fn short_day(at: Timestamp) -> String {
    let (_, month, day) = at.date();
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{day} {}", name.copied().unwrap_or("?"))
}

/// "3 Feb", with the year unless it is that of `now`.
fn date(at: Timestamp, now: Timestamp) -> String {
    if at.date().0 == now.date().0 { short_day(at) } else { day(at) }
}

fn clock(at: Timestamp) -> String {
    let minutes = at.millis().div_euclid(60_000).rem_euclid(1_440);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn clock_seconds(at: Timestamp) -> String {
    format!("{}:{:02}", clock(at), at.millis().div_euclid(1_000).rem_euclid(60))
}

/// "20 Nov 2026, 14:32:06 UTC".
pub fn exact(at: Timestamp) -> String {
    text(at, at, Wording::Exact, &UTC)
}

/// "20 Nov 2026, 14:32 UTC".
pub fn minute(at: Timestamp) -> String {
    format!("{}, {}{}", day(at), clock(at), UTC.suffix)
}

/// A time in UTC.
pub fn words(at: Timestamp, now: Timestamp, wording: Wording) -> String {
    text(at, now, wording, &UTC)
}

/// A time in a time zone.
pub fn text(at: Timestamp, now: Timestamp, wording: Wording, zone: &Zone) -> String {
    let (local, today, suffix) = (zone.local(at), zone.local(now), zone.suffix);
    match wording {
        Wording::Relative | Wording::Day if at > now => ahead(at, now),
        Wording::Relative | Wording::Day => past(now.since(at), (local, today), wording),
        Wording::Exact => format!("{}, {}{suffix}", day(local), clock_seconds(local)),
        Wording::Moment => format!("{}, {}{suffix}", date(local, today), clock(local)),
        Wording::Weekday => {
            let days = local.millis().div_euclid(DAY_MILLIS).rem_euclid(7);
            let name = usize::try_from(days).ok().and_then(|days| WEEKDAYS.get(days)).copied();
            format!("{}, {}, {}{suffix}", name.unwrap_or("?"), day(local), clock(local))
        }
        Wording::Date => date(local, today),
        Wording::LastDay => {
            let before = Timestamp::from_millis(at.millis().saturating_sub(1));
            date(zone.local(before), today)
        }
        Wording::Clock => format!("{}{suffix}", clock(local)),
        Wording::AxisClock => clock(local),
        Wording::AxisDay => short_day(local),
        Wording::ClockSeconds => clock_seconds(local),
        Wording::Heading => match midnights(local, today) {
            0 => format!("Today, {}", day(local)),
            1 => format!("Yesterday, {}", day(local)),
            _ => day(local),
        },
    }
}

/// A span: "20 Nov" for a whole day, "20 Nov, 14:00–15:00 UTC" within a day, otherwise both ends with their days.
pub fn span_text(from: Timestamp, until: Timestamp, zone: &Zone) -> String {
    let (begin, end) = (zone.local(from), zone.local(until));
    let is_midnight = |at: Timestamp| at.millis().rem_euclid(DAY_MILLIS) == 0;
    let days = midnights(begin, end);
    let begin_day = short_day(begin);
    if days == 1 && is_midnight(begin) && is_midnight(end) {
        return begin_day;
    }
    let (begin_clock, end_clock, suffix) = (clock(begin), clock(end), zone.suffix);
    if days == 0 || days == 1 && is_midnight(end) {
        let end_clock = if is_midnight(end) { "24:00".to_owned() } else { end_clock };
        return format!("{begin_day}, {begin_clock}–{end_clock}{suffix}");
    }
    format!("{begin_day}, {begin_clock} – {}, {end_clock}{suffix}", short_day(end))
}

/// `span` is how long ago it was. The times are those of the viewer's clocks.
fn past(span: Duration, (at, now): (Timestamp, Timestamp), wording: Wording) -> String {
    let span = seconds(span);
    let days = midnights(at, now);
    match (wording, span, days) {
        (_, 0..5, _) => "Just now".to_owned(),
        (Wording::Relative, 0..MINUTE, _) => format!("{span} s ago"),
        (Wording::Relative, 0..HOUR, _) => format!("{} min ago", span / MINUTE),
        (Wording::Relative, 0..DAY, _) => format!("{} h ago", span / HOUR),
        (Wording::Day, _, 0) => "Today".to_owned(),
        (_, _, 0 | 1) => "Yesterday".to_owned(),
        (Wording::Relative, _, 2..60) => format!("{days} days ago"),
        _ => day(at),
    }
}

fn ahead(at: Timestamp, now: Timestamp) -> String {
    let span = seconds(at.since(now));
    // Rounded to the nearest day, so that a key that was just created for 90 days expires "in 90 days".
    let [minutes, hours, days] = [MINUTE, HOUR, DAY].map(|unit| span.saturating_add(unit / 2) / unit);
    match (minutes, hours, days) {
        _ if span < MINUTE => "In less than a minute".to_owned(),
        (0..60, _, _) => format!("In {minutes} min"),
        (_, 0..24, _) => format!("In {hours} h"),
        (_, _, 0 | 1) => "In 1 day".to_owned(),
        (_, _, 2..120) => format!("In {days} days"),
        (_, _, 120..730) => format!("In {} months", days / 30),
        _ => format!("In {} years", days / 365),
    }
}

fn seconds(span: Duration) -> u64 {
    span.as_secs()
}

/// The number of midnights between two times of the same clocks.
fn midnights(at: Timestamp, now: Timestamp) -> i64 {
    now.millis().div_euclid(DAY_MILLIS) - at.millis().div_euclid(DAY_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 Nov 2026, 14:32:06 UTC.
    const NOW: Timestamp = Timestamp::from_millis(1_795_185_126_000);

    fn words_after(seconds: i64, wording: Wording) -> String {
        words(Timestamp::from_millis(NOW.millis() + seconds * 1_000), NOW, wording)
    }

    #[test]
    fn times_are_relative_to_now() {
        for (seconds, text) in [
            (0, "Just now"),
            (-4, "Just now"),
            (-5, "5 s ago"),
            (-59, "59 s ago"),
            (-60, "1 min ago"),
            (-3_599, "59 min ago"),
            (-3_600, "1 h ago"),
            (-86_399, "23 h ago"),
            (-86_400, "Yesterday"),
            (-2 * 86_400, "2 days ago"),
            (-42 * 86_400, "42 days ago"),
            (-60 * 86_400, "21 Sep 2026"),
            (1, "In less than a minute"),
            (60, "In 1 min"),
            (21 * 3_600, "In 21 h"),
            (9 * 60 + 58, "In 10 min"),
            (3_599, "In 1 h"),
            (86_399, "In 1 day"),
            (86_400, "In 1 day"),
            (90 * 86_400 - 5, "In 90 days"),
            (3 * 86_400, "In 3 days"),
            (210 * 86_400, "In 7 months"),
            (800 * 86_400, "In 2 years"),
        ] {
            assert_eq!(words_after(seconds, Wording::Relative), text, "{seconds}");
        }
    }

    #[test]
    fn days_are_shown_as_dates() {
        for (seconds, text) in
            [(-60, "Today"), (-14 * 3_600, "Today"), (-15 * 3_600, "Yesterday"), (-18 * 86_400, "2 Nov 2026")]
        {
            assert_eq!(words_after(seconds, Wording::Day), text, "{seconds}");
        }
        assert_eq!(exact(NOW), "20 Nov 2026, 14:32:06 UTC");
    }

    /// New York in winter, India, and an island east of the date line.
    const WEST: Zone = Zone { offset: |_| -300, suffix: "" };
    const HALF: Zone = Zone { offset: |_| 330, suffix: "" };
    const FAR_EAST: Zone = Zone { offset: |_| 840, suffix: "" };

    #[test]
    fn times_have_one_form_in_every_zone() {
        for (wording, utc, west, far_east) in [
            (Wording::Exact, "20 Nov 2026, 14:32:06 UTC", "20 Nov 2026, 09:32:06", "21 Nov 2026, 04:32:06"),
            (Wording::Moment, "20 Nov, 14:32 UTC", "20 Nov, 09:32", "21 Nov, 04:32"),
            (
                Wording::Weekday,
                "Friday, 20 Nov 2026, 14:32 UTC",
                "Friday, 20 Nov 2026, 09:32",
                "Saturday, 21 Nov 2026, 04:32",
            ),
            (Wording::Date, "20 Nov", "20 Nov", "21 Nov"),
            (Wording::Clock, "14:32 UTC", "09:32", "04:32"),
            (Wording::AxisClock, "14:32", "09:32", "04:32"),
            (Wording::ClockSeconds, "14:32:06", "09:32:06", "04:32:06"),
            (Wording::Heading, "Today, 20 Nov 2026", "Today, 20 Nov 2026", "Today, 21 Nov 2026"),
        ] {
            for (zone, expected) in [(UTC, utc), (WEST, west), (FAR_EAST, far_east)] {
                assert_eq!(text(NOW, NOW, wording, &zone), expected);
            }
            assert_eq!(Wording::parse(wording.as_str()), Some(wording));
        }
        let next_year = Timestamp::from_millis(1_800_000_000_000);
        assert_eq!(words(next_year, NOW, Wording::Moment), "15 Jan 2027, 08:00 UTC");
        assert_eq!(words(next_year, NOW, Wording::Date), "15 Jan 2027");
    }

    #[test]
    fn days_are_those_of_the_viewer() {
        let hours_ago = |hours: i64| Timestamp::from_millis(NOW.millis() - hours * 3_600_000);
        // 09:32 in the west, 04:32 in the far east.
        assert_eq!(text(hours_ago(10), NOW, Wording::Day, &WEST), "Yesterday");
        assert_eq!(text(hours_ago(5), NOW, Wording::Day, &FAR_EAST), "Yesterday");
        assert_eq!(text(hours_ago(5), NOW, Wording::Day, &WEST), "Today");
        assert_eq!(text(hours_ago(5), NOW, Wording::Relative, &FAR_EAST), "5 h ago");
    }

    #[test]
    fn an_end_at_midnight_is_the_day_before() {
        let midnight = Timestamp::parse("2026-11-29T00:00:00Z").expect("a time");
        let noon = Timestamp::parse("2026-11-28T12:00:00Z").expect("a time");
        let west = Timestamp::parse("2026-11-29T05:00:00Z").expect("a time");
        assert_eq!(words(midnight, NOW, Wording::LastDay), "28 Nov");
        assert_eq!(words(noon, NOW, Wording::LastDay), "28 Nov");
        assert_eq!(text(west, NOW, Wording::LastDay, &WEST), "28 Nov");
        assert_eq!(text(midnight, NOW, Wording::LastDay, &WEST), "28 Nov");
    }

    #[test]
    fn spans_name_what_is_needed() {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let hour = (at("2026-11-20T14:00:00Z"), at("2026-11-20T15:00:00Z"));
        let last = (at("2026-11-20T18:00:00Z"), at("2026-11-21T00:00:00Z"));
        let day = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
        for ((from, until), utc, half) in [
            (hour, "20 Nov, 14:00–15:00 UTC", "20 Nov, 19:30–20:30"),
            (last, "20 Nov, 18:00–24:00 UTC", "20 Nov, 23:30 – 21 Nov, 05:30"),
            (day, "20 Nov", "20 Nov, 05:30 – 21 Nov, 05:30"),
        ] {
            assert_eq!(span_text(from, until, &UTC), utc);
            assert_eq!(span_text(from, until, &HALF), half);
        }
    }

    #[test]
    fn extreme_times_have_words_too() {
        for end in [i64::MIN, i64::MAX] {
            assert!(!words(Timestamp::from_millis(end), NOW, Wording::Relative).is_empty());
            assert!(!words(NOW, Timestamp::from_millis(end), Wording::Day).is_empty());
            for wording in Wording::ALL {
                assert!(!text(Timestamp::from_millis(end), NOW, wording, &FAR_EAST).is_empty());
            }
            assert!(!span_text(NOW, Timestamp::from_millis(end), &WEST).is_empty());
        }
    }
}
