//! The key policy: rules at creation and at use, the preview, idle keys, and who may weaken a rule.

mod enforcement;
mod jobs;
mod letters;
mod logins;
mod pages;
mod preview;
mod rest;
mod second_owner;

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::Server;
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft, Refusal};
use crate::orgs::server::Actor;
use crate::policy_settings::server::PolicyDraft;
use crate::shared::{Kind, Timestamp};

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub const CHEAP_HASHING: &[(&str, &str)] = &[("LATCHKEY_KEY_HASH_COST", "1")];

fn life(days: i64) -> PolicyDraft {
    PolicyDraft { max_life_days: Some(days), ..PolicyDraft::default() }
}

fn kinds(kinds: &[Kind]) -> PolicyDraft {
    PolicyDraft { allowed_kinds: Some(kinds.to_vec()), ..PolicyDraft::default() }
}

fn ranges(ranges: &[&str]) -> PolicyDraft {
    let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    PolicyDraft { allowed_ranges: Some(ranges), ..PolicyDraft::default() }
}

fn with_grace(draft: PolicyDraft, grace_days: i64) -> PolicyDraft {
    PolicyDraft { grace_days, ..draft }
}

/// The body of PUT with all rules off.
pub fn no_rules() -> Value {
    json!({
        "max_life_days": null, "allowed_kinds": null, "allowed_ranges": null, "idle_days": null,
        "max_secret_age_days": null, "approval_from": null, "grace_days": 0,
    })
}

/// The fields of a refusal, and what the first one says.
fn fields<T: std::fmt::Debug>(result: Result<T, Refusal>) -> (Vec<&'static str>, String) {
    match result {
        Err(Refusal::Input(wrong)) => {
            let why = wrong.first().map(|(_, why)| why.clone()).unwrap_or_default();
            (wrong.into_iter().map(|(field, _)| field).collect(), why)
        }
        other => panic!("no input was refused: {other:?}"),
    }
}

impl Server {
    async fn make_key(&self, actor: &Actor, draft: Draft) -> keys::Revealed {
        keys::create(&self.app, actor, &draft, None).await.expect("a key")
    }

    fn in_days(&self, days: u32) -> Option<Timestamp> {
        Some(self.clock.now().plus(DAY * days))
    }
}
