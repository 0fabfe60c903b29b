//! Open sign-up. An account is made only by whoever opens the link in a letter to its address, or comes from an identity
//! provider that says the address is theirs; until then there is nothing but the address.

use std::time::Duration;

use super::by_address;
use crate::accounts::server::letters;
use crate::accounts::server::oauth::Identity;
use crate::accounts::server::store::{sign_ups, users};
use crate::accounts::server::throttle::Attempt;
use crate::audit::{self, By, Event};
use crate::platform::config::SignUp;
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Posted, Secret};

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// One letter to an address in this time, however often somebody asks.
const LETTER_EVERY: Duration = Duration::from_secs(5 * 60);

pub fn sign_up_is_open(app: &App) -> bool {
    app.config.accounts.sign_up == SignUp::Open
}

/// Sends the letter. Known and unknown addresses are answered alike: only the letter differs.
pub async fn ask_for_account(app: &App, visit: &Visit, email: &str) -> Result<(), Error> {
    let account = by_address("sign-up", visit);
    let attempt = Attempt { address: visit.address, account: &account, known: None, is_short: false };
    super::admit(app, &By::stranger(visit), &attempt).await?;
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    let known = users::by_email(&mut *write, email).await?.is_some();
    let due = put(app, &mut write, email, &token, LETTER_EVERY).await?;
    audit::record_stranger(
        app,
        &mut write,
        &By::stranger(visit),
        Event::new("sign_up.asked").on("address", "", email),
    )
    .await?;
    write.commit().await?;
    let (app, email) = (app.clone(), email.to_owned());
    // Writing the letter takes longer for one than for the other; nobody waits for it.
    tokio::spawn(async move {
        match (due, known) {
            (false, _) => Posted::Refused,
            (true, true) => letters::has_account(&app, &email),
            (true, false) => letters::confirm(&app, &email, &link(&app, &token)),
        }
    });
    Ok(())
}

/// For an address that an identity provider has confirmed: the path of the page that makes the account. None when
/// somebody has the address.
pub async fn confirmed_by_provider(app: &App, identity: &Identity) -> Result<Option<String>, Error> {
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    if users::by_email(&mut *write, &identity.email).await?.is_some() {
        return Ok(None);
    }
    put(app, &mut write, &identity.email, &token, Duration::ZERO).await?;
    write.commit().await?;
    Ok(Some(format!("/sign-up/{}", token.expose())))
}

async fn put(
    app: &App,
    write: &mut Write,
    email: &str,
    token: &Secret,
    rest: Duration,
) -> Result<bool, Error> {
    let now = app.clock.now();
    let fingerprint = token.fingerprint();
    Ok(sign_ups::put(write, &fingerprint, email, now, now.plus(LIFE), now.minus(rest)).await?)
}

fn link(app: &App, token: &Secret) -> String {
    format!("{}/sign-up/{}", app.public_url.origin(), token.expose())
}

/// The address that the link confirms, while it is good and sign-up is open.
pub async fn confirmed_address(app: &App, token: &Secret) -> Result<Option<String>, Error> {
    if !sign_up_is_open(app) {
        return Ok(None);
    }
    Ok(sign_ups::find(app.db.pool(), &token.fingerprint(), app.clock.now()).await?)
}

/// Uses the link up. Of two who send the form at once, one gets true.
pub async fn spend_sign_up_link(app: &App, write: &mut Write, token: &Secret) -> Result<bool, Error> {
    Ok(sign_ups::spend(write, &token.fingerprint(), app.clock.now()).await?)
}

/// Somebody sent the form with a link that is not good.
pub async fn sign_up_refused(app: &App, visit: &Visit) -> Result<(), Error> {
    audit::record_refusal(app, &By::stranger(visit), Event::new("sign_up.refused")).await
}
