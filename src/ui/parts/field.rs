//! Fields, with a label above and a hint below. An error replaces the hint and says what to do. Optional fields are marked, required
//! ones are not. The enclosing form provides the errors.

use leptos::prelude::*;

use super::button::filled;
use super::icon::{Icon, Symbol};
use crate::shared::contains_token;
use crate::ui::form::Scope;
use crate::ui::password_toggle::password_toggle;

/// The attributes that connect a control with its label, hint and error.
pub(super) struct Wiring {
    pub id: String,
    pub error: Option<String>,
    pub described_by: Option<String>,
    /// The first invalid field gets the focus or, if there is none, the field with `focus`.
    pub focus: bool,
}

impl Wiring {
    pub fn of(name: &str, hint: &str, wants_focus: bool) -> Self {
        let scope = Scope::current();
        let id = scope.id(name);
        let error = scope.errors().of(name).map(str::to_owned);
        let described_by = if error.is_some() {
            Some(format!("{id}-error"))
        } else {
            (!hint.is_empty()).then(|| format!("{id}-hint"))
        };
        let focus = match scope.errors().first() {
            Some(first) => first == name,
            None => wants_focus,
        };
        Self { id, error, described_by, focus }
    }

    pub fn invalid(&self) -> Option<&'static str> {
        self.error.as_ref().map(|_| "true")
    }

    /// The error if there is one, otherwise the hint.
    pub fn below(&self, hint: String) -> AnyView {
        let id = self.described_by.clone();
        match self.error.clone() {
            Some(error) => view! {
                <p class="field-error mt-1.5 whitespace-pre-line" id=id>
                    <Icon symbol=Symbol::Warning class="mt-px"/>
                    <span class="min-w-0 [overflow-wrap:anywhere]">{error}</span>
                </p>
            }
            .into_any(),
            None if hint.is_empty() => ().into_any(),
            None => view! { <p class="hint mt-1" id=id>{hint}</p> }.into_any(),
        }
    }
}

/// Removes a value with a whole key, so that the page does not contain it.
fn without_token(value: String) -> String {
    if contains_token(&value) { String::new() } else { value }
}

/// The label, followed by "optional" or another remark.
pub(super) fn label(id: String, text: String, remark: &'static str) -> AnyView {
    let remark = (!remark.is_empty()).then(|| view! { <span class="label-opt">{remark}</span> });
    view! { <label class="label" for=id>{text}{remark}</label> }.into_any()
}

/// A control with its label, hint and error. `aside` is to the right of the label, such as "Reset password".
#[component]
pub fn Field(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into, optional)] hint: String,
    #[prop(optional)] optional: bool,
    #[prop(optional_no_strip)] aside: Option<AnyView>,
    #[prop(into, optional)] class: String,
    /// The control; it carries the id `f-<name>`.
    children: Children,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, false);
    let remark = if optional { "optional" } else { "" };
    let label = self::label(wiring.id.clone(), label, remark);
    let head = match aside {
        Some(aside) => {
            view! { <div class="flex items-baseline justify-between gap-3">{label}{aside}</div> }.into_any()
        }
        None => label.into_any(),
    };
    let below = wiring.below(hint);
    view! { <div class=filled(class)>{head}{children()}{below}</div> }.into_any()
}

