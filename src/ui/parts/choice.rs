//! Inputs to choose one of several options: a native select if the names are enough, a list if each option needs a sentence, and
//! cells for two to four short options.

use leptos::prelude::*;

use super::button::filled;
use super::field::{Field, Wiring};

#[derive(Clone, Debug)]
pub struct SelectOption {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

impl SelectOption {
    pub fn new(value: impl Into<String>, label: impl Into<String>, selected: bool) -> Self {
        Self { value: value.into(), label: label.into(), selected }
    }
}

#[component]
pub fn Select(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    options: Vec<SelectOption>,
    #[prop(into, optional)] hint: String,
    /// For filter bars: the label is only for screen readers, and the border is inconspicuous.
    #[prop(optional)]
    quiet: bool,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let options = options
        .into_iter()
        .map(|SelectOption { value, label, selected }| {
            view! { <option value=value selected=selected>{label}</option> }
        })
        .collect_view();
    if quiet {
        return view! {
            <select class=format!("select quiet {class}").trim_end().to_owned() name=name aria-label=label>
                {options}
            </select>
        }
        .into_any();
    }
    let wiring = Wiring::of(&name, &hint, false);
    let select = view! {
        <select
            class="select mt-1.5"
            id=wiring.id.clone()
            name=name.clone()
            autofocus=wiring.focus
            aria-invalid=wiring.invalid()
            aria-describedby=wiring.described_by.clone()
        >
            {options}
        </select>
    };
    view! { <Field name label hint class>{select}</Field> }.into_any()
}

/// One option: a row of a list, or a cell.
pub struct Choice {
    pub value: String,
    pub label: String,
    /// The sentence or the words below the label.
    pub caption: String,
    /// A picture between radio button and label, such as a key glyph or pins.
    pub mark: Option<AnyView>,
    /// A monospaced text between label and caption, such as a prefix.
    pub code: String,
    pub checked: bool,
    pub disabled: bool,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>, caption: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            caption: caption.into(),
            mark: None,
            code: String::new(),
            checked: false,
            disabled: false,
        }
    }

    #[must_use]
    pub fn mark(mut self, mark: impl IntoView) -> Self {
        self.mark = Some(mark.into_any());
        self
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    #[must_use]
    pub fn checked(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }
}

/// Radio buttons as rows.
#[component]
pub fn ChoiceList(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    /// A remark after the label, such as "frozen at creation".
    #[prop(into, optional)]
    remark: String,
    #[prop(into, optional)] hint: String,
    choices: Vec<Choice>,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, false);
    let focus = focused(&choices, &wiring);
    let rows = choices.into_iter().enumerate().map(|(index, choice)| {
        let Choice { value, label, caption, mark, code, checked, disabled } = choice;
        view! {
            <label class="choice choice-row">
                <input
                    class="radio"
                    type="radio"
                    name=name.clone()
                    value=value
                    checked=checked
                    disabled=disabled
                    autofocus=focus == Some(index)
                />
                {mark}
                <span class="choice-label font-medium">{label}</span>
                {(!code.is_empty()).then(|| view! { <span class="choice-code mono text-cap text-ink-2">{code}</span> })}
                <span class="choice-caption text-ink-3">{caption}</span>
            </label>
        }
    });
    let rows = view! { <div class="choices">{rows.collect_view()}</div> };
    fieldset(wiring, label, remark, hint, class, rows.into_any())
}

/// Radio buttons as cells next to each other, two per row on phones.
#[component]
pub fn ChoiceCells(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into, optional)] remark: String,
    #[prop(into, optional)] hint: String,
    choices: Vec<Choice>,
    #[prop(into, optional)] class: String,
) -> AnyView {
    let wiring = Wiring::of(&name, &hint, false);
    let focus = focused(&choices, &wiring);
    let cells = choices.into_iter().enumerate().map(|(index, choice)| {
        let Choice { value, label, caption, mark, checked, disabled, .. } = choice;
        view! {
            <label class="choice choice-cell grid-cols-1 content-start gap-0.5">
                <span class="flex items-center gap-2 font-medium">
                    <input
                        class="sr-only"
                        type="radio"
                        name=name.clone()
                        value=value
                        checked=checked
                        disabled=disabled
                        autofocus=focus == Some(index)
                    />
                    {mark}
                    {label}
                </span>
                <span class="cap">{caption}</span>
            </label>
        }
    });
    let cells = view! { <div class="choices choices-cells grid grid-cols-2 sm:grid-cols-4">{cells.collect_view()}</div> };
    fieldset(wiring, label, remark, hint, class, cells.into_any())
}

/// The index of the radio button that gets the focus: the checked one, or else the first that is enabled.
fn focused(choices: &[Choice], wiring: &Wiring) -> Option<usize> {
    let chosen = choices.iter().position(|choice| choice.checked);
    wiring.focus.then(|| chosen.or_else(|| choices.iter().position(|choice| !choice.disabled))).flatten()
}

fn fieldset(
    wiring: Wiring,
    label: String,
    remark: String,
    hint: String,
    class: String,
    rows: AnyView,
) -> AnyView {
    let below = wiring.below(hint);
    view! {
        <fieldset class=filled(class) id=wiring.id tabindex="-1" aria-describedby=wiring.described_by>
            <legend class="label mb-1.5">
                {label}
                {(!remark.is_empty()).then(|| view! { <span class="label-opt">{remark}</span> })}
            </legend>
            {rows}
            {below}
        </fieldset>
    }
    .into_any()
}
