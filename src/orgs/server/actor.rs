//! The sender of a request. A session becomes a `Visitor`, and with an organization a `Member`. Handlers of pages take one
//! of them as an argument, so they run for nobody else. Services take an `Actor`, which a member and a key have in common,
//! so that one permission table serves pages and the API.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use tower_sessions::Session;

use super::store::{self, Membership};
use crate::accounts::server::{Person, change_stored, fingerprint, person_of, session_stands, signed_in};
use crate::audit::By;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Permission, PrincipalKind, SecretId, Timestamp, UserId};
use crate::ui::server::message::{self, PageMessage};

/// A person who is signed in, whether or not they belong to an organization.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub person: Person,
    pub visit: Visit,
    /// When the person signed in.
    pub since: Timestamp,
    /// This session, as the profile names it.
    pub session: String,
    pub memberships: Vec<Membership>,
    /// The current organization.
    pub current: Option<Membership>,
    /// The message that the previous request left for this page.
    pub message: Option<PageMessage>,
}

/// Who acts in an organization: a member, or a key on behalf of its creator.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: UserId,
    pub door: PrincipalKind,
    /// The acting key, if it is not a person.
    pub key: Option<KeyId>,
    /// The secret with which the key authenticated.
    pub secret: Option<SecretId>,
    /// The organization and the role in it.
    pub org: Membership,
    /// The actor as recorded in the audit log.
    pub by: By,
}

/// A signed-in person in their current organization.
#[derive(Clone, Debug)]
pub struct Member {
    pub visitor: Visitor,
    actor: Actor,
}

impl Member {
    fn new(visitor: Visitor, org: Membership) -> Self {
        let actor = visitor.at(org);
        Self { visitor, actor }
    }

    /// A form is for the organization it was rendered for: had the person meanwhile switched in another tab, it would
    /// change the wrong one.
    pub(super) fn refuse_other_org(&self, rendered_for: &str) -> Result<(), Error> {
        let theirs = OrgId::parse(rendered_for);
        if theirs == Some(self.org.org) {
            return Ok(());
        }
        let meant = self.visitor.memberships.iter().find(|place| Some(place.org) == theirs);
        Err(Error::OtherOrganization {
            current: self.org.org_name.clone(),
            form_org: meant.map(|place| (place.org.to_string(), place.org_name.clone())),
        })
    }
}

impl Deref for Member {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

impl Visitor {
    /// The actor as recorded in the audit log.
    pub fn by(&self) -> By {
        let by = self.person.by(&self.visit);
        match &self.current {
            Some(current) => by.in_org(current.org),
            None => by,
        }
    }

    /// Makes the visitor a member of one of their organizations, whichever is current.
    pub fn actor_in(&self, org: OrgId) -> Option<Actor> {
        let place = self.memberships.iter().find(|place| place.org == org)?;
        Some(self.at(place.clone()))
    }

    fn at(&self, org: Membership) -> Actor {
        let by = self.person.by(&self.visit).in_org(org.org);
        Actor { user: self.person.id, door: PrincipalKind::Person, key: None, secret: None, org, by }
    }

    async fn load(app: &App, session: &Session, visit: &Visit) -> Result<Option<Self>, Error> {
        let Some(signed_in) = signed_in(session).await? else { return Ok(None) };
        let (person, memberships) =
            tokio::join!(person_of(app, &signed_in), store::memberships_of(app.db.pool(), signed_in.user),);
        let (Some(person), memberships) = (person?, memberships?) else { return Ok(None) };
        let chosen = memberships.iter().find(|place| Some(&place.org) == signed_in.org.as_ref());
        let current = chosen.or(memberships.first()).cloned();
        let session = session.id().map(|id| fingerprint(&id)).unwrap_or_default();
        Ok(Some(Self {
            person,
            visit: visit.clone(),
            since: signed_in.since,
            session,
            memberships,
            current,
            message: None,
        }))
    }
}

/// Returns true if the member's session is still valid and they still belong to the organization.
pub async fn is_still_member(app: &App, member: &Member) -> Result<bool, Error> {
    let visitor = &member.visitor;
    if !session_stands(app, &visitor.session, visitor.person.id).await? {
        return Ok(false);
    }
    let memberships = store::memberships_of(app.db.pool(), visitor.person.id).await?;
    Ok(memberships.iter().any(|place| place.org == member.org.org))
}

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        permission.is_granted(self.org.role, self.door)
    }

    /// Fails with 403 when the permission is missing.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.may(permission) {
            return Ok(());
        }
        let who = permission.least_role(self.door).plural();
        Err(Error::Forbidden(format!("Only {who} of {} may do this.", self.org.org_name)))
    }
}

async fn visitor(parts: &Parts, app: &App) -> Result<Option<Visitor>, Error> {
    // The middleware in `bound` has already loaded the visitor.
    if let Some(visitor) = parts.extensions.get::<Visitor>() {
        return Ok(Some(visitor.clone()));
    }
    let missing = || Error::internal("the session and visit layers are around every route");
    let session = parts.extensions.get::<Session>().ok_or_else(missing)?;
    let visit = parts.extensions.get::<Visit>().ok_or_else(missing)?;
    let mut visitor = Visitor::load(app, session, visit).await?;
    // Only a GET request consumes the message.
    if let Some(visitor) = visitor.as_mut().filter(|_| parts.method == Method::GET) {
        visitor.message = take_message(app, session).await?;
    }
    Ok(visitor)
}

/// A message that cannot be removed is shown again by the next page.
async fn take_message(app: &App, session: &Session) -> Result<Option<PageMessage>, Error> {
    let Some(message) = session.get(message::KEY).await? else { return Ok(None) };
    if let Err(error) = change_stored(app, session, message::KEY, None).await {
        tracing::debug!(%error, "a message stays in its session");
    }
    Ok(Some(message))
}

/// Back to the same page after signing in; a form's content cannot be kept, its page can.
fn sign_in_first(parts: &Parts) -> Error {
    let wanted = match (&parts.method, parts.uri.path_and_query()) {
        (&Method::GET, Some(whole)) => whole.as_str(),
        _ => parts.uri.path(),
    };
    Error::SignInFirst { next: wanted.to_owned() }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        visitor(parts, app).await?.ok_or_else(|| sign_in_first(parts))
    }
}

impl OptionalFromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Error> {
        visitor(parts, app).await
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let visitor = visitor(parts, app).await?.ok_or_else(|| sign_in_first(parts))?;
        match visitor.current.clone() {
            Some(org) => Ok(Self::new(visitor, org)),
            None => Err(Error::NoOrganization),
        }
    }
}
