//! The session's data: the signed-in person, or the person whose second factor is still required.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower_sessions::Session;

use super::Person;
use crate::accounts::server::store::sessions::{self, fingerprint};
use crate::audit::{self, Event};
use crate::platform::http::Visit;
use crate::platform::live::Topic;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Timestamp, UserId};

pub const SIGNED_IN: &str = "signed_in";
pub const ORIGIN: &str = "origin";
const PENDING: &str = "pending";
/// The lifetime of a session without a signed-in person.
pub const ANONYMOUS_LIFE: Duration = Duration::from_secs(60 * 60);
/// The time allowed between the password and the second factor.
const SECOND_FACTOR_TIMEOUT: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    pub user: UserId,
    epoch: i64,
    /// The current organization, once chosen.
    pub org: Option<OrgId>,
    /// When the person signed in.
    pub since: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PendingSignIn {
    user: UserId,
    epoch: i64,
    since: Timestamp,
}

pub async fn signed_in(session: &Session) -> Result<Option<SignedIn>, Error> {
    Ok(session.get(SIGNED_IN).await?)
}

/// The person who has entered the password in this session but not yet the second factor.
pub async fn pending(app: &App, session: &Session) -> Result<Option<Person>, Error> {
    let Some(pending) = session.get::<PendingSignIn>(PENDING).await? else { return Ok(None) };
    if app.clock.now().since(pending.since) > SECOND_FACTOR_TIMEOUT {
        return Ok(None);
    }
    super::proven_person(app, pending.user, pending.epoch).await
}

/// Clears the session and gives it a new id, which prevents session fixation.
pub(super) async fn begin(session: &Session, visit: &Visit) -> Result<(), Error> {
    session.cycle_id().await?;
    session.clear().await;
    Ok(session.insert(ORIGIN, (visit.address.to_string(), &visit.user_agent)).await?)
}

/// Starts the wait for the second factor after a correct password.
pub async fn start_pending(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    begin(session, visit).await?;
    session
        .insert(PENDING, PendingSignIn { user: person.id, epoch: person.epoch, since: app.clock.now() })
        .await?;
    Ok(())
}

/// The topic on which an open profile page listens for new sessions.
pub fn new_session(person: UserId) -> Topic {
    Topic::of_person(person, "sessions")
}

/// Signs the person in under a new session id.
pub async fn start_session(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    begin(session, visit).await?;
    let signed_in = SignedIn { user: person.id, epoch: person.epoch, org: None, since: app.clock.now() };
    session.insert(SIGNED_IN, signed_in).await?;
    // Save now and not after the response, so that a failure prevents the page that reports success.
    session.save().await?;
    // Open profile pages of the person list the new session at once.
    app.live.publish(new_session(person.id), "");
    Ok(())
}

/// The signed-in person, or None after a password change or when the account is disabled.
pub async fn person_of(app: &App, signed_in: &SignedIn) -> Result<Option<Person>, Error> {
    super::proven_person(app, signed_in.user, signed_in.epoch).await
}

/// Returns true if the session with this hash is still valid and belongs to this person.
pub async fn is_session_valid(app: &App, id_hash: &str, person: UserId) -> Result<bool, Error> {
    let now = app.clock.now();
    let silent_since = now.minus(app.config.accounts.session_idle);
    let Some(found) = sessions::find(app.db.pool(), id_hash, now, silent_since).await? else {
        return Ok(false);
    };
    let data: Value = serde_json::from_str(&found.data).unwrap_or_default();
    match SignedIn::deserialize(&data[SIGNED_IN]) {
        Ok(signed_in) if signed_in.user == person => Ok(person_of(app, &signed_in).await?.is_some()),
        _ => Ok(false),
    }
}

/// Keeps this session valid after a change of one's own password or second factor; all others end. It is saved at once, so
/// that a failure does not replace a response that shows recovery codes.
pub async fn keep_session(app: &App, session: &Session) -> Result<(), Error> {
    let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? else { return Ok(()) };
    let signed_in = serde_json::to_value(SignedIn { epoch: signed_in.epoch + 1, ..signed_in })
        .map_err(|error| Error::internal(error.to_string()))?;
    change_stored(app, session, SIGNED_IN, Some(signed_in)).await
}

/// Sets or removes a value of a session in the database now. To the session layer the session stays unchanged: the layer
/// saves a changed one after the response, and replaces the response when that fails.
pub async fn change_stored(
    app: &App,
    session: &Session,
    key: &str,
    value: Option<Value>,
) -> Result<(), Error> {
    let Some(id) = session.id() else { return Ok(()) };
    let id_hash = fingerprint(&id);
    let mut write = app.db.write().await?;
    let Some(data) = sessions::data(&mut write, &id_hash).await? else { return Ok(()) };
    let mut data: Map<String, Value> =
        serde_json::from_str(&data).map_err(|error| Error::internal(error.to_string()))?;
    match value {
        Some(value) => data.insert(key.to_owned(), value),
        None => data.remove(key),
    };
    sessions::set_data(&mut write, &id_hash, &Value::Object(data).to_string()).await?;
    write.commit().await?;
    Ok(session.load().await?)
}

/// Selects the current organization. The caller has checked the membership.
pub async fn choose_org(session: &Session, org: OrgId) -> Result<(), Error> {
    if let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? {
        session.insert(SIGNED_IN, SignedIn { org: Some(org), ..signed_in }).await?;
    }
    Ok(())
}

/// Ends the current session.
pub async fn end_this_session(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if let Some(id) = session.id()
        && sessions::end(&mut write, person.id, &fingerprint(&id)).await?
    {
        let event = Event::new("session.ended").on("person", person.id, &person.email);
        audit::record(app, &mut write, &person.by(visit), event).await?;
    }
    write.commit().await?;
    session.flush().await?;
    app.live.recheck(person.id);
    Ok(())
}
