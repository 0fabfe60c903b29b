//! The submitted form.

use crate::key_policy::PolicyRules;
use crate::policy_settings::server::{GRACE_CHOICES, PolicyDraft};
use crate::shared::{Kind, Role};
use crate::ui::form::FormErrors;

/// The texts of the form. A rule is on when its checkbox is ticked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyForm {
    pub has_life: bool,
    pub life: String,
    pub has_kinds: bool,
    pub kinds: Vec<Kind>,
    pub has_ranges: bool,
    pub ranges: String,
    pub has_idle: bool,
    pub idle: String,
    pub has_oldest: bool,
    pub oldest: String,
    pub has_approval: bool,
    pub approval: String,
    pub grace: String,
    pub confirm: String,
    /// The button: `preview` or `save`.
    pub button: String,
}

impl PolicyForm {
    pub fn of(rules: &PolicyRules) -> Self {
        let days = |days: Option<u32>, default: &str| {
            days.map_or_else(|| default.to_owned(), |days| days.to_string())
        };
        Self {
            has_life: rules.max_life_days.is_some(),
            life: days(rules.max_life_days, "180"),
            has_kinds: rules.allowed_kinds.is_some(),
            kinds: rules.allowed_kinds.clone().unwrap_or_else(|| Kind::ALL.to_vec()),
            has_ranges: !rules.allowed_ranges.is_empty(),
            ranges: rules.allowed_ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            has_idle: rules.idle_days.is_some(),
            idle: days(rules.idle_days, "90"),
            has_oldest: rules.max_secret_age_days.is_some(),
            oldest: days(rules.max_secret_age_days, "180"),
            has_approval: rules.approval_from.is_some(),
            approval: rules.approval_from.unwrap_or(Role::Admin).as_str().to_owned(),
            grace: GRACE_CHOICES[2].to_string(),
            confirm: String::new(),
            button: String::new(),
        }
    }

    pub fn read(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "life" => form.has_life = true,
                "max_life_days" => form.life = value.into_owned(),
                "kinds" => form.has_kinds = true,
                "allowed_kinds" => form.kinds.extend(Kind::parse(&value)),
                "ranges" => form.has_ranges = true,
                "allowed_ranges" => form.ranges = value.into_owned(),
                "idle" => form.has_idle = true,
                "idle_days" => form.idle = value.into_owned(),
                "oldest" => form.has_oldest = true,
                "max_secret_age_days" => form.oldest = value.into_owned(),
                "approval" => form.has_approval = true,
                "approval_from" => form.approval = value.into_owned(),
                "grace_days" => form.grace = value.into_owned(),
                "confirm" => form.confirm = value.into_owned(),
                "do" => form.button = value.into_owned(),
                _ => {}
            }
        }
        form
    }

    /// A text that is not a number becomes 0, which validation refuses.
    pub fn draft(&self, errors: &mut FormErrors) -> PolicyDraft {
        let number = |is_on: bool, text: &str| is_on.then(|| text.trim().parse().unwrap_or(0));
        let lines = || self.ranges.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        let role = Role::parse(&self.approval);
        if self.has_approval && role.is_none() {
            errors.add("approval_from", "Choose a role.");
        }
        PolicyDraft {
            max_life_days: number(self.has_life, &self.life),
            allowed_kinds: self.has_kinds.then(|| self.kinds.clone()),
            allowed_ranges: self.has_ranges.then(|| lines().collect()),
            idle_days: number(self.has_idle, &self.idle),
            max_secret_age_days: number(self.has_oldest, &self.oldest),
            approval_from: role.filter(|_| self.has_approval),
            grace_days: self.grace.trim().parse().unwrap_or(-1),
        }
    }
}
