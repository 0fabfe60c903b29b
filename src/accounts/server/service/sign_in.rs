//! Sign-in with a password. An unknown address, a wrong password, a disabled person: one answer, one amount of work.

use std::time::Duration;

use super::Person;
use crate::accounts::server::password;
use crate::accounts::server::store::users;
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::{check_email, email_key};
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};

/// How long a browser counts as known.
pub const BROWSER_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

pub enum SignIn {
    Refused,
    /// The password is right; the second factor is owed.
    NeedsFactor(Person),
    Done(Person),
}

/// `browser` is the token that a browser got when it signed in before.
pub async fn sign_in(
    app: &App,
    visit: &Visit,
    email: &str,
    given: Secret,
    browser: Option<&Secret>,
) -> Result<SignIn, Error> {
    // What is no address is nobody's, and need not reach the database.
    let email = check_email(email).unwrap_or_default();
    let user = users::by_email(app.db.pool(), &email).await?;
    let token = browser.map(Secret::fingerprint);
    let known = match (&user, &token) {
        (Some(user), Some(token)) => users::knows_browser(app.db.pool(), &user.id, token).await?,
        _ => false,
    };
    let account = email_key(&email);
    let attempt =
        Attempt { address: visit.address, account: &account, known: token.as_deref().filter(|_| known) };
    app.slice::<Throttle>().admit(&attempt, app.clock.steady()).map_err(Error::TooMany)?;

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = password::verify(app, hash, given).await?;
    match user.filter(|user| right && user.disabled_at.is_none()) {
        Some(user) => {
            app.slice::<Throttle>().forgive(&attempt);
            let needs_factor = user.has_factor;
            let person = Person::from(user);
            if needs_factor {
                return Ok(SignIn::NeedsFactor(person));
            }
            record_sign_in(app, visit, &person, "password").await?;
            Ok(SignIn::Done(person))
        }
        None => {
            let mut write = app.db.write().await?;
            // The typed address is not written: people type passwords into the wrong field.
            audit::record(app, &mut write, &By::stranger(visit), Event::new("session.refused")).await?;
            write.commit().await?;
            Ok(SignIn::Refused)
        }
    }
}

/// The token for a browser that just signed in; None when it has one that is known already.
pub async fn remember_browser(
    app: &App,
    person: &Person,
    present: Option<&Secret>,
) -> Result<Option<Secret>, Error> {
    if let Some(present) = present
        && users::knows_browser(app.db.pool(), &person.id, &present.fingerprint()).await?
    {
        return Ok(None);
    }
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    users::remember_browser(&mut write, &person.id, &token.fingerprint(), app.clock.now()).await?;
    write.commit().await?;
    Ok(Some(token))
}

/// One row a sign-in, written when the last proof was given.
pub async fn record_sign_in(app: &App, visit: &Visit, person: &Person, proof: &str) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    let event = Event::new("session.started").on("person", &person.id, &person.email).detail("proof", proof);
    audit::record(app, &mut write, &person.by(visit), event).await?;
    write.commit().await?;
    Ok(())
}
