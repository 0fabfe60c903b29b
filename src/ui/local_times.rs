//! The browser's side of `parts::Time`: texts in the viewer's time zone.

use std::cell::Cell;
use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlInputElement};

use super::dom::{all, within};
use super::parts::{Wording, Zone, span_text, text};
use crate::shared::Timestamp;

/// The browser says the zone elsewhere, so a time of day stands alone.
const VIEWER: Zone = Zone { offset: minutes_ahead, suffix: "" };
const MINUTE_MILLIS: f64 = 60_000.0;

thread_local! {
    /// What to add to the time since the page was loaded to have the server's time.
    static SERVER_START: Cell<Option<f64>> = const { Cell::new(None) };
}

pub fn start(now: Timestamp) {
    let loaded = window().performance().map(|stopwatch| stopwatch.now());
    SERVER_START.set(loaded.map(|loaded| now.millis() as f64 - loaded));
    refresh();
}

fn server_now() -> Option<Timestamp> {
    let elapsed = window().performance()?.now();
    Some(Timestamp::from_millis((SERVER_START.get()? + elapsed) as i64))
}

/// Writes all times of the page.
pub fn refresh() {
    let Some(now) = server_now() else { return };
    for time in all("time[data-at]") {
        if let Some(text) = text_of(&time, now)
            && time.text_content().as_ref() != Some(&text)
        {
            time.set_text_content(Some(&text));
        }
    }
    for list in all("[data-days]") {
        divide_by_day(&list, now);
    }
}

fn text_of(time: &Element, now: Timestamp) -> Option<String> {
    let at = millis(time, "data-at")?;
    if let Some(until) = millis(time, "data-until") {
        return Some(span_text(at, until, &VIEWER));
    }
    let wording = time.get_attribute("data-wording").as_deref().and_then(Wording::parse)?;
    Some(text(at, now, wording, &VIEWER))
}

fn millis(time: &Element, name: &str) -> Option<Timestamp> {
    time.get_attribute(name)?.parse().ok().map(Timestamp::from_millis)
}

fn minutes_ahead(at: Timestamp) -> i64 {
    let date = js_sys::Date::new(&JsValue::from_f64(at.millis() as f64));
    // Not a number for times beyond those of JavaScript, which becomes zero.
    -date.get_timezone_offset() as i64
}

/// Puts the headings of a list of times before the first row of each of the viewer's days. The server divided the list by days of UTC.
fn divide_by_day(list: &Element, now: Timestamp) {
    let children = within(list, ":scope > *");
    let (headings, rows): (Vec<_>, Vec<_>) =
        children.into_iter().partition(|child| child.has_attribute("data-day"));
    let Some(heading) = headings.first().cloned() else { return };
    headings.iter().for_each(Element::remove);
    let mut last = String::new();
    for row in rows {
        let Some(at) =
            row.query_selector("time[data-at]").ok().flatten().and_then(|at| millis(&at, "data-at"))
        else {
            continue;
        };
        let day = text(at, now, Wording::Heading, &VIEWER);
        if day != last {
            let new = heading.clone_node_with_deep(false).ok().and_then(|new| new.dyn_into::<Element>().ok());
            if let Some(new) = new {
                new.set_text_content(Some(&day));
                let _ = list.insert_before(&new, Some(&row));
            }
            last = day;
        }
    }
}

/// Fills the hidden fields of a form that say how far the viewer's clocks are ahead of UTC at the end of a chosen day, in minutes.
/// `data-end-of` names the field with the day.
pub fn fill_zones(form: &Element) {
    let field =
        |selector: &str| form.query_selector(selector).ok().flatten()?.dyn_into::<HtmlInputElement>().ok();
    let Some(zone) = field("input[data-end-of]") else { return };
    let name = zone.get_attribute("data-end-of").unwrap_or_default();
    let Some(day) = field(&format!("input[name=\"{name}\"]")) else { return };
    zone.set_value(
        &minutes_ahead_at_end(&day.value()).map(|minutes| minutes.to_string()).unwrap_or_default(),
    );
}

/// Asks for the following midnight, because summer time may begin or end during the day.
fn minutes_ahead_at_end(day: &str) -> Option<i64> {
    let mut parts = day.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let begins = Timestamp::of_date(i64::from(year), month, day)?;
    let ends = begins.plus(Duration::from_secs(24 * 60 * 60)).millis() as f64;
    let midnight = js_sys::Date::new_with_year_month_day(year, month as i32 - 1, day as i32 + 1);
    let minutes = (ends - midnight.get_time()) / MINUTE_MILLIS;
    minutes.is_finite().then_some(minutes as i64)
}
