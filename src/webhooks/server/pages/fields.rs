//! The form of an endpoint: its address, the events, a description.

use leptos::prelude::*;

use crate::ui::parts::{Checkbox, Field, Input};
use crate::webhooks::server::{Endpoint, EndpointDraft};
use crate::webhooks::{EventType, PATTERNS};

/// Reads a submitted form. Each chosen event is a field `events`.
pub fn read(form: &[u8]) -> EndpointDraft {
    let mut draft = EndpointDraft::default();
    for (name, value) in url::form_urlencoded::parse(form) {
        match name.as_ref() {
            "url" => draft.url = value.into_owned(),
            "description" => draft.description = value.into_owned(),
            "events" => draft.events.push(value.into_owned()),
            _ => {}
        }
    }
    draft
}

pub fn of(endpoint: &Endpoint) -> EndpointDraft {
    EndpointDraft {
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        events: endpoint.events.names().to_vec(),
    }
}

/// `unknown` are the names of events that this version does not know, and that the endpoint receives.
pub fn view(draft: EndpointDraft, unknown: Vec<String>) -> AnyView {
    let EndpointDraft { url, description, events } = draft;
    let patterns = PATTERNS.map(|(pattern, words)| (pattern.to_owned(), words.to_owned()));
    let single = EventType::ALL.map(|event| (event.as_str().to_owned(), event.caption().to_owned()));
    let unknown = unknown.into_iter().map(|name| (name, "An event of a newer version".to_owned()));
    let single: Vec<_> = single.into_iter().chain(unknown).collect();
    let boxes = |choices: Vec<(String, String)>| {
        let boxes = choices.into_iter().map(|(value, words)| {
            let checked = events.contains(&value);
            view! { <EventBox value words checked/> }
        });
        boxes.collect_view()
    };
    let (patterns, single) = (boxes(patterns.to_vec()), boxes(single));
    view! {
        <Input
            name="url" label="Address" kind="url" value=url verbatim=true autocomplete="off" focus=true
            placeholder="https://hooks.example.com/latchkey" control="mono"
            hint="https only. Latchkey posts each event to this address."
        />
        <Field name="events" label="Events">
            <div class="mt-1.5 grid gap-x-6 gap-y-1 sm:grid-cols-2" id="f-events" tabindex="-1" role="group" aria-label="Events">
                {patterns}
            </div>
            <div class="mt-2 grid gap-x-6 gap-y-1 border-t border-line pt-2 sm:grid-cols-2">{single}</div>
        </Field>
        <Input
            name="description" label="Description" value=description optional=true max_length=200
            autocomplete="off"
        />
    }
    .into_any()
}

#[component]
fn EventBox(value: String, words: String, checked: bool) -> AnyView {
    view! {
        <label class="flex min-h-6 items-start gap-2.5 text-dense">
            <input class="check mt-px" type="checkbox" name="events" value=value.clone() checked=checked/>
            <span class="min-w-0">
                {words}
                <span class="ml-2 mono text-cap leading-5 text-ink-3">{value}</span>
            </span>
        </label>
    }
    .into_any()
}

/// The box that confirms a removal.
pub fn confirmation(host: &str) -> AnyView {
    let label = format!("Stop sending events to {host} and delete its deliveries");
    view! { <Checkbox name="confirm" label required=true/> }.into_any()
}
