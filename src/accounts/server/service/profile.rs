//! Changes to one's own profile.

use super::{Person, hash_new_password};
use crate::accounts::check_name;
use crate::accounts::server::password;
use crate::accounts::server::store::sessions::SessionSummary;
use crate::accounts::server::store::{links, sessions, users};
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};

/// The result of a profile change. The inner text is displayed beside the field.
pub enum ProfileChange {
    Done,
    /// The current password is wrong.
    WrongPassword,
    /// The new value is invalid; contains the reason.
    Invalid(String),
}

pub async fn rename(app: &App, by: &By, person: &Person, name: &str) -> Result<ProfileChange, Error> {
    let name = match check_name(name, "your name") {
        Ok(name) => name,
        Err(why) => return Ok(ProfileChange::Invalid(why)),
    };
    if name == person.name {
        return Ok(ProfileChange::Done);
    }
    let mut write = app.db.write().await?;
    users::set_name(&mut write, person.id, &name).await?;
    let event = Event::new("person.renamed")
        .on("person", person.id, &person.email)
        .detail("from", person.name.clone());
    audit::record(app, &mut write, by, event.detail("to", name)).await?;
    write.commit().await?;
    Ok(ProfileChange::Done)
}

/// Checks the person's password before a sensitive change, with the sign-in throttle, so that a stranger at an unlocked
/// screen can neither make the change nor guess the password.
pub async fn confirm_password(
    app: &App,
    visit: &Visit,
    person: &Person,
    password: Secret,
) -> Result<bool, Error> {
    let Some(user) = users::by_id(app.db.pool(), person.id).await? else { return Err(Error::NotFound) };
    if user.epoch != person.epoch {
        return Err(Error::OutOfStep);
    }
    if user.password_hash.is_none() {
        return Ok(true);
    }
    let account = format!("{} password", person.id);
    let attempt = Attempt { address: visit.address, account: &account, browser: None, is_shared: false };
    super::admit(app, &person.by(visit), &attempt).await?;
    let is_correct = password::verify(app, user.password_hash, password).await?;
    if is_correct {
        app.slice::<Throttle>().forgive(&attempt);
    } else {
        let event = Event::new("password.refused").on("person", person.id, &person.email);
        audit::record_refusal(app, &person.by(visit), event).await?;
    }
    Ok(is_correct)
}

/// Changes the password and ends every session except `this_session`.
pub async fn change_password(
    app: &App,
    visit: &Visit,
    by: &By,
    person: &Person,
    this_session: &str,
    current: Secret,
    new: Secret,
) -> Result<ProfileChange, Error> {
    if !confirm_password(app, visit, person, current).await? {
        return Ok(ProfileChange::WrongPassword);
    }
    let hash = match hash_new_password(app, new, &person.email, &person.name).await? {
        Ok(hash) => hash,
        Err(why) => return Ok(ProfileChange::Invalid(why)),
    };
    let mut write = app.db.write().await?;
    if !users::set_password(&mut write, person.id, person.epoch, &hash).await? {
        return Err(Error::OutOfStep);
    }
    links::delete_of_user(&mut write, person.id).await?;
    let ended = sessions::end_all(&mut write, person.id, Some(this_session)).await?;
    let event =
        Event::new("password.changed").on("person", person.id, &person.email).detail("sessions_ended", ended);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    app.live.recheck(person.id);
    Ok(ProfileChange::Done)
}

pub async fn sessions_of(app: &App, person: &Person) -> Result<Vec<SessionSummary>, Error> {
    let now = app.clock.now();
    let silent_since = now.minus(app.config.accounts.session_idle);
    Ok(sessions::of_user(app.db.pool(), person.id, now, silent_since).await?)
}

/// Ends one of the person's sessions. A session that has already ended is no error.
pub async fn end_session(app: &App, by: &By, person: &Person, id_hash: &str) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    if sessions::end(&mut write, person.id, id_hash).await? {
        let event = Event::new("session.ended").on("person", person.id, &person.email);
        audit::record(app, &mut write, by, event).await?;
        write.commit().await?;
        app.live.recheck(person.id);
    }
    Ok(())
}

pub async fn end_other_sessions(
    app: &App,
    by: &By,
    person: &Person,
    this_session: &str,
) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    let ended = sessions::end_all(&mut write, person.id, Some(this_session)).await?;
    if ended > 0 {
        let event =
            Event::new("sessions.ended").on("person", person.id, &person.email).detail("sessions", ended);
        audit::record(app, &mut write, by, event).await?;
        write.commit().await?;
        app.live.recheck(person.id);
    }
    Ok(())
}