/// One line of text. `kind` is the `type` of the input: text, email, password, number, date, url, …
#[component]
pub fn Input(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(default = "text")] kind: &'static str,
    #[prop(into, optional)] value: String,
    #[prop(into, optional)] hint: String,
    /// Marks the field as optional.
    #[prop(optional)]
    optional: bool,
    #[prop(into, optional)] placeholder: String,
    #[prop(into, optional)] autocomplete: String,
    /// The maximum length; zero for no limit.
    #[prop(optional)]
    max_length: usize,
    #[prop(optional)] min_length: usize,
    #[prop(into, optional)] pattern: String,
    /// The bounds of a number or date.
    #[prop(into, optional)]
    min: String,
    #[prop(into, optional)] max: String,
    /// Which keyboard a phone shows: numeric, email, …
    #[prop(into, optional)]
    inputmode: String,
    /// For names, codes and addresses: no automatic corrections and capitals.
    #[prop(optional)]
    verbatim: bool,
    /// 40 px high, for pages with one form.
    #[prop(optional)]
    large: bool,
    /// Takes the focus when the page opens without errors.
    #[prop(optional)]
    focus: bool,
    /// Utilities for the control, such as `max-w-40` or `mono`.
    #[prop(into, optional)]
    control: String,
    #[prop(optional)] aside: Option<AnyView>,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, focus);
    let size = if large { " input-lg" } else { "" };
    let is_password = kind == "password";
    // A submitted password is never written into the page.
    let value = if is_password { None } else { Some(without_token(value)) };
    let space = if is_password { "pr-10" } else { "mt-1.5" };
    // A shown password must not be sent to a spelling service.
    let verbatim = verbatim || is_password;
    let toggle = is_password.then(|| password_toggle(wiring.id.clone()));
    let input = view! {
        <input
            class=format!("input {space}{size} {control}").trim_end().to_owned()
            type=kind
            id=wiring.id.clone()
            name=name.clone()
            value=value
            required=!optional
            dir=matches!(kind, "text" | "search").then_some("auto")
            placeholder=filled(placeholder)
            autocomplete=filled(autocomplete)
            maxlength=(max_length > 0).then_some(max_length)
            minlength=(min_length > 0).then_some(min_length)
            pattern=filled(pattern)
            min=filled(min)
            max=filled(max)
            inputmode=filled(inputmode)
            spellcheck=verbatim.then_some("false")
            autocapitalize=verbatim.then_some("none")
            autofocus=wiring.focus
            aria-invalid=wiring.invalid()
            aria-describedby=wiring.described_by.clone()
        />
    };
    let input = match toggle {
        Some(toggle) => view! { <div class="relative mt-1.5">{input}{toggle}</div> }.into_any(),
        None => input.into_any(),
    };
    view! { <Field name label hint optional class aside>{input}</Field> }.into_any()
}

#[component]
pub fn TextArea(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into, optional)] value: String,
    #[prop(into, optional)] hint: String,
    #[prop(optional)] optional: bool,
    #[prop(into, optional)] placeholder: String,
    #[prop(default = 2)] rows: usize,
    #[prop(optional)] max_length: usize,
    #[prop(optional)] verbatim: bool,
    #[prop(into, optional)] control: String,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, false);
    let area = view! {
        <textarea
            class=format!("textarea mt-1.5 {control}").trim_end().to_owned()
            id=wiring.id.clone()
            name=name.clone()
            rows=rows
            required=!optional
            dir="auto"
            placeholder=filled(placeholder)
            maxlength=(max_length > 0).then_some(max_length)
            spellcheck=verbatim.then_some("false")
            autocapitalize=verbatim.then_some("none")
            autofocus=wiring.focus
            aria-invalid=wiring.invalid()
            aria-describedby=wiring.described_by.clone()
        >
            // Browsers ignore the first line break in a text area, so an extra one comes before the value.
            {format!("\n{}", without_token(value))}
        </textarea>
    };
    view! { <Field name label hint optional class>{area}</Field> }.into_any()
}

/// A search field of a filter bar. Its label is only for screen readers.
#[component]
pub fn SearchField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into, optional)] value: String,
    #[prop(into, optional)] placeholder: String,
    #[prop(into, optional)] class: String,
    /// Texts that the browser offers.
    #[prop(optional)]
    suggestions: Vec<String>,
) -> AnyView {
    let list = (!suggestions.is_empty()).then(|| format!("{name}-suggestions"));
    let options = suggestions.into_iter().map(|text| view! { <option value=text></option> });
    let datalist = list.clone().map(|id| view! { <datalist id=id>{options.collect_view()}</datalist> });
    view! {
        <div class=format!("relative {class}").trim_end().to_owned()>
            <span class="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-ink-3">
                <Icon symbol=Symbol::Search/>
            </span>
            <input
                class="input quiet pl-8"
                type="search"
                name=name
                value=without_token(value)
                placeholder=filled(placeholder)
                aria-label=label
                dir="auto"
                list=list
            />
            {datalist}
        </div>
    }
    .into_any()
}

/// A checkbox with a statement.
#[component]
pub fn Checkbox(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into, default = "on".to_owned())] value: String,
    #[prop(optional)] checked: bool,
    #[prop(optional)] required: bool,
    #[prop(into, optional)] hint: String,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, false);
    view! {
        <div class=filled(class)>
            <label class="flex min-h-6 items-start gap-2.5 text-dense">
                <input
                    class="check mt-px"
                    type="checkbox"
                    id=wiring.id.clone()
                    name=name
                    value=value
                    checked=checked
                    required=required
                    autofocus=wiring.focus
                    aria-invalid=wiring.invalid()
                    aria-describedby=wiring.described_by.clone()
                />
                <span class="min-w-0 [overflow-wrap:anywhere]">{label}</span>
            </label>
            {wiring.below(hint)}
        </div>
    }
    .into_any()
}
