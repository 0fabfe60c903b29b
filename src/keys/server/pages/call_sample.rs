//! The form that turns the log of accepted calls on and off.

use leptos::prelude::*;

use super::RefusalsAddress;
use crate::keys::server::Key;
use crate::keys::{CallSample, SAMPLE_RATES};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{Look, Note, Select, SelectOption, exact, grouped};

/// "1 in 100 accepted calls is logged until 27 Nov 2026, 10:00:00 UTC."
pub fn words(sample: Option<CallSample>) -> String {
    match sample {
        Some(CallSample { one_in, until }) => {
            let one_in = grouped(u64::from(one_in));
            format!("1 in {one_in} accepted calls is logged until {}.", exact(until))
        }
        None => "Accepted calls are not logged.".to_owned(),
    }
}

pub fn sample_note(sample: CallSample) -> AnyView {
    view! { <Note class="mt-6"><p>{words(Some(sample))}</p></Note> }.into_any()
}

pub fn sample_form(key: &Key, sample: Option<CallSample>, errors: FormErrors) -> AnyView {
    let chosen = sample.map(|sample| sample.one_in);
    let none = SelectOption::new("", "Off", chosen.is_none());
    let rates = SAMPLE_RATES.map(|rate| {
        let label = format!("1 in {}", grouped(u64::from(rate)));
        SelectOption::new(rate.to_string(), label, chosen == Some(rate))
    });
    let options = std::iter::once(none).chain(rates).collect();
    let next = match sample {
        Some(_) => "Saving again starts another 7 days.",
        None => "Logging ends by itself after 7 days.",
    };
    let hint = format!("{} {next}", words(sample));
    view! {
        <PageForm
            action=RefusalsAddress { key: Some(key.id), ..RefusalsAddress::default() }.href() errors failed="Nothing was changed."
            class="mt-6 flex max-w-[40rem] flex-wrap items-start gap-2"
        >
            <Select name="sample_one_in" label="Log accepted calls" options hint class="min-w-0 flex-1"/>
            <SubmitButton text="Save" look=Look::Secondary class="mt-[1.625rem]"/>
        </PageForm>
    }
    .into_any()
}
