//! Segments choose a value or filter, tabs choose a view of the same thing. Both are real links or real radios, so they
//! work with the keyboard and without a script.

use leptos::prelude::*;

/// One option that is an address.
#[derive(Clone, Debug)]
pub struct LinkOption {
    pub href: String,
    pub label: String,
    /// Shown behind the label, hidden on phones.
    pub count: Option<String>,
    pub current: bool,
}

impl LinkOption {
    pub fn new(href: impl Into<String>, label: impl Into<String>, current: bool) -> Self {
        Self { href: href.into(), label: label.into(), count: None, current }
    }

    #[must_use]
    pub fn count(mut self, count: impl Into<String>) -> Self {
        self.count = Some(count.into());
        self
    }
}

/// One option that is a form's value.
#[derive(Clone, Debug)]
pub struct RadioOption {
    pub value: String,
    pub label: String,
    /// For `:has(#id:checked)` rules; none when empty.
    pub id: String,
    pub checked: bool,
}

impl RadioOption {
    pub fn new(value: impl Into<String>, label: impl Into<String>, checked: bool) -> Self {
        Self { value: value.into(), label: label.into(), id: String::new(), checked }
    }

    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }
}

/// A filter: the whole bar fills the width on phones.
#[component]
pub fn LinkSegment(#[prop(into)] label: String, options: Vec<LinkOption>) -> AnyView {
    view! {
        <nav class="seg flex-none max-sm:w-full max-sm:[&>a]:flex-1 max-sm:[&>a]:px-1" aria-label=label>
            {links(options)}
        </nav>
    }
    .into_any()
}

#[component]
pub fn RadioSegment(
    /// What is chosen; for those who do not see the bar.
    #[prop(into)]
    label: String,
    #[prop(into)] name: String,
    options: Vec<RadioOption>,
) -> AnyView {
    view! { <div class="seg" role="radiogroup" aria-label=label>{radios(name, options)}</div> }.into_any()
}

#[component]
pub fn LinkTabs(#[prop(into)] label: String, options: Vec<LinkOption>) -> AnyView {
    view! { <nav class="tabs" aria-label=label>{links(options)}</nav> }.into_any()
}

/// Tabs without a request: the panes follow by `:has(#id:checked)`.
#[component]
pub fn RadioTabs(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    options: Vec<RadioOption>,
) -> AnyView {
    view! { <div class="tabs" role="radiogroup" aria-label=label>{radios(name, options)}</div> }.into_any()
}

fn links(options: Vec<LinkOption>) -> AnyView {
    options
        .into_iter()
        .map(|LinkOption { href, label, count, current }| {
            view! {
                <a href=href aria-current=current.then_some("true")>
                    {label}
                    {count.map(|count| view! { <span class="count max-sm:hidden">{count}</span> })}
                </a>
            }
        })
        .collect_view()
        .into_any()
}

fn radios(name: String, options: Vec<RadioOption>) -> AnyView {
    options
        .into_iter()
        .map(move |RadioOption { value, label, id, checked }| {
            let id = (!id.is_empty()).then_some(id);
            view! {
                <label>
                    <input type="radio" name=name.clone() value=value id=id checked=checked/>
                    {label}
                </label>
            }
        })
        .collect_view()
        .into_any()
}
