//! Times relative to now, with the exact UTC time on hover. `islands::RelativeTimes` calls `words` every minute, so the browser shows
//! the same text as the server.

use std::time::Duration;

use leptos::prelude::*;

use crate::shared::Timestamp;

/// The form of a relative time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// "4 s ago", "Yesterday", "In 72 days".
    #[default]
    Relative,
    /// "Yesterday" or the date, for events in the distant past, such as a creation.
    Day,
}

impl Wording {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Day => "day",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Relative, Self::Day].into_iter().find(|wording| wording.as_str() == text)
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// "3 Feb 2026", in UTC.
pub fn day(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{day} {} {year}", name.copied().unwrap_or("?"))
}

/// "20 Nov 2026, 14:32:06 UTC".
pub fn exact(at: Timestamp) -> String {
    let seconds = seconds_of_day(at);
    format!("{}, {:02}:{:02}:{:02} UTC", day(at), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// "20 Nov 2026, 14:32 UTC".
pub fn minute(at: Timestamp) -> String {
    let seconds = seconds_of_day(at);
    format!("{}, {:02}:{:02} UTC", day(at), seconds / 3_600, seconds / 60 % 60)
}

fn seconds_of_day(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000).rem_euclid(86_400)
}

pub fn words(at: Timestamp, now: Timestamp, wording: Wording) -> String {
    if at > now { ahead(at, now) } else { past(at, now, wording) }
}

fn past(at: Timestamp, now: Timestamp, wording: Wording) -> String {
    let span = seconds(now.since(at));
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

/// The number of midnights (UTC) between two times.
fn midnights(at: Timestamp, now: Timestamp) -> i64 {
    now.millis().div_euclid(86_400_000) - at.millis().div_euclid(86_400_000)
}

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
        assert_eq!(minute(NOW), "20 Nov 2026, 14:32 UTC");
    }

    #[test]
    fn extreme_times_have_words_too() {
        for end in [i64::MIN, i64::MAX] {
            assert!(!words(Timestamp::from_millis(end), NOW, Wording::Relative).is_empty());
            assert!(!words(NOW, Timestamp::from_millis(end), Wording::Day).is_empty());
        }
    }
}
