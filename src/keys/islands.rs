//! What runs in the browser on the pages of keys. None of it is needed; none of it gets a secret as a property.

use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::{ev, task};
use web_sys::{Element, HtmlFormElement};

use crate::ui::islands::{Copied, copy};

/// The form around is sent as soon as something in it is chosen; its button for that is not needed then.
#[island]
pub fn SubmitOnChange(children: Children) -> impl IntoView {
    let by_hand = RwSignal::new(true);
    Effect::new(move |_| by_hand.set(false));
    let submit = move |event: ev::Event| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let form = form.and_then(|place| place.closest("form").ok().flatten());
        if let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
            let _ = form.request_submit();
        }
    };
    view! {
        <div class="chooses contents" data-by-hand=move || by_hand.get().then_some("") on:change=submit>
            {children()}
        </div>
    }
}

const COPIED: &str = "data-copied";

/// Copies an example, with the whole key in place of its visible start.
#[island]
pub fn CopyUsage(target: String, plain: String, children: Children) -> impl IntoView {
    let state = RwSignal::new(Copied::NotYet);
    let press = move |event: ev::MouseEvent| {
        let place = event.current_target().and_then(|place| place.dyn_into::<Element>().ok());
        let element = |id: &str| document().get_element_by_id(id);
        let (Some(place), Some(code), Some(key)) = (place, element(&target), element(&plain)) else {
            return state.set(Copied::Failed);
        };
        let text = code.text_content().unwrap_or_default();
        let start = code.query_selector(".k").ok().flatten().and_then(|start| start.text_content());
        let filled = start.map(|start| text.replace(&start, &key.text_content().unwrap_or_default()));
        let has_key = filled.is_some();
        task::spawn_local(async move {
            let copied = copy(&filled.unwrap_or(text), &place).await;
            state.set(if copied { Copied::Done } else { Copied::Failed });
            if copied && has_key {
                let _ = key.set_attribute(COPIED, "");
            }
            if copied {
                set_timeout(move || state.set(Copied::NotYet), Duration::from_secs(4));
            }
        });
    };
    view! {
        <span class="needs-script inline-flex flex-wrap items-center justify-end gap-x-2">
            <span class="cap" role="status">{move || state.get().said()}</span>
            <button type="button" class="btn btn-ghost btn-sm -mr-2" on:click=press>{children()}</button>
        </span>
    }
}

/// Asks before a secret that nobody has copied is left behind, and takes it off the page when the page is left. `here` is
/// the address that a reload asks for: the page is the answer to a form, which must not be sent again.
#[island]
pub fn RevealGuard(here: String) -> impl IntoView {
    Effect::new(move |_| {
        let secret = || document().get_element_by_id("plaintext");
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&leptos::wasm_bindgen::JsValue::NULL, "", Some(&here));
        }
        let keep = move || {
            if let Some(secret) = secret() {
                let _ = secret.set_attribute(COPIED, "");
            }
        };
        // By hand: whatever is copied while the key is selected.
        window_event_listener(ev::copy, move |_| keep());
        if let Ok(Some(stored)) = document().query_selector(".reveal a.stored") {
            let pressed = leptos::wasm_bindgen::closure::Closure::<dyn FnMut()>::new(keep);
            let _ = stored.add_event_listener_with_callback("click", pressed.as_ref().unchecked_ref());
            // It listens for as long as the page is open.
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
