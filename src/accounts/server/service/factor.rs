//! The second factor: set up with an authenticator, asked for after the password, replaced by a recovery code when the
//! phone is lost.

use super::{Person, sign_in};
use crate::accounts::server::store::{factors, sessions, users};
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::server::totp;
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::metrics::SignInFailure;
use crate::platform::{App, Error, Secret};
use crate::shared::Timestamp;

const RECOVERY_CODES: usize = 10;

/// Fresh recovery codes, shown once.
pub struct Recovery(pub Vec<Secret>);

/// A secret for the authenticator; nothing is kept until a code proves that the phone has it.
pub fn begin_factor(app: &App) -> String {
    totp::new_secret(&app.random)
}

/// Turns the second factor on and ends all sessions but the one that is `here`, which the caller keeps: in the others the
/// password alone was proven. None when the code is wrong or there is a second factor already.
pub async fn confirm_factor(
    app: &App,
    by: &By,
    person: &Person,
    here: &str,
    secret: &str,
    code: &str,
) -> Result<Option<Recovery>, Error> {
    let now = app.clock.now();
    let Some(step) = totp::matching_step(secret, code, now) else { return Ok(None) };
    let recovery = fresh_codes(app);
    let mut write = app.db.write().await?;
    // A sign-in that is under way ends with this too.
    if !users::raise_epoch(&mut write, person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    if !factors::insert(&mut write, person.id, secret, step, now).await? {
        return Ok(None);
    }
    factors::put_recovery_codes(&mut write, person.id, &fingerprints(&recovery)).await?;
    let ended = sessions::end_all(&mut write, person.id, Some(here)).await?;
    let event = Event::new("second_factor.added").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event.detail("sessions_ended", ended)).await?;
    write.commit().await?;
    app.live.recheck(person.id);
    Ok(Some(recovery))
}

/// A code that somebody who is signed in gives for a change: the authenticator's or a recovery code.
pub struct SubmittedCode<'a> {
    pub code: &'a str,
    pub visit: &'a Visit,
    /// The token that the browser got when it signed in before.
    pub browser: Option<&'a Secret>,
}

/// Replaces the recovery codes. None when the code is wrong.
pub async fn new_recovery_codes(
    app: &App,
    by: &By,
    person: &Person,
    given: &SubmittedCode<'_>,
) -> Result<Option<Recovery>, Error> {
    let Some(mut write) = begin_with_code(app, person, given).await? else { return Ok(None) };
    let recovery = fresh_codes(app);
    factors::put_recovery_codes(&mut write, person.id, &fingerprints(&recovery)).await?;
    let event = Event::new("recovery_codes.replaced").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(Some(recovery))
}

/// Turns the second factor off; false when the code is wrong.
pub async fn remove_factor(
    app: &App,
    by: &By,
    person: &Person,
    given: &SubmittedCode<'_>,
) -> Result<bool, Error> {
    let Some(mut write) = begin_with_code(app, person, given).await? else { return Ok(false) };
    if !factors::delete(&mut write, person.id).await? {
        return Ok(false);
    }
    let event = Event::new("second_factor.removed").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(true)
}

pub async fn recovery_codes_left(app: &App, person: &Person) -> Result<i64, Error> {
    Ok(factors::recovery_codes_left(app.db.pool(), person.id).await?)
}

/// The code of the authenticator, or a recovery code. Each is good once.
pub async fn check_second_factor(
    app: &App,
    visit: &Visit,
    person: &Person,
    code: &str,
    browser: Option<&Secret>,
) -> Result<bool, Error> {
    let known = sign_in::known_browser(app, person.id, browser).await?;
    let account = codes_account(person);
    let attempt =
        Attempt { address: visit.address, account: &account, known: known.as_deref(), is_short: true };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await?;

    let mut write = app.db.write().await?;
    let Some(proof) = spend_code(&mut write, person, code, app.clock.now()).await? else {
        drop(write);
        app.metrics.operations.sign_in_failed(SignInFailure::SecondFactor);
        let event = Event::new("session.refused").on("person", person.id, &person.email);
        audit::record_refusal(app, &By::stranger(visit), event.detail("at", "second factor")).await?;
        return Ok(false);
    };
    audit::record(app, &mut write, &person.by(visit), sign_in::started(person, proof)).await?;
    write.commit().await?;
    app.slice::<Throttle>().forgive(&attempt);
    Ok(true)
}

/// Codes are counted together, wherever they are asked for.
fn codes_account(person: &Person) -> String {
    format!("{} second factor", person.id)
}

/// Uses a code up; what it was, or None when it is wrong or was used before.
async fn spend_code(
    write: &mut Write,
    person: &Person,
    code: &str,
    now: Timestamp,
) -> Result<Option<&'static str>, Error> {
    let secret = factors::secret(&mut **write, person.id).await?;
    let step = secret.as_deref().and_then(|secret| totp::matching_step(secret, code, now));
    if let Some(step) = step
        && factors::spend_step(write, person.id, step).await?
    {
        return Ok(Some("second factor"));
    }
    let hash = normalised(code).fingerprint();
    let spent = factors::spend_recovery_code(write, person.id, &hash, now).await?;
    Ok(spent.then_some("recovery code"))
}

/// The beginning of a change that takes a code, which is used up with it. None when the code is wrong.
async fn begin_with_code(
    app: &App,
    person: &Person,
    given: &SubmittedCode<'_>,
) -> Result<Option<Write>, Error> {
    let by = person.by(given.visit);
    let known = sign_in::known_browser(app, person.id, given.browser).await?;
    let account = codes_account(person);
    let attempt =
        Attempt { address: given.visit.address, account: &account, known: known.as_deref(), is_short: true };
    super::admit(app, &by, &attempt).await?;
    let mut write = app.db.write().await?;
    hold(&mut write, person).await?;
    if spend_code(&mut write, person, given.code, app.clock.now()).await?.is_some() {
        app.slice::<Throttle>().forgive(&attempt);
        return Ok(Some(write));
    }
    drop(write);
    let event = Event::new("second_factor.refused").on("person", person.id, &person.email);
    audit::record_refusal(app, &by, event).await?;
    Ok(None)
}

/// The password was confirmed a moment ago; has it been changed since?
async fn hold(write: &mut Write, person: &Person) -> Result<(), Error> {
    if users::hold(write, person.id, person.epoch).await? { Ok(()) } else { Err(Error::OutOfStep) }
}

/// Twenty characters in four groups: 100 bits, and letters that are not mistaken for each other.
fn fresh_codes(app: &App) -> Recovery {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let code = || {
        let bytes = app.random.bytes::<20>();
        let letters: Vec<char> =
            bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
        Secret::new(groups.join("-"))
    };
    Recovery((0..RECOVERY_CODES).map(|_| code()).collect())
}

fn fingerprints(recovery: &Recovery) -> Vec<String> {
    recovery.0.iter().map(|code| normalised(code.expose()).fingerprint()).collect()
}

/// Typed from paper: capitals, spaces and the dash do not matter.
fn normalised(code: &str) -> Secret {
    Secret::new(code.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase())
}
