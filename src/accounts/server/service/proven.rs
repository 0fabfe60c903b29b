//! What a session remembers on the way to an account: an identity that a provider has just proven and that nobody here
//! has, and the leave to link one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::Person;
use super::session::begin;
use crate::accounts::server::oauth::{Identity, Provider};
use crate::accounts::server::store::users;
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::Timestamp;

const PROVEN: &str = "proven";
const LEAVE: &str = "may_link";
/// Long enough to fill a form in.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// From the password to the provider's answer.
const LEAVE_LIFE: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize, Deserialize)]
struct ProvenIdentity {
    identity: Identity,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct LinkPermission {
    provider: Provider,
    since: Timestamp,
}

/// Under a new id: whoever knew the old one gains nothing.
pub async fn keep_proven(
    app: &App,
    session: &Session,
    visit: &Visit,
    identity: Identity,
) -> Result<(), Error> {
    begin(session, visit).await?;
    session.insert(PROVEN, ProvenIdentity { identity, since: app.clock.now() }).await?;
    Ok(())
}

/// The identity that was proven in this session a moment ago, and that is waiting for its account.
pub async fn proven_identity(app: &App, session: &Session) -> Result<Option<Identity>, Error> {
    let proven = session.get::<ProvenIdentity>(PROVEN).await?;
    let proven = proven.filter(|proven| app.clock.now().since(proven.since) <= PATIENCE);
    Ok(proven.map(|proven| proven.identity))
}

/// The person was confirmed for it: the next answer of this provider may be linked.
pub async fn permit_link(
    app: &App,
    session: &Session,
    by: &By,
    person: &Person,
    provider: Provider,
) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if !users::hold(&mut write, &person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    let event = Event::new("sign_in_method.asked").on("person", &person.id, &person.email);
    audit::record(app, &mut write, by, event.detail("provider", provider.name(app))).await?;
    write.commit().await?;
    Ok(session.insert(LEAVE, LinkPermission { provider, since: app.clock.now() }).await?)
}

pub async fn may_link(app: &App, session: &Session, provider: Provider) -> Result<bool, Error> {
    let leave = session.get::<LinkPermission>(LEAVE).await?;
    Ok(leave
        .is_some_and(|leave| leave.provider == provider && app.clock.now().since(leave.since) <= LEAVE_LIFE))
}

/// Uses the leave up.
pub async fn end_leave(session: &Session) -> Result<(), Error> {
    session.remove::<LinkPermission>(LEAVE).await?;
    Ok(())
}
