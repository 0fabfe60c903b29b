//! Time limits of a connection: for receiving the headers of a request, for waiting between two requests, and for a client
//! that does not read its response. A timer for each request would cost more than a small response, so a connection counts
//! what happens on it, and the counts are compared a few times per time limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

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
    /// Something is to be sent, and the client's side takes nothing.
    blocked: AtomicBool,
    /// A request was answered, and no byte of another one has come.
    is_idle: AtomicBool,
}

impl Pace {
    pub fn begin(pace: &Arc<Self>) -> Turn {
        pace.steps.fetch_add(1, Ordering::Relaxed);
        pace.answering.fetch_add(1, Ordering::Relaxed);
        pace.is_idle.store(false, Ordering::Relaxed);
        Turn(Arc::clone(pace))
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }
}

/// One request, from its headers to the end of its answer.
pub struct Turn(Arc<Pace>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
        self.0.is_idle.store(true, Ordering::Relaxed);
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

/// How long a connection may stand still, counted in looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The time from one look to the next.
    pub every: Duration,
    /// While the headers of a request have not all come.
    silent: u32,
    /// Between two requests.
    idle: u32,
    /// While the client takes nothing of a response.
    blocked: u32,
}

impl Patience {
    /// Looks while the shortest of the three lasts; it ends with the last of them, or one look later.
    const LOOKS: u32 = 4;

    pub fn new(silent: Duration, idle: Duration, blocked: Duration) -> Self {
        let every = (silent.min(idle).min(blocked) / Self::LOOKS).max(Duration::from_millis(1));
        let looks = |time: Duration| {
            u32::try_from(time.as_nanos().div_ceil(every.as_nanos().max(1))).unwrap_or(u32::MAX)
        };
        Self { every, silent: looks(silent), idle: looks(idle), blocked: looks(blocked) }
    }
}

/// What a connection does at a look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Silent,
    Idle,
    Answering,
    Blocked,
}

/// Has a connection stood still for longer than the patience lasts?
pub struct Stillness<'a> {
    pace: &'a Pace,
    patience: Patience,
    steps: u64,
    state: State,
    looks: u32,
}

impl<'a> Stillness<'a> {
    pub fn new(pace: &'a Pace, patience: Patience) -> Self {
        Self { pace, patience, steps: 0, state: State::Silent, looks: 0 }
    }

    /// Asked at every look, the first of them at the beginning.
    pub fn is_too_long(&mut self) -> bool {
        let state = if self.pace.is_blocked() {
            State::Blocked
        } else if self.pace.answering.load(Ordering::Relaxed) > 0 {
            State::Answering
        } else if self.pace.is_idle.load(Ordering::Relaxed) {
            State::Idle
        } else {
            State::Silent
        };
        let steps = self.pace.steps.load(Ordering::Relaxed);
        let goes_on = steps != self.steps || state == State::Answering;
        let is_new = state != self.state;
        (self.steps, self.state) = (steps, state);
        if goes_on || is_new {
            self.looks = 1;
            return false;
        }
        self.looks = self.looks.saturating_add(1);
        let most = match state {
            State::Blocked => self.patience.blocked,
            State::Idle => self.patience.idle,
            State::Silent | State::Answering => self.patience.silent,
        };
        self.looks > most
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

    pub fn into_inner(self) -> S {
        self.stream
    }

    fn count(&self, sent: &Poll<io::Result<usize>>) {
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.pace.steps.fetch_add(1, Ordering::Relaxed);
        }
        self.pace.blocked.store(sent.is_pending(), Ordering::Relaxed);
    }
}

impl<S: Read + Unpin> Read for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.pace.is_idle.store(false, Ordering::Relaxed);
        }
        read
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
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    #[test]
    fn silence_is_what_neither_begins_nor_is_answered_nor_sends() {
        let pace = Arc::new(Pace::default());
        let second = Duration::from_secs(1);
        let mut stillness = Stillness::new(&pace, Patience::new(second, 2 * second, 3 * second));
        let mut looks = |times: u32| (0..times).map(|_| stillness.is_too_long()).collect::<Vec<_>>();
        assert_eq!(looks(5), [false, false, false, false, true], "headers that do not come");
        let turn = Pace::begin(&pace);
        assert_eq!(looks(9), [false; 9], "a long answer");
        let streamed = turn.until_sent(Response::new(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, Infallible>,
        >())));
        assert_eq!(looks(9), [false; 9], "one that has no end");
        drop(streamed);
        assert_eq!(looks(8), [false; 8], "between two requests");
        assert_eq!(looks(1), [true]);
        let whole = Pace::begin(&pace).until_sent(Response::new(Body::from("all")));
        assert_eq!(looks(8), [false; 8], "the response only needs to be sent");
        drop(whole);
        pace.is_idle.store(false, Ordering::Relaxed);
        assert_eq!(looks(5), [false, false, false, false, true], "the first bytes of another request");
    }

    #[test]
    fn a_client_that_takes_nothing_has_a_patience_of_its_own() {
        let second = Duration::from_secs(1);
        let patience = Patience::new(2 * second, 3 * second, second);
        let looks = (patience.silent, patience.idle, patience.blocked);
        assert_eq!((patience.every, looks), (second / 4, (8, 12, 4)));
        let pace = Arc::new(Pace::default());
        let stream = Paced::new(Socket::default(), Arc::clone(&pace));
        let mut stream = pin!(stream);
        let mut send = |takes: bool| {
            stream.stream.takes = takes;
            let _ = stream.as_mut().poll_write(&mut Context::from_waker(Waker::noop()), b"x");
        };
        let mut stillness = Stillness::new(&pace, patience);
        let _turn = Pace::begin(&pace);
        send(true);
        assert!((0..99).all(|_| !stillness.is_too_long()), "whoever answers slowly may");
        send(false);
        assert!((0..4).all(|_| !stillness.is_too_long()));
        send(true);
        send(false);
        assert!((0..4).all(|_| !stillness.is_too_long()), "something was sent");
        assert!(stillness.is_too_long());
        send(true);
        assert!((0..99).all(|_| !stillness.is_too_long()), "the client reads again");
    }

    /// Takes what is sent, or does not.
    #[derive(Default)]
    struct Socket {
        takes: bool,
    }

    impl Write for Socket {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.takes { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
