//! A person looks a code up, then approves or denies the login. Wrong codes are counted against a limit. A login that
//! somebody else has decided is reported as unknown.

use std::time::Duration;

use super::super::metrics::{DeviceLogin, DeviceMetrics};
use super::super::{clients, limits::LoginLimits, store};
use super::key_choice::{KeyChoice, KeyLimits, latest_expiry};
use crate::audit::{self, Event};
use crate::device::server::store::{Decision, LoginRequest};
use crate::device::{LoginStatus, UserCode};
use crate::key_policy::LoginConstraints;
use crate::keys::server as keys;
use crate::orgs::server::{Visitor, lock_and_read_member};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::{App, Error};
use crate::shared::{Kind, OrgId, Permission, PrincipalKind, Role};

/// An approved login can be collected for at least this long.
const MIN_COLLECT_TIME: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionOutcome {
    Done,
    /// The login is already decided or has expired.
    TooLate,
    /// The person may not have keys in that organization.
    NotAllowed,
    /// The organization's key policy does not allow it. The text says why.
    AgainstPolicy(String),
    /// The chosen role or expiry is not possible. Contains the fields of the form with their errors.
    Invalid(Vec<(&'static str, String)>),
}

/// Returns None when there is no such login or the person may not see it.
pub async fn look_up(app: &App, visitor: &Visitor, code: &UserCode) -> Result<Option<LoginRequest>, Error> {
    let attempt = LoginLimits::look_up(app, visitor.person.id, visitor.visit.address)?;
    let found = store::find_by_user_code(app.db.pool(), code).await?;
    let may_see = |login: &LoginRequest| login.decided_by.as_ref().is_none_or(|by| *by == visitor.person.id);
    let found = found.filter(may_see);
    if found.is_some() {
        attempt.found();
    }
    Ok(found)
}

/// Counts a typed code that does not match the login as a wrong one.
pub fn count_wrong_code(app: &App, visitor: &Visitor) -> Result<(), Error> {
    LoginLimits::look_up(app, visitor.person.id, visitor.visit.address).map(drop)
}

/// The role of this login's key for a member with this role.
pub fn role_of(login: &LoginRequest, role: Role) -> Role {
    login.scope.map_or(role, |scope| scope.min(role))
}

/// The role that the program asks for, if the person has it and the key policy does not allow it.
fn unavailable_scope(login: &LoginRequest, role: Role, constraints: &LoginConstraints) -> Option<Role> {
    login.scope.filter(|scope| *scope > constraints.highest_role && role >= *scope)
}

/// Approves the login for a key with the chosen role and expiry.
pub async fn approve(
    app: &App,
    visitor: &Visitor,
    login: &LoginRequest,
    org: OrgId,
    choice: &KeyChoice,
) -> Result<DecisionOutcome, Error> {
    let (person, now) = (&visitor.person, app.clock.now());
    let by = person.by(&visitor.visit).in_org(org);
    let mut write = app.db.write().await?;
    let member = lock_and_read_member(&mut write, org, person.id).await?;
    let member =
        member.filter(|member| Permission::ManageOwnKeys.is_granted(member.role, PrincipalKind::Person));
    let Some(member) = member else {
        drop(write);
        let event = with_login(app, Event::new("login.refused"), login);
        audit::record_refusal(app, &visitor.by(), event).await?;
        return Ok(DecisionOutcome::NotAllowed);
    };
    let constraints = keys::login_constraints_in_tx(app, &mut write, org, Kind::Live).await?;
    let constraints = constraints.and_then(|constraints| {
        match unavailable_scope(login, member.role, &constraints).filter(|_| choice.role.is_none()) {
            None => Ok(constraints),
            Some(scope) => Err(format!(
                "This program asks for the role {}, and a login to this organization gets at most {}: stronger keys \
                 need the approval of a second person. Choose a lower role.",
                scope.label(),
                constraints.highest_role.label()
            )),
        }
    });
    let constraints = match constraints {
        Ok(constraints) => constraints,
        Err(why) => {
            drop(write);
            let event = with_login(app, Event::new("login.refused"), login).detail("reason", why.clone());
            audit::record_refusal(app, &by, event).await?;
            return Ok(DecisionOutcome::AgainstPolicy(why));
        }
    };
    let redeem_until = login.expires_at.max(now.plus(MIN_COLLECT_TIME));
    let requested = role_of(login, member.role).min(constraints.highest_role);
    let limits =
        KeyLimits { highest_role: requested, latest: latest_expiry(app, &constraints), redeem_until };
    let (role, key_expires_at) = match limits.check(choice, now) {
        Ok(checked) => checked,
        Err(wrong) => {
            drop(write);
            if let Some((_, why)) = wrong.iter().find(|(field, _)| *field == "role") {
                let event = with_login(app, Event::new("login.refused"), login).detail("reason", why.clone());
                audit::record_refusal(app, &by, event).await?;
            }
            return Ok(DecisionOutcome::Invalid(wrong));
        }
    };
    let decision = Decision {
        status: LoginStatus::Approved,
        by: person.id,
        from: visitor.visit.address,
        org: Some(org),
        role: Some(role),
        key_expires_at,
        redeem_until: Some(redeem_until),
    };
    if !store::decide(&mut write, login.id, now, &decision).await? {
        return Ok(DecisionOutcome::TooLate);
    }
    let event = with_login(app, Event::new("login.approved"), login)
        .detail("role", role.as_str())
        .detail("requested_role", login.scope.unwrap_or(requested).as_str())
        .detail("expires_at", key_expires_at.map(|at| at.to_string()));
    audit::record(app, &mut write, &by, event).await?;
    changes::record(&mut write, now, ChangeKind::Login, login.id).await?;
    write.commit().await?;
    app.slice::<DeviceMetrics>().count(DeviceLogin::Approved);
    Ok(DecisionOutcome::Done)
}

/// Denies the login. The audit event goes to the chosen organization or, without one, to the current one.
pub async fn deny(
    app: &App,
    visitor: &Visitor,
    login: &LoginRequest,
    org: Option<OrgId>,
) -> Result<DecisionOutcome, Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let decision = Decision {
        status: LoginStatus::Denied,
        by: visitor.person.id,
        from: visitor.visit.address,
        org: None,
        role: None,
        key_expires_at: None,
        redeem_until: None,
    };
    if !store::decide(&mut write, login.id, now, &decision).await? {
        return Ok(DecisionOutcome::TooLate);
    }
    let org = org.filter(|org| visitor.memberships.iter().any(|membership| membership.org == *org));
    let by = org.map_or_else(|| visitor.by(), |org| visitor.by().in_org(org));
    audit::record(app, &mut write, &by, with_login(app, Event::new("login.denied"), login)).await?;
    changes::record(&mut write, now, ChangeKind::Login, login.id).await?;
    write.commit().await?;
    app.slice::<DeviceMetrics>().count(DeviceLogin::Denied);
    Ok(DecisionOutcome::Done)
}

/// Adds the login as the event's target, with its device and address.
fn with_login(app: &App, event: Event, login: &LoginRequest) -> Event {
    let tool = clients::name_of(app, &login.client_id).unwrap_or(&login.client_id);
    event
        .on("login", login.id, tool)
        .detail("device", login.device_name.clone())
        .detail("from", login.address.clone())
}
