//! The second factor: set up with an authenticator, asked for after the password, replaced by a recovery code when the
//! phone is lost.

use super::{Person, sign_in};
use crate::accounts::server::store::factors;
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::accounts::server::totp;
use crate::audit::{self, By, Event};
use crate::platform::http::Visit;
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
    use crate::accounts::server::store::users;
    let token = browser.map(Secret::fingerprint);
    let known = match &token {
        Some(token) => users::knows_browser(app.db.pool(), &person.id, token).await?,
        None => false,
    };
    let account = format!("{} second factor", person.id);
    let known_as = token.map(|token| format!("{token} second factor")).filter(|_| known);
    let attempt = Attempt { address: visit.address, account: &account, known: known_as.as_deref() };
    app.slice::<Throttle>().admit(&attempt, app.clock.steady()).map_err(Error::TooMany)?;

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
    let event = match proof {
        Some(_) => None,
        None => Some(
            Event::new("session.refused")
                .on("person", &person.id, &person.email)
                .detail("at", "second factor"),
        ),
    };
    if let Some(event) = event {
        audit::record(app, &mut write, &By::stranger(visit), event).await?;
    }
    write.commit().await?;
    if let Some(proof) = proof {
        app.slice::<Throttle>().forgive(&attempt);
        sign_in::record_sign_in(app, visit, person, proof).await?;
    }
    Ok(proof.is_some())
}

/// Ten characters in two groups: 50 bits, and letters that are not mistaken for each other.
fn fresh_codes(app: &App) -> Recovery {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let code = || {
        let letters: Vec<char> =
            app.random.bytes::<10>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let (left, right) = letters.split_at(5);
        Secret::new(format!("{}-{}", left.iter().collect::<String>(), right.iter().collect::<String>()))
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
