//! Islands that many pages use. Pages work without them. No island receives a secret as a property, because properties are written
//! into the page a second time.

use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::{ev, task};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, EventSource, HtmlDocument, HtmlElement, HtmlTextAreaElement, MessageEvent};

use super::dom::all;
use super::password_toggle::handle_password_toggles;
use super::{chart_tips, live_regions, local_times};
use crate::shared::Timestamp;

/// Prevents that a form is sent twice, and changes the text of its button while it is sent. It applies to all forms whose button has
/// `data-saving`, as `form::SubmitButton` renders it. Also shows and hides passwords. The document contains this island once.
#[island]
pub fn Saving() -> impl IntoView {
    Effect::new(|_| {
        handle_password_toggles();
        window_event_listener(ev::submit, |event| {
            let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let button = event.submitter().filter(|button| button.has_attribute("data-saving"));
            let (Some(form), Some(button), false) = (form, button, event.default_prevented()) else { return };
            if form.has_attribute("data-sent") {
                event.prevent_default();
            } else {
                let _ = form.set_attribute("data-sent", "");
                say_saving(&button);
            }
        });
        // The Back button may restore this page in the state in which it was left.
        window_event_listener(ev::pageshow, |event| {
            // The page comes from the browser's cache, and the person may have signed out since.
            if event.persisted() && !all("[data-private]").is_empty() {
                let _ = window().location().reload();
            }
            for form in all("[data-sent]") {
                let _ = form.remove_attribute("data-sent");
            }
            for label in all("[data-label]") {
                label.set_text_content(label.get_attribute("data-label").as_deref());
                let _ = label.remove_attribute("data-label");
                if let Ok(Some(button)) = label.closest("button") {
                    let _ = button.remove_attribute("aria-disabled");
                }
            }
        });
    });
}

/// Changes the text of the button without disabling it, so that its name and value are sent.
fn say_saving(button: &HtmlElement) {
    let Ok(Some(label)) = button.query_selector("span") else { return };
    let _ = label.set_attribute("data-label", &label.text_content().unwrap_or_default());
    label.set_text_content(button.get_attribute("data-saving").as_deref());
    let _ = button.set_attribute("aria-disabled", "true");
}

/// Writes all times in the viewer's time zone, again every minute, and fills the hidden fields that tell the server this zone. `now` is
/// the server's time of rendering, because the browser's clock may be wrong.
#[island]
pub fn LocalTimes(now: i64) -> impl IntoView {
    Effect::new(move |_| {
        local_times::start(Timestamp::from_millis(now));
        // The names of bars contain times.
        chart_tips::prepare();
        let _ = set_interval_with_handle(local_times::refresh, Duration::from_secs(60));
        window_event_listener(ev::submit, |event| {
            if let Some(form) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                local_times::fill_zones(&form);
            }
        });
    });
}

/// Makes the charts of the page respond to the pointer and to the keyboard. The document contains this island once.
#[island]
pub fn ChartTips() -> impl IntoView {
    Effect::new(|_| chart_tips::start());
}

/// The state of copying to the clipboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    NotYet,
    Done,
    Failed,
}

impl Copied {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::NotYet => "",
            Self::Done => "Copied",
            Self::Failed => "Copying did not work. Select the text and press Ctrl C.",
        }
    }
}

/// Copies a text to the clipboard. Returns false if that is not possible. `button` is the button that was pressed.
pub(crate) async fn copy(text: &str, button: &Element) -> bool {
    copy_text(text).await || copy_selected(text, button)
}

/// A button that copies the text of the element `target`. The children are its content, and `name` is its accessible name if they
/// are only an icon.
#[island]
pub fn CopyButton(target: String, class: String, name: String, children: Children) -> impl IntoView {
    let state = RwSignal::new(Copied::NotYet);
    let copy = move |event: ev::MouseEvent| {
        let button = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
        let source = document().get_element_by_id(&target);
        let (Some(button), Some(source)) = (button, source) else { return state.set(Copied::Failed) };
        let text = source.text_content().unwrap_or_default();
        task::spawn_local(async move {
            let copied = copy(&text, &button).await;
            state.set(if copied { Copied::Done } else { Copied::Failed });
            if copied {
                // RevealGuard reads this.
                let _ = source.set_attribute("data-copied", "");
                set_timeout(move || state.set(Copied::NotYet), Duration::from_secs(4));
            }
        });
    };
    let status = move || if state.get() == Copied::Failed { "cap not-empty:ml-2" } else { "sr-only" };
    view! {
        <span class="needs-script inline-flex flex-wrap items-center">
            <button
                type="button" class=class class:copied=move || state.get() == Copied::Done
                aria-label=(!name.is_empty()).then_some(name) on:click=copy
            >
                {children()}
            </button>
            <span class=status role="status">{move || state.get().message()}</span>
        </span>
    }
}

/// Copies with the clipboard API, which browsers offer only on https and on localhost.
async fn copy_text(text: &str) -> bool {
    if !window().is_secure_context() {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Copies on plain http, by selecting the text in an invisible field. The field is next to the button, so that this works inside a
/// dialog too.
fn copy_selected(text: &str, button: &Element) -> bool {
    let document = document();
    let field = document
        .create_element("textarea")
        .ok()
        .and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok());
    let (Some(field), Some(parent)) = (field, button.parent_element()) else { return false };
    field.set_class_name("sr-only");
    field.set_value(text);
    if parent.append_child(&field).is_err() {
        return false;
    }
    field.select();
    let copied = document.unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false);
    field.remove();
    if let Some(button) = button.dyn_ref::<HtmlElement>() {
        let _ = button.focus();
    }
    copied
}

