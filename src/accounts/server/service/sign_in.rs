//! Sign-in with a password. An unknown address, a wrong password and a disabled person get the same response after the
//! same amount of work.

use std::time::Duration;

use super::Person;
use crate::accounts::server::metrics::{AccountMetrics, SignInFailure};
use crate::accounts::server::password;
use crate::accounts::server::store::users;
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::{check_email, email_key};
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::UserId;

/// The length of a browser token.
const TOKEN_LENGTH: usize = 43;
/// How long a browser is remembered.
pub const BROWSER_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

pub enum SignIn {
    Refused,
    /// The password is right; the second factor is still required.
    NeedsFactor(Person),
    Done(Person),
}

/// `browser` is the token that this browser received at an earlier sign-in.
pub async fn sign_in(
    app: &App,
    visit: &Visit,
    email: &str,
    password: Secret,
    browser: Option<&Secret>,
) -> Result<SignIn, Error> {
    // A malformed address matches nobody and needs no database query.
    let email = check_email(email).unwrap_or_default();
    let user = users::by_email(app.db.pool(), &email).await?;
    // Look up the browser even when there is no such person, so that the response time does not reveal whether the
    // account exists.
    let id = user.as_ref().map_or(UserId::NIL, |user| user.id);
    let browser = known_browser(app, id, browser).await?;
    let account = email_key(&email);
    let attempt =
        Attempt { address: visit.address, account: &account, browser: browser.as_deref(), is_shared: false };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await?;

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let pending = app.slice::<Throttle>().pending(&attempt);
    let is_correct = password::verify(app, hash, password).await?;
    pending.decided();
    let is_disabled = is_correct && user.as_ref().is_some_and(|user| user.disabled_at.is_some());
    match user.filter(|user| is_correct && user.disabled_at.is_none()) {
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
            app.slice::<AccountMetrics>().sign_in_failed(reason);
            // Do not record the typed address: people type passwords into the wrong field.
            audit::record_refusal(app, &By::stranger(visit), Event::new("session.refused")).await?;
            Ok(SignIn::Refused)
        }
    }
}

/// Returns the fingerprint of the browser's token if this person has used it.
pub async fn known_browser(app: &App, id: UserId, browser: Option<&Secret>) -> Result<Option<String>, Error> {
    let token = browser.map(Secret::fingerprint).unwrap_or_default();
    let since = app.clock.now().minus(BROWSER_LIFE);
    Ok(users::knows_browser(app.db.pool(), id, &token, since).await?.then_some(token))
}

/// Remembers a browser that just signed in. Returns a token for it when it has none yet.
pub async fn remember_browser(
    app: &App,
    person: &Person,
    token: Option<&Secret>,
) -> Result<Option<Secret>, Error> {
    let existing = token.filter(|token| token.expose().len() == TOKEN_LENGTH);
    let new = match existing {
        Some(_) => None,
        None => Some(Secret::new(app.random.base62(TOKEN_LENGTH))),
    };
    if let Some(token) = existing.or(new.as_ref()) {
        let mut write = app.db.write().await?;
        users::remember_browser(&mut write, person.id, &token.fingerprint(), app.clock.now()).await?;
        write.commit().await?;
    }
    Ok(new)
}

/// Records the sign-in after its last step.
pub async fn record_sign_in(app: &App, visit: &Visit, person: &Person, proof: &str) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    audit::record(app, &mut write, &person.by(visit), session_started(person, proof)).await?;
    write.commit().await?;
    Ok(())
}

/// The audit event of a completed sign-in.
pub fn session_started(person: &Person, proof: &str) -> Event {
    Event::new("session.started").on("person", person.id, &person.email).detail("proof", proof)
}
