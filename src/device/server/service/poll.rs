//! A device polls whether its code was approved. The first poll after the approval creates the key and returns it. Polls of
//! a pending login that this process has cached need no database query.

use std::sync::Arc;
use std::time::Duration;

use super::super::metrics::{DeviceLogin, DeviceMetrics};
use super::super::polls::{PollIdentity, Polls};
use super::super::{clients, store};
use crate::audit::{self, By, Event, Origin};
use crate::device::LoginStatus;
use crate::device::server::store::{LoginProtocol, LoginRequest};
use crate::keys::server::{self as keys, LoginDraft, Revealed, log_in, mint};
use crate::orgs::server::find_current_member;
use crate::platform::http::Visit;
use crate::platform::live::Topic;
use crate::platform::{App, Error, Secret};
use crate::shared::{Kind, LoginId, OrgId, UserId};

#[derive(Clone, Debug)]
pub struct Poll<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    pub device_code: &'a Secret,
    pub visit: &'a Visit,
}

/// The new key and its owner.
#[derive(Debug)]
pub struct CollectedKey {
    pub key: Revealed,
    pub email: String,
    pub user_id: UserId,
    pub org_id: OrgId,
}

/// The reasons why there is no key (yet), in the order of the checks.
#[derive(Debug)]
pub enum PollError {
    UnknownClient,
    /// The code is unknown, belongs to another client, or is already used.
    Unknown,
    /// Denied by the person, or because they may no longer have a key in the organization.
    Denied,
    Expired,
    /// The poll came too early; contains the new interval.
    SlowDown(Duration),
    Pending,
    Error(Error),
}

impl<E: Into<Error>> From<E> for PollError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub async fn poll(app: &App, poll: &Poll<'_>) -> Result<CollectedKey, PollError> {
    let tool = clients::name_of(app, poll.client_id).ok_or(PollError::UnknownClient)?;
    if let Some(result) = poll_cached(app, poll.wire, poll.client_id, poll.device_code) {
        return Err(result);
    }
    let hash = poll.device_code.fingerprint();
    let polls = app.slice::<Arc<Polls>>();
    let generation = polls.generation();
    let found = store::find_by_device_code(app.db.pool(), &hash).await?;
    let theirs = |login: &LoginRequest| login.client_id == poll.client_id && login.wire == poll.wire;
    let login = found.filter(theirs).ok_or(PollError::Unknown)?;
    match outcome(app, &login) {
        None => redeem(app, poll, tool, &login, &hash).await,
        Some(PollError::Pending) => {
            let interval = app.config.device.device_poll_interval;
            let times = (app.clock.now(), app.clock.steady());
            let accepted = polls.poll_and_cache(generation, &hash, &login, interval, times);
            Err(accepted.map_or_else(PollError::SlowDown, |()| PollError::Pending))
        }
        Some(result) => Err(result),
    }
}

/// The result for a cached pending login, without a database query. None if the login is not cached or the cache may be
/// stale.
fn poll_cached(app: &App, wire: LoginProtocol, client_id: &str, device_code: &Secret) -> Option<PollError> {
    if !keys::is_current(app) {
        return None;
    }
    let code = device_code.fingerprint();
    let identity = PollIdentity { wire, client_id, code: &code };
    let polls = app.slice::<Arc<Polls>>();
    let accepted = polls.poll_cached(&identity, app.clock.now(), app.clock.steady())?;
    Some(accepted.map_or_else(PollError::SlowDown, |()| PollError::Pending))
}

/// Returns None when the login is approved and not expired.
fn outcome(app: &App, login: &LoginRequest) -> Option<PollError> {
    let now = app.clock.now();
    match login.status {
        LoginStatus::Consumed => Some(PollError::Unknown),
        LoginStatus::Denied => Some(PollError::Denied),
        LoginStatus::Approved if login.redeem_until.is_some_and(|until| until > now) => None,
        LoginStatus::Pending if login.expires_at > now => Some(PollError::Pending),
        LoginStatus::Approved | LoginStatus::Pending => Some(PollError::Expired),
    }
}

/// Consumes the approval and creates the key in one transaction: if creating fails, the login stays approved.
async fn redeem(
    app: &App,
    poll: &Poll<'_>,
    tool: &str,
    login: &LoginRequest,
    hash: &str,
) -> Result<CollectedKey, PollError> {
    let (Some(user), Some(org)) = (&login.decided_by, &login.org) else {
        return Err(Error::internal("an approved login has no approver or organization").into());
    };
    // Check before the transaction to avoid a needless hash; the check in the transaction decides.
    let Some(member) = find_current_member(app, *org, *user).await? else {
        return Err(deny_for_good(app, poll, tool, login, *org).await?);
    };
    let minted = mint(app, Kind::Live).await?;
    let mut write = app.db.write().await?;
    let Some(approved) = store::redeem(&mut write, login, app.clock.now(), minted.id).await? else {
        drop(write);
        let now = store::find_by_device_code(app.db.pool(), hash).await?;
        return Err(now.and_then(|login| outcome(app, &login)).unwrap_or(PollError::Unknown));
    };
    let draft = LoginDraft {
        user: approved.by,
        org: approved.org,
        cap: approved.role,
        expires_by: approved.expires_at,
        tool: tool.to_owned(),
        device: (!login.device_name.is_empty()).then(|| login.device_name.clone()),
        device_id: login.device_id.clone(),
        product: login.product.clone(),
        name: None,
        renewal: None,
        requested_by: None,
    };
    let by = By {
        actor: audit::EventActor::Person { id: approved.by, name: member.name },
        org: Some(approved.org),
        origin: Origin::of(poll.visit),
    };
    let Some(key) = log_in(app, write, minted, &draft, &by).await? else {
        return Err(deny_for_good(app, poll, tool, login, *org).await?);
    };
    app.slice::<DeviceMetrics>().count(DeviceLogin::Completed);
    // Notify the open approval page that the terminal has its key.
    app.live.publish(key_collected(approved.by, login.id), "");
    Ok(CollectedKey { key, email: member.email, user_id: approved.by, org_id: approved.org })
}

/// The topic on which the approval page waits until the terminal has its key.
pub fn key_collected(person: UserId, login: LoginId) -> Topic {
    Topic::of_person(person, &format!("logins/{login}"))
}

/// Denies the login for good when the approver may no longer have a key in the organization, and audits it there.
async fn deny_for_good(
    app: &App,
    poll: &Poll<'_>,
    tool: &str,
    login: &LoginRequest,
    org: OrgId,
) -> Result<PollError, Error> {
    let mut write = app.db.write().await?;
    if store::deny_approved(&mut write, login.id).await? {
        let event = Event::new("login.refused")
            .on("login", login.id, tool)
            .detail("device", login.device_name.clone())
            .detail("reason", "The person who approved it may no longer have keys in this organization.");
        audit::record(app, &mut write, &By::stranger(poll.visit).in_org(org), event).await?;
        write.commit().await?;
        app.slice::<DeviceMetrics>().count(DeviceLogin::Refused);
    }
    Ok(PollError::Denied)
}
