//! The look of an outcome: the same shape, tone and word wherever a refusal is shown.

use leptos::prelude::*;

use crate::ui::parts::{Ink, Reason, Shape, Tone};
use crate::usage::Outcome;

/// The color of an outcome in charts.
pub const fn outcome_ink(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Valid => Ink::Valid,
        Outcome::RateLimited => Ink::Limited,
        _ => Ink::Rejected,
    }
}

/// The shape and the word of a refusal.
pub fn outcome_reason(outcome: Outcome) -> AnyView {
    let (tone, shape) = look(outcome);
    view! { <Reason tone shape text=outcome.label()/> }.into_any()
}

const fn look(outcome: Outcome) -> (Tone, Shape) {
    match outcome {
        Outcome::Valid => (Tone::Ok, Shape::Active),
        Outcome::RateLimited => (Tone::Warn, Shape::Limited),
        Outcome::QuotaExceeded => (Tone::Warn, Shape::Quota),
        Outcome::Missing | Outcome::Malformed | Outcome::Unknown => (Tone::Danger, Shape::Secret),
        Outcome::Revoked => (Tone::Danger, Shape::Revoked),
        Outcome::Disabled => (Tone::Danger, Shape::Disabled),
        Outcome::Expired => (Tone::Danger, Shape::Expired),
        Outcome::IpNotAllowed => (Tone::Danger, Shape::Address),
        Outcome::PlanNotEligible | Outcome::PolicyRefused => (Tone::Danger, Shape::Locked),
        Outcome::RoleTooLow
        | Outcome::KindNotAllowed
        | Outcome::InsufficientPermissions
        | Outcome::WrongAudience => (Tone::Danger, Shape::Permission),
    }
}
