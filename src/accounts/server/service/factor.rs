//! The second factor: set up with an authenticator, asked for after the password, replaced by a recovery code when the
//! phone is lost.

use super::{Person, sign_in};
use crate::accounts::server::store::{factors, users};
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::server::totp;
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::metrics::SignInFailure;
use crate::platform::{App, Error, Secret};

const RECOVERY_CODES: usize = 10;

/// Fresh recovery codes, shown once.
pub struct Recovery(pub Vec<Secret>);

/// A secret for the authenticator; nothing is kept until a code proves that the phone has it.
pub fn begin_factor(app: &App) -> String {
    totp::new_secret(&app.random)
}

/// Turns the second factor on. None when the code is wrong or there is a second factor already.
pub async fn confirm_factor(
    app: &App,
    by: &By,
    person: &Person,
    secret: &str,
    code: &str,
) -> Result<Option<Recovery>, Error> {
    let now = app.clock.now();
    let Some(step) = totp::matching_step(secret, code, now) else { return Ok(None) };
    let recovery = fresh_codes(app);
    let mut write = app.db.write().await?;
    hold(&mut write, person).await?;
    if !factors::insert(&mut write, &person.id, secret, step, now).await? {
        return Ok(None);
    }
    factors::put_recovery_codes(&mut write, &person.id, &fingerprints(&recovery)).await?;
    let event = Event::new("second_factor.added").on("person", &person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(Some(recovery))
}

/// Replaces the recovery codes. None when there is no second factor.
pub async fn new_recovery_codes(app: &App, by: &By, person: &Person) -> Result<Option<Recovery>, Error> {
    let mut write = app.db.write().await?;
    hold(&mut write, person).await?;
    if factors::secret(&mut *write, &person.id).await?.is_none() {
        return Ok(None);
    }
    let recovery = fresh_codes(app);
    factors::put_recovery_codes(&mut write, &person.id, &fingerprints(&recovery)).await?;
    let event = Event::new("recovery_codes.replaced").on("person", &person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(Some(recovery))
}

/// Turns the second factor off; false when there is none.
pub async fn remove_factor(app: &App, by: &By, person: &Person) -> Result<bool, Error> {
    let mut write = app.db.write().await?;
    hold(&mut write, person).await?;
    if !factors::delete(&mut write, &person.id).await? {
        return Ok(false);
    }
    let event = Event::new("second_factor.removed").on("person", &person.id, &person.email);
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(true)
}

pub async fn recovery_codes_left(app: &App, person: &Person) -> Result<i64, Error> {
    Ok(factors::recovery_codes_left(app.db.pool(), &person.id).await?)
}

/// The code of the authenticator, or a recovery code. Each is good once.
pub async fn check_second_factor(
    app: &App,
    visit: &Visit,
    person: &Person,
    code: &str,
    browser: Option<&Secret>,
) -> Result<bool, Error> {
    let known = sign_in::known_browser(app, &person.id, browser).await?;
    let account = format!("{} second factor", person.id);
    let attempt = Attempt { address: visit.address, account: &account, known: known.as_deref() };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await?;

    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let secret = factors::secret(&mut *write, &person.id).await?;
    let step = secret.as_deref().and_then(|secret| totp::matching_step(secret, code, now));
    let proof = match step {
        Some(step) if factors::spend_step(&mut write, &person.id, step).await? => Some("second factor"),
        _ => {
            let hash = normalised(code).fingerprint();
            let spent = factors::spend_recovery_code(&mut write, &person.id, &hash, now).await?;
            spent.then_some("recovery code")
        }
    };
    let (by, event) = match proof {
        Some(proof) => (person.by(visit), sign_in::started(person, proof)),
        None => {
            let event = Event::new("session.refused").on("person", &person.id, &person.email);
            (By::stranger(visit), event.detail("at", "second factor"))
        }
    };
    audit::record(app, &mut write, &by, event).await?;
    write.commit().await?;
    if proof.is_some() {
        app.slice::<Throttle>().forgive(&attempt);
    } else {
        app.metrics.operations.sign_in_failed(SignInFailure::SecondFactor);
    }
    Ok(proof.is_some())
}

/// The password was confirmed a moment ago; has it been changed since?
async fn hold(write: &mut Write, person: &Person) -> Result<(), Error> {
    if users::hold(write, &person.id, person.epoch).await? { Ok(()) } else { Err(Error::OutOfStep) }
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
