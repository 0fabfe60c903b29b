//! Short-lived session data: an identity that a provider has just proven and that no account
//! is linked to, and the permission to link one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::Person;
use super::session::begin;
use crate::accounts::server::oauth::{Provider, ProviderIdentity};
use crate::accounts::server::store::users;
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Timestamp};

const PROVEN: &str = "proven";
const LINK_PERMISSION: &str = "may_link";
/// How long a proven identity can be used to create an account.
const PROVEN_LIFE: Duration = Duration::from_secs(30 * 60);
/// The time allowed between the confirmation and the provider's response.
const LINK_PERMISSION_LIFE: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize, Deserialize)]
struct ProvenIdentity {
    identity: ProviderIdentity,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub struct LinkPermission {
    provider: Provider,
    since: Timestamp,
    /// The organization in which the person confirmed it.
    pub org: Option<OrgId>,
}

/// Stores the identity under a new session id, which prevents session fixation.
pub async fn store_proven_identity(
    app: &App,
    session: &Session,
    visit: &Visit,
    identity: ProviderIdentity,
) -> Result<(), Error> {
    begin(session, visit).await?;
    session.insert(PROVEN, ProvenIdentity { identity, since: app.clock.now() }).await?;
    Ok(())
}

/// The identity that was recently proven in this session and has no account yet.
pub async fn proven_identity(app: &App, session: &Session) -> Result<Option<ProviderIdentity>, Error> {
    let proven = session.get::<ProvenIdentity>(PROVEN).await?;
    let proven = proven.filter(|proven| app.clock.now().since(proven.since) <= PROVEN_LIFE);
    Ok(proven.map(|proven| proven.identity))
}

/// Permits linking the provider's next response. The caller has confirmed the person.
pub async fn permit_link(
    app: &App,
    session: &Session,
    by: &By,
    person: &Person,
    provider: Provider,
) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if !users::lock(&mut write, person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    let event = Event::new("sign_in_method.asked").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event.detail("provider", provider.name(app))).await?;
    write.commit().await?;
    Ok(session
        .insert(LINK_PERMISSION, LinkPermission { provider, since: app.clock.now(), org: by.org })
        .await?)
}

/// The permission to link an identity of this provider, if there is one.
pub async fn link_permission(
    app: &App,
    session: &Session,
    provider: Provider,
) -> Result<Option<LinkPermission>, Error> {
    let permission = session.get::<LinkPermission>(LINK_PERMISSION).await?;
    let age = |permission: &LinkPermission| app.clock.now().since(permission.since);
    Ok(permission
        .filter(|permission| permission.provider == provider && age(permission) <= LINK_PERMISSION_LIFE))
}

/// Removes the permission to link.
pub async fn end_link_permission(session: &Session) -> Result<(), Error> {
    session.remove::<LinkPermission>(LINK_PERMISSION).await?;
    Ok(())
}
