//! Heavy work off the async threads: a few pieces at a time, a bounded queue, a deadline. A flood of it can neither eat
//! the memory nor stall other requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Error;

pub struct Workers {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    patience: Duration,
}

impl Workers {
    /// More than `most_waiting` in the queue, or longer than `patience`, and the answer is `Error::Busy`.
    pub fn new(at_a_time: usize, most_waiting: usize, patience: Duration) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_a_time)),
            waiting: AtomicUsize::new(0),
            most_waiting,
            patience,
        }
    }

    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Place::take(self).ok_or(Error::Busy)?;
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned());
        // The turn goes with the work: a caller that hangs up does not free it while the work goes on.
        let turn = turn.await.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| Error::internal(error.to_string()))
    }
}

/// A place in the queue.
struct Place<'a>(&'a Workers);

impl<'a> Place<'a> {
    fn take(workers: &'a Workers) -> Option<Self> {
        let place = Self(workers);
        (workers.waiting.fetch_add(1, Ordering::SeqCst) < workers.most_waiting).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_finds_the_queue_full_is_told_at_once() {
        let workers = Arc::new(Workers::new(1, 1, Duration::from_secs(60)));
        let (free, hold) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let workers = Arc::clone(&workers);
            async move {
                workers
                    .run(move || {
                        let _ = started.send(());
                        let _ = hold.recv();
                    })
                    .await
            }
        });
        running.await.expect("the first piece of work runs");
        let mut second = Box::pin(workers.run(|| 2));
        assert!(futures_util::poll!(&mut second).is_pending(), "it waits for its turn");
        assert!(matches!(workers.run(|| 3).await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        assert_eq!(second.await.expect("its turn came"), 2);
        assert!(first.await.expect("no panic").is_ok());
        assert_eq!(workers.run(|| 4).await.expect("the queue is empty again"), 4);
    }
}
