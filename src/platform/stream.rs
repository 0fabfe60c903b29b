//! Streams whose items are computed one at a time.

use futures_util::StreamExt;
use futures_util::stream::{Fuse, Unfold};

/// A stream from a function. `step` returns an item and the state for the next call, or None at the end. The stream may be polled
/// after its end, as the compression layer does; `futures_util::stream::unfold` panics then.
#[expect(clippy::disallowed_methods, reason = "the one place that makes it safe to poll after its end")]
pub fn steps<S, F, Fut, T>(first: S, step: F) -> Fuse<Unfold<S, F, Fut>>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Option<(T, S)>>,
{
    futures_util::stream::unfold(first, step).fuse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_may_be_polled_after_its_end() {
        let mut stream = Box::pin(steps(0, |n| async move { (n < 2).then_some((n, n + 1)) }));
        let mut items = Vec::new();
        for _ in 0..5 {
            items.push(stream.next().await);
        }
        assert_eq!(items, [Some(0), Some(1), None, None, None]);
    }
}
