//! A device asks whether its code was approved, and the first time that it was, gets a key. Asking for what is pending
//! reads nothing where the login was made or read by this process, and writes nothing.

use std::sync::Arc;
use std::time::Duration;

use super::super::polls::{Asking, Polls};
use super::super::{clients, store};
use crate::audit::{self, By, Event, Origin};
use crate::device::LoginStatus;
use crate::device::server::store::{LoginProtocol, LoginRequest};
use crate::keys::server::{self as keys, LoginWish, Revealed, log_in, mint};
use crate::orgs::server::find_present;
use crate::platform::http::Visit;
use crate::platform::live::Topic;
use crate::platform::metrics::DeviceLogin;
use crate::platform::{App, Error, Secret};
use crate::shared::{LoginId, OrgId, UserId};

#[derive(Clone, Debug)]
pub struct Poll<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    pub device_code: &'a Secret,
    pub visit: &'a Visit,
}

/// The new key and its owner.
#[derive(Debug)]
pub struct Granted {
    pub key: Revealed,
    pub email: String,
    pub user_id: UserId,
    pub org_id: OrgId,
}

/// The reasons why there is no key (yet), in the order of the checks.
#[derive(Debug)]
pub enum PollResult {
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

impl<E: Into<Error>> From<E> for PollResult {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub async fn poll(app: &App, poll: &Poll<'_>) -> Result<Granted, PollResult> {
    let tool = clients::name_of(app, poll.client_id).ok_or(PollResult::UnknownClient)?;
    if let Some(answer) = pending(app, poll.wire, poll.client_id, poll.device_code) {
        return Err(answer);
    }
    let hash = poll.device_code.fingerprint();
    let polls = app.slice::<Arc<Polls>>();
    let generation = polls.generation();
    let found = store::find_by_device_code(app.db.pool(), &hash).await?;
    let theirs = |login: &LoginRequest| login.client_id == poll.client_id && login.wire == poll.wire;
    let login = found.filter(theirs).ok_or(PollResult::Unknown)?;
    match outcome(app, &login) {
        None => redeem(app, poll, tool, &login, &hash).await,
        Some(PollResult::Pending) => {
            let interval = app.config.device.device_poll_interval;
            let times = (app.clock.now(), app.clock.steady());
            let asked = polls.ask_anew(generation, &hash, &login, interval, times);
            Err(asked.map_or_else(PollResult::SlowDown, |()| PollResult::Pending))
        }
        Some(answer) => Err(answer),
    }
}

/// The result for a cached pending login, without a database query.
fn pending(app: &App, wire: LoginProtocol, client_id: &str, device_code: &Secret) -> Option<PollResult> {
    if !keys::is_current(app) {
        return None;
    }
    let code = device_code.fingerprint();
    let asking = Asking { wire, client_id, code: &code };
    let asked = app.slice::<Arc<Polls>>().ask(&asking, app.clock.now(), app.clock.steady())?;
    Some(asked.map_or_else(PollResult::SlowDown, |()| PollResult::Pending))
}

/// Returns None when the login is approved and not expired.
fn outcome(app: &App, login: &LoginRequest) -> Option<PollResult> {
    let now = app.clock.now();
    match login.status {
        LoginStatus::Consumed => Some(PollResult::Unknown),
        LoginStatus::Denied => Some(PollResult::Denied),
        LoginStatus::Approved if login.redeem_until.is_some_and(|until| until > now) => None,
        LoginStatus::Pending if login.expires_at > now => Some(PollResult::Pending),
        LoginStatus::Approved | LoginStatus::Pending => Some(PollResult::Expired),
    }
}

/// Consumes the approval and creates the key in one transaction: if creating fails, the login stays approved.
async fn redeem(
    app: &App,
    poll: &Poll<'_>,
    tool: &str,
    login: &LoginRequest,
    hash: &str,
) -> Result<Granted, PollResult> {
    let (Some(user), Some(org)) = (&login.decided_by, &login.org) else {
        return Err(Error::internal("an approved login names who approved it, and where").into());
    };
    // Check before the transaction to avoid a needless hash; the check in the transaction decides.
    let Some(member) = find_present(app, *org, *user).await? else {
        return Err(give_up(app, poll, tool, login, *org).await?);
    };
    let minted = mint(app).await?;
    let mut write = app.db.write().await?;
    let Some(approved) = store::redeem(&mut write, login, app.clock.now(), minted.id).await? else {
        drop(write);
        let now = store::find_by_device_code(app.db.pool(), hash).await?;
        return Err(now.and_then(|login| outcome(app, &login)).unwrap_or(PollResult::Unknown));
    };
    let wish = LoginWish {
        user: approved.by,
        org: approved.org,
        cap: approved.role,
        tool: tool.to_owned(),
        device: (!login.device_name.is_empty()).then(|| login.device_name.clone()),
        device_id: login.device_id.clone(),
        product: login.product.clone(),
        name: None,
        asks: None,
    };
    let by = By {
        actor: audit::Actor::Person { id: approved.by, name: member.name },
        org: Some(approved.org),
        origin: Origin::of(poll.visit),
    };
    let Some(key) = log_in(app, write, minted, &wish, &by).await? else {
        return Err(give_up(app, poll, tool, login, *org).await?);
    };
    app.metrics.operations.device_login(DeviceLogin::Completed);
    // The approval page learns at once that the terminal has its key.
    app.live.publish(fetched(approved.by, login.id), "");
    Ok(Granted { key, email: member.email, user_id: approved.by, org_id: approved.org })
}

/// The topic on which the approval page waits until the terminal has its key.
pub fn fetched(person: UserId, login: LoginId) -> Topic {
    Topic::of_person(person, &format!("logins/{login}"))
}

/// Denies the login for good when the approver may no longer have a key in the organization, and audits it there.
async fn give_up(
    app: &App,
    poll: &Poll<'_>,
    tool: &str,
    login: &LoginRequest,
    org: OrgId,
) -> Result<PollResult, Error> {
    let mut write = app.db.write().await?;
    if store::give_up(&mut write, login.id).await? {
        let event = Event::new("login.refused")
            .on("login", login.id, tool)
            .detail("device", login.device_name.clone())
            .detail("reason", "Whoever approved it may not have keys here any more.");
        audit::record(app, &mut write, &By::stranger(poll.visit).in_org(org), event).await?;
        write.commit().await?;
        app.metrics.operations.device_login(DeviceLogin::Refused);
    }
    Ok(PollResult::Denied)
}
