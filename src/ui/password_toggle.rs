//! The button inside a password field that shows the password and hides it again. It needs a script, and is absent without one.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::Element;

use super::dom::all;
use super::parts::{Icon, Symbol};

const BUTTONS: &str = "[data-shows-password]";
const SHOW: &str = "Show password";
const HIDE: &str = "Hide password";

/// The button for the field with this id.
pub(super) fn password_toggle(field: String) -> AnyView {
    view! {
        <button
            type="button"
            class="btn-icon group needs-script absolute inset-y-0 right-1 my-auto max-h-full"
            data-shows-password=""
            aria-controls=field
            aria-pressed="false"
            aria-label=SHOW
        >
            <span class="flex group-aria-pressed:hidden"><Icon symbol=Symbol::Eye/></span>
            <span class="hidden group-aria-pressed:flex"><Icon symbol=Symbol::EyeOff/></span>
        </button>
    }
    .into_any()
}

/// Handles the buttons of all password fields of the page.
pub(super) fn handle_password_toggles() {
    window_event_listener(ev::click, |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(Ok(Some(button))) = target.map(|target| target.closest(BUTTONS)) {
            let is_shown = button.get_attribute("aria-pressed").as_deref() == Some("true");
            show(&button, !is_shown);
        }
    });
    // Browsers store the texts of submitted fields, but not of password fields.
    window_event_listener(ev::submit, |_| {
        for button in all(BUTTONS) {
            show(&button, false);
        }
    });
}

fn show(button: &Element, is_shown: bool) {
    let field = button.get_attribute("aria-controls").and_then(|id| document().get_element_by_id(&id));
    let Some(field) = field else { return };
    let (kind, label) = if is_shown { ("text", HIDE) } else { ("password", SHOW) };
    let _ = field.set_attribute("type", kind);
    let _ = button.set_attribute("aria-pressed", if is_shown { "true" } else { "false" });
    let _ = button.set_attribute("aria-label", label);
}
