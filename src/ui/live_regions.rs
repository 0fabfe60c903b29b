//! The browser's side of `parts::LiveRegion`: after a signal it fetches the page again, and replaces the regions in which nobody is
//! working.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, DomParser, Element, HtmlElement, RequestInit, Response, SupportedType};

use super::dom::all;
use super::new_content;

/// The least time between two fetches of a page.
const MIN_PAUSE_MILLIS: f64 = 2_000.0;
/// How long a region waits in which somebody is working.
const BUSY_PAUSE: Duration = Duration::from_secs(5);

thread_local! {
    static STATE: RefreshState = RefreshState::default();
}

#[derive(Default)]
struct RefreshState {
    /// A fetch is due; further signals need none of their own.
    is_due: Cell<bool>,
    /// Something changed while the page could not be seen.
    is_stale: Cell<bool>,
    fetched_at: Cell<f64>,
    /// The new rows of the list, until somebody presses the bar.
    waiting: RefCell<Option<Element>>,
}

/// The topics of the regions of the page.
pub fn topics() -> Vec<String> {
    let regions = all("[data-live-region]");
    let topics: HashSet<String> =
        regions.iter().filter_map(|region| region.get_attribute("data-live-region")).collect();
    topics.into_iter().collect()
}

/// Fetches the page again soon. `spread` is a time in milliseconds over which the pages of all people are spread.
pub fn changed(spread: f64) {
    let is_first = STATE.with(|state| !state.is_due.replace(true));
    if !is_first {
        return;
    }
    let since = js_sys::Date::now() - STATE.with(|state| state.fetched_at.get());
    let wait = (MIN_PAUSE_MILLIS - since).max(0.0) + js_sys::Math::random() * spread;
    set_timeout(|| task::spawn_local(refresh()), Duration::from_millis(wait as u64));
}

/// A page that becomes visible shows what has changed meanwhile.
pub fn became_visible() {
    if is_visible() && STATE.with(|state| state.is_stale.replace(false)) {
        changed(0.0);
    }
}

fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

async fn refresh() {
    STATE.with(|state| state.is_due.set(false));
    if !is_visible() {
        return STATE.with(|state| state.is_stale.set(true));
    }
    STATE.with(|state| state.fetched_at.set(js_sys::Date::now()));
    let Ok(page) = fetch_page().await else { return };
    let mut is_waiting = false;
    for region in all("[data-live-region]") {
        let Some(new) = page.get_element_by_id(&region.id()) else { continue };
        if is_in_use(&region) {
            is_waiting = true;
        } else {
            show(&region, &new);
        }
    }
    if is_waiting {
        set_timeout(|| changed(0.0), BUSY_PAUSE);
    }
}

async fn fetch_page() -> Result<Document, JsValue> {
    let options = RequestInit::new();
    let headers = js_sys::Object::new();
    js_sys::Reflect::set(&headers, &"accept".into(), &"text/html".into())?;
    js_sys::Reflect::set(&headers, &"x-latchkey-refresh".into(), &"1".into())?;
    options.set_headers(&headers);
    let address = window().location().href()?;
    let response: Response =
        JsFuture::from(window().fetch_with_str_and_init(&address, &options)).await?.dyn_into()?;
    if !response.ok() {
        return Err(JsValue::NULL);
    }
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    DomParser::new()?.parse_from_string(&text, SupportedType::TextHtml)
}

/// Whether somebody is working in the region: it has the focus, an open menu, a selected row or the values of a bar.
fn is_in_use(region: &Element) -> bool {
    let has = |selector: &str| matches!(region.query_selector(selector), Ok(Some(_)));
    has(":focus")
        || has(":popover-open")
        || has("input:checked")
        || has("details[open]")
        || has(".chart-tip:not([hidden])")
}

fn show(region: &Element, new: &Element) {
    let known = rows(region);
    let count = rows(new).difference(&known).count();
    let bar = bar_of(region);
    match bar {
        Some(bar) if count > 0 && !known.is_empty() => {
            if let Ok(Some(label)) = bar.query_selector("[data-live-count]") {
                label.set_text_content(Some(&format!("{count} new")));
            }
            bar.set_hidden(false);
            STATE.with(|state| *state.waiting.borrow_mut() = Some(new.clone()));
        }
        bar => {
            if let Some(bar) = bar {
                bar.set_hidden(true);
            }
            region.set_inner_html(&new.inner_html());
            new_content::prepare();
        }
    }
}

/// Shows the rows that wait behind the pressed bar.
pub fn show_waiting(pressed: &Element) {
    let Ok(Some(bar)) = pressed.closest("[data-live-bar]") else { return };
    let region = bar.next_element_sibling();
    let new = STATE.with(|state| state.waiting.borrow_mut().take());
    if let (Some(region), Some(new), Some(bar)) = (region, new, bar.dyn_ref::<HtmlElement>()) {
        region.set_inner_html(&new.inner_html());
        new_content::prepare();
        bar.set_hidden(true);
    }
}

fn bar_of(region: &Element) -> Option<HtmlElement> {
    let bar = region.previous_element_sibling()?;
    bar.has_attribute("data-live-bar").then(|| bar.dyn_into().ok()).flatten()
}

fn rows(region: &Element) -> HashSet<String> {
    let Ok(found) = region.query_selector_all("[data-row]") else { return HashSet::new() };
    (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into::<Element>().ok()?.get_attribute("data-row"))
        .collect()
}
