//! Start and stop of the server. Everything that can be wrong with the configuration, the port or the database is told
//! in one line before the first request is taken.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::assets::Assets;
use super::config::{ConfigError, Sources};
use super::db::{self, DbError};
use super::http::lean::Entrance;
use super::{App, Clock, Config, Error, Random, Slices, http, telemetry};
use crate::shared::VERSION;

/// How long the stop waits for the database's connections to close.
const CLOSING: Duration = Duration::from_secs(5);

/// Why the process ends with a failure: one line.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self(line)
    }
}

pub type Starting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What the capabilities add to the platform.
pub struct Product {
    /// What they keep in memory.
    pub slices: fn(&Random) -> Slices,
    pub entrance: fn(&App) -> Entrance,
    /// Runs once before the first request; what it spawns ends with the process.
    pub start: fn(App) -> Starting,
    /// Runs once after the last answer.
    pub stop: fn(App) -> Starting,
}

/// Runs until the process is told to stop.
pub async fn serve(sources: &Sources, product: &Product) -> Result<(), Failure> {
    let config = Config::read(sources)?;
    let clock = Clock::system();
    telemetry::start(&config.log, clock.clone());
    let address = config.site.site_addr;
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program: set site_addr to a free port")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })?;
    let mut stop = Box::pin(told_to_stop()?);
    let db = tokio::select! {
        db = db::open_when_reachable(&config.database, &clock) => db?,
        () = &mut stop => {
            tracing::info!("stopped before the database could be reached");
            return Ok(());
        }
    };
    let assets = assets(&config);
    let random = Random::system();
    let slices = (product.slices)(&random);
    let app = App::new(config, db, clock, random, assets, slices);
    warn_of_plain_http(&app);
    (product.start)(app.clone()).await?;

    let (engine, url) = (app.db.engine(), app.public_url.origin());
    tracing::info!("Latchkey {VERSION} with {engine} is ready on {url} (listening on {address})");
    let stopping = async {
        stop.await;
        app.stop();
        tracing::info!("stopping: running requests may finish");
    };
    http::serve::serve(listener, (product.entrance)(&app), &app.config.limits, stopping).await;
    if let Err(error) = (product.stop)(app.clone()).await {
        tracing::error!(%error, "what was counted last could not be written");
    }
    app.mail.finish().await;
    // A database that does not answer would keep the process for ever.
    if tokio::time::timeout(CLOSING, app.db.close()).await.is_err() {
        tracing::warn!("the database's connections could not be closed in time");
    }
    tracing::info!("stopped");
    Ok(())
}

#[cfg(feature = "embed")]
fn assets(_config: &Config) -> Assets {
    Assets::carried()
}

#[cfg(not(feature = "embed"))]
fn assets(config: &Config) -> Assets {
    Assets::folder(&config.site.site_root)
}

fn warn_of_plain_http(app: &App) {
    let local = ["127.0.0.1", "localhost", "[::1]"];
    let host = app.public_url.authority();
    if !app.public_url.is_secure()
        && !local.iter().any(|name| host == *name || host.starts_with(&format!("{name}:")))
    {
        tracing::warn!(
            "public_url is plain http: passwords and keys can be read on the way; put a TLS proxy in front"
        );
    }
}

/// SIGTERM or SIGINT; the second one ends the process at once.
fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let watch = |kind| signal(kind).map_err(|error| format!("cannot watch for signals: {error}"));
    let (mut terminate, mut interrupt) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(130);
        });
    })
}
