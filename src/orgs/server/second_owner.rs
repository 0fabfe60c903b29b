//! Whether a change needs the agreement of a second owner, and which owners can give it. An owner who alone would have to
//! agree could otherwise first remove the others, or appoint an accomplice.

use std::time::Duration;

use sqlx::AnyExecutor;

use super::store::members::{self, OrgOwner};
use crate::audit::{self, AuditFilter, Recorded};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Timestamp, UserId};

/// For how long the need lasts after an owner is gone, and after which time a new owner can agree.
const SETTLING_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The most events of each kind that are read. With more of them in a day, a second owner is needed.
const MAX_EVENTS: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondOwner {
    pub need: SecondOwnerNeed,
    /// Owners who are not disabled and have been owners for a day.
    settled: Vec<UserId>,
    /// Owners who are not disabled.
    owners: Vec<UserId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondOwnerNeed {
    /// There is one owner, and that was so for a day.
    No,
    /// There are several owners.
    Several,
    /// There is one owner now; another one was removed, demoted or disabled less than a day ago.
    Until(Timestamp),
}

impl SecondOwner {
    pub fn is_needed(&self) -> bool {
        self.need != SecondOwnerNeed::No
    }

    /// Whether this person is an owner who can agree.
    pub fn is_settled(&self, user: UserId) -> bool {
        self.settled.contains(&user)
    }

    /// Whether there is another owner, who can agree now or later.
    pub fn has_other(&self, user: UserId) -> bool {
        self.owners.iter().any(|owner| *owner != user)
    }
}

pub async fn second_owner(app: &App, org: OrgId) -> Result<SecondOwner, Error> {
    let now = app.clock.now();
    let owners = members::owners(app.db.pool(), org).await?;
    let mut events = Vec::new();
    for action in ACTIONS {
        events.push(events_of(app.db.pool(), org, action, now).await?);
    }
    Ok(judge(&owners, &events, now))
}

/// The same in a transaction that has locked the organization.
pub async fn second_owner_now(app: &App, write: &mut Write, org: OrgId) -> Result<SecondOwner, Error> {
    let now = app.clock.now();
    let owners = members::owners(&mut **write, org).await?;
    let mut events = Vec::new();
    for action in ACTIONS {
        events.push(events_of(&mut **write, org, action, now).await?);
    }
    Ok(judge(&owners, &events, now))
}

const ACTIONS: [&str; 3] = ["member.removed", "member.left", "member.role_changed"];

async fn events_of(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    action: &str,
    now: Timestamp,
) -> Result<Vec<Recorded>, Error> {
    let since = Some(now.minus(SETTLING_TIME));
    let filter = AuditFilter { action: Some(action.to_owned()), since, ..AuditFilter::default() };
    Ok(audit::list(db, org, &filter, MAX_EVENTS).await?)
}

fn judge(all: &[OrgOwner], events: &[Vec<Recorded>], now: Timestamp) -> SecondOwner {
    let day_ago = now.minus(SETTLING_TIME);
    let is_overfull = events.iter().any(|some| some.len() >= MAX_EVENTS);
    let detail = |event: &Recorded, name: &str| {
        event.details.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let events = || events.iter().flatten().filter(|event| event.at > day_ago);
    let became_owner = |user: &UserId| {
        events().any(|event| {
            event.action == "member.role_changed"
                && event.target_id == user.to_string()
                && detail(event, "to") == "owner"
        })
    };
    let owners: Vec<UserId> =
        all.iter().filter(|owner| owner.disabled_at.is_none()).map(|owner| owner.user).collect();
    let settled = all.iter().filter(|owner| {
        owner.disabled_at.is_none()
            && owner.joined_at <= day_ago
            && !is_overfull
            && !became_owner(&owner.user)
    });
    let settled = settled.map(|owner| owner.user).collect();
    let gone = events().filter(|event| match event.action.as_str() {
        "member.role_changed" => detail(event, "from") == "owner",
        _ => detail(event, "role") == "owner",
    });
    let disabled = all.iter().filter_map(|owner| owner.disabled_at).filter(|at| *at > day_ago);
    let last = gone.map(|event| event.at).chain(disabled).chain(is_overfull.then_some(now)).max();
    let need = match last {
        _ if owners.len() > 1 => SecondOwnerNeed::Several,
        Some(at) => SecondOwnerNeed::Until(at.plus(SETTLING_TIME)),
        None => SecondOwnerNeed::No,
    };
    SecondOwner { need, settled, owners }
}
