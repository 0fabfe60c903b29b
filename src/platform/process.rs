//! Starting and stopping the process: the listener, signals, and the error that ends it.

use std::fmt;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::config::ConfigError;
use super::db::DbError;
use super::{App, Error};

/// An error that ends the process: one line for the operator.
#[derive(Debug)]
pub struct FatalError(String);

impl fmt::Display for FatalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ConfigError> for FatalError {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<DbError> for FatalError {
    fn from(error: DbError) -> Self {
        Self(error.to_string())
    }
}

impl From<Error> for FatalError {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for FatalError {
    fn from(line: String) -> Self {
        Self(line)
    }
}

/// Connections that wait to be accepted. The system may allow fewer (`net.core.somaxconn`). In a shorter queue, a burst of new
/// connections would wait for whole seconds until their clients try again.
const BACKLOG: u32 = 4_096;

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub fn listen(address: SocketAddr) -> Result<TcpListener, FatalError> {
    bind(address).map_err(|error| {
        FatalError(match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("{address} is in use by another program: set site_addr to a free port")
            }
            _ => format!("cannot listen on {address}: {error}"),
        })
    })
}

/// Returns a future that is ready at SIGTERM or SIGINT. A second signal ends the process at once.
pub fn stop_signal() -> Result<impl Future<Output = ()>, FatalError> {
    let watch = |kind| signal(kind).map_err(|error| FatalError(format!("cannot watch for signals: {error}")));
    let (mut terminate, mut interrupt) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(130);
        });
    })
}

/// Installs a handler for SIGXFSZ, so that a write beyond the limit on the size of files (`ulimit -f`, systemd's
/// `LimitFSIZE`) fails instead of ending the process.
pub fn survive_file_size_limit() -> Result<(), FatalError> {
    const SIGXFSZ: i32 = 25;
    // The handler stays installed when the stream of signals is dropped.
    signal(SignalKind::from_raw(SIGXFSZ))
        .map(drop)
        .map_err(|error| FatalError(format!("cannot watch for signals: {error}")))
}

/// Warns when browsers would send passwords and keys over plain http through a network.
pub fn warn_of_plain_http(app: &App) {
    let local = ["127.0.0.1", "localhost", "[::1]"];
    let host = app.public_url.authority();
    let is_local = local.iter().any(|name| host == *name || host.starts_with(&format!("{name}:")));
    if !app.public_url.is_secure() && !is_local {
        tracing::warn!(
            "public_url is plain http: passwords and keys cross the network unencrypted; put a TLS proxy in front"
        );
    }
}
