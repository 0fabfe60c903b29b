//! What a response leaves unread of its request's body. A connection cannot be used again until the body has been read, and a
//! client that is still sending it meets a closed connection: a small body is read and discarded, and before a large one the
//! response says that the connection closes (RFC 9112, 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming, SizeHint};

/// More is not read for nothing.
const MOST: usize = 2 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(2);

/// The body of a request after the response, if it was dropped before its end.
pub struct UnreadBody {
    rest: Arc<Mutex<Option<Incoming>>>,
    /// The client waits to be asked before it sends the body.
    is_awaiting_consent: bool,
}

/// A request whose body can be read on after the request was dropped. None when it has no body.
pub fn watch(request: hyper::Request<Incoming>) -> (Request, Option<UnreadBody>) {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return (Request::from_parts(parts, Body::empty()), None);
    }
    let rest = Arc::default();
    let is_awaiting_consent = parts.headers.contains_key(header::EXPECT);
    let body = Body::new(WatchedBody { body: Some(body), rest: Arc::clone(&rest) });
    (Request::from_parts(parts, body), Some(UnreadBody { rest, is_awaiting_consent }))
}

impl UnreadBody {
    /// Reads what is left. False when that is too much or takes too long.
    pub async fn drain(self) -> bool {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(rest) = rest else { return true };
        if self.is_awaiting_consent || rest.size_hint().lower() > MOST as u64 {
            return false;
        }
        let mut rest = Limited::new(rest, MOST);
        let drain = async {
            loop {
                match rest.frame().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
        };
        tokio::time::timeout(LONGEST, drain).await.unwrap_or(false)
    }
}

struct WatchedBody {
    /// None after its end or an error.
    body: Option<Incoming>,
    rest: Arc<Mutex<Option<Incoming>>>,
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
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = rest;
    }
}
