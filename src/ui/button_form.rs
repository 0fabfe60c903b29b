//! A form of one button, and the organization that forms are bound to.

use leptos::prelude::*;

use super::parts::{Markup, hidden_fields, markup};

/// The organization that a page was made for. Every form of the page carries it, so that a form which comes back after
/// its sender went over to another organization changes nothing there. Pages of nobody in particular have none.
#[derive(Clone, Debug)]
pub struct MadeFor(pub String);

/// A form of one button, with hidden values.
pub fn button_form(action: &str, fields: &[(&'static str, String)], button: Markup) -> Markup {
    let org = use_context::<MadeFor>().map(|MadeFor(org)| hidden_fields(&[("org", org)]));
    markup!(
        r#"<form method="post" action=""# { action } r#"">"# { org } { hidden_fields(fields) } { button } "</form>"
    )
}
