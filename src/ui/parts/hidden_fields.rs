//! Hidden fields of a form.

use leptos::prelude::*;

#[component]
pub fn HiddenFields(fields: Vec<(&'static str, String)>) -> AnyView {
    let inputs =
        fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> });
    inputs.collect_view().into_any()
}
