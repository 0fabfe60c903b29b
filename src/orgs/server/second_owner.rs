//! Whether a change needs the agreement of a second owner, and who has had a role for long enough to agree. An owner who alone
//! would have to agree could otherwise first remove the others, or appoint an accomplice.

use std::time::Duration;

use super::store::members::{self, OrgOwner};
use crate::audit::{RoleEvent, role_events};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Role, Timestamp, UserId};

/// For how long the need lasts after an owner is gone, and after which time somebody with a new role can agree.
const SETTLING_TIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondOwner {
    pub need: SecondOwnerNeed,
    /// Owners who are not disabled, and since when they are owners.
    owners: Vec<(UserId, Timestamp)>,
    now: Timestamp,
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

/// Whether a person has had a role for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleTenure {
    Settled,
    /// The person has the role, and will have had it for a day at this time.
    SettlesAt(Timestamp),
    /// The person does not have the role, is disabled or is not a member.
    Missing,
}

impl RoleTenure {
    fn of(since: Timestamp, now: Timestamp) -> Self {
        let settled = since.plus(SETTLING_TIME);
        if settled <= now { Self::Settled } else { Self::SettlesAt(settled) }
    }
}

impl SecondOwner {
    pub fn is_needed(&self) -> bool {
        self.need != SecondOwnerNeed::No
    }

    /// Whether this person is an owner who can take part in a decision of two owners.
    pub fn tenure(&self, user: UserId) -> RoleTenure {
        let owner = self.owners.iter().find(|(owner, _)| *owner == user);
        owner.map_or(RoleTenure::Missing, |(_, since)| RoleTenure::of(*since, self.now))
    }

    /// Whether there is another owner, who can agree now or later.
    pub fn has_other(&self, user: UserId) -> bool {
        self.owners.iter().any(|(owner, _)| *owner != user)
    }
}

pub async fn second_owner(app: &App, org: OrgId) -> Result<SecondOwner, Error> {
    let now = app.clock.now();
    let owners = members::owners(app.db.pool(), org).await?;
    let events = role_events(app.db.pool(), org, Role::Owner, now.minus(SETTLING_TIME)).await?;
    Ok(judge(&owners, &events, now))
}

/// The same in a transaction that has locked the organization.
pub async fn second_owner_in_tx(app: &App, write: &mut Write, org: OrgId) -> Result<SecondOwner, Error> {
    let now = app.clock.now();
    let owners = members::owners(&mut **write, org).await?;
    let events = role_events(&mut **write, org, Role::Owner, now.minus(SETTLING_TIME)).await?;
    Ok(judge(&owners, &events, now))
}

/// Whether a member has had this role, or a higher one, for a day. The transaction has locked the organization.
pub async fn role_tenure(
    app: &App,
    write: &mut Write,
    org: OrgId,
    user: UserId,
    least: Role,
) -> Result<RoleTenure, Error> {
    let now = app.clock.now();
    let Some(joined) = members::joined_with_role(write, org, user, least).await? else {
        return Ok(RoleTenure::Missing);
    };
    let events = role_events(&mut **write, org, least, now.minus(SETTLING_TIME)).await?;
    Ok(RoleTenure::of(since(user, joined, &events), now))
}

/// When a member who has the role got it, or joined.
fn since(user: UserId, joined: Timestamp, events: &[RoleEvent]) -> Timestamp {
    let user = user.to_string();
    let gained = events.iter().filter(|event| event.is_gained && event.person == user);
    gained.map(|event| event.at).max().map_or(joined, |at| at.max(joined))
}

fn judge(all: &[OrgOwner], events: &[RoleEvent], now: Timestamp) -> SecondOwner {
    let day_ago = now.minus(SETTLING_TIME);
    let present = all.iter().filter(|owner| owner.disabled_at.is_none());
    let owners: Vec<_> =
        present.map(|owner| (owner.user, since(owner.user, owner.joined_at, events))).collect();
    let gone = events.iter().filter(|event| !event.is_gained).map(|event| event.at);
    let disabled = all.iter().filter_map(|owner| owner.disabled_at);
    let last = gone.chain(disabled).filter(|at| *at > day_ago).max();
    let need = match last {
        _ if owners.len() > 1 => SecondOwnerNeed::Several,
        Some(at) => SecondOwnerNeed::Until(at.plus(SETTLING_TIME)),
        None => SecondOwnerNeed::No,
    };
    SecondOwner { need, owners, now }
}
