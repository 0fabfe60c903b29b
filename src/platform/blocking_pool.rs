//! A pool of threads for heavy work, with a bounded and fair queue (`FairQueue`) and a maximum wait. A flood of work neither
//! exhausts memory nor stalls other requests, and one flow of work does not block the others. A thread that finishes an item
//! takes the next one itself, so no core waits for an async task to pass it on.

use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Error;
use super::fair_queue::{FairQueue, Pushed, QueuePosition};

/// A thread that has been idle for this long ends.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// An item of work. It returns how long its thread pauses afterwards.
type WorkItem = Box<dyn FnOnce() -> Duration + Send>;

/// `F` identifies the flow of a work item. With the default, all items share one flow and run in order of arrival.
pub struct BlockingPool<F = ()> {
    shared: Arc<Shared<F>>,
    max_threads: usize,
    max_waiting: usize,
    max_wait: Duration,
}

struct Shared<F> {
    queue: Mutex<Queue<F>>,
    condvar: Condvar,
}

struct Queue<F> {
    waiting: FairQueue<F, WorkItem>,
    threads: usize,
    /// Threads without an item. Each will take the next one.
    idle: usize,
}

impl<F: Copy + Eq + Hash + Send + 'static> BlockingPool<F> {
    /// `run` fails with `Error::Busy` when `max_waiting` items are in the queue, or after waiting for `max_wait`.
    pub fn new(max_threads: usize, max_waiting: usize, max_wait: Duration) -> Self {
        let queue = Queue { waiting: FairQueue::default(), threads: 0, idle: 0 };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), condvar: Condvar::new() });
        Self { shared, max_threads, max_waiting, max_wait }
    }

    pub async fn run<T: Send + 'static>(
        &self,
        flow: F,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run_then_pause(flow, move || (work(), Duration::ZERO)).await
    }

    /// Like `run`, for work that also returns how long its thread pauses before the next item.
    pub async fn run_then_pause<T: Send + 'static>(
        &self,
        flow: F,
        work: impl FnOnce() -> (T, Duration) + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, mut receiver) = oneshot::channel();
        let work = move || {
            let (result, pause) = catch_unwind(AssertUnwindSafe(work)).ok().unzip();
            let _ = sender.send(result);
            pause.unwrap_or_default()
        };
        let slot = self.queue(flow, Box::new(work))?;
        let done = match tokio::time::timeout(self.max_wait, &mut receiver).await {
            Ok(done) => done,
            Err(_) if slot.remove() => return Err(Error::Busy),
            Err(_) => receiver.await,
        };
        match done {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(Error::internal("work in the blocking pool panicked")),
            // The queue was full, and dropped this item in favour of another flow.
            Err(_) => Err(Error::Busy),
        }
    }

    fn queue(&self, flow: F, work: WorkItem) -> Result<QueueSlot<'_, F>, Error> {
        let mut queue = self.shared.queue();
        if queue.waiting.len() >= queue.idle && queue.threads < self.max_threads {
            let shared = Arc::clone(&self.shared);
            match thread::Builder::new().name("worker".into()).spawn(move || shared.work()) {
                Ok(_) => (queue.threads, queue.idle) = (queue.threads + 1, queue.idle + 1),
                Err(error) => tracing::warn!(%error, "cannot start a worker thread"),
            }
        }
        if queue.threads == 0 {
            return Err(Error::Busy);
        }
        let limit = queue.idle + self.max_waiting;
        let (position, dropped) = match queue.waiting.push(flow, work, limit) {
            Pushed::Queued(position) => (position, None),
            Pushed::Replaced(position, dropped) => (position, Some(dropped)),
            Pushed::Refused => return Err(Error::Busy),
        };
        drop(queue);
        // Dropping the item wakes the task that waits for its result.
        drop(dropped);
        self.shared.condvar.notify_one();
        Ok(QueueSlot { shared: &self.shared, position })
    }
}

impl<F: Copy + Eq + Hash> Shared<F> {
    fn queue(&self) -> MutexGuard<'_, Queue<F>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of a worker thread.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            if let Some(work) = queue.waiting.pop() {
                queue.idle -= 1;
                drop(queue);
                let pause = work();
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                queue = self.queue();
                queue.idle += 1;
                continue;
            }
            let (guard, wait) =
                self.condvar.wait_timeout(queue, IDLE_TIME).unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if wait.timed_out() && queue.waiting.is_empty() {
                (queue.threads, queue.idle) = (queue.threads - 1, queue.idle - 1);
                return;
            }
        }
    }
}

/// An item's slot in the queue. Dropping the slot, as when a client disconnects, removes the item. WorkItem that has begun
/// continues.
struct QueueSlot<'a, F: Copy + Eq + Hash> {
    shared: &'a Shared<F>,
    position: QueuePosition,
}

impl<F: Copy + Eq + Hash> QueueSlot<'_, F> {
    /// Removes the item and returns whether it was still waiting.
    fn remove(&self) -> bool {
        let mut queue = self.shared.queue();
        let removed = queue.waiting.remove(self.position);
        drop(queue);
        removed.is_some()
    }
}

