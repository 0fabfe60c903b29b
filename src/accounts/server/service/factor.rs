//! The second factor: setting it up with an authenticator, checking its codes and recovery codes, and turning it off.

use super::{Person, sign_in};
use crate::accounts::server::metrics::{AccountMetrics, SignInFailure};
use crate::accounts::server::store::{factors, sessions, users};
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::server::totp;
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::Timestamp;

const RECOVERY_CODES: usize = 10;
/// No letters that look alike.
const RECOVERY_LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// New recovery codes, which are shown once.
pub struct Recovery(pub Vec<Secret>);

/// Generates a secret for the authenticator. `confirm_factor` stores it when a code proves that the authenticator has it.
pub fn begin_factor(app: &App) -> String {
    totp::new_secret(&app.random)
}

/// Turns the second factor on and ends all sessions except `this_session`, because they were opened with the password
/// alone. Returns None if the code is wrong or the person has a second factor already.
pub async fn confirm_factor(
    app: &App,
    by: &By,
    person: &Person,
    this_session: &str,
    secret: &str,
    code: &str,
) -> Result<Option<Recovery>, Error> {
    let now = app.clock.now();
    let Some(step) = totp::matching_step(secret, code, now) else { return Ok(None) };
    let recovery = generate_codes(app);
    let mut write = app.db.write().await?;
    // The new epoch also ends sign-ins that wait for their next step.
    if !users::raise_epoch(&mut write, person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    if !factors::insert(&mut write, person.id, secret, step, now).await? {
        return Ok(None);
    }
    factors::put_recovery_codes(&mut write, person.id, &fingerprints(&recovery)).await?;
    let ended = sessions::end_all(&mut write, person.id, Some(this_session)).await?;
    let event = Event::new("second_factor.added").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event.detail("sessions_ended", ended)).await?;
    write.commit().await?;
    app.live.recheck(person.id);
    Ok(Some(recovery))
}

/// A code that a signed-in person submits to confirm a change: the authenticator's or a recovery code.
pub struct SubmittedCode<'a> {
    pub code: &'a str,
    pub visit: &'a Visit,
    /// The token that the browser received at an earlier sign-in.
    pub browser: Option<&'a Secret>,
}

/// Replaces the recovery codes. Returns None if the submitted code is wrong.
pub async fn new_recovery_codes(
    app: &App,
    by: &By,
    person: &Person,
    submitted: &SubmittedCode<'_>,
) -> Result<Option<Recovery>, Error> {
    let Some(mut write) = begin_with_code(app, person, submitted).await? else { return Ok(None) };
    let recovery = generate_codes(app);
    factors::put_recovery_codes(&mut write, person.id, &fingerprints(&recovery)).await?;
    let event = Event::new("recovery_codes.replaced").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(Some(recovery))
}

/// Turns the second factor off. Returns false if the code is wrong or there is no second factor.
pub async fn remove_factor(
    app: &App,
    by: &By,
    person: &Person,
    submitted: &SubmittedCode<'_>,
) -> Result<bool, Error> {
    let Some(mut write) = begin_with_code(app, person, submitted).await? else { return Ok(false) };
    if !factors::delete(&mut write, person.id).await? {
        return Ok(false);
    }
    let event = Event::new("second_factor.removed").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(true)
}

pub async fn unused_recovery_codes(app: &App, person: &Person) -> Result<i64, Error> {
    Ok(factors::unused_recovery_codes(app.db.pool(), person.id).await?)
}

/// Checks a code of the authenticator or a recovery code, the second step of a sign-in. Each code works once.
pub async fn check_second_factor(
    app: &App,
    visit: &Visit,
    person: &Person,
    code: &str,
    browser: Option<&Secret>,
) -> Result<bool, Error> {
    let browser = sign_in::known_browser(app, person.id, browser).await?;
    let account = codes_account(person);
    let attempt =
        Attempt { address: visit.address, account: &account, browser: browser.as_deref(), is_shared: true };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await?;

    let mut write = app.db.write().await?;
    let Some(proof) = spend_code(&mut write, person, code, app.clock.now()).await? else {
        drop(write);
        app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::SecondFactor);
        let event = Event::new("session.refused").on("person", person.id, &person.email);
        audit::record_refusal(app, &By::stranger(visit), event.detail("at", "second factor")).await?;
        return Ok(false);
    };
    audit::record(app, &mut write, &person.by(visit), sign_in::session_started(person, proof)).await?;
    write.commit().await?;
    app.slice::<Throttle>().forgive(&attempt);
    Ok(true)
}

/// The throttle's account for codes, shared by all pages that check them.
fn codes_account(person: &Person) -> String {
    format!("{} second factor", person.id)
}

/// Marks a code as used. Returns the kind of code, or None if it is wrong or already used.
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
    let hash = normalize(code).fingerprint();
    let spent = factors::spend_recovery_code(write, person.id, &hash, now).await?;
    Ok(spent.then_some("recovery code"))
}

/// Begins the transaction of a change that requires a code, and marks the code as used in it. Returns None if the code is
/// wrong.
async fn begin_with_code(
    app: &App,
    person: &Person,
    submitted: &SubmittedCode<'_>,
) -> Result<Option<Write>, Error> {
    let by = person.by(submitted.visit);
    let browser = sign_in::known_browser(app, person.id, submitted.browser).await?;
    let account = codes_account(person);
    let attempt = Attempt {
        address: submitted.visit.address,
        account: &account,
        browser: browser.as_deref(),
        is_shared: true,
    };
    super::admit(app, &by, &attempt).await?;
    let mut write = app.db.write().await?;
    lock_person(&mut write, person).await?;
    if spend_code(&mut write, person, submitted.code, app.clock.now()).await?.is_some() {
        app.slice::<Throttle>().forgive(&attempt);
        return Ok(Some(write));
    }
    drop(write);
    let event = Event::new("second_factor.refused").on("person", person.id, &person.email);
    audit::record_refusal(app, &by, event).await?;
    Ok(None)
}

/// Locks the person's row. Fails with `Error::OutOfStep` if the password or the second factor changed since the person was
/// read.
async fn lock_person(write: &mut Write, person: &Person) -> Result<(), Error> {
    if users::lock(write, person.id, person.epoch).await? { Ok(()) } else { Err(Error::OutOfStep) }
}

/// Generates codes of twenty characters in four groups (100 bits).
fn generate_codes(app: &App) -> Recovery {
    let code = || {
        let bytes = app.random.bytes::<20>();
        let letters: Vec<char> =
            bytes.iter().map(|byte| char::from(RECOVERY_LETTERS[usize::from(byte % 32)])).collect();
        let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
        Secret::new(groups.join("-"))
    };
    Recovery((0..RECOVERY_CODES).map(|_| code()).collect())
}

/// Returns true if the text has the form of a recovery code.
pub fn is_recovery_code(text: &str) -> bool {
    let is_group =
        |group: &str| group.len() == 5 && group.bytes().all(|byte| RECOVERY_LETTERS.contains(&byte));
    text.split('-').count() == 4 && text.split('-').all(is_group)
}

fn fingerprints(recovery: &Recovery) -> Vec<String> {
    recovery.0.iter().map(|code| normalize(code.expose()).fingerprint()).collect()
}

/// Removes spaces and dashes and lowers the case, because people type recovery codes from paper.
fn normalize(code: &str) -> Secret {
    Secret::new(code.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase())
}
