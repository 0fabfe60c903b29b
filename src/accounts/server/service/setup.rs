//! The first account. While there are no accounts, the server prints a link that creates the first one. It works once, for
//! anybody who can read the server's output.

use std::time::Duration;

use crate::accounts::server::store::links::{self, LinkPurpose};
use crate::accounts::server::store::users;
use crate::audit::{self, By, Event};
use crate::platform::config::LogFormat;
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::Timestamp;

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Creates the setup link, which replaces every earlier one. Returns None if there is an account.
pub async fn new_setup_link(app: &App) -> Result<Option<String>, Error> {
    let mut write = app.db.write().await?;
    if users::any(&mut *write).await? {
        return Ok(None);
    }
    let token = Secret::new(app.random.base62(43));
    links::put_setup(&mut write, &token.fingerprint(), app.clock.now().plus(LIFE)).await?;
    write.commit().await?;
    Ok(Some(address(app, &token)))
}

fn address(app: &App, token: &Secret) -> String {
    format!("{}/setup?link={}", app.public_url.origin(), token.expose())
}

/// The text about creating the first account that a server prints at its start.
enum StartupSetupLink {
    /// There is an account, so the server prints nothing.
    Nothing,
    Link(String),
    /// A link that is still valid was printed at this time, by another server on this database or before a restart.
    AlreadyPrinted(Timestamp),
}

/// The setup link of this start. On SQLite each start creates a new one. On PostgreSQL, which servers can share, an
/// unexpired link stays valid, and no new one is created.
async fn link_at_start(app: &App) -> Result<StartupSetupLink, Error> {
    if !app.db.engine().is_shared() {
        return Ok(new_setup_link(app).await?.map_or(StartupSetupLink::Nothing, StartupSetupLink::Link));
    }
    let mut write = app.db.write().await?;
    if users::any(&mut *write).await? {
        return Ok(StartupSetupLink::Nothing);
    }
    let (now, token) = (app.clock.now(), Secret::new(app.random.base62(43)));
    if links::put_setup_if_expired(&mut write, &token.fingerprint(), now.plus(LIFE), now).await? {
        write.commit().await?;
        return Ok(StartupSetupLink::Link(address(app, &token)));
    }
    drop(write);
    Ok(setup_link_printed_at(app).await?.map_or(StartupSetupLink::Nothing, StartupSetupLink::AlreadyPrinted))
}

/// The time at which the current setup link was printed; None if there is no valid one.
pub async fn setup_link_printed_at(app: &App) -> Result<Option<Timestamp>, Error> {
    let expires = links::setup_expires(app.db.pool(), app.clock.now()).await?;
    Ok(expires.map(|at| at.minus(LIFE)))
}

/// Prints the setup link at the server's start. The link is not a log line, because logs may be collected elsewhere. With
/// JSON logs on standard output it goes to standard error.
pub async fn print_setup_link(app: &App) -> Result<(), Error> {
    let text = match link_at_start(app).await? {
        StartupSetupLink::Nothing => return Ok(()),
        StartupSetupLink::Link(link) => format!(
            "\nThere are no accounts yet. Open this link within 24 hours to create the first one:\n\n  {link}\n"
        ),
        StartupSetupLink::AlreadyPrinted(at) => format!(
            "\nThere are no accounts yet. A link to create the first one was printed at {at}, by another server on \
             this database or before a restart, and is still valid. 'latchkey admin setup-link' prints a new one.\n"
        ),
    };
    match app.config.log.log_format {
        LogFormat::Human => println!("{text}"),
        LogFormat::Json => eprintln!("{text}"),
    }
    Ok(())
}

/// Returns true if there are no accounts.
pub async fn needs_setup(app: &App) -> Result<bool, Error> {
    Ok(!users::any(app.db.pool()).await?)
}

/// Returns true if the setup link is valid and there are no accounts.
pub async fn setup_is_open(app: &App, token: &Secret) -> Result<bool, Error> {
    let link = links::find(app.db.pool(), LinkPurpose::Setup, &token.fingerprint(), app.clock.now()).await?;
    Ok(link.is_some() && !users::any(app.db.pool()).await?)
}

/// Records that the form was submitted with an invalid link.
pub async fn setup_refused(app: &App, visit: &Visit) -> Result<(), Error> {
    audit::record_refusal(app, &By::stranger(visit), Event::new("setup.refused")).await
}

/// Consumes the link. Of two concurrent requests, only one gets true.
pub async fn spend_setup_link(app: &App, write: &mut Write, token: &Secret) -> Result<bool, Error> {
    let spent = links::spend(write, LinkPurpose::Setup, &token.fingerprint(), app.clock.now()).await?;
    Ok(spent && !users::any(&mut **write).await?)
}
