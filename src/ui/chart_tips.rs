//! The browser's side of `parts::Chart`: the values of a bar in a box above it, for the pointer, for touch and for the keyboard. The
//! values are those of the table below the chart. A chart is one tab stop; the arrow keys move between its bars.

use std::cell::RefCell;

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, SvgElement};

use super::dom::{all, within};

const CHART: &str = "[data-chart]";
const COLUMN: &str = ".plot-col";
/// The part of a column that has the focus: a link, or a group where there is nothing to open.
const BAR: &str = ".plot-bar";

thread_local! {
    /// The column that was touched last, and whether its values were visible before.
    static TOUCHED: RefCell<Option<(Element, bool)>> = const { RefCell::new(None) };
}

pub fn start() {
    prepare();
    window_event_listener(ev::pointerover, |event| {
        if event.pointer_type() != "touch" {
            follow(column_of(event.target()));
        }
    });
    window_event_listener(ev::pointerdown, |event| {
        let column = column_of(event.target()).filter(|_| event.pointer_type() == "touch");
        let touched = column.map(|column| (column.clone(), is_open(&column)));
        if event.pointer_type() == "touch" {
            follow(touched.as_ref().map(|(column, _)| column.clone()));
        }
        TOUCHED.set(touched);
    });
    window_event_listener(ev::click, |event| {
        // The first touch shows the values, and the second one follows the link.
        let column = column_of(event.target());
        let is_first = TOUCHED.with_borrow(|touched| {
            touched.as_ref().is_some_and(|(touched, was_open)| column.as_ref() == Some(touched) && !was_open)
        });
        if is_first {
            event.prevent_default();
        }
    });
    window_event_listener(ev::focusin, |event| follow(column_of(event.target())));
    window_event_listener(ev::focusout, |_| hide());
    window_event_listener(ev::keydown, |event| {
        let Some(column) = column_of(event.target()) else { return };
        let is_handled = match event.key().as_str() {
            "Escape" if is_open(&column) => {
                hide();
                true
            }
            "ArrowLeft" => move_from(&column, |at, _| at.saturating_sub(1)),
            "ArrowRight" => move_from(&column, |at, last| (at + 1).min(last)),
            "Home" => move_from(&column, |_, _| 0),
            "End" => move_from(&column, |_, last| last),
            _ => false,
        };
        if is_handled {
            event.prevent_default();
        }
    });
}

/// Makes each chart of the page one tab stop. A chart that is ready is not changed, except for the names of its bars, whose times may
/// have changed.
pub fn prepare() {
    for chart in all(CHART) {
        let bars = within(&chart, BAR);
        let is_ready = bars.iter().any(|bar| bar.get_attribute("tabindex").as_deref() == Some("0"));
        for (index, bar) in bars.iter().enumerate() {
            if let Some(values) = values_of(&chart, index) {
                let _ = bar.set_attribute("aria-label", &values.sentence());
            }
            if is_ready {
                continue;
            }
            // The browser would show the title beside the box.
            if let Ok(Some(title)) = bar.query_selector("title") {
                title.remove();
            }
            let is_stop = index + 1 == bars.len();
            let _ = bar.set_attribute("tabindex", if is_stop { "0" } else { "-1" });
            if !bar.has_attribute("href") {
                let _ = bar.set_attribute("role", "img");
            }
        }
        // An image could not contain bars that have the focus.
        if let Ok(Some(plot)) = chart.query_selector(".plot-area > svg") {
            let _ = plot.set_attribute("role", "group");
        }
    }
}

fn column_of(target: Option<web_sys::EventTarget>) -> Option<Element> {
    target?.dyn_into::<Element>().ok()?.closest(COLUMN).ok().flatten()
}

/// The chart of a column, its columns and the place of this one among them.
fn place_of(column: &Element) -> Option<(Element, Vec<Element>, usize)> {
    let chart = column.closest(CHART).ok().flatten()?;
    let columns = within(&chart, COLUMN);
    let index = columns.iter().position(|other| other == column)?;
    Some((chart, columns, index))
}

fn move_from(column: &Element, target: impl Fn(usize, usize) -> usize) -> bool {
    let Some((chart, _, index)) = place_of(column) else { return false };
    let bars = within(&chart, BAR);
    let next = target(index, bars.len().saturating_sub(1));
    for (place, bar) in bars.iter().enumerate() {
        let _ = bar.set_attribute("tabindex", if place == next { "0" } else { "-1" });
    }
    if let Some(bar) = bars.get(next).and_then(|bar| bar.dyn_ref::<SvgElement>()) {
        let _ = bar.focus();
    }
    true
}

