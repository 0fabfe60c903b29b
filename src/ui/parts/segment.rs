//! Segments choose a value or a filter, tabs choose a view of the same object. Both are links or radio buttons, so they work with the
//! keyboard and without a script.

use leptos::prelude::*;

/// An option that is a link.
#[derive(Clone, Debug)]
pub struct LinkOption {
    pub href: String,
    pub label: String,
    /// Shown after the label, hidden on phones.
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

/// An option that is a value of a form.
#[derive(Clone, Debug)]
pub struct RadioOption {
    pub value: String,
    pub label: String,
    /// The id for CSS rules with `:has(#id:checked)`; none when empty.
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

/// A filter as links. On phones it is as wide as the page.
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
    /// The accessible name of the group.
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

/// Tabs that need no request: CSS shows the panes with `:has(#id:checked)`.
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
