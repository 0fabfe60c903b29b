//! The command palette and the keyboard shortcuts. Without scripts, the button that opens the palette is a link to `/search`.

use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::{ev, task};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Element, HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, Response,
    ScrollIntoViewOptions, ScrollLogicalPosition,
};

use super::dom::find;
use crate::shared::contains_token;

const PAUSE: Duration = Duration::from_millis(120);
/// The second key of a shortcut follows the first within this time, in milliseconds.
const SECOND_KEY: f64 = 1_000.0;

/// Opens the dialogs among its children, which are the palette and the list of shortcuts, and handles the keyboard. The document
/// contains this island once.
#[island]
pub fn PaletteKeys(children: Children) -> impl IntoView {
    let turn = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let first_key = StoredValue::new(f64::NEG_INFINITY);
        window_event_listener(ev::keydown, move |event| shortcut(&event, first_key, turn));
        window_event_listener(ev::click, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let opens = target.is_some_and(|target| matches!(target.closest("[data-palette]"), Ok(Some(_))));
            if opens && !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                event.prevent_default();
                open_palette(turn);
            }
        });
    });
    let click = move |event: ev::MouseEvent| {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        // A click beside a dialog has the dialog itself as its target.
        let closes = target.is_instance_of::<HtmlDialogElement>()
            || matches!(target.closest("[data-close]"), Ok(Some(_)));
        if closes && let Ok(Some(dialog)) = target.closest("dialog") {
            dialog.unchecked_into::<HtmlDialogElement>().close();
        }
    };
    view! {
        <div class="contents" on:input=move |_| load_soon(turn) on:keydown=move |event| move_selection(&event) on:click=click>
            {children()}
        </div>
    }
}

fn shortcut(event: &KeyboardEvent, first_key: StoredValue<f64>, turn: StoredValue<u32>) {
    let key = event.key();
    let command = event.ctrl_key() || event.meta_key();
    if event.default_prevented() || event.is_composing() || event.alt_key() {
        return;
    }
    if command && key.eq_ignore_ascii_case("k") {
        event.prevent_default();
        return open_palette(turn);
    }
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let is_typing = target.is_some_and(|target| {
        target.is_content_editable() || target.matches("input, textarea, select").unwrap_or(false)
    });
    if command || is_typing || find("dialog[open]").is_some() {
        return;
    }
    let follows_g = event.time_stamp() - first_key.get_value() < SECOND_KEY;
    first_key.set_value(if key == "g" { event.time_stamp() } else { f64::NEG_INFINITY });
    match key.as_str() {
        "k" if follows_g => go("/settings/api-keys"),
        "c" => go("/settings/api-keys/new"),
        "?" => drop(dialog("shortcuts").map(|dialog| dialog.show_modal())),
        "/" => {
            event.prevent_default();
            match find("main input[type=search]").and_then(|field| field.dyn_into::<HtmlInputElement>().ok())
            {
                Some(field) => {
                    let _ = field.focus();
                    field.select();
                }
                None => open_palette(turn),
            }
        }
        _ => {}
    }
}

fn dialog(id: &str) -> Option<HtmlDialogElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

fn go(address: &str) {
    let _ = window().location().assign(address);
}

fn field() -> Option<HtmlInputElement> {
    find("#palette input")?.dyn_into().ok()
}

fn open_palette(turn: StoredValue<u32>) {
    // Above the dialog of a page there is no palette.
    if find("dialog[open]").is_some() {
        return;
    }
    let (Some(dialog), Some(field)) = (dialog("palette"), field()) else { return };
    let _ = dialog.show_modal();
    field.set_value("");
    load_soon(turn);
}

/// Loads the results after a pause in typing.
fn load_soon(turn: StoredValue<u32>) {
    turn.update_value(|turn| *turn = turn.wrapping_add(1));
    let own = turn.get_value();
    let after_pause = move || {
        let (Some(field), Some(list)) = (field(), find("#palette-list")) else { return };
        let text = field.value();
        if turn.get_value() != own {
            return;
        }
        if contains_token(&text) {
            return list.set_text_content(Some("Paste whole keys into the search of API keys."));
        }
        task::spawn_local(async move {
            let html = load(&text).await;
            if turn.get_value() == own {
                match html {
                    Some(html) => {
                        list.set_inner_html(&html);
                        select(&options(), 0);
                    }
                    // A problem. The page says which.
                    None => go("/search"),
                }
            }
        });
    };
    set_timeout(after_pause, PAUSE);
}

async fn load(text: &str) -> Option<String> {
    let address = format!("/search/found?q={}", String::from(js_sys::encode_uri_component(text)));
    let response = JsFuture::from(window().fetch_with_str(&address)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    let body = JsFuture::from(response.json().ok()?).await.ok()?;
    js_sys::Reflect::get(&body, &"html".into()).ok()?.as_string()
}

fn options() -> Vec<HtmlElement> {
    let Ok(found) = document().query_selector_all("#palette-list [role=option]") else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect()
}

fn select(options: &[HtmlElement], place: usize) {
    for (index, option) in options.iter().enumerate() {
        let is_selected = index == place;
        let _ = option.set_attribute("aria-selected", if is_selected { "true" } else { "false" });
        if is_selected {
            let nearest = ScrollIntoViewOptions::new();
            nearest.set_block(ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    }
    if let Some(field) = field() {
        let id = options.get(place).map(|option| option.id()).unwrap_or_default();
        let _ = field.set_attribute("aria-activedescendant", &id);
    }
}

/// The keys of the palette: up, down and Enter. Escape closes a dialog by itself.
fn move_selection(event: &KeyboardEvent) {
    if event.is_composing() || find("#palette[open]").is_none() {
        return;
    }
    let options = options();
    let selected = options
        .iter()
        .position(|option| option.get_attribute("aria-selected").as_deref() == Some("true"))
        .unwrap_or(0);
    let count = options.len().max(1);
    match event.key().as_str() {
        "ArrowDown" => select(&options, (selected + 1) % count),
        "ArrowUp" => select(&options, (selected + count - 1) % count),
        "Enter" => {
            if let Some(option) = options.get(selected) {
                let address = option.get_attribute("href").unwrap_or_default();
                if event.ctrl_key() || event.meta_key() {
                    let _ = window().open_with_url_and_target(&address, "_blank");
                } else {
                    option.click();
                }
            }
        }
        _ => return,
    }
    event.prevent_default();
}
