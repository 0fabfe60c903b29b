//! Password resets, and disabling people. A reset link comes from the operator's command line or by mail to the person,
//! never from an organization's admin.

use std::time::Duration;

use super::{Person, by_network, hash_new_password};
use crate::accounts::server::Devices;
use crate::accounts::server::letters;
use crate::accounts::server::store::links::{self, LinkIssuer, LinkPurpose};
use crate::accounts::server::store::{factors, sessions, users};
use crate::accounts::server::throttle::Attempt;
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::UserId;

const LIFE: Duration = Duration::from_secs(60 * 60);
/// The shortest time between two emails to one person.
const MIN_MAIL_INTERVAL: Duration = Duration::from_secs(5 * 60);

pub enum Reset {
    Done(Person),
    /// The link is used, expired, replaced by a newer one, or was never created.
    InvalidLink,
    /// The password is not acceptable; contains the reason.
    Invalid(Person, String),
}

/// Creates a link with which the person sets a new password. With `remove_factor`, using the link turns the second factor
/// off. Returns None if there is no such person.
pub async fn print_reset_link(app: &App, email: &str, remove_factor: bool) -> Result<Option<String>, Error> {
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    let Some(user) = users::by_email(&mut *write, email).await? else { return Ok(None) };
    let expires = app.clock.now().plus(LIFE);
    links::put_reset(&mut write, LinkIssuer::Operator, user.id, &token.fingerprint(), remove_factor, expires)
        .await?;
    let event = Event::new("password.reset_link_made").on("person", user.id, &user.email);
    audit::record(app, &mut write, &By::system(), event.detail("removes_second_factor", remove_factor))
        .await?;
    write.commit().await?;
    Ok(Some(reset_address(app, &token)))
}

fn reset_address(app: &App, token: &Secret) -> String {
    format!("{}/reset/{}", app.public_url.origin(), token.expose())
}

/// Sends the person a link, if there is such a person. The response and its time are the same for unknown addresses.
pub async fn mail_reset_link(app: &App, visit: &Visit, email: &str) -> Result<(), Error> {
    let account = by_network("reset", visit);
    let attempt = Attempt { address: visit.address, account: &account, browser: None, is_shared: true };
    super::admit(app, &By::stranger(visit), &attempt).await?;
    let token = Secret::new(app.random.base62(43));
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let user = users::by_email(&mut *write, email).await?.filter(|user| user.disabled_at.is_none());
    // Run the query even without a person, so that the time is the same.
    let id = user.as_ref().map_or_else(|| UserId::NIL, |user| user.id);
    let last_allowed_expiry = now.plus(LIFE).minus(MIN_MAIL_INTERVAL);
    let may_send = !links::has_reset_after(&mut *write, LinkIssuer::Person, id, last_allowed_expiry).await?;
    let mut event = Event::new("password.reset_asked");
    if let Some(user) = &user {
        if may_send {
            links::put_reset(&mut write, LinkIssuer::Person, id, &token.fingerprint(), false, now.plus(LIFE))
                .await?;
        }
        event = event.on("person", user.id, &user.email);
    }
    audit::record_stranger(app, &mut write, &By::stranger(visit), event).await?;
    write.commit().await?;
    if let Some(user) = user.filter(|_| may_send) {
        let app = app.clone();
        // Write the email in the background: the time it takes would reveal that the address has an account.
        tokio::spawn(async move { letters::reset(&app, &user.email, &reset_address(&app, &token)) });
    }
    Ok(())
}

/// Returns the person of a valid reset link, without using the link up.
pub async fn person_of_reset_link(app: &App, token: &Secret) -> Result<Option<Person>, Error> {
    let link = links::find(app.db.pool(), LinkPurpose::Reset, &token.fingerprint(), app.clock.now()).await?;
    match link.and_then(|link| link.user) {
        Some(id) => super::find_person(app, id).await,
        None => Ok(None),
    }
}

impl Reset {
    /// Sets the password and ends all sessions. If the password is not acceptable, the link stays valid.
    pub async fn by_link(app: &App, visit: &Visit, token: &Secret, new: Secret) -> Result<Self, Error> {
        let Some(person) = person_of_reset_link(app, token).await? else {
            audit::record_refusal(app, &By::stranger(visit), Event::new("password.reset_refused")).await?;
            return Ok(Self::InvalidLink);
        };
        let hash = match hash_new_password(app, new, &person.email, &person.name).await? {
            Ok(hash) => hash,
            Err(why) => return Ok(Self::Invalid(person, why)),
        };
        let mut write = app.db.write().await?;
        let (now, fingerprint) = (app.clock.now(), token.fingerprint());
        let link = links::find(&mut *write, LinkPurpose::Reset, &fingerprint, now).await?;
        let removes_factor = link.is_some_and(|link| link.removes_factor);
        let spent = links::spend(&mut write, LinkPurpose::Reset, &fingerprint, now).await?;
        if !spent || !users::set_password(&mut write, person.id, person.epoch, &hash).await? {
            return Ok(Self::InvalidLink);
        }
        let factor_removed = removes_factor && factors::delete(&mut write, person.id).await?;
        links::delete_of_user(&mut write, person.id).await?;
        let ended = sessions::end_all(&mut write, person.id, None).await?;
        let event = Event::new("password.reset")
            .on("person", person.id, &person.email)
            .detail("sessions_ended", ended);
        let event = event.detail("second_factor_removed", factor_removed);
        audit::record(app, &mut write, &person.by(visit), event).await?;
        write.commit().await?;
        app.live.recheck(person.id);
        Ok(Self::Done(person))
    }
}

/// Disables or enables a person. Disabling ends all their sessions and revokes the keys of their devices. Returns None if
/// there is no such person, and false if nothing changed.
pub async fn set_enabled(app: &App, email: &str, enabled: bool) -> Result<Option<bool>, Error> {
    let mut write = app.db.write().await?;
    let Some(user) = users::by_email(&mut *write, email).await? else { return Ok(None) };
    let at = (!enabled).then(|| app.clock.now());
    if !users::set_disabled(&mut write, user.id, at).await? {
        return Ok(Some(false));
    }
    if !enabled {
        sessions::end_all(&mut write, user.id, None).await?;
        links::delete_of_user(&mut write, user.id).await?;
        app.slice::<Devices>().0.log_out(app, &mut write, user.id).await?;
    }
    let action = if enabled { "person.enabled" } else { "person.disabled" };
    audit::record(app, &mut write, &By::system(), Event::new(action).on("person", user.id, &user.email))
        .await?;
    write.commit().await?;
    app.live.recheck(user.id);
    Ok(Some(true))
}
