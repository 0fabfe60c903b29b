//! Values that a form carries without showing them.

use leptos::prelude::*;

use super::markup::{Markup, markup};

#[component]
pub fn HiddenFields(fields: Vec<(&'static str, String)>) -> AnyView {
    hidden_fields(&fields).into_any()
}

pub fn hidden_fields(fields: &[(&'static str, String)]) -> Markup {
    let field = |(name, value): &(&'static str, String)| markup!(r#"<input type="hidden" name=""# { *name } r#"" value=""# { value } r#"">"#);
    markup!({ fields.iter().map(field).collect::<Vec<_>>() })
}
