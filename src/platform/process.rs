//! What a process needs at its start and its end: the listener, the signals, and a failure in one line.

use std::fmt;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::config::ConfigError;
use super::db::DbError;
use super::{App, Error};

/// Why the process ends: one line for the operator.
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

pub async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure(match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("{address} is in use by another program: set site_addr to a free port")
            }
            _ => format!("cannot listen on {address}: {error}"),
        })
    })
}

/// Ready at SIGTERM or SIGINT; the second one ends the process at once.
pub fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let watch = |kind| signal(kind).map_err(|error| Failure(format!("cannot watch for signals: {error}")));
    let (mut terminate, mut interrupt) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(130);
        });
    })
}

/// A write beyond the limit on the size of files (`ulimit -f`, systemd's `LimitFSIZE`) fails from now on; without a handler
/// for its signal it would end the process.
pub fn survive_file_size_limit() -> Result<(), Failure> {
    const SIGXFSZ: i32 = 25;
    // The handler stays when this is dropped.
    signal(SignalKind::from_raw(SIGXFSZ))
        .map(drop)
        .map_err(|error| Failure(format!("cannot watch for signals: {error}")))
}

/// Warns when browsers would send passwords and keys over plain http through a network.
pub fn warn_of_plain_http(app: &App) {
    let local = ["127.0.0.1", "localhost", "[::1]"];
    let host = app.public_url.authority();
    let is_local = local.iter().any(|name| host == *name || host.starts_with(&format!("{name}:")));
    if !app.public_url.is_secure() && !is_local {
        tracing::warn!(
            "public_url is plain http: passwords and keys can be read on the way; put a TLS proxy in front"
        );
    }
}
