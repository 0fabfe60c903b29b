//! How a connection goes on: whether a request is being answered, and whether anything was begun or sent lately. A client
//! that sends its headers a byte at a time, or nothing at all, does neither. Looked at a few times while the patience
//! lasts, so that a request costs two additions and no timer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};

#[derive(Default)]
pub struct Pace {
    /// Requests begun and pieces sent.
    steps: AtomicU64,
    /// Requests that are being answered.
    answering: AtomicU64,
}

impl Pace {
    pub fn begin(pace: &Arc<Self>) -> Turn {
        pace.steps.fetch_add(1, Ordering::Relaxed);
        pace.answering.fetch_add(1, Ordering::Relaxed);
        Turn(Arc::clone(pace))
    }
}

/// One request, from its headers to the end of its answer.
pub struct Turn(Arc<Pace>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn {
    /// An answer that is whole is only sent any more; another is being answered until its last piece.
    pub fn until_sent(self, response: Response) -> Response {
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| Body::new(Answering { body, _turn: self }))
    }
}

struct Answering {
    body: Body,
    _turn: Turn,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Has nothing happened for as long as the patience lasts?
pub struct Silence<'a> {
    pace: &'a Pace,
    steps: u64,
    looks: u32,
}

impl<'a> Silence<'a> {
    /// In as many looks, or one more.
    pub const LOOKS: u32 = 4;

    pub fn new(pace: &'a Pace) -> Self {
        Self { pace, steps: 0, looks: 0 }
    }

    /// Asked at every look, the first of them at the beginning.
    pub fn is_too_long(&mut self) -> bool {
        let steps = self.pace.steps.load(Ordering::Relaxed);
        if steps != self.steps || self.pace.answering.load(Ordering::Relaxed) > 0 {
            (self.steps, self.looks) = (steps, 1);
            return false;
        }
        self.looks += 1;
        self.looks > Self::LOOKS
    }
}

/// A stream whose sent pieces are counted.
pub struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
}

impl<S> Paced<S> {
    pub fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace }
    }

    fn count(&self, sent: &Poll<io::Result<usize>>) {
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.pace.steps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S: Read + Unpin> Read for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(&sent);
        sent
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.count(&sent);
        sent
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn silence_is_what_neither_begins_nor_is_answered_nor_sends() {
        let pace = Arc::new(Pace::default());
        let mut silence = Silence::new(&pace);
        let mut looks = |times: u32| (0..times).map(|_| silence.is_too_long()).collect::<Vec<_>>();
        assert_eq!(looks(4), [false; 4]);
        let turn = Pace::begin(&pace);
        assert_eq!(looks(9), [false; 9], "a long answer");
        let streamed = turn.until_sent(Response::new(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, Infallible>,
        >())));
        assert_eq!(looks(9), [false; 9], "one that has no end");
        drop(streamed);
        assert_eq!(looks(4), [false, false, false, true]);
        let whole = Pace::begin(&pace).until_sent(Response::new(Body::from("all")));
        assert_eq!(looks(5), [false, false, false, false, true], "only sending is left");
        drop(whole);
    }
}
