//! The fields with which the approver chooses the role and the expiry of the key.

use leptos::prelude::*;

use crate::device::server::service::{ChosenExpiry, KeyChoice};
use crate::keys::server::{ExpiryField, FirstExpiry, read_expiry};
use crate::shared::{OrgId, Role, Timestamp};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Choice, ChoiceCells, ExactTime};

/// An organization that the key can be created in.
#[derive(Clone)]
pub struct OrgChoice {
    pub org: OrgId,
    pub name: String,
    /// The person's role.
    pub own_role: Role,
    /// The highest role that the key can have.
    pub key_role: Role,
    /// When the key expires at the latest.
    pub key_ends: Option<Timestamp>,
}

/// The submitted texts.
#[derive(Clone, Debug)]
pub struct KeyFieldTexts {
    /// A role, or empty for the highest one.
    pub role: String,
    /// As in `ExpiryField`; `keep` or empty for the latest time.
    pub expiry: String,
    pub date: String,
    pub zone: String,
}

impl Default for KeyFieldTexts {
    fn default() -> Self {
        Self { role: String::new(), expiry: LATEST.to_owned(), date: String::new(), zone: String::new() }
    }
}

const LATEST: &str = "keep";

impl KeyFieldTexts {
    pub fn read(&self, now: Timestamp, errors: &mut FormErrors) -> KeyChoice {
        let role = Role::parse(&self.role);
        if role.is_none() && !self.role.is_empty() {
            errors.add("role", "Choose one of these roles.");
        }
        let expiry = match self.expiry.as_str() {
            "" | LATEST => ChosenExpiry::Latest,
            expiry => match read_expiry(expiry, &self.date, &self.zone, now, None) {
                Ok(end) => end.map_or(ChosenExpiry::Never, ChosenExpiry::At),
                Err(why) => {
                    errors.add("expires_at", why);
                    ChosenExpiry::Latest
                }
            },
        };
        KeyChoice { role, expiry }
    }
}

/// The roles below the highest one that a key can get in any of the organizations.
pub fn lower_roles(choices: &[OrgChoice]) -> Vec<Role> {
    let highest = choices.iter().map(|choice| choice.key_role).max();
    Role::ALL.into_iter().filter(|role| highest.is_some_and(|highest| *role < highest)).collect()
}

/// The highest role of the key, if it is the same in all of the organizations.
pub fn common_role(choices: &[OrgChoice]) -> Option<Role> {
    let first = choices.first()?.key_role;
    choices.iter().all(|choice| choice.key_role == first).then_some(first)
}

/// None if there is nothing to choose.
pub fn role_field(choices: &[OrgChoice], typed: &str) -> Option<AnyView> {
    let lower = lower_roles(choices);
    let is_lower = lower.iter().any(|role| role.as_str() == typed);
    let first = match common_role(choices) {
        Some(highest) => Choice::new(highest.as_str(), highest.label(), "Highest possible"),
        None => Choice::new("", "Highest", "In each organization"),
    };
    let first = first.checked(!is_lower);
    let others = lower.iter().rev().map(|role| {
        Choice::new(role.as_str(), role.label(), caption_of(*role)).checked(role.as_str() == typed)
    });
    let choices = std::iter::once(first).chain(others).collect();
    let field = view! {
        <ChoiceCells
            name="role" label="Role of the key" choices class="mb-4"
            hint="Choose a lower role if the program needs no more."
        />
    };
    (!lower.is_empty()).then(|| field.into_any())
}

const fn caption_of(role: Role) -> &'static str {
    match role {
        Role::None => "Nothing",
        Role::Viewer => "Read only",
        Role::Member => "Own keys",
        Role::Admin => "All keys, people",
        Role::Owner => "Everything",
    }
}

pub fn expiry_field(choices: &[OrgChoice], typed: &KeyFieldTexts, now: Timestamp) -> AnyView {
    let ends = || choices.iter().map(|choice| choice.key_ends);
    let latest = if ends().any(|end| end.is_none()) { None } else { ends().flatten().max() };
    let is_same = ends().all(|end| end == latest);
    let (label, hint) = match latest {
        None if is_same => ("Never", "Works until you revoke it".into_any()),
        Some(at) if is_same => ("Longest", view! { "Stops "<ExactTime at/> }.into_any()),
        _ => ("Longest", "As long as the organization allows".into_any()),
    };
    let first = Some(FirstExpiry { label, hint });
    let KeyFieldTexts { expiry, date, .. } = typed.clone();
    view! { <ExpiryField expiry date now first never=false latest class="mt-4"/> }.into_any()
}