fn is_open(column: &Element) -> bool {
    column.has_attribute("data-open")
}

/// Shows the values of this column, or none.
fn follow(column: Option<Element>) {
    match column {
        Some(column) if is_open(&column) => {}
        Some(column) => {
            hide();
            show(&column);
        }
        None => {
            // A bar that has the focus keeps its box while the pointer moves elsewhere.
            let focused =
                document().active_element().and_then(|focused| focused.closest(COLUMN).ok().flatten());
            match focused {
                Some(focused) => follow(Some(focused)),
                None => hide(),
            }
        }
    }
}

fn hide() {
    for column in all(".plot-col[data-open]") {
        let _ = column.remove_attribute("data-open");
    }
    for tip in all(".chart-tip:not([hidden])") {
        let _ = tip.set_attribute("hidden", "");
    }
}

/// The values of a bar, as the table has them.
struct BarValues {
    span: String,
    /// The class of the swatch, the name and the value of each.
    rows: Vec<(String, String, String)>,
}

impl BarValues {
    fn sentence(&self) -> String {
        let rows: Vec<String> =
            self.rows.iter().map(|(_, name, value)| format!("{value} {}", name.to_lowercase())).collect();
        format!("{}: {}", self.span, rows.join(", "))
    }
}

/// Reasons that did not occur are left out, but not the values of the first column.
fn values_of(chart: &Element, index: usize) -> Option<BarValues> {
    let row = within(chart, "tbody tr").into_iter().nth(index)?;
    let span = row.query_selector("th").ok().flatten()?.text_content()?;
    let heads = within(chart, "thead th[data-swatch]");
    let values = within(&row, "td");
    let rows = heads.iter().zip(values).enumerate().filter_map(|(place, (head, value))| {
        let value = value.text_content().unwrap_or_default();
        let is_left_out = value.is_empty() || value == "0" && place > 0;
        let swatch = head.get_attribute("data-swatch").unwrap_or_default();
        (!is_left_out).then(|| (swatch, head.text_content().unwrap_or_default(), value))
    });
    Some(BarValues { span, rows: rows.collect() })
}

fn show(column: &Element) {
    let Some((chart, _, index)) = place_of(column) else { return };
    let (Some(values), Ok(Some(area))) = (values_of(&chart, index), chart.query_selector(".plot-area"))
    else {
        return;
    };
    let Some(tip) = area.query_selector(".chart-tip").ok().flatten().or_else(|| new_tip(&area)) else {
        return;
    };
    tip.set_text_content(None);
    append(&tip, "div", "chart-tip-span", &values.span);
    for (swatch, name, value) in &values.rows {
        if let Some(line) = append(&tip, "div", "chart-tip-row", "") {
            append(&line, "span", swatch, "");
            append(&line, "span", "", name);
            append(&line, "b", "num", value);
        }
    }
    if let Ok(Some(link)) = column.query_selector("a.plot-bar") {
        append(&tip, "div", "cap", &link.get_attribute("data-opens").unwrap_or_default());
    }
    let _ = tip.remove_attribute("hidden");
    let _ = column.set_attribute("data-open", "");
    place(&tip, column, &area);
}

fn new_tip(area: &Element) -> Option<Element> {
    let tip = append(area, "div", "chart-tip", "")?;
    // The bar that has the focus has the same text as its name.
    let _ = tip.set_attribute("aria-hidden", "true");
    Some(tip)
}

fn append(parent: &Element, tag: &str, class: &str, text: &str) -> Option<Element> {
    let element = document().create_element(tag).ok()?;
    element.set_class_name(class);
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    parent.append_child(&element).ok()?;
    Some(element)
}

/// Puts the box above the middle of the bar, but inside of the chart and below the top of the window.
fn place(tip: &Element, column: &Element, area: &Element) {
    let (bar, frame) = (column.get_bounding_client_rect(), area.get_bounding_client_rect());
    let width = tip.get_bounding_client_rect().width();
    let middle = bar.left() + bar.width() / 2.0 - frame.left();
    let left = (middle - width / 2.0).min(frame.width() - width).max(0.0);
    if let Some(tip) = tip.dyn_ref::<HtmlElement>() {
        let style = tip.style();
        let _ = style.set_property("left", &format!("{left:.0}px"));
        let _ = style.remove_property("margin-bottom");
        let top = tip.get_bounding_client_rect().top().min(0.0);
        let _ = style.set_property("margin-bottom", &format!("{top:.0}px"));
    }
}
