//! The keyboard on all pages: Escape closes dialogs, arrow keys move through menus, and the focus begins where people work.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::dom::{all, find, focus};
use super::tab_memory;

/// The document contains this island once.
#[island]
pub fn Keyboard() -> impl IntoView {
    Effect::new(|_| {
        tab_memory::arrive();
        focus_first();
        window_event_listener(ev::keydown, |event| {
            let has_modifier = event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
            if event.default_prevented() || event.is_composing() || has_modifier {
                return;
            }
            match event.key().as_str() {
                "Escape" => close_dialog(),
                "ArrowDown" | "ArrowUp" | "Home" | "End" => move_in_menu(&event),
                _ => {}
            }
        });
        window_event_listener(ev::click, |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            if let Some(target) = target {
                tab_memory::leave(&target, event.detail() == 0);
            }
        });
        window_event_listener(ev::submit, |event| {
            if !event.default_prevented() {
                tab_memory::submit();
            }
        });
    });
}

/// Sets the focus on a page where no field has it: on the button that copies a new secret, or into the open dialog.
fn focus_first() {
    const FIRST: [&str; 3] = [
        ".reveal .needs-script button",
        "dialog[open] .dialog-body :is(input:not([type=hidden]), select, textarea)",
        "dialog[open] .dialog-foot :is(a, button)",
    ];
    let has_focus = document().active_element().is_some_and(|active| active.tag_name() != "BODY");
    if !has_focus && let Some(first) = FIRST.iter().find_map(|selector| find(selector)) {
        focus(&first);
    }
}

/// Follows the Close link of the open dialog. A menu in front of it closes by itself.
fn close_dialog() {
    if find(".menu:popover-open").is_some() {
        return;
    }
    let link = find("dialog[open] .dialog-head a").and_then(|link| link.dyn_into::<HtmlElement>().ok());
    if let Some(link) = link {
        link.click();
    }
}

/// Moves the focus through the open menu. On the button of a menu, up and down open it.
fn move_in_menu(event: &KeyboardEvent) {
    let Some(active) = document().active_element() else { return };
    let key = event.key();
    if find(".menu:popover-open").is_none() {
        let opens_menu = active.get_attribute("popovertarget").is_some_and(|menu| {
            document().get_element_by_id(&menu).is_some_and(|menu| menu.class_list().contains("menu"))
        });
        let button: Option<&HtmlElement> = active.dyn_ref();
        match button.filter(|_| opens_menu && matches!(key.as_str(), "ArrowDown" | "ArrowUp")) {
            Some(button) => button.click(),
            None => return,
        }
    } else if active.matches("input, textarea, select").unwrap_or(false) {
        return;
    }
    let items = all(".menu:popover-open :is(a, button)");
    let Some(last) = items.len().checked_sub(1) else { return };
    let current = items.iter().position(|item| *item == active);
    let next = match (key.as_str(), current) {
        ("Home", _) | ("ArrowDown", None) => 0,
        ("End", _) | (_, None) => last,
        ("ArrowDown", Some(at)) => (at + 1) % items.len(),
        (_, Some(at)) => at.checked_sub(1).unwrap_or(last),
    };
    event.prevent_default();
    focus(&items[next]);
}
