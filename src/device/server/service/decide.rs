//! A person looks a code up, then approves or denies. Whose code it is nobody knows before it is entered, so wrong ones
//! are counted, and what somebody else has decided is as unknown as what never was.

use std::time::Duration;

use super::super::{clients, limits::LoginLimits, store};
use crate::audit::{self, Event};
use crate::device::server::store::{Decision, LoginRequest};
use crate::device::{LoginStatus, UserCode};
use crate::orgs::server::{Visitor, hold_member};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::metrics::DeviceLogin;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Permission, PrincipalKind, Role};

/// An approved login can be collected for at least this long.
const TO_COLLECT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    Done,
    /// The login is already decided or has expired.
    Late,
    /// The person may not have keys in that organization.
    NotThere,
}

/// Returns None when there is no such login or the person may not see it.
pub async fn look(app: &App, visitor: &Visitor, code: &UserCode) -> Result<Option<LoginRequest>, Error> {
    let look = LoginLimits::look(app, visitor.person.id, visitor.visit.address)?;
    let found = store::find_by_user_code(app.db.pool(), code).await?;
    let theirs = |login: &LoginRequest| login.decided_by.as_ref().is_none_or(|by| *by == visitor.person.id);
    let found = found.filter(theirs);
    if found.is_some() {
        look.found();
    }
    Ok(found)
}

/// Counts a typed code that does not match the login as a wrong one.
pub fn typed_wrong(app: &App, visitor: &Visitor) -> Result<(), Error> {
    LoginLimits::look(app, visitor.person.id, visitor.visit.address).map(drop)
}

/// The role of this login's key for a member with this role.
pub fn role_of(login: &LoginRequest, role: Role) -> Role {
    login.scope.map_or(role, |scope| scope.min(role))
}

pub async fn approve(
    app: &App,
    visitor: &Visitor,
    login: &LoginRequest,
    org: OrgId,
) -> Result<Decided, Error> {
    let (person, now) = (&visitor.person, app.clock.now());
    let by = person.by(&visitor.visit).in_org(org);
    let mut write = app.db.write().await?;
    let member = hold_member(&mut write, org, person.id).await?;
    let member =
        member.filter(|member| Permission::ManageOwnKeys.is_granted(member.role, PrincipalKind::Person));
    let Some(member) = member else {
        drop(write);
        let event = about(app, Event::new("login.refused"), login);
        audit::record_refusal(app, &visitor.by(), event).await?;
        return Ok(Decided::NotThere);
    };
    let role = role_of(login, member.role);
    let decision = Decision {
        status: LoginStatus::Approved,
        by: person.id,
        from: visitor.visit.address,
        org: Some(org),
        role: Some(role),
        redeem_until: Some(login.expires_at.max(now.plus(TO_COLLECT))),
    };
    if !store::decide(&mut write, login.id, now, &decision).await? {
        return Ok(Decided::Late);
    }
    let event = about(app, Event::new("login.approved"), login).detail("role", role.as_str());
    audit::record(app, &mut write, &by, event).await?;
    changes::record(&mut write, now, ChangeKind::Login, login.id).await?;
    write.commit().await?;
    app.metrics.operations.device_login(DeviceLogin::Approved);
    Ok(Decided::Done)
}

/// Denies the login. The audit event goes to the chosen organization or, without one, to the current one.
pub async fn deny(
    app: &App,
    visitor: &Visitor,
    login: &LoginRequest,
    org: Option<OrgId>,
) -> Result<Decided, Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let decision = Decision {
        status: LoginStatus::Denied,
        by: visitor.person.id,
        from: visitor.visit.address,
        org: None,
        role: None,
        redeem_until: None,
    };
    if !store::decide(&mut write, login.id, now, &decision).await? {
        return Ok(Decided::Late);
    }
    let theirs = org.filter(|org| visitor.memberships.iter().any(|place| place.org == *org));
    let by = theirs.map_or_else(|| visitor.by(), |org| visitor.by().in_org(org));
    audit::record(app, &mut write, &by, about(app, Event::new("login.denied"), login)).await?;
    changes::record(&mut write, now, ChangeKind::Login, login.id).await?;
    write.commit().await?;
    app.metrics.operations.device_login(DeviceLogin::Denied);
    Ok(Decided::Done)
}

fn about(app: &App, event: Event, login: &LoginRequest) -> Event {
    let tool = clients::name_of(app, &login.client_id).unwrap_or(&login.client_id);
    event
        .on("login", login.id, tool)
        .detail("device", login.device_name.clone())
        .detail("from", login.address.clone())
}
