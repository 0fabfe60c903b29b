//! Timeouts of a connection: for receiving the headers of a request, for the pause between two requests, and for a client that
//! does not read its response. A timer for each request would cost more than a small response. Instead, a connection counts
//! its progress, and the counts are compared a few times during each timeout.

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

/// The progress of one connection.
#[derive(Default)]
pub struct Progress {
    /// Requests begun plus successful writes.
    steps: AtomicU64,
    /// Requests whose response is not complete yet.
    responding: AtomicU64,
    /// Whether the last write is pending, because the client does not read.
    blocked: AtomicBool,
    /// Whether a response is complete and no byte of another request has arrived.
    is_idle: AtomicBool,
}

impl Progress {
    pub fn begin(progress: &Arc<Self>) -> RunningRequest {
        progress.steps.fetch_add(1, Ordering::Relaxed);
        progress.responding.fetch_add(1, Ordering::Relaxed);
        progress.is_idle.store(false, Ordering::Relaxed);
        RunningRequest(Arc::clone(progress))
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }
}

/// One request, from its headers to the end of its response.
pub struct RunningRequest(Arc<Progress>);

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.0.responding.fetch_sub(1, Ordering::Relaxed);
        self.0.is_idle.store(true, Ordering::Relaxed);
    }
}

impl RunningRequest {
    /// Counts a streamed response as running until its last frame. Any other response is complete and only needs to be sent.
    pub fn until_sent(self, response: Response) -> Response {
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| Body::new(RespondingBody { body, _request: self }))
    }
}

struct RespondingBody {
    body: Body,
    _request: RunningRequest,
}

impl HttpBody for RespondingBody {
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

/// How long a connection may be without progress, as numbers of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The time between two checks.
    pub check_interval: Duration,
    /// While the headers of a request are incomplete.
    headers: u32,
    /// Between two requests.
    idle: u32,
    /// While the client does not read its response.
    blocked: u32,
}

impl Timeouts {
    /// The number of checks during the shortest of the three timeouts. A timeout ends up to one check late.
    const CHECKS: u32 = 4;

    pub fn new(headers: Duration, idle: Duration, blocked: Duration) -> Self {
        let check_interval = (headers.min(idle).min(blocked) / Self::CHECKS).max(Duration::from_millis(1));
        let checks = |time: Duration| {
            u32::try_from(time.as_nanos().div_ceil(check_interval.as_nanos().max(1))).unwrap_or(u32::MAX)
        };
        Self { check_interval, headers: checks(headers), idle: checks(idle), blocked: checks(blocked) }
    }
}

/// What a connection does at the time of a check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Headers,
    Idle,
    Responding,
    Blocked,
}

/// Finds out whether a connection has made no progress for longer than its timeout.
pub struct StallDetector<'a> {
    progress: &'a Progress,
    timeouts: Timeouts,
    steps: u64,
    state: State,
    checks: u32,
}

impl<'a> StallDetector<'a> {
    pub fn new(progress: &'a Progress, timeouts: Timeouts) -> Self {
        Self { progress, timeouts, steps: 0, state: State::Headers, checks: 0 }
    }

    /// Performs one check. The first one is made when the connection begins.
    pub fn is_timed_out(&mut self) -> bool {
        let state = if self.progress.is_blocked() {
            State::Blocked
        } else if self.progress.responding.load(Ordering::Relaxed) > 0 {
            State::Responding
        } else if self.progress.is_idle.load(Ordering::Relaxed) {
            State::Idle
        } else {
            State::Headers
        };
        let steps = self.progress.steps.load(Ordering::Relaxed);
        let has_progress = steps != self.steps || state == State::Responding;
        let is_new_state = state != self.state;
        (self.steps, self.state) = (steps, state);
        if has_progress || is_new_state {
            self.checks = 1;
            return false;
        }
        self.checks = self.checks.saturating_add(1);
        let limit = match state {
            State::Blocked => self.timeouts.blocked,
            State::Idle => self.timeouts.idle,
            State::Headers | State::Responding => self.timeouts.headers,
        };
        self.checks > limit
    }
}

/// A stream that counts its writes.
pub struct CountedStream<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S> CountedStream<S> {
    pub fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self { stream, progress }
    }

    pub fn into_inner(self) -> S {
        self.stream
    }

    fn count(&self, sent: &Poll<io::Result<usize>>) {
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.progress.steps.fetch_add(1, Ordering::Relaxed);
        }
        self.progress.blocked.store(sent.is_pending(), Ordering::Relaxed);
    }
}

impl<S: Read + Unpin> Read for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.progress.is_idle.store(false, Ordering::Relaxed);
        }
        read
    }
}

impl<S: Write + Unpin> Write for CountedStream<S> {
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
    fn each_state_of_a_connection_has_its_timeout() {
        let progress = Arc::new(Progress::default());
        let second = Duration::from_secs(1);
        let mut stall = StallDetector::new(&progress, Timeouts::new(second, 2 * second, 3 * second));
        let mut checks = |times: u32| (0..times).map(|_| stall.is_timed_out()).collect::<Vec<_>>();
        assert_eq!(checks(5), [false, false, false, false, true], "incomplete headers");
        let request = Progress::begin(&progress);
        assert_eq!(checks(9), [false; 9], "a slow handler");
        let streamed = request.until_sent(Response::new(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, Infallible>,
        >())));
        assert_eq!(checks(9), [false; 9], "a stream without an end");
        drop(streamed);
        assert_eq!(checks(8), [false; 8], "between two requests");
        assert_eq!(checks(1), [true]);
        let whole = Progress::begin(&progress).until_sent(Response::new(Body::from("all")));
        assert_eq!(checks(8), [false; 8], "the response only needs to be sent");
        drop(whole);
        progress.is_idle.store(false, Ordering::Relaxed);
        assert_eq!(checks(5), [false, false, false, false, true], "the first bytes of another request");
    }

    #[test]
    fn a_client_that_does_not_read_has_its_own_timeout() {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts::new(2 * second, 3 * second, second);
        let checks = (timeouts.headers, timeouts.idle, timeouts.blocked);
        assert_eq!((timeouts.check_interval, checks), (second / 4, (8, 12, 4)));
        let progress = Arc::new(Progress::default());
        let stream = CountedStream::new(Socket::default(), Arc::clone(&progress));
        let mut stream = pin!(stream);
        let mut send = |is_read: bool| {
            stream.stream.is_read = is_read;
            let _ = stream.as_mut().poll_write(&mut Context::from_waker(Waker::noop()), b"x");
        };
        let mut stall = StallDetector::new(&progress, timeouts);
        let _request = Progress::begin(&progress);
        send(true);
        assert!((0..99).all(|_| !stall.is_timed_out()), "a slow response has no timeout");
        send(false);
        assert!((0..4).all(|_| !stall.is_timed_out()));
        send(true);
        send(false);
        assert!((0..4).all(|_| !stall.is_timed_out()), "something was sent");
        assert!(stall.is_timed_out());
        send(true);
        assert!((0..99).all(|_| !stall.is_timed_out()), "the client reads again");
    }

    /// A socket whose other end reads, or does not.
    #[derive(Default)]
    struct Socket {
        is_read: bool,
    }

    impl Write for Socket {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.is_read { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
