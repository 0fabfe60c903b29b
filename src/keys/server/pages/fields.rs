//! The fields that the create and edit forms share: parsing, validation errors and views.

use leptos::prelude::*;
use serde::Deserialize;

use super::customer::CustomerFieldTexts;
use crate::keys::server::{Key, read_ranges};
use crate::keys::{MAX_NAME_LENGTH, MAX_NOTE_LENGTH};
use crate::shared::Timestamp;
use crate::ui::form::FormErrors;
use crate::ui::parts::{Field, Icon, Input, RadioOption, RadioSegment, Symbol, TextArea, exact};

/// The submitted texts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeyFields {
    pub name: String,
    /// `never`, a number of days, `custom` with a date, or `keep` in an edit.
    pub expiry: String,
    pub date: String,
    pub rate_limit: String,
    pub ranges: String,
    pub note: String,
    #[serde(flatten)]
    pub customer: CustomerFieldTexts,
}

const DAY: i64 = 86_400_000;
const PRESETS: [(&str, &str); 5] =
    [("never", "Never"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("custom", "Custom")];

impl KeyFields {
    /// The form with a key's current values.
    pub fn of(key: &Key) -> Self {
        Self {
            name: key.name.clone(),
            expiry: if key.expires_at.is_some() { "keep" } else { "never" }.to_owned(),
            date: String::new(),
            rate_limit: key.rate_limit.map(|limit| limit.to_string()).unwrap_or_default(),
            ranges: key.ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            note: key.note.clone(),
            customer: CustomerFieldTexts::of(&key.customer),
        }
    }

    /// The chosen expiry time, or why it is invalid.
    pub fn end(&self, now: Timestamp, current: Option<Timestamp>) -> Result<Option<Timestamp>, String> {
        read_expiry(&self.expiry, &self.date, now, current)
    }

    /// Invalid numbers become zero, which the service rejects.
    pub fn limit(&self) -> Option<i64> {
        let text = self.rate_limit.trim().replace(',', "");
        (!text.is_empty()).then(|| text.parse().unwrap_or(0))
    }

    pub fn lines(&self) -> Vec<String> {
        self.ranges.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    pub fn has_limits(&self) -> bool {
        [&self.rate_limit, &self.ranges, &self.note].into_iter().any(|text| !text.trim().is_empty())
    }

    /// Maps the service's errors to the form's fields.
    pub fn explain(
        &self,
        wrong: Vec<(&'static str, String)>,
        end: &Result<Option<Timestamp>, String>,
    ) -> FormErrors {
        let mut errors = FormErrors::default();
        for (field, why) in wrong {
            let why = match (field, end) {
                ("expires_at", Err(why)) => why.clone(),
                ("ranges", _) => self.wrong_line().unwrap_or(why),
                _ => why,
            };
            errors.add(field, why);
        }
        errors
    }

    /// The first invalid line of the ranges.
    fn wrong_line(&self) -> Option<String> {
        let lines: Vec<(usize, String)> = self
            .ranges
            .lines()
            .enumerate()
            .map(|(place, line)| (place + 1, line.trim().to_owned()))
            .filter(|(_, line)| !line.is_empty())
            .collect();
        (1..=lines.len()).find_map(|count| {
            let some: Vec<String> = lines[..count].iter().map(|(_, line)| line.clone()).collect();
            let why = read_ranges(&some).err()?;
            Some(format!("Line {}: {why}", lines[count - 1].0))
        })
    }
}

/// Reads the fields of `ExpiryField`. `first` is the time of the option before the presets.
pub fn read_expiry(
    expiry: &str,
    date: &str,
    now: Timestamp,
    first: Option<Timestamp>,
) -> Result<Option<Timestamp>, String> {
    match expiry {
        "never" => Ok(None),
        "keep" => Ok(first),
        "7" | "30" | "90" => {
            let days: i64 = expiry.parse().unwrap_or(7);
            Ok(Some(Timestamp::from_millis(now.millis().saturating_add(days * DAY))))
        }
        "custom" if date.trim().is_empty() => Err("Enter the day on which it ends.".to_owned()),
        "custom" => match read_date(date.trim()) {
            // The key expires at the end of that day.
            Some(day) => Ok(Some(Timestamp::from_millis(day.millis() + DAY))),
            None => Err("Write the day as 2027-05-31.".to_owned()),
        },
        _ => Err("Choose when it ends.".to_owned()),
    }
}

/// The first moment of a date such as `2027-05-31`.
fn read_date(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Timestamp::of_date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// The field for the key's name.
#[component]
pub fn NameField(value: String, #[prop(optional)] focus: bool) -> AnyView {
    view! {
        <Input
            name="name" label="Name" value verbatim=true focus autocomplete="off" max_length=MAX_NAME_LENGTH
            hint="Name it after the program that will use it."
        />
    }
    .into_any()
}

/// The option before the presets, with the value `keep`: the current expiry of a key, or the default.
#[derive(Clone, Debug)]
pub struct FirstExpiry {
    pub label: String,
    pub hint: String,
}

impl FirstExpiry {
    /// The current expiry of an edited key.
    pub fn current(end: Timestamp) -> Self {
        Self { label: format!("Keep {}", crate::ui::parts::day(end)), hint: format!("Stops {}", exact(end)) }
    }
}

/// The fields `expiry` and `date`. Errors are those of `expires_at`.
#[component]
pub fn ExpiryField(
    expiry: String,
    date: String,
    now: Timestamp,
    first: Option<FirstExpiry>,
    /// Whether "Never" is among the presets.
    #[prop(default = true)]
    never: bool,
    /// Only presets that end by then; None for all.
    #[prop(optional_no_strip)]
    latest: Option<Timestamp>,
    #[prop(into, default = "mt-4".to_owned())] class: String,
) -> AnyView {
    let after = move |days: i64| Timestamp::from_millis(now.millis().saturating_add(days * DAY));
    let is_possible = |value: &str| match value.parse() {
        Ok(days) => latest.is_none_or(|latest| after(days) <= latest),
        Err(_) => never || value != "never",
    };
    let radio =
        |value: &str, label: String| RadioOption::new(value, label, value == expiry).id(format!("x-{value}"));
    let keep = first.clone().map(|first| radio("keep", first.label));
    let presets = PRESETS.into_iter().filter(|(value, _)| is_possible(value));
    let options: Vec<_> =
        keep.into_iter().chain(presets.map(|(value, label)| radio(value, label.to_owned()))).collect();
    let stops = move |days: i64| format!("Stops {}", exact(after(days)));
    let keep = first.map(|first| view! { <span class="o-keep">{first.hint}</span> });
    let (year, month, day) = after(1).date();
    let earliest = format!("{year:04}-{month:02}-{day:02}");
    view! {
        <Field name="expires_at" label="Expires" class=format!("expiry {class}")>
            <div class="mt-1.5 flex flex-wrap items-center gap-x-3 gap-y-2">
                <RadioSegment label="Expires" name="expiry" options/>
                <input
                    class="input custom-date max-w-40" type="date" name="date" id="f-expires_at" value=date
                    min=earliest aria-label="Last day"
                />
                <span class="hint" aria-live="polite">
                    {keep}
                    <span class="o-never">"Works until you revoke it"</span>
                    <span class="o-7">{stops(7)}</span>
                    <span class="o-30">{stops(30)}</span>
                    <span class="o-90">{stops(90)}</span>
                    <span class="o-custom">"Stops at the end of that day, UTC"</span>
                </span>
            </div>
        </Field>
    }
    .into_any()
}

/// The fields for limits and note.
#[component]
pub fn LimitFields(typed: KeyFields) -> AnyView {
    view! {
        <div class="grid gap-4">
            <Input
                name="rate_limit" label="Requests per minute" value=typed.rate_limit optional=true inputmode="numeric"
                placeholder="No limit" control="max-w-40" autocomplete="off"
                hint="Requests above this are refused with status 429."
            />
            <TextArea
                name="ranges" label="Allowed addresses" value=typed.ranges optional=true verbatim=true control="mono"
                placeholder="203.0.113.0/24"
                hint="One address or range per line. Leave empty to allow every address."
            />
            <TextArea
                name="note" label="Where you stored it" value=typed.note optional=true max_length=MAX_NOTE_LENGTH
                placeholder="1Password, vault “Platform”"
                hint="Helps the next person find it. Never paste the key here."
            />
        </div>
    }
    .into_any()
}

/// The limit fields, collapsed until one is set or invalid.
#[component]
pub fn FoldedLimits(typed: KeyFields, open: bool) -> AnyView {
    let remark = if open { "" } else { "none set" };
    view! {
        <details class="disclose mt-4 border-t border-line pt-3" open=open>
            <summary class="-mx-1 inline-flex min-h-6 items-center gap-1.5 rounded-badge px-1 py-0.5 text-dense font-medium">
                <span class="chev"><Icon symbol=Symbol::Right/></span>
                "Limits"
                <span class="label-opt">{remark}</span>
            </summary>
            <div class="pt-3 pl-5.5"><LimitFields typed/></div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_168_800_000);

    fn end(expiry: &str, date: &str) -> Result<Option<String>, String> {
        let typed = KeyFields { expiry: expiry.to_owned(), date: date.to_owned(), ..KeyFields::default() };
        typed.end(NOW, None).map(|end| end.map(|end| end.to_string()))
    }

    #[test]
    fn an_end_is_a_preset_or_the_end_of_a_day() {
        let at = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(end("never", "2020-01-01"), Ok(None));
        assert_eq!(end("7", ""), at("2026-11-27T10:00:00.000Z"));
        assert_eq!(end("custom", "2027-05-31"), at("2027-06-01T00:00:00.000Z"));
        for wrong in
            ["", "tomorrow", "2027-02-29", "2027-5", "2027-13-01", "12027-01-01", "2027-05-31-1", "-1-1-1"]
        {
            assert!(end("custom", wrong).is_err(), "{wrong}");
        }
        assert!(end("8", "").is_err() && end("", "").is_err());
    }

    #[test]
    fn the_wrong_line_is_named() {
        let typed =
            KeyFields { ranges: "198.51.100.0/24\n\n203.0.113.300\n".to_owned(), ..KeyFields::default() };
        let why = typed.wrong_line().expect("a wrong line");
        assert!(why.starts_with("Line 3: \"203.0.113.300\""), "{why}");
        assert_eq!(
            KeyFields { ranges: "\n10.0.0.0/8\r\n".to_owned(), ..KeyFields::default() }.wrong_line(),
            None
        );
    }

    #[test]
    fn a_limit_is_a_number_or_refused() {
        let limit = |text: &str| KeyFields { rate_limit: text.to_owned(), ..KeyFields::default() }.limit();
        assert_eq!(
            (limit(""), limit(" 1,200 "), limit("many"), limit("-5")),
            (None, Some(1_200), Some(0), Some(-5))
        );
    }
}
