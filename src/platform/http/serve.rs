//! Connections: accepting, limits on headers and their time, and a stop that lets running requests finish. HTTP/1.1 only:
//! what speaks HTTP/2 or 3 to browsers is the TLS proxy in front, and proxies speak 1.1 to the server behind them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::visit::Peer;
use crate::platform::config::Limits;

/// Serves until `stop` is ready, then lets running requests finish for as long as the grace lasts.
pub async fn serve(listener: TcpListener, router: Router, limits: &Limits, stop: impl Future<Output = ()>) {
    let server = builder(limits);
    let running = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(&server, stream, peer, router.clone());
                let connection = running.watch(connection);
                tokio::spawn(async move {
                    // A client that breaks off or speaks no HTTP is its own affair.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            Err(error) => rest_after(&error).await,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_grace, running.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        // Also ends connections that stay silent, at their beginning and between requests.
        .header_read_timeout(limits.header_timeout)
        // Twice the limit, so that what is a little over is still refused with a proper answer.
        .max_buf_size((2 * limits.max_headers.get()).max(64 * 1024));
    server
}

fn connection(
    server: &http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl GracefulConnection<Error = hyper::Error> + Send + 'static {
    // Answers are small: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    server.serve_connection(TokioIo::new(stream), service)
}

/// A broken connection concerns one client; running out of descriptors or memory concerns all and needs a pause.
async fn rest_after(error: &io::Error) {
    let one_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !one_client {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
