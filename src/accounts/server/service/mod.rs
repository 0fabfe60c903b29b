//! The use cases of accounts. Each one checks, writes and audits in one transaction; passwords are hashed before it
//! begins.

mod factor;
mod identity;
mod letters;
mod profile;
mod proven;
mod reset;
mod session;
mod setup;
mod sign_in;
mod sign_up;

pub use factor::{
    Recovery, SubmittedCode, begin_factor, check_second_factor, confirm_factor, is_recovery_code,
    new_recovery_codes, remove_factor, unused_recovery_codes,
};
pub use identity::{
    IdentitySignIn, LinkOutcome, UnlinkOutcome, add_identity, admit_callback, forgive_callback,
    identities_of, identity_refused, link, provider_of, providers_of, sign_in_with_identity, spend_flow,
    unlink,
};
pub use letters::{LetterRecipient, choose_letters, letter_recipient, unwanted_letters};
pub use profile::{
    ProfileChange, change_password, confirm_password, end_other_sessions, end_session, rename, sessions_of,
};
pub use proven::{end_link_permission, link_permission, permit_link, proven_identity, store_proven_identity};
pub use reset::{Reset, mail_reset_link, person_of_reset_link, print_reset_link, set_enabled};
pub use session::{
    ORIGIN, SIGNED_IN, SignedIn, change_stored, choose_org, end_this_session, is_session_valid, keep_session,
    new_session, pending, person_of, signed_in, start_pending, start_session,
};
pub use setup::{
    needs_setup, new_setup_link, print_setup_link, setup_is_open, setup_link_printed_at, setup_refused,
    spend_setup_link,
};
pub use sign_in::{BROWSER_LIFE, SignIn, remember_browser, sign_in};
pub use sign_up::{
    confirmed_address, confirmed_by_provider, request_sign_up, sign_up_is_open, sign_up_refused,
    spend_sign_up_link,
};

use std::collections::HashMap;

use super::metrics::{AccountMetrics, SignInFailure};
use super::store::{identities, links, sessions, sign_ups, users};
use super::throttle::{Attempt, Throttle};
use crate::audit::{self, By, Event, EventActor, Origin};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::http::address::network;
use crate::platform::{App, Error, Secret};
use crate::shared::UserId;

/// A person with an account.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub has_password: bool,
    pub has_factor: bool,
    /// The value of `users.epoch` when this person was read.
    pub epoch: i64,
}

/// The names of these people. Ids without a person are missing from the map.
pub async fn names(app: &App, ids: &[UserId]) -> Result<HashMap<UserId, String>, Error> {
    Ok(users::names(app.db.pool(), ids).await?)
}

impl From<users::User> for Person {
    fn from(user: users::User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            has_password: user.password_hash.is_some(),
            has_factor: user.has_factor,
            epoch: user.epoch,
        }
    }
}

impl Person {
    pub fn by(&self, visit: &Visit) -> By {
        By {
            actor: EventActor::Person { id: self.id, name: self.name.clone() },
            org: None,
            origin: Origin::of(visit),
        }
    }
}

/// Returns None when there is no such person or the person is disabled.
pub async fn find_person(app: &App, id: UserId) -> Result<Option<Person>, Error> {
    let user = users::by_id(app.db.pool(), id).await?;
    Ok(user.filter(|user| user.disabled_at.is_none()).map(Person::from))
}

/// Finds a person who may be disabled.
pub async fn find_any_person(app: &App, id: UserId) -> Result<Option<Person>, Error> {
    Ok(users::by_id(app.db.pool(), id).await?.map(Person::from))
}

/// Finds the person with this address. Call it only where the result may be revealed.
pub async fn find_id(app: &App, email: &str) -> Result<Option<UserId>, Error> {
    Ok(users::by_email(app.db.pool(), email).await?.map(|user| user.id))
}

/// Returns the person if they are not disabled and their epoch is unchanged, so that an earlier proof of identity is
/// still valid.
async fn proven_person(app: &App, id: UserId, epoch: i64) -> Result<Option<Person>, Error> {
    Ok(find_person(app, id).await?.filter(|person| person.epoch == epoch))
}

/// Counts an attempt, or fails with `Error::TooMany`. Only the first refusal in a window is recorded in the audit log.
async fn admit(app: &App, by: &By, attempt: &Attempt<'_>) -> Result<(), Error> {
    let Err(slowed) = app.slice::<Throttle>().admit(attempt, app.clock.steady()) else { return Ok(()) };
    if slowed.first {
        audit::record_refusal(app, by, Event::new("attempts.slowed")).await?;
    }
    Err(Error::TooMany(slowed.wait))
}

/// Like `admit`, and counts a refusal as a failed sign-in in the metrics.
async fn admit_sign_in(app: &App, by: &By, attempt: &Attempt<'_>) -> Result<(), Error> {
    let admitted = admit(app, by, attempt).await;
    if matches!(admitted, Err(Error::TooMany(_))) {
        app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::Slowed);
    }
    admitted
}

/// The throttle's account for attempts that are counted per network and not per person, so that strangers cannot use up
/// a person's attempts.
fn by_network(what: &str, visit: &Visit) -> String {
    format!("{what} {}", network(visit.address))
}

/// The validated data of a new account.
pub struct NewPerson {
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
}

/// Creates an account. Returns None if the address has one already.
pub async fn insert_person(app: &App, write: &mut Write, new: &NewPerson) -> Result<Option<Person>, Error> {
    let now = app.clock.now();
    let id = UserId::new(now, app.random_for_id());
    let hash = new.password_hash.as_deref();
    if !users::insert(write, id, &new.email, &new.name, hash, now).await? {
        return Ok(None);
    }
    sign_ups::delete_of_email(write, &new.email).await?;
    let (email, name) = (new.email.clone(), new.name.clone());
    Ok(Some(Person { id, email, name, has_password: hash.is_some(), has_factor: false, epoch: 0 }))
}

/// Checks a new password and hashes it. The inner error is the reason why it is not accepted, shown beside the field.
pub async fn hash_new_password(
    app: &App,
    password: Secret,
    email: &str,
    name: &str,
) -> Result<Result<String, String>, Error> {
    if let Err(why) = super::rules::check(&password, email, name) {
        return Ok(Err(why));
    }
    super::password::hash(app, password).await.map(Ok)
}

/// Deletes expired sessions, links and sign-ups, and browsers that were not used for long.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let silent_since = now.minus(app.config.accounts.session_idle);
    sessions::sweep(&mut write, now, silent_since, now.minus(session::ANONYMOUS_LIFE)).await?;
    links::sweep(&mut write, now).await?;
    sign_ups::sweep(&mut write, now).await?;
    identities::sweep(&mut write, now).await?;
    users::delete_browsers_before(&mut write, now.minus(sign_in::BROWSER_LIFE)).await?;
    write.commit().await?;
    Ok(())
}
