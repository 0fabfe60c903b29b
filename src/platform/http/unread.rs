//! Handles request bodies that the handler did not read to their end. A connection can only be used again once the body has been
//! read. A small remainder is read and discarded; for a large one, the response announces that the connection closes (RFC 9112,
//! section 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming, SizeHint};

/// How much of a body is read and discarded, and for how long.
const MAX_DISCARDED_BYTES: usize = 2 * 1024 * 1024;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(2);

/// What the handler did not read of a request's body.
pub struct UnreadBody {
    remainder: Arc<Mutex<Option<Incoming>>>,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
}

/// Wraps the body of a request, so that it can be read further after the request was dropped. None if it has no body.
pub fn watch(request: hyper::Request<Incoming>) -> (Request, Option<UnreadBody>) {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return (Request::from_parts(parts, Body::empty()), None);
    }
    let remainder = Arc::default();
    let expects_continue = parts.headers.contains_key(header::EXPECT);
    let body = Body::new(WatchedBody { body: Some(body), remainder: Arc::clone(&remainder) });
    (Request::from_parts(parts, body), Some(UnreadBody { remainder, expects_continue }))
}

impl UnreadBody {
    /// Reads and discards the remainder. False if it is too large or takes too long.
    pub async fn drain(self) -> bool {
        let remainder = self.remainder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(remainder) = remainder else { return true };
        if self.expects_continue || remainder.size_hint().lower() > MAX_DISCARDED_BYTES as u64 {
            return false;
        }
        let mut remainder = Limited::new(remainder, MAX_DISCARDED_BYTES);
        let drain = async {
            loop {
                match remainder.frame().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
        };
        tokio::time::timeout(MAX_DISCARD_TIME, drain).await.unwrap_or(false)
    }
}

struct WatchedBody {
    /// None after its end or an error.
    body: Option<Incoming>,
    remainder: Arc<Mutex<Option<Incoming>>>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        let remainder = self.body.take().filter(|body| !body.is_end_stream());
        *self.remainder.lock().unwrap_or_else(PoisonError::into_inner) = remainder;
    }
}
