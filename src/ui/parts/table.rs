//! Tables in a panel. On phones, CSS turns their rows into blocks; explicit roles keep them tables for screen readers.

use leptos::prelude::*;

use super::markup::{Markup, markup};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    Ascending,
    Descending,
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    name: String,
    class: &'static str,
    sorted: Option<Sorted>,
    hidden: bool,
}

impl Column {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// A column with numbers, which are aligned to the right.
    pub fn right(name: impl Into<String>) -> Self {
        Self { class: "r", ..Self::new(name) }
    }

    /// A column whose heading is only for screen readers, such as that of the row menus.
    pub fn hidden(name: impl Into<String>) -> Self {
        Self { hidden: true, ..Self::new(name) }
    }

    #[must_use]
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    #[must_use]
    pub fn sorted(mut self, sorted: Sorted) -> Self {
        self.sorted = Some(sorted);
        self
    }
}

#[component]
pub fn Panel(#[prop(into, optional)] class: String, children: Children) -> AnyView {
    view! { <div class=format!("panel {class}").trim_end().to_owned()>{children()}</div> }.into_any()
}

#[component]
pub fn Table(
    /// The accessible name of the table.
    #[prop(into)]
    caption: String,
    /// `t-stack` (blocks on phones) or a class for this table.
    #[prop(into, default = "t-stack".to_owned())]
    class: String,
    columns: Vec<Column>,
    /// `Row`s.
    children: Children,
) -> AnyView {
    let heads = columns.into_iter().map(|Column { name, class, sorted, hidden }| {
        let sort = sorted.map(|sorted| match sorted {
            Sorted::Ascending => "ascending",
            Sorted::Descending => "descending",
        });
        let text = if hidden {
            view! { <span class="sr-only">{name}</span> }.into_any()
        } else {
            name.into_any()
        };
        view! { <th role="columnheader" scope="col" class=(!class.is_empty()).then_some(class) aria-sort=sort>{text}</th> }
    });
    view! {
        <table class=format!("table {class}") role="table">
            <caption class="sr-only">{caption}</caption>
            <thead role="rowgroup">
                <tr role="row">{heads.collect_view()}</tr>
            </thead>
            <tbody role="rowgroup">{children()}</tbody>
        </table>
    }
    .into_any()
}

/// `Cell`s. Rows are rendered at once as text, because a page has many. `id` is the row's id for `LiveRegion`.
#[component]
pub fn Row(#[prop(into, optional)] id: String, children: Children) -> AnyView {
    let id = Markup::attribute("data-row", &id);
    markup!(r#"<tr role="row""# { id } ">" { children() } "</tr>").into_any()
}

#[component]
pub fn Cell(
    #[prop(into, optional)] class: String,
    /// The name of the column, which is above the value when the rows are blocks.
    #[prop(into, optional)]
    label: String,
    children: Children,
) -> AnyView {
    let (class, label) = (Markup::attribute("class", &class), Markup::attribute("data-l", &label));
    markup!(r#"<td role="cell""# { class } { label } ">" { children() } "</td>").into_any()
}

/// The link of a row, which covers the whole row. Other controls in the row need the class `over`.
#[component]
pub fn RowLink(#[prop(into)] href: String, #[prop(into)] text: String) -> AnyView {
    view! { <a class="row-link" href=href dir="auto">{text}</a> }.into_any()
}
