//! How many calls since a rotation began were made with the old secret.

use crate::keys::server::{Key, SecretUse};
use crate::platform::{App, Error};
use crate::shared::Timestamp;
use crate::usage::Outcome;
use crate::usage::server::{self as usage, Hour};

/// Accepted calls with each secret since a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationShare {
    /// The first whole hour after the rotation. Calls are counted by hour, and the hour of the rotation contains calls from before it.
    pub since: Timestamp,
    pub new_calls: u64,
    pub old_calls: u64,
}

impl RotationShare {
    /// None if the key has only one secret.
    pub async fn load(app: &App, key: &Key, secrets: &[SecretUse]) -> Result<Option<Self>, Error> {
        let Some((old, _)) = key.rotation(app.clock.now()) else { return Ok(None) };
        let Some(new) = secrets.iter().find(|secret| secret.id == key.secret) else { return Ok(None) };
        let since = first_whole_hour(new.created_at);
        let hours = usage::hours_of(app, key.id, since).await?;
        let calls = |secret: &str| count(&hours, secret);
        let (new_calls, old_calls) = (calls(key.secret.as_str()), calls(old.as_str()));
        Ok(Some(Self { since, new_calls, old_calls }))
    }

    pub fn all(&self) -> u64 {
        self.new_calls.saturating_add(self.old_calls)
    }

    /// The share in percent, rounded, of one of the counts.
    pub fn percent(&self, calls: u64) -> u64 {
        let all = self.all();
        calls.saturating_mul(100).saturating_add(all / 2).checked_div(all).unwrap_or(0)
    }
}

fn count(hours: &[Hour], secret: &str) -> u64 {
    let accepted = hours.iter().filter(|hour| hour.secret == secret && hour.outcome == Outcome::Valid);
    accepted.map(|hour| u64::try_from(hour.requests).unwrap_or(0)).sum()
}

fn first_whole_hour(at: Timestamp) -> Timestamp {
    let hour = at.hour();
    if hour == at { at } else { Timestamp::from_millis(hour.millis() + 3_600_000) }
}