impl<F: Copy + Eq + Hash> Drop for QueueSlot<'_, F> {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    /// Starts work that blocks. Returns a sender that releases it, and its result.
    async fn start_blocked(
        pool: &Arc<BlockingPool>,
    ) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<i32, Error>>) {
        let (release, hold) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let pool = Arc::clone(pool);
        let result = tokio::spawn(async move {
            let work = move || {
                let _ = started.send(());
                let _ = hold.recv();
                1
            };
            pool.run((), work).await
        });
        running.await.expect("the work runs");
        (release, result)
    }

    fn one_at_a_time(max_waiting: usize) -> Arc<BlockingPool> {
        Arc::new(BlockingPool::new(1, max_waiting, Duration::from_secs(60)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_refuses_work_at_once() {
        let pool = one_at_a_time(1);
        let (release, first) = start_blocked(&pool).await;
        let mut second = Box::pin(pool.run((), || 2));
        assert!(poll!(&mut second).is_pending(), "it waits for its position");
        assert!(matches!(pool.run((), || 3).await, Err(Error::Busy)));
        release.send(()).expect("the first item is released");
        assert_eq!(second.await.expect("a result"), 2);
        assert!(first.await.expect("no panic").is_ok());
        assert_eq!(pool.run((), || 4).await.expect("the queue is empty again"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn dropping_the_future_removes_its_work_from_the_queue() {
        let pool = one_at_a_time(1);
        let (release, _first) = start_blocked(&pool).await;
        let done = Arc::new(AtomicUsize::new(0));
        let mut second = Box::pin(pool.run((), {
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        }));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        let mut third = Box::pin(pool.run((), || 3));
        assert!(poll!(&mut third).is_pending());
        release.send(()).expect("the first item is released");
        assert_eq!(third.await.expect("the slot is free again"), 3);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_waits_too_long_is_refused_and_never_runs() {
        let pool = one_at_a_time(8);
        let (release, first) = start_blocked(&pool).await;
        let impatient_pool = BlockingPool {
            shared: Arc::clone(&pool.shared),
            max_threads: 1,
            max_waiting: 8,
            max_wait: Duration::ZERO,
        };
        let done = Arc::new(AtomicUsize::new(0));
        let late = impatient_pool.run((), {
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        });
        assert!(matches!(late.await, Err(Error::Busy)));
        release.send(()).expect("the first item is released");
        assert_eq!(first.await.expect("no panic").expect("a result"), 1);
        assert_eq!(pool.run((), || 4).await.expect("the queue is empty"), 4);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_has_begun_is_not_removed() {
        let pool = one_at_a_time(8);
        let (started, running) = oneshot::channel();
        let (release, hold) = mpsc::channel::<()>();
        let begun = pool.queue(
            (),
            Box::new(move || {
                let _ = started.send(());
                let _ = hold.recv();
                Duration::ZERO
            }),
        );
        let begun = begun.expect("a slot");
        let waiting = pool.queue((), Box::new(|| Duration::ZERO)).expect("a slot");
        running.await.expect("the work runs");
        assert!(!begun.remove());
        assert!(waiting.remove());
        assert!(!waiting.remove(), "it was removed already");
        drop(release);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_an_error_and_the_thread_survives() {
        let pool = one_at_a_time(8);
        for _ in 0..3 {
            let nothing: Result<(), Error> = pool.run((), || panic!("on purpose")).await;
            assert!(matches!(nothing, Err(Error::Internal(_))));
        }
        assert_eq!(pool.run((), || 4).await.expect("the thread is there"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn exactly_the_allowed_number_of_items_run_at_once() {
        let pool = BlockingPool::new(3, 64, Duration::from_secs(60));
        let barrier = Arc::new(Barrier::new(3));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pieces = (0..66).map(|_| {
            let (now, most, barrier) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&barrier));
            pool.run((), move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let all = tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(pieces)).await;
        assert!(all.expect("three at a time meet").iter().all(Result::is_ok));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_drops_work_of_the_flow_with_the_most_waiting() {
        let pool = BlockingPool::new(1, 3, Duration::from_secs(60));
        let (release, hold) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let mut first = Box::pin(pool.run('a', move || {
            let _ = started.send(());
            let _ = hold.recv();
        }));
        assert!(poll!(&mut first).is_pending());
        running.await.expect("the work runs");
        let mut flood: Vec<_> = (0..3).map(|number| Box::pin(pool.run('a', move || number))).collect();
        for piece in &mut flood {
            assert!(poll!(piece).is_pending());
        }
        let mut other = Box::pin(pool.run('b', || 9));
        assert!(poll!(&mut other).is_pending(), "it is queued");
        let last = flood.pop().expect("the last one").await;
        assert!(matches!(last, Err(Error::Busy)), "another flow needed its slot");
        assert!(matches!(pool.run('a', || 4).await, Err(Error::Busy)));
        release.send(()).expect("the first item is released");
        first.await.expect("it ends");
        assert_eq!(other.await.expect("a result"), 9);
        for (number, piece) in flood.into_iter().enumerate() {
            assert_eq!(piece.await.expect("a result"), number);
        }
    }
}
