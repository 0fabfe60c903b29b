//! What the organization's key policy means for this key: that it stops, when and why, and how many requests were refused.

use leptos::prelude::*;

use crate::key_policy::KeyPolicy;
use crate::keys::server::Key;
use crate::shared::Timestamp;
use crate::ui::parts::{ExactTime, Note, Tone, counted};
use crate::usage::Outcome;
use crate::usage::server::Hour;

/// `day` is the usage of the last day.
pub fn policy_note(policy: &KeyPolicy, key: &Key, day: &[Hour], now: Timestamp) -> Option<AnyView> {
    let refused = day.iter().filter(|hour| hour.outcome == Outcome::PolicyRefused);
    let refused: i64 = refused.map(|hour| hour.requests).sum();
    let stop = policy.first_refusal(&key.facts(), now).filter(|_| key.status(now).is_active());
    if stop.is_none() && refused == 0 {
        return None;
    }
    let count = counted(u64::try_from(refused).unwrap_or(0), "request", "requests");
    let count = match refused {
        0 => String::new(),
        _ => format!(" {count} of the last 24 h were refused by the key policy."),
    };
    let (title, text) = match stop {
        Some(stop) if stop.at <= now => {
            ("The key policy refuses this key.".into_any(), policy.rules.advice(stop.rule))
        }
        Some(stop) => {
            let title = view! { "This key stops on "<ExactTime at=stop.at/>"." };
            (title.into_any(), policy.rules.advice(stop.rule))
        }
        None => (
            "The key policy refuses some addresses.".into_any(),
            "Call from an allowed address, or ask an owner to allow more.".to_owned(),
        ),
    };
    Some(
        view! {
            <Note tone=Tone::Warn class="mt-6">
                <p>
                    <b>{title}</b>
                    {format!(" {text}{count} ")}
                    <a class="link" href="/settings/key-policy">"Key policy"</a>
                </p>
            </Note>
        }
        .into_any(),
    )
}
