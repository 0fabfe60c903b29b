//! What a session knows: who is signed in, or who has given the password and still owes the second factor.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
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
/// Sessions in which nobody has signed in yet: longer than anybody may take to do so.
pub const ARRIVAL: Duration = Duration::from_secs(60 * 60);
/// Between the password and the second factor.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    pub user: UserId,
    epoch: i64,
    /// The organization that the person works in, once chosen.
    pub org: Option<OrgId>,
    /// When they proved who they are.
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

/// Who has given the password here and owes the second factor.
pub async fn pending(app: &App, session: &Session) -> Result<Option<Person>, Error> {
    let Some(pending) = session.get::<PendingSignIn>(PENDING).await? else { return Ok(None) };
    if app.clock.now().since(pending.since) > PATIENCE {
        return Ok(None);
    }
    super::proven_person(app, &pending.user, pending.epoch).await
}

/// A new id and nothing of what was there: whoever knew the old id gains nothing.
pub(super) async fn begin(session: &Session, visit: &Visit) -> Result<(), Error> {
    session.cycle_id().await?;
    session.clear().await;
    Ok(session.insert(ORIGIN, (visit.address.to_string(), &visit.user_agent)).await?)
}

/// After the password, before the second factor.
pub async fn start_pending(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    begin(session, visit).await?;
    session
        .insert(
            PENDING,
            PendingSignIn { user: person.id.clone(), epoch: person.epoch, since: app.clock.now() },
        )
        .await?;
    Ok(())
}

/// What a profile waits for.
pub fn new_session(person: &UserId) -> Topic {
    Topic::of_person(person, "sessions")
}

/// Signs the person in, under a new id.
pub async fn start_session(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    begin(session, visit).await?;
    let signed_in =
        SignedIn { user: person.id.clone(), epoch: person.epoch, org: None, since: app.clock.now() };
    session.insert(SIGNED_IN, signed_in).await?;
    // Now and not after the answer: what fails must fail before anybody is told otherwise.
    session.save().await?;
    // Whoever has the profile open elsewhere sees at once that somebody came in.
    app.live.tell(new_session(&person.id), "");
    Ok(())
}

/// Who is signed in here, as long as what they proved counts.
pub async fn person_of(app: &App, signed_in: &SignedIn) -> Result<Option<Person>, Error> {
    super::proven_person(app, &signed_in.user, signed_in.epoch).await
}

/// Does the session, named by its hash, still stand, and does this person still work in it?
pub async fn session_stands(app: &App, id_hash: &str, person: &UserId) -> Result<bool, Error> {
    let now = app.clock.now();
    let silent_since = now.minus(app.config.accounts.session_idle);
    let Some(found) = sessions::find(app.db.pool(), id_hash, now, silent_since).await? else {
        return Ok(false);
    };
    let data: Value = serde_json::from_str(&found.data).unwrap_or_default();
    match SignedIn::deserialize(&data[SIGNED_IN]) {
        Ok(signed_in) if signed_in.user == *person => Ok(person_of(app, &signed_in).await?.is_some()),
        _ => Ok(false),
    }
}

/// After a change of one's own password this session goes on; all others have ended with it.
pub async fn keep_session(session: &Session) -> Result<(), Error> {
    if let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? {
        session.insert(SIGNED_IN, SignedIn { epoch: signed_in.epoch + 1, ..signed_in }).await?;
    }
    Ok(())
}

/// Chooses the organization to work in; the caller has checked the membership.
pub async fn choose_org(session: &Session, org: &OrgId) -> Result<(), Error> {
    if let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? {
        session.insert(SIGNED_IN, SignedIn { org: Some(org.clone()), ..signed_in }).await?;
    }
    Ok(())
}

/// Signs out here.
pub async fn end_this_session(
    app: &App,
    session: &Session,
    visit: &Visit,
    person: &Person,
) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if let Some(id) = session.id()
        && sessions::end(&mut write, &person.id, &fingerprint(&id)).await?
    {
        let event = Event::new("session.ended").on("person", &person.id, &person.email);
        audit::record(app, &mut write, &person.by(visit), event).await?;
    }
    write.commit().await?;
    session.flush().await?;
    app.live.recheck(&person.id);
    Ok(())
}