const TOAST_STEP: Duration = Duration::from_millis(250);
const TOAST_STEPS: u32 = 24;

/// Closes a toast when its button with `data-close` is pressed, and, unless it `stays`, after six seconds without the pointer or the
/// focus on it.
#[island]
pub fn ToastTimer(stays: bool, children: Children) -> impl IntoView {
    let (held, is_closed) = (RwSignal::new(0_i32), RwSignal::new(false));
    Effect::new(move |_| {
        if stays {
            return;
        }
        let remaining = StoredValue::new(TOAST_STEPS);
        let _ = set_interval_with_handle(
            move || {
                if held.get_untracked() <= 0 {
                    remaining.update_value(|steps| *steps = steps.saturating_sub(1));
                }
                if remaining.get_value() == 0 {
                    is_closed.set(true);
                }
            },
            TOAST_STEP,
        );
    });
    let hold = move || held.update(|held| *held += 1);
    let release = move || held.update(|held| *held -= 1);
    let close = move |event: ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| matches!(target.closest("[data-close]"), Ok(Some(_)))) {
            is_closed.set(true);
            // The focused element has disappeared.
            let main =
                document().get_element_by_id("main").and_then(|main| main.dyn_into::<HtmlElement>().ok());
            if let Some(main) = main {
                let _ = main.focus();
            }
        }
    };
    view! {
        <div
            hidden=move || is_closed.get()
            on:mouseenter=move |_| hold()
            on:mouseleave=move |_| release()
            on:focusin=move |_| hold()
            on:focusout=move |_| release()
            on:click=close
        >
            {children()}
        </div>
    }
}

/// Receives the signals for the live parts of the page over one connection. The document contains this island once; it opens no
/// connection on a page without live parts.
#[island]
pub fn LiveParts() -> impl IntoView {
    Effect::new(|_| {
        let parts = all("[data-live]");
        let mut topics: Vec<String> =
            parts.iter().filter_map(|part| part.get_attribute("data-live")).collect();
        topics.extend(live_regions::topics());
        if topics.is_empty() {
            return;
        }
        let query = topics.iter().map(|topic| format!("topic={}", js_sys::encode_uri_component(topic)));
        let Ok(source) = EventSource::new(&format!("/live?{}", query.collect::<Vec<_>>().join("&"))) else {
            return;
        };
        let mark = |name: &'static str, value: Option<&'static str>| {
            let parts = all("[data-live]");
            move |_: web_sys::Event| {
                for part in &parts {
                    let _ = match value {
                        Some(value) => part.set_attribute(name, value),
                        None => part.remove_attribute(name),
                    };
                }
            }
        };
        listen(&source, "open", mark("data-link", None));
        listen(&source, "error", mark("data-link", Some("lost")));
        for name in ["refused", "arrived"] {
            let parts = parts.clone();
            listen(&source, name, move |event: web_sys::Event| {
                let data = event.dyn_ref::<MessageEvent>().and_then(|event| event.data().as_string());
                if let Some(data) = data {
                    show_signal(&parts, name, &data);
                }
            });
        }
        document_event_listener("visibilitychange", live_regions::became_visible);
        window_event_listener(ev::click, |event| {
            if let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                live_regions::show_waiting(&target);
            }
        });
    });
}

fn document_event_listener(name: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    let _ = document().add_event_listener_with_callback(name, handler.as_ref().unchecked_ref());
    // The listener lives as long as the page.
    handler.forget();
}

fn listen(source: &EventSource, name: &str, handler: impl FnMut(web_sys::Event) + 'static) {
    let handler = Closure::<dyn FnMut(web_sys::Event)>::new(handler);
    let _ = source.add_event_listener_with_callback(name, handler.as_ref().unchecked_ref());
    // The listener lives as long as the page.
    handler.forget();
}

/// Sets the state of the parts with the signal's topic. A refusal does not change a part whose event has arrived.
fn show_signal(parts: &[Element], state: &str, data: &str) {
    let Ok(data) = js_sys::JSON::parse(data) else { return };
    let field =
        |name: &str| js_sys::Reflect::get(&data, &name.into()).ok().and_then(|value| value.as_string());
    let topic = field("topic");
    if topic.as_ref().is_some_and(|topic| live_regions::topics().contains(topic)) {
        let spread = js_sys::Reflect::get(&data, &"spread".into()).ok().and_then(|value| value.as_f64());
        live_regions::changed(spread.unwrap_or_default());
    }
    let has_arrived = |part: &Element| part.get_attribute("data-state").as_deref() == Some("arrived");
    for part in parts.iter().filter(|part| part.get_attribute("data-live") == topic) {
        if state == "refused" && has_arrived(part) {
            continue;
        }
        if let (Some(text), Ok(Some(place))) = (
            field("text").filter(|text| !text.is_empty()),
            part.query_selector(&format!("[data-live-text={state}]")),
        ) {
            place.set_text_content(Some(&text));
        }
        let _ = part.set_attribute("data-state", state);
    }
}
