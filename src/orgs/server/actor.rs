//! The sender of a request. A session becomes a `Visitor`, and with an organization a `Member`. Handlers of pages take one
//! of them as an argument, so they run for nobody else. Services take an `Actor`, which a member and a key have in common,
//! so that one permission table serves pages and the API.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use tower_sessions::Session;

use super::store::{self, Membership};
use super::waiting::RegisteredCounter;
use crate::accounts::server::{
    Person, change_stored, fingerprint, is_refresh, is_session_valid, person_of, signed_in,
};
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
    /// Whether a person or a key acts.
    pub principal: PrincipalKind,
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
    /// How many requests wait for this person. Counted for pages only.
    pub waiting: i64,
}

impl Member {
    fn new(visitor: Visitor, org: Membership) -> Self {
        let actor = visitor.actor_with(org);
        Self { visitor, actor, waiting: 0 }
    }

    /// With the number of waiting requests, for a page.
    pub(super) async fn load(app: &App, visitor: Visitor, org: Membership) -> Result<Self, Error> {
        let mut member = Self::new(visitor, org);
        let counter = &app.slice::<RegisteredCounter>().0;
        member.waiting = counter.count(app, member.org.org, member.user, member.org.role).await?;
        Ok(member)
    }

    /// A form is for the organization it was rendered for: had the person meanwhile switched in another tab, it would
    /// change the wrong one.
    pub(super) fn refuse_other_org(&self, rendered_for: &str) -> Result<(), Error> {
        let form_org = OrgId::parse(rendered_for);
        if form_org == Some(self.org.org) {
            return Ok(());
        }
        let meant = self.visitor.memberships.iter().find(|membership| Some(membership.org) == form_org);
        Err(Error::OtherOrganization {
            current: self.org.org_name.clone(),
            form_org: meant.map(|membership| (membership.org.to_string(), membership.org_name.clone())),
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
        let membership = self.memberships.iter().find(|membership| membership.org == org)?;
        Some(self.actor_with(membership.clone()))
    }

    fn actor_with(&self, org: Membership) -> Actor {
        let by = self.person.by(&self.visit).in_org(org.org);
        Actor { user: self.person.id, principal: PrincipalKind::Person, key: None, secret: None, org, by }
    }

    pub(super) async fn load(app: &App, session: &Session, visit: &Visit) -> Result<Option<Self>, Error> {
        let Some(signed_in) = signed_in(session).await? else { return Ok(None) };
        let (person, memberships) =
            tokio::join!(person_of(app, &signed_in), store::memberships_of(app.db.pool(), signed_in.user),);
        let (Some(person), memberships) = (person?, memberships?) else { return Ok(None) };
        let chosen = memberships.iter().find(|membership| Some(&membership.org) == signed_in.org.as_ref());
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

/// Returns true if the session is still valid and its person still belongs to the organization.
pub async fn is_still_member(app: &App, session: &str, person: UserId, org: OrgId) -> Result<bool, Error> {
    if !is_session_valid(app, session, person).await? {
        return Ok(false);
    }
    let memberships = store::memberships_of(app.db.pool(), person).await?;
    Ok(memberships.iter().any(|membership| membership.org == org))
}

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        permission.is_granted(self.org.role, self.principal)
    }

    /// Fails with 403 when the permission is missing.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.may(permission) {
            return Ok(());
        }
        let roles = permission.least_role(self.principal).plural();
        Err(Error::Forbidden(format!("Only {roles} of {} may do this.", self.org.org_name)))
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
    // Only a GET request consumes the message, and not one that a page sends by itself.
    let is_opened = parts.method == Method::GET && !is_refresh(&parts.headers);
    if let Some(visitor) = visitor.as_mut().filter(|_| is_opened) {
        visitor.message = take_message(app, session).await?;
    }
    Ok(visitor)
}

/// Reads the message and removes it from the session. If it cannot be removed, the next page shows it again.
async fn take_message(app: &App, session: &Session) -> Result<Option<PageMessage>, Error> {
    let Some(message) = session.get(message::KEY).await? else { return Ok(None) };
    if let Err(error) = change_stored(app, session, message::KEY, None).await {
        tracing::debug!(%error, "could not remove a message from the session");
    }
    Ok(Some(message))
}

/// The error that redirects to the sign-in page and then back. After a submitted form it leads to the form's page, without
/// the entered values.
fn sign_in_first(parts: &Parts) -> Error {
    let next = match (&parts.method, parts.uri.path_and_query()) {
        (&Method::GET, Some(path_and_query)) => path_and_query.as_str(),
        _ => parts.uri.path(),
    };
    Error::SignInFirst { next: next.to_owned() }
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
        let Some(org) = visitor.current.clone() else { return Err(Error::NoOrganization) };
        if parts.method == Method::GET {
            Self::load(app, visitor, org).await
        } else {
            Ok(Self::new(visitor, org))
        }
    }
}
