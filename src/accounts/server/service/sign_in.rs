//! Sign-in with a password. An unknown address, a wrong password, a disabled person: one answer, one amount of work.

use std::time::Duration;

use super::Person;
use crate::accounts::server::password;
use crate::accounts::server::store::users;
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::{check_email, email_key};
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::metrics::SignInFailure;
use crate::platform::{App, Error, Secret};
use crate::shared::UserId;

/// Characters of a browser's token.
const TOKEN: usize = 43;
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
    // Asked for nobody too: how long it takes must not tell whether there is somebody.
    let nobody = UserId::from_text("");
    let id = user.as_ref().map_or(&nobody, |user| &user.id);
    let known = known_browser(app, id, browser).await?;
    let account = email_key(&email);
    let attempt =
        Attempt { address: visit.address, account: &account, known: known.as_deref(), is_short: false };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await?;

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = password::verify(app, hash, given).await?;
    let is_disabled = right && user.as_ref().is_some_and(|user| user.disabled_at.is_some());
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
            let reason = if is_disabled { SignInFailure::Disabled } else { SignInFailure::Password };
            app.metrics.operations.sign_in_failed(reason);
            // The typed address is not written: people type passwords into the wrong field.
            audit::record_refusal(app, &By::stranger(visit), Event::new("session.refused")).await?;
            Ok(SignIn::Refused)
        }
    }
}

/// The browser's token as a fingerprint, if this person has used it before.
pub async fn known_browser(
    app: &App,
    id: &UserId,
    browser: Option<&Secret>,
) -> Result<Option<String>, Error> {
    let token = browser.map(Secret::fingerprint).unwrap_or_default();
    let since = app.clock.now().minus(BROWSER_LIFE);
    Ok(users::knows_browser(app.db.pool(), id, &token, since).await?.then_some(token))
}

/// Remembers a browser that just signed in. Returns a token for it when it has none yet.
pub async fn remember_browser(
    app: &App,
    person: &Person,
    present: Option<&Secret>,
) -> Result<Option<Secret>, Error> {
    let ours = present.filter(|token| token.expose().len() == TOKEN);
    let fresh = match ours {
        Some(_) => None,
        None => Some(Secret::new(app.random.base62(TOKEN))),
    };
    if let Some(token) = ours.or(fresh.as_ref()) {
        let mut write = app.db.write().await?;
        users::remember_browser(&mut write, &person.id, &token.fingerprint(), app.clock.now()).await?;
        write.commit().await?;
    }
    Ok(fresh)
}

/// One row a sign-in, written when the last proof was given.
pub async fn record_sign_in(app: &App, visit: &Visit, person: &Person, proof: &str) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    audit::record(app, &mut write, &person.by(visit), started(person, proof)).await?;
    write.commit().await?;
    Ok(())
}

pub fn started(person: &Person, proof: &str) -> Event {
    Event::new("session.started").on("person", &person.id, &person.email).detail("proof", proof)
}
