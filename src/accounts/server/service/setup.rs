//! The first run. While nobody has an account, the server prints a link; whoever can read its log may open it, once.

use std::time::Duration;

use crate::accounts::server::store::links::{self, Opens};
use crate::accounts::server::store::users;
use crate::audit::{self, By, Event};
use crate::platform::config::LogFormat;
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::Timestamp;

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The link to print, if nobody has an account yet. It replaces every earlier one.
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

/// The lines about creating the first account that a server prints at its start.
enum AtStart {
    /// Somebody has an account.
    Nothing,
    Link(String),
    /// Another server on this database printed a link that is still good.
    PrintedBefore(Timestamp),
}

/// The setup link of this start. On SQLite each start makes a new one. On PostgreSQL, which servers share, a link that another
/// server has printed stays valid, and no new one is made.
async fn link_at_start(app: &App) -> Result<AtStart, Error> {
    if !app.db.engine().is_shared() {
        return Ok(new_setup_link(app).await?.map_or(AtStart::Nothing, AtStart::Link));
    }
    let mut write = app.db.write().await?;
    if users::any(&mut *write).await? {
        return Ok(AtStart::Nothing);
    }
    let (now, token) = (app.clock.now(), Secret::new(app.random.base62(43)));
    if links::put_only_setup(&mut write, &token.fingerprint(), now.plus(LIFE), now).await? {
        write.commit().await?;
        return Ok(AtStart::Link(address(app, &token)));
    }
    drop(write);
    Ok(setup_link_printed_at(app).await?.map_or(AtStart::Nothing, AtStart::PrintedBefore))
}

/// When the setup link that is good now was printed.
pub async fn setup_link_printed_at(app: &App) -> Result<Option<Timestamp>, Error> {
    let expires = links::setup_expires(app.db.pool(), app.clock.now()).await?;
    Ok(expires.map(|at| at.minus(LIFE)))
}

/// At the start, for whoever reads the server's output. It is no line of the log, whose JSON lines programs may collect
/// elsewhere: with those it goes to standard error.
pub async fn print_setup_link(app: &App) -> Result<(), Error> {
    let text = match link_at_start(app).await? {
        AtStart::Nothing => return Ok(()),
        AtStart::Link(link) => format!(
            "\nNobody has an account yet. Open this link within 24 hours to make the first one:\n\n  {link}\n"
        ),
        AtStart::PrintedBefore(at) => format!(
            "\nNobody has an account yet. A link to make the first one was printed at {at}, by another server on this \
             database or before a restart, and is still good. 'latchkey admin setup-link' prints a new one.\n"
        ),
    };
    match app.config.log.log_format {
        LogFormat::Human => println!("{text}"),
        LogFormat::Json => eprintln!("{text}"),
    }
    Ok(())
}

/// Is this the time before the first account?
pub async fn nobody_yet(app: &App) -> Result<bool, Error> {
    Ok(!users::any(app.db.pool()).await?)
}

pub async fn setup_is_open(app: &App, token: &Secret) -> Result<bool, Error> {
    let link = links::find(app.db.pool(), Opens::Setup, &token.fingerprint(), app.clock.now()).await?;
    Ok(link.is_some() && !users::any(app.db.pool()).await?)
}

/// Somebody sent the form with a link that is not good.
pub async fn setup_refused(app: &App, visit: &Visit) -> Result<(), Error> {
    audit::record_refusal(app, &By::stranger(visit), Event::new("setup.refused")).await
}

/// Uses the link up. Of two people who send the form at once, one gets true.
pub async fn spend_setup_link(app: &App, write: &mut Write, token: &Secret) -> Result<bool, Error> {
    let spent = links::spend(write, Opens::Setup, &token.fingerprint(), app.clock.now()).await?;
    Ok(spent && !users::any(&mut **write).await?)
}
