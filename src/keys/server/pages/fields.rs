//! The fields that the create and edit forms share: parsing, validation errors and views.

use leptos::prelude::*;
use serde::Deserialize;

use super::customer::CustomerFieldTexts;
use crate::keys::server::{Key, read_ranges};
use crate::keys::{MAX_NAME_LENGTH, MAX_NOTE_LENGTH};
use crate::shared::Timestamp;
use crate::ui::form::{FormErrors, has_error};
use crate::ui::parts::{
    ExactTime, Field, Icon, Input, RadioOption, RadioSegment, Symbol, TextArea, Time, Wording, counted,
};

/// Further invalid lines of addresses are only counted.
const MAX_WRONG_LINES: usize = 10;

/// The submitted texts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeyFields {
    pub name: String,
    /// `never`, a number of days, `custom` with a date, or `keep` in an edit.
    pub expiry: String,
    pub date: String,
    /// How many minutes the person's clocks are ahead of UTC at the end of `date`. Empty without scripts, which means UTC.
    pub zone: String,
    pub rate_limit: String,
    pub ranges: String,
    pub note: String,
    #[serde(flatten)]
    pub customer: CustomerFieldTexts,
}

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;
/// The clocks of no place are further from UTC.
const MAX_MINUTES_AHEAD: i64 = 14 * 60;
const PRESETS: [(&str, &str); 5] =
    [("never", "Never"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("custom", "Custom")];

impl KeyFields {
    /// The form with a key's current values.
    pub fn of(key: &Key) -> Self {
        Self {
            name: key.name.clone(),
            expiry: if key.expires_at.is_some() { "keep" } else { "never" }.to_owned(),
            date: String::new(),
            zone: String::new(),
            rate_limit: key.rate_limit.map(|limit| limit.to_string()).unwrap_or_default(),
            ranges: key.ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            note: key.note.clone(),
            customer: CustomerFieldTexts::of(&key.customer),
        }
    }

    /// The chosen expiry time, or why it is invalid.
    pub fn end(&self, now: Timestamp, current: Option<Timestamp>) -> Result<Option<Timestamp>, String> {
        read_expiry(&self.expiry, &self.date, &self.zone, now, current)
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
                ("ranges", _) => self.wrong_lines().unwrap_or(why),
                _ => why,
            };
            errors.add(field, why);
        }
        errors
    }

    /// The invalid lines of the ranges, one sentence per line.
    fn wrong_lines(&self) -> Option<String> {
        let mut valid: Vec<String> = Vec::new();
        let mut wrong: Vec<String> = Vec::new();
        for (place, line) in self.ranges.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            valid.push(line.to_owned());
            if let Err(why) = read_ranges(&valid) {
                valid.pop();
                wrong.push(format!("Line {}: {why}", place + 1));
            }
        }
        let more = wrong.len().saturating_sub(MAX_WRONG_LINES);
        wrong.truncate(MAX_WRONG_LINES);
        if more > 0 {
            wrong.push(format!("{} invalid.", counted(more as u64, "more line is", "more lines are")));
        }
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    }
}

/// Zero, which is UTC, for everything that is not the offset of a time zone.
fn minutes_ahead(zone: &str) -> i64 {
    let minutes = zone.trim().parse().ok();
    minutes.filter(|minutes: &i64| minutes.unsigned_abs() <= MAX_MINUTES_AHEAD.unsigned_abs()).unwrap_or(0)
}

