//! What runs in the browser on many pages. Pages work without any of it. No island gets a secret as a property: it
//! would be written into the page a second time.

use std::time::Duration;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::{ev, task};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, EventSource, HtmlDocument, HtmlElement, HtmlTextAreaElement, MessageEvent};

use super::parts::{Wording, words};
use crate::shared::Timestamp;

/// A sent form says so on its button and is not sent twice. For every form whose button has `data-saving`, which is
/// what `form::SubmitButton` writes; the document has this island once.
#[island]
pub fn Saving() -> impl IntoView {
    Effect::new(|_| {
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
        // The browser's Back may bring this page as it was left.
        window_event_listener(ev::pageshow, |event| {
            // From the browser's memory: whoever was signed in may have left since.
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

/// The words of the button change; the button itself stays able, so that its name and value are sent.
fn say_saving(button: &HtmlElement) {
    let Ok(Some(label)) = button.query_selector("span") else { return };
    let _ = label.set_attribute("data-label", &label.text_content().unwrap_or_default());
    label.set_text_content(button.get_attribute("data-saving").as_deref());
    let _ = button.set_attribute("aria-disabled", "true");
}

/// Keeps "2 min ago" true, once a minute. `now` is the server's time at rendering; the browser's own clock, which may
/// be wrong, is not asked.
#[island]
pub fn RelativeTimes(now: i64) -> impl IntoView {
    Effect::new(move |_| {
        let Some(stopwatch) = window().performance() else { return };
        let loaded = stopwatch.now();
        let refresh = move || {
            let now = Timestamp::from_millis(now.saturating_add((stopwatch.now() - loaded) as i64));
            for time in all("time[data-at]") {
                let at = time.get_attribute("data-at").and_then(|at| at.parse().ok());
                let wording = time.get_attribute("data-wording").as_deref().and_then(Wording::parse);
                if let (Some(at), Some(wording)) = (at, wording) {
                    time.set_text_content(Some(&words(Timestamp::from_millis(at), now, wording)));
                }
            }
        };
        let _ = set_interval_with_handle(refresh, Duration::from_secs(60));
    });
}

/// How a copy went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    NotYet,
    Done,
    Failed,
}

impl Copied {
    pub(crate) fn said(self) -> &'static str {
        match self {
            Self::NotYet => "",
            Self::Done => "Copied",
            Self::Failed => "Copying did not work. Select the text and press Ctrl C.",
        }
    }
}

/// Puts a text on the clipboard, if that can be done at all. `place` is the button that was pressed.
pub(crate) async fn copy(text: &str, place: &Element) -> bool {
    copy_text(text).await || copy_selected(text, place)
}

/// Copies the text of the element `target`. The children are what the button shows, `name` is what it is called where
/// they are only an icon. Says "Copied" only when it is.
#[island]
pub fn CopyButton(target: String, class: String, name: String, children: Children) -> impl IntoView {
    let state = RwSignal::new(Copied::NotYet);
    let copy = move |event: ev::MouseEvent| {
        let place = event.current_target().and_then(|place| place.dyn_into::<Element>().ok());
        let source = document().get_element_by_id(&target);
        let (Some(place), Some(source)) = (place, source) else { return state.set(Copied::Failed) };
        let text = source.text_content().unwrap_or_default();
        task::spawn_local(async move {
            let copied = copy(&text, &place).await;
            state.set(if copied { Copied::Done } else { Copied::Failed });
            if copied {
                // For who wants to know whether it was.
                let _ = source.set_attribute("data-copied", "");
                set_timeout(move || state.set(Copied::NotYet), Duration::from_secs(4));
            }
        });
    };
    view! {
        <span class="needs-script inline-flex flex-wrap items-center">
            <button type="button" class=class aria-label=(!name.is_empty()).then_some(name) on:click=copy>
                {children()}
            </button>
            <span class="cap not-empty:ml-2" role="status">{move || state.get().said()}</span>
        </span>
    }
}

/// The clipboard proper, which browsers offer on https and on the own machine only.
async fn copy_text(text: &str) -> bool {
    if !window().is_secure_context() {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// On plain http: selects the text in a field out of sight, beside the button so that it works inside a dialog.
fn copy_selected(text: &str, place: &Element) -> bool {
    let document = document();
    let field = document
        .create_element("textarea")
        .ok()
        .and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok());
    let (Some(field), Some(parent)) = (field, place.parent_element()) else { return false };
    field.set_class_name("sr-only");
    field.set_value(text);
    if parent.append_child(&field).is_err() {
        return false;
    }
    field.select();
    let copied = document.unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false);
    field.remove();
    if let Some(button) = place.dyn_ref::<HtmlElement>() {
        let _ = button.focus();
    }
    copied
}

const TOAST_STEP: Duration = Duration::from_millis(250);
const TOAST_STEPS: u32 = 24;

/// Takes a toast away after six seconds in which nobody pointed at it or had the focus in it, or when its button with
/// `data-close` is pressed. An error `stays` until then.
#[island]
pub fn ToastTimer(stays: bool, children: Children) -> impl IntoView {
    let (held, gone) = (RwSignal::new(0_i32), RwSignal::new(false));
    Effect::new(move |_| {
        if stays {
            return;
        }
        let left = StoredValue::new(TOAST_STEPS);
        let _ = set_interval_with_handle(
            move || {
                if held.get_untracked() <= 0 {
                    left.update_value(|left| *left = left.saturating_sub(1));
                }
                if left.get_value() == 0 {
                    gone.set(true);
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
            gone.set(true);
            // The focus was on what is gone now.
            let main =
                document().get_element_by_id("main").and_then(|main| main.dyn_into::<HtmlElement>().ok());
            if let Some(main) = main {
                let _ = main.focus();
            }
        }
    };
    view! {
        <div
            hidden=move || gone.get()
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

/// Escape leaves a dialog the way its Close link does.
#[island]
pub fn EscapeCloses() -> impl IntoView {
    Effect::new(|_| {
        window_event_listener(ev::keydown, |event| {
            if event.key() != "Escape" || event.default_prevented() {
                return;
            }
            if let Ok(Some(link)) = document().query_selector("dialog[open] .dialog-head a")
                && let Some(link) = link.dyn_ref::<HtmlElement>()
            {
                link.click();
            }
        });
    });
}

fn all(selector: &str) -> Vec<Element> {
    let Ok(found) = document().query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|place| found.get(place)?.dyn_into().ok()).collect()
}

/// Hears what the page's live parts wait for, on one connection. The document has this island once; a page without
/// such parts opens none.
#[island]
pub fn LiveParts() -> impl IntoView {
    Effect::new(|_| {
        let parts = all("[data-live]");
        let topics: Vec<String> = parts.iter().filter_map(|part| part.get_attribute("data-live")).collect();
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
        listen(&source, "arrived", move |event: web_sys::Event| {
            let Some(data) = event.dyn_ref::<MessageEvent>().and_then(|event| event.data().as_string())
            else {
                return;
            };
            arrived(&parts, &data);
        });
    });
}

fn listen(source: &EventSource, name: &str, handler: impl FnMut(web_sys::Event) + 'static) {
    let handler = Closure::<dyn FnMut(web_sys::Event)>::new(handler);
    let _ = source.add_event_listener_with_callback(name, handler.as_ref().unchecked_ref());
    // It listens for as long as the page is open.
    handler.forget();
}

fn arrived(parts: &[Element], data: &str) {
    let Ok(data) = js_sys::JSON::parse(data) else { return };
    let field =
        |name: &str| js_sys::Reflect::get(&data, &name.into()).ok().and_then(|value| value.as_string());
    let topic = field("topic");
    for part in parts.iter().filter(|part| part.get_attribute("data-live") == topic) {
        if let (Some(text), Ok(Some(place))) =
            (field("text").filter(|text| !text.is_empty()), part.query_selector("[data-live-text]"))
        {
            place.set_text_content(Some(&text));
        }
        let _ = part.set_attribute("data-state", "arrived");
    }
}
