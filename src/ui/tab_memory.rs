//! What a browser tab remembers from one page to the next: what was typed into a dialog that was closed, which link opened it, and
//! which form is completed. Nothing of it is a secret, and signing out deletes it.

use js_sys::{Array, JSON, Reflect};
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventInit, Storage};

use super::dom::{all, find, focus};

/// The address of the dialog that was closed with the keyboard.
const CLOSED: &str = "closed";
/// The address of the page whose form was submitted last.
const SUBMITTED: &str = "submitted";
/// The address of the last page whose form created a secret.
const COMPLETED: &str = "completed";

/// The type of a navigation by a link or a form, not by Back, Forward or Reload.
const NEW_VISIT: u16 = 0;

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

fn put(name: &str, value: &str) {
    // Without room, the tab forgets.
    let _ = storage().map(|storage| storage.set_item(name, value));
}

fn take(name: &str) -> Option<String> {
    let storage = storage()?;
    let value = storage.get_item(name).ok().flatten();
    let _ = storage.remove_item(name);
    value
}

fn here() -> String {
    let location = window().location();
    format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

/// Uses what was remembered on the pages before.
pub fn arrive() {
    if is_completed() {
        if let Some(address) =
            find(".dialog-head a, [data-cancel]").and_then(|link| link.get_attribute("href"))
        {
            let _ = window().location().replace(&address);
        }
        return;
    }
    restore_draft();
    if let Some(opener) = take(CLOSED).and_then(|address| opener(&address)) {
        focus(&opener);
    }
}

/// Remembers what somebody leaves by following a link. Whoever cancels a form does not want it back.
pub fn leave(target: &Element, with_keyboard: bool) {
    let is_on = |selector: &str| matches!(target.closest(selector), Ok(Some(_)));
    if with_keyboard && is_on("dialog .dialog-head a, dialog .dialog-foot a, a[data-cancel]") {
        put(CLOSED, &here());
    }
    if is_on("dialog .dialog-head a") {
        store_draft();
    }
}

pub fn submit() {
    put(SUBMITTED, &here());
}

/// The form that was submitted has created a secret, so Back must not open it again.
pub fn complete() {
    if let Some(address) = take(SUBMITTED) {
        put(COMPLETED, &address);
    }
}

/// Whether this page was reached with Back or Reload although its form is completed.
fn is_completed() -> bool {
    let completed = storage().and_then(|storage| storage.get_item(COMPLETED).ok().flatten());
    if completed != Some(here()) {
        return false;
    }
    let is_again = window().performance().is_some_and(|page| page.navigation().type_() != NEW_VISIT);
    if !is_again {
        take(COMPLETED);
    }
    is_again
}

/// The link to this address, or the button of the menu that contains it.
fn opener(address: &str) -> Option<Element> {
    let links = all("main a[href]");
    let link = links.into_iter().find(|link| link.get_attribute("href").as_deref() == Some(address))?;
    match link.closest("[popover]") {
        Ok(Some(menu)) => find(&format!("[popovertarget=\"{}\"]", menu.id())),
        _ => Some(link),
    }
}

/// The name under which the draft of the page's form is stored: its address and its organization.
fn draft_name() -> Option<String> {
    let form = find("[data-draft]")?.closest("form").ok().flatten()?;
    let org = form.query_selector("input[name=org]").ok().flatten()?.get_attribute("value")?;
    Some(format!("draft {} {org}", form.get_attribute("action")?))
}

/// The parts of a form with a state, and the property that contains it.
fn stateful_parts() -> Vec<(Element, &'static str)> {
    let parts = all("[data-draft] :is(input:not([type=hidden]), select, textarea, details)");
    let property = |part: &Element| match part.get_attribute("type").as_deref() {
        Some("checkbox" | "radio") => "checked",
        _ if part.tag_name() == "DETAILS" => "open",
        _ => "value",
    };
    parts.into_iter().map(|part| (property(&part), part)).map(|(name, part)| (part, name)).collect()
}

fn store_draft() {
    let Some(name) = draft_name() else { return };
    let states: Array = stateful_parts()
        .iter()
        .map(|(part, property)| Reflect::get(part, &(*property).into()).unwrap_or(JsValue::NULL))
        .collect();
    if let Ok(text) = JSON::stringify(&states) {
        put(&name, &String::from(text));
    }
}

fn restore_draft() {
    let stored = draft_name().and_then(|name| take(&name)).and_then(|text| JSON::parse(&text).ok());
    let Some(states) = stored.and_then(|states| states.dyn_into::<Array>().ok()) else { return };
    let parts = stateful_parts();
    // Another release, or other permissions to choose from.
    if parts.len() != states.length() as usize {
        return;
    }
    let bubbling = EventInit::new();
    bubbling.set_bubbles(true);
    for ((part, property), state) in parts.iter().zip(states.iter()) {
        let _ = Reflect::set(part, &(*property).into(), &state);
        if let Ok(event) = Event::new_with_event_init_dict("input", &bubbling) {
            let _ = part.dispatch_event(&event);
        }
    }
}
