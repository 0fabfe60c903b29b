//! Connections: accepting, limits on headers and their time, and a stop that lets running requests finish. HTTP/1.1 only:
//! what speaks HTTP/2 or 3 to browsers is the TLS proxy in front, and proxies speak 1.1 to the server behind them.

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
use super::pace::{Pace, Paced, Patience, Stillness};
use super::unread;
use super::visit::Peer;
use crate::platform::config::Limits;
use crate::platform::{Clock, OnceAMinute};

/// Answers until the caller drops it, while the server waits for its database: `/healthz` says that the process is alive,
/// everything else that it comes later. Without this, connections would wait unanswered.
pub async fn answer_starting(listener: &TcpListener) {
    const LONGEST: Duration = Duration::from_secs(5);
    let pause = AcceptPause::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let mut server = http1::Builder::new();
                server.keep_alive(false);
                let connection = server.serve_connection(TokioIo::new(stream), service_fn(starting));
                // A client that breaks off or sends nothing is its own affair.
                tokio::spawn(async move { tokio::time::timeout(LONGEST, connection).await.map(drop) });
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

/// Serves until `stop` is ready, then lets running requests finish for as long as the grace lasts.
pub async fn serve(
    listener: TcpListener,
    dispatcher: Dispatcher,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) {
    let mut server = http1::Builder::new();
    // Twice the limit, so that what is a little over is still refused with a proper answer.
    server.max_buf_size((2 * limits.max_headers.get()).max(64 * 1024));
    let dispatcher = Arc::new(dispatcher);
    let patience = Patience::new(limits.header_timeout, limits.keep_alive_timeout, limits.send_timeout);
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
                connections.spawn(converse(server, stream, peer, dispatcher, stopping, patience));
            }
            Err(error) => pause.after(&error).await,
        }
    }
    drop(listener);
    connections.close();
    stopping.cancel();
    if tokio::time::timeout(limits.shutdown_grace, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// One connection: its requests one after another. It ends when the client ends it, when it stays silent or reads nothing
/// for too long, or after the response that is under way when the server stops.
async fn converse(
    server: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    dispatcher: Arc<Dispatcher>,
    stopping: CancellationToken,
    patience: Patience,
) {
    // Answers are small: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let pace = Arc::new(Pace::default());
    let dispatcher = &*dispatcher;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let turn = Pace::begin(&pace);
        async move {
            let (request, unread) = unread::watch(request);
            let mut response = dispatcher.respond(Peer(peer), request).await;
            if let Some(unread) = unread
                && !unread.drain().await
            {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<Response, Infallible>(turn.until_sent(response))
        }
    });
    let stream = Paced::new(TokioIo::new(stream), Arc::clone(&pace));
    let mut connection = server.serve_connection(stream, service);
    let mut stillness = Stillness::new(&pace, patience);
    let mut looks = tokio::time::interval(patience.every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                // A client that breaks off or speaks no HTTP is its own affair.
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            _ = looks.tick() => if stillness.is_too_long() {
                break;
            },
            () = stopping.cancelled(), if !is_stopping => {
                is_stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if pace.is_blocked() {
        tracing::debug!(%peer, "a client took nothing of an answer and was cut off");
        // The kernel would go on offering what it has; a reset frees its memory too.
        let _ = connection.into_parts().io.into_inner().into_inner().set_zero_linger();
    }
}

/// The pause after a failed accept.
struct AcceptPause {
    clock: Clock,
    log: OnceAMinute,
}

impl AcceptPause {
    fn new() -> Self {
        Self { clock: Clock::system(), log: OnceAMinute::default() }
    }

    /// A broken connection concerns one client. Running out of descriptors or memory concerns all: a short pause leaves others
    /// time to free some, and clients that wait in the backlog are served soon after.
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
        if let Some(times) = self.log.count(self.clock.steady()) {
            tracing::error!(%error, times, "cannot accept connections");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
