//! Ways back in, and out for good. A reset link comes from the operator's command line or by mail to the person, never
//! from an organization's admin.

use std::time::Duration;

use super::{Person, by_address, hash_new_password};
use crate::accounts::server::Devices;
use crate::accounts::server::letters;
use crate::accounts::server::store::links::{self, MadeBy, Opens};
use crate::accounts::server::store::{factors, sessions, users};
use crate::accounts::server::throttle::Attempt;
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::UserId;

const LIFE: Duration = Duration::from_secs(60 * 60);
/// One letter to a person in this time, however often somebody asks.
const LETTER_EVERY: Duration = Duration::from_secs(5 * 60);

pub enum Reset {
    Done(Person),
    /// Used, expired, replaced by a newer one, or never made.
    LinkIsDead,
    /// Why the password is not taken.
    NotTaken(Person, String),
}

/// A link with which the person sets a new password; their second factor goes when it is used, not before. None when there is no such person.
pub async fn print_reset_link(app: &App, email: &str, remove_factor: bool) -> Result<Option<String>, Error> {
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    let Some(user) = users::by_email(&mut *write, email).await? else { return Ok(None) };
    let expires = app.clock.now().plus(LIFE);
    links::put_reset(&mut write, MadeBy::Operator, user.id, &token.fingerprint(), remove_factor, expires)
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

/// Sends the person a link, if there is such a person. Known and unknown addresses are answered alike and cost alike.
pub async fn mail_reset_link(app: &App, visit: &Visit, email: &str) -> Result<(), Error> {
    let account = by_address("reset", visit);
    let attempt = Attempt { address: visit.address, account: &account, known: None, is_short: false };
    super::admit(app, &By::stranger(visit), &attempt).await?;
    let token = Secret::new(app.random.base62(43));
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let user = users::by_email(&mut *write, email).await?.filter(|user| user.disabled_at.is_none());
    // Asked for nobody too.
    let id = user.as_ref().map_or_else(|| UserId::NIL, |user| user.id);
    let rested =
        !links::has_reset_after(&mut *write, MadeBy::Person, id, now.plus(LIFE).minus(LETTER_EVERY)).await?;
    let mut event = Event::new("password.reset_asked");
    if let Some(user) = &user {
        if rested {
            links::put_reset(&mut write, MadeBy::Person, id, &token.fingerprint(), false, now.plus(LIFE))
                .await?;
        }
        event = event.on("person", user.id, &user.email);
    }
    audit::record_stranger(app, &mut write, &By::stranger(visit), event).await?;
    write.commit().await?;
    if let Some(user) = user.filter(|_| rested) {
        let app = app.clone();
        // Writing the letter takes a moment that nobody unknown would take.
        tokio::spawn(async move { letters::reset(&app, &user.email, &reset_address(&app, &token)) });
    }
    Ok(())
}

/// Whose link it is, while it is good.
pub async fn reset_by_link(app: &App, token: &Secret) -> Result<Option<Person>, Error> {
    let link = links::find(app.db.pool(), Opens::Reset, &token.fingerprint(), app.clock.now()).await?;
    match link.and_then(|link| link.user) {
        Some(id) => super::find_person(app, id).await,
        None => Ok(None),
    }
}

impl Reset {
    /// Sets the password and ends all sessions. A password that is not taken leaves the link good.
    pub async fn by_link(app: &App, visit: &Visit, token: &Secret, new: Secret) -> Result<Self, Error> {
        let Some(person) = reset_by_link(app, token).await? else {
            audit::record_refusal(app, &By::stranger(visit), Event::new("password.reset_refused")).await?;
            return Ok(Self::LinkIsDead);
        };
        let hash = match hash_new_password(app, new, &person.email, &person.name).await? {
            Ok(hash) => hash,
            Err(why) => return Ok(Self::NotTaken(person, why)),
        };
        let mut write = app.db.write().await?;
        let (now, fingerprint) = (app.clock.now(), token.fingerprint());
        let link = links::find(&mut *write, Opens::Reset, &fingerprint, now).await?;
        let removes_factor = link.is_some_and(|link| link.removes_factor);
        let spent = links::spend(&mut write, Opens::Reset, &fingerprint, now).await?;
        if !spent || !users::set_password(&mut write, person.id, person.epoch, &hash).await? {
            return Ok(Self::LinkIsDead);
        }
        let factor_removed = removes_factor && factors::delete(&mut write, person.id).await?;
        links::drop_of(&mut write, person.id).await?;
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

/// Disables or enables a person; disabling ends all their sessions and the keys of their devices, which act as they do. None when there is no such person, false when
/// nothing changed.
pub async fn set_enabled(app: &App, email: &str, enabled: bool) -> Result<Option<bool>, Error> {
    let mut write = app.db.write().await?;
    let Some(user) = users::by_email(&mut *write, email).await? else { return Ok(None) };
    let at = (!enabled).then(|| app.clock.now());
    if !users::set_disabled(&mut write, user.id, at).await? {
        return Ok(Some(false));
    }
    if !enabled {
        sessions::end_all(&mut write, user.id, None).await?;
        links::drop_of(&mut write, user.id).await?;
        app.slice::<Devices>().0.log_out(app, &mut write, user.id).await?;
    }
    let action = if enabled { "person.enabled" } else { "person.disabled" };
    audit::record(app, &mut write, &By::system(), Event::new(action).on("person", user.id, &user.email))
        .await?;
    write.commit().await?;
    app.live.recheck(user.id);
    Ok(Some(true))
}
