//! The islands on the pages of keys. The pages work without them, and none of them receives a secret as a property.

use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::{ev, task};
use web_sys::{Element, HtmlInputElement};

use crate::ui::dom::all;
use crate::ui::islands::{Copied, copy};
use crate::ui::tab_memory;

const COPIED: &str = "data-copied";

/// Copies an example request in which the visible beginning of the key is replaced by the whole key.
#[island]
pub fn CopyUsage(target: String, plain: String, children: Children) -> impl IntoView {
    let state = RwSignal::new(Copied::NotYet);
    let press = move |event: ev::MouseEvent| {
        let button = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
        let element = |id: &str| document().get_element_by_id(id);
        let (Some(button), Some(code), Some(key)) = (button, element(&target), element(&plain)) else {
            return state.set(Copied::Failed);
        };
        let text = code.text_content().unwrap_or_default();
        let start = code.query_selector(".k").ok().flatten().and_then(|start| start.text_content());
        let filled = start.map(|start| text.replace(&start, &key.text_content().unwrap_or_default()));
        let has_key = filled.is_some();
        task::spawn_local(async move {
            let copied = copy(&filled.unwrap_or(text), &button).await;
            state.set(if copied { Copied::Done } else { Copied::Failed });
            if copied && has_key {
                let _ = key.set_attribute(COPIED, "");
            }
            if copied {
                set_timeout(move || state.set(Copied::NotYet), Duration::from_secs(4));
            }
        });
    };
    let status = move || if state.get() == Copied::Failed { "cap" } else { "sr-only" };
    view! {
        <span class="needs-script inline-flex flex-wrap items-center justify-end gap-x-2">
            <span class=status role="status">{move || state.get().message()}</span>
            <button
                type="button" class="btn btn-ghost btn-sm -mr-2" class:copied=move || state.get() == Copied::Done
                on:click=press
            >
                {children()}
            </button>
        </span>
    }
}

/// A button that selects all keys of the list.
#[island]
pub fn SelectAll() -> impl IntoView {
    let select = |_| {
        for pick in all(".pick") {
            if let Some(pick) = pick.dyn_ref::<HtmlInputElement>() {
                pick.set_checked(true);
            }
        }
    };
    view! {
        <button type="button" class="btn btn-ghost btn-sm needs-script" on:click=select>"Select all"</button>
    }
}

/// Asks for confirmation before somebody leaves the page without having copied the secret, and removes the secret from the
/// page
/// when it is left. `reload_address` is the address that a reload opens: the page is the response to a form, which must not be
/// sent again.
#[island]
pub fn RevealGuard(reload_address: String) -> impl IntoView {
    Effect::new(move |_| {
        tab_memory::complete();
        let secret = || document().get_element_by_id("plaintext");
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(
                &leptos::wasm_bindgen::JsValue::NULL,
                "",
                Some(&reload_address),
            );
        }
        let mark_copied = move || {
            if let Some(secret) = secret() {
                let _ = secret.set_attribute(COPIED, "");
            }
        };
        // Any copy event counts, because the person may select the key and copy it by hand.
        window_event_listener(ev::copy, move |_| mark_copied());
        if let Ok(Some(stored)) = document().query_selector(".reveal a.stored") {
            let pressed = leptos::wasm_bindgen::closure::Closure::<dyn FnMut()>::new(mark_copied);
            let _ = stored.add_event_listener_with_callback("click", pressed.as_ref().unchecked_ref());
            // The listener lives as long as the page.
            pressed.forget();
        }
        window_event_listener(ev::beforeunload, move |event| {
            if secret().is_some_and(|secret| !secret.has_attribute(COPIED)) {
                event.prevent_default();
                event.set_return_value("The key has not been copied.");
            }
        });
        window_event_listener(ev::pagehide, move |_| {
            if let Some(secret) = secret() {
                secret.set_text_content(None);
            }
        });
    });
}
