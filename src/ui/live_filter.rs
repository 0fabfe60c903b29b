//! The island of filter forms: the results follow what somebody types.

use std::time::Duration;

use js_sys::Object;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::{ev, task};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DomParser, Element, FormData, HtmlFormElement, HtmlInputElement, RequestInit, Response, SupportedType,
    UrlSearchParams,
};

use super::new_content;

/// The pause in typing after which the results are loaded.
const PAUSE: Duration = Duration::from_millis(200);

/// Loads the results while somebody types into a field of the enclosing form, and submits the form as soon as a choice changes.
/// `results` has the ids of the elements that are replaced. The rest of the page stays, and with it the focus and the cursor. CSS hides
/// the form's submit button then.
#[island]
pub fn LiveFilter(results: String, children: Children) -> impl IntoView {
    let needs_button = RwSignal::new(true);
    Effect::new(move |_| needs_button.set(false));
    let summary = RwSignal::new(String::new());
    let results = StoredValue::new(results);
    let typed = StoredValue::new(0_u32);
    let type_text = move |event: ev::Event| {
        let Some(form) = field_of(&event).and_then(|field| field.form()) else { return };
        typed.update_value(|count| *count = count.wrapping_add(1));
        let turn = typed.get_value();
        let is_current = move || typed.try_get_value() == Some(turn);
        let after_pause = move || {
            if !is_current() {
                return;
            }
            task::spawn_local(async move {
                let page = load(&form).await;
                // Somebody typed on while it was loading.
                if is_current() {
                    match page.and_then(|(address, text)| replace(&results.get_value(), &address, &text)) {
                        Some(text) => summary.set(text),
                        // A problem, or another page, such as that of a key that was pasted.
                        None => drop(form.request_submit()),
                    }
                }
            });
        };
        set_timeout(after_pause, PAUSE);
    };
    let change = move |event: ev::Event| {
        let element = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let form = element.filter(|_| field_of(&event).is_none());
        let form = form.and_then(|element| element.closest("form").ok().flatten());
        if let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
            let _ = form.request_submit();
        }
    };
    view! {
        <div
            class="chooses contents"
            data-by-hand=move || needs_button.get().then_some("")
            on:input=type_text
            on:change=change
        >
            {children()}
            <span class="sr-only" role="status">{move || summary.get()}</span>
        </div>
    }
}

fn field_of(event: &ev::Event) -> Option<HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// Sends the form, and returns the address and the text of the response; None if it is not a page.
async fn load(form: &HtmlFormElement) -> Option<(String, String)> {
    let data = FormData::new_with_form(form).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    let options = RequestInit::new();
    // Properties of a form can be hidden by fields of the same name, such as "action". Attributes cannot.
    let mut address = form.get_attribute("action")?;
    if form.get_attribute("method").as_deref() == Some("post") {
        options.set_method("POST");
        options.set_body(&fields);
    } else {
        address = format!("{address}?{}", String::from(Object::to_string(&fields)));
    }
    let response = JsFuture::from(window().fetch_with_str_and_init(&address, &options)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?;
    Some((response.url(), text.as_string()?))
}

/// Replaces the results by those of another page, whose address this page then has. Returns their summary, or None if the other page
/// does not have them.
fn replace(ids: &str, address: &str, page: &str) -> Option<String> {
    let page = DomParser::new().ok()?.parse_from_string(page, SupportedType::TextHtml).ok()?;
    let new: Vec<_> = ids.split(' ').map(|id| page.get_element_by_id(id)).collect::<Option<_>>()?;
    for new in &new {
        if let Some(old) = document().get_element_by_id(&new.id()) {
            old.replace_with_with_node_1(new).ok()?;
        }
    }
    new_content::prepare();
    let _ = window().history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(address));
    let summary = document().query_selector("[data-summary]").ok().flatten();
    Some(summary.and_then(|found| found.text_content()).unwrap_or_default())
}
