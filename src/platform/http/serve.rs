//! Accepts connections, applies the limits on their headers and times, and lets running requests finish at shutdown. Only
//! HTTP/1.1: the TLS proxy in front uses HTTP/2 or 3 with browsers and HTTP/1.1 with this server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fast_path::Dispatcher;
use super::timeouts::{CountedStream, Progress, StallDetector, Timeouts};
use super::unread;
use super::visit::Peer;
use crate::platform::config::LimitSettings;
use crate::platform::{Clock, OnceAMinute};

/// Responds to requests while the server waits for its database, until the future is dropped: `/healthz` with 200, everything
/// else with 503. Without this, connections would wait for a response.
pub async fn serve_starting(listener: &TcpListener) {
    const TIMEOUT: Duration = Duration::from_secs(5);
    let pause = AcceptPause::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let mut server = http1::Builder::new();
                server.keep_alive(false);
                let connection = server.serve_connection(TokioIo::new(stream), service_fn(starting));
                // Errors of the client do not matter here.
                tokio::spawn(async move { tokio::time::timeout(TIMEOUT, connection).await.map(drop) });
            }
            Err(error) => pause.after(&error).await,
        }
    }
}

async fn starting(request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
    if request.uri().path() == "/healthz" {
        return Ok("ok\n".into_response());
    }
    let headers = [(header::RETRY_AFTER, "2")];
    let text = "The server is starting and waits for its database.\n";
    Ok((StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response())
}

/// Serves until `stop` is ready, then lets running requests finish within `shutdown_grace`.
pub async fn serve(
    listener: TcpListener,
    dispatcher: Dispatcher,
    limits: &LimitSettings,
    stop: impl Future<Output = ()>,
) {
    let mut server = http1::Builder::new();
    // Twice the limit, so that headers slightly above the limit still get a proper error response.
    server.max_buf_size((2 * limits.max_headers.get()).max(64 * 1024));
    let dispatcher = Arc::new(dispatcher);
    let timeouts = Timeouts::new(limits.header_timeout, limits.keep_alive_timeout, limits.send_timeout);
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    let pause = AcceptPause::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (server, dispatcher, stopping) =
                    (server.clone(), Arc::clone(&dispatcher), stopping.clone());
                connections.spawn(serve_connection(server, stream, peer, dispatcher, stopping, timeouts));
            }
            Err(error) => pause.after(&error).await,
        }
    }
    drop(listener);
    connections.close();
    stopping.cancel();
    if tokio::time::timeout(limits.shutdown_grace, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not finish within shutdown_grace and were aborted");
    }
}

/// Serves the requests of one connection. It ends when the client closes it, when a timeout expires, or after the current
/// response when the server stops.
async fn serve_connection(
    server: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    dispatcher: Arc<Dispatcher>,
    stopping: CancellationToken,
    timeouts: Timeouts,
) {
    // Responses are small, so waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let progress = Arc::new(Progress::default());
    let dispatcher = &*dispatcher;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let running = Progress::begin(&progress);
        async move {
            let (request, unread) = unread::watch(request);
            let mut response = dispatcher.respond(Peer(peer), request).await;
            if let Some(unread) = unread
                && !unread.drain().await
            {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<Response, Infallible>(running.until_sent(response))
        }
    });
    let stream = CountedStream::new(TokioIo::new(stream), Arc::clone(&progress));
    let mut connection = server.serve_connection(stream, service);
    let mut stall = StallDetector::new(&progress, timeouts);
    let mut checks = tokio::time::interval(timeouts.check_interval);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                // Clients that disconnect or send invalid HTTP are common, so this is not a warning.
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            _ = checks.tick() => if stall.is_timed_out() {
                break;
            },
            () = stopping.cancelled(), if !is_stopping => {
                is_stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if progress.is_blocked() {
        tracing::debug!(%peer, "closed the connection of a client that did not read its response");
        // A reset makes the kernel discard the unsent data, which it would otherwise keep in memory.
        let _ = connection.into_parts().io.into_inner().into_inner().set_zero_linger();
    }
}

/// Pauses after a failed accept.
struct AcceptPause {
    clock: Clock,
    log: OnceAMinute,
}

impl AcceptPause {
    fn new() -> Self {
        Self { clock: Clock::system(), log: OnceAMinute::default() }
    }

    /// Does nothing after an error of one client. When descriptors or memory have run out, a short pause lets other tasks free
    /// some; the clients in the backlog are served soon after.
    async fn after(&self, error: &io::Error) {
        const PAUSE: Duration = Duration::from_millis(50);
        let one_client = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
        );
        if one_client {
            return;
        }
        if let Some(count) = self.log.count(self.clock.steady()) {
            tracing::error!(%error, count, "cannot accept connections");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
