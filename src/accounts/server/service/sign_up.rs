//! Open sign-up. An account is created only after its address is confirmed: by a link in an email to it, or by an identity
//! provider. Until then only the address is stored.

use std::time::Duration;

use super::by_network;
use crate::accounts::server::letters;
use crate::accounts::server::oauth::ProviderIdentity;
use crate::accounts::server::store::{sign_ups, users};
use crate::accounts::server::throttle::Attempt;
use crate::audit::{self, By, Event};
use crate::platform::config::SignUp;
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Posted, Secret};

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The most accounts that are requested and not yet confirmed.
const MAX_PENDING: i64 = 10_000;
/// The shortest time between two emails to one address.
const MIN_MAIL_INTERVAL: Duration = Duration::from_secs(5 * 60);

pub fn sign_up_is_open(app: &App) -> bool {
    app.config.accounts.sign_up == SignUp::Open
}

/// Sends an email with the sign-up link. If the address has an account, the response is the same and the email says so.
pub async fn request_sign_up(app: &App, visit: &Visit, email: &str) -> Result<(), Error> {
    let account = by_network("sign-up", visit);
    let attempt = Attempt { address: visit.address, account: &account, browser: None, is_shared: true };
    super::admit(app, &By::stranger(visit), &attempt).await?;
    let token = Secret::new(app.random.base62(43));
    let mut write = app.db.write().await?;
    let has_account = users::by_email(&mut *write, email).await?.is_some();
    if sign_ups::count(&mut write, MAX_PENDING).await? >= MAX_PENDING {
        return Err(Error::Busy);
    }
    let may_send = put(app, &mut write, email, &token, MIN_MAIL_INTERVAL).await?;
    audit::record_stranger(
        app,
        &mut write,
        &By::stranger(visit),
        Event::new("sign_up.asked").on("address", "", email),
    )
    .await?;
    write.commit().await?;
    let (app, email) = (app.clone(), email.to_owned());
    // Send in the background: the time it takes would reveal whether the address has an account.
    tokio::spawn(async move {
        match (may_send, has_account) {
            (false, _) => Posted::Refused,
            (true, true) => letters::has_account(&app, &email),
            (true, false) => letters::confirm(&app, &email, &link(&app, &token)),
        }
    });
    Ok(())
}

/// Returns the path of the page that creates an account with an address that an identity provider has confirmed, or None
/// if the address has an account already.
pub async fn confirmed_by_provider(app: &App, identity: &ProviderIdentity) -> Result<Option<String>, Error> {
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
    min_interval: Duration,
) -> Result<bool, Error> {
    let now = app.clock.now();
    let fingerprint = token.fingerprint();
    Ok(sign_ups::put(write, &fingerprint, email, now, now.plus(LIFE), now.minus(min_interval)).await?)
}

fn link(app: &App, token: &Secret) -> String {
    format!("{}/sign-up/{}", app.public_url.origin(), token.expose())
}

/// The address that the link confirms, if the link is valid and sign-up is open.
pub async fn confirmed_address(app: &App, token: &Secret) -> Result<Option<String>, Error> {
    if !sign_up_is_open(app) {
        return Ok(None);
    }
    Ok(sign_ups::find(app.db.pool(), &token.fingerprint(), app.clock.now()).await?)
}

/// Consumes the link. Of two concurrent requests, only one gets true.
pub async fn spend_sign_up_link(app: &App, write: &mut Write, token: &Secret) -> Result<bool, Error> {
    Ok(sign_ups::spend(write, &token.fingerprint(), app.clock.now()).await?)
}

/// Records that the form was submitted with an invalid link.
pub async fn sign_up_refused(app: &App, visit: &Visit) -> Result<(), Error> {
    audit::record_refusal(app, &By::stranger(visit), Event::new("sign_up.refused")).await
}