/// Reads the fields of `ExpiryField`. `first` is the time of the option before the presets.
pub fn read_expiry(
    expiry: &str,
    date: &str,
    zone: &str,
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
            // The key expires at the end of that day in the person's time zone.
            Some(day) => Ok(Some(Timestamp::from_millis(day.millis() + DAY - minutes_ahead(zone) * MINUTE))),
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
pub struct FirstExpiry {
    pub label: &'static str,
    pub hint: AnyView,
}

impl FirstExpiry {
    /// The current expiry of an edited key.
    pub fn current(end: Timestamp, now: Timestamp) -> Self {
        let hint = view! { "Expires "<Time at=end now wording=Wording::LastDay/> }.into_any();
        Self { label: "Keep", hint }
    }
}

/// The fields `expiry`, `date` and `zone`. Errors are those of `expires_at`.
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
    let (label, hint) = first.map(|FirstExpiry { label, hint }| (label, hint)).unzip();
    let keep = label.map(|label| radio("keep", label.to_owned()));
    let presets = PRESETS.into_iter().filter(|(value, _)| is_possible(value));
    let options: Vec<_> =
        keep.into_iter().chain(presets.map(|(value, label)| radio(value, label.to_owned()))).collect();
    let stops = move |days: i64| view! { "Stops "<ExactTime at=after(days)/> };
    let keep = hint.map(|hint| view! { <span class="o-keep">{hint}</span> });
    let is_wrong = has_error("expires_at");
    // Without `min`: a browser does not send a form with an earlier date, even if another option than the date is chosen.
    view! {
        <Field name="expires_at" label="Expires" class=format!("expiry {class}")>
            <div class="mt-1.5 flex flex-wrap items-center gap-x-3 gap-y-2">
                <RadioSegment label="Expires" name="expiry" options/>
                <input
                    class="input custom-date max-w-40" type="date" name="date" id="f-expires_at" value=date
                    aria-label="Last day" aria-invalid=is_wrong.then_some("true") autofocus=is_wrong
                />
                <input type="hidden" name="zone" data-end-of="date"/>
                <span class="hint" aria-live="polite">
                    {keep}
                    <span class="o-never">"Works until you revoke it"</span>
                    <span class="o-7">{stops(7)}</span>
                    <span class="o-30">{stops(30)}</span>
                    <span class="o-90">{stops(90)}</span>
                    <span class="o-custom">"Stops at the end of that day"<span class="scriptless">", UTC"</span></span>
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
    fn a_day_ends_in_the_time_zone_of_the_person() {
        for (date, zone, expected) in [
            ("2027-05-31", "", "2027-06-01T00:00:00.000Z"),
            ("2027-05-31", "840", "2027-05-31T10:00:00.000Z"),
            ("2027-05-31", "-840", "2027-06-01T14:00:00.000Z"),
            ("2027-05-31", "330", "2027-05-31T18:30:00.000Z"),
            ("2027-05-31", "-210", "2027-06-01T03:30:00.000Z"),
            // Berlin, on the day on which summer time begins, and on the day before.
            ("2027-03-28", "120", "2027-03-28T22:00:00.000Z"),
            ("2027-03-27", "60", "2027-03-27T23:00:00.000Z"),
            // No offset of a time zone.
            ("2027-05-31", "841", "2027-06-01T00:00:00.000Z"),
            ("2027-05-31", "-9223372036854775808", "2027-06-01T00:00:00.000Z"),
            ("2027-05-31", "Berlin", "2027-06-01T00:00:00.000Z"),
            ("2027-05-31", "1e9", "2027-06-01T00:00:00.000Z"),
        ] {
            let typed = KeyFields {
                expiry: "custom".to_owned(),
                date: date.to_owned(),
                zone: zone.to_owned(),
                ..KeyFields::default()
            };
            let end = typed.end(NOW, None).ok().flatten().map(|end| end.to_string());
            assert_eq!(end.as_deref(), Some(expected), "{date} {zone}");
        }
    }

    #[test]
    fn all_wrong_lines_are_named() {
        let wrong = |ranges: String| KeyFields { ranges, ..KeyFields::default() }.wrong_lines();
        let why = wrong("198.51.100.0/24\n\n203.0.113.300\nx\n10.0.0.0/8\n10.1.0.0/16".to_owned())
            .expect("wrong lines");
        let lines: Vec<_> = why.lines().collect();
        assert_eq!(lines.len(), 3, "{why}");
        assert!(lines[0].starts_with("Line 3: \"203.0.113.300\""), "{why}");
        assert!(lines[1].starts_with("Line 4: \"x\"") && lines[2].starts_with("Line 6: "), "{why}");
        assert_eq!(wrong("\n10.0.0.0/8\r\n".to_owned()), None);
        let many = wrong("x\n".repeat(5_000)).expect("wrong lines");
        assert_eq!(many.lines().count(), MAX_WRONG_LINES + 1);
        assert!(many.ends_with("\n4,990 more lines are invalid."), "{many}");
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
