//! Heavy work off the async threads: a few pieces at a time, a bounded and fair queue, a deadline. A flood of it can neither
//! eat the memory nor stall other requests, and one source of work does not keep out the others (`FairQueue`). A thread
//! that is done takes the next piece itself: while there is work, no core waits until a task has been woken to hand it over.

use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Error;
use super::fair_queue::{FairQueue, Pushed, Turn};

/// A thread that had nothing to do for so long ends.
const REST: Duration = Duration::from_secs(10);

/// Says how long its thread pauses afterwards.
type Work = Box<dyn FnOnce() -> Duration + Send>;

/// `F` says to which flow a piece of work belongs; without flows it is first come, first served.
pub struct BlockingPool<F = ()> {
    hall: Arc<Hall<F>>,
    at_a_time: usize,
    most_waiting: usize,
    patience: Duration,
}

struct Hall<F> {
    queue: Mutex<Queue<F>>,
    bell: Condvar,
}

struct Queue<F> {
    waiting: FairQueue<F, Work>,
    threads: usize,
    /// Threads without a piece: each will take the next one.
    free: usize,
}

impl<F: Copy + Eq + Hash + Send + 'static> BlockingPool<F> {
    /// With more than `most_waiting` in the queue, or after more than `patience`, the answer is `Error::Busy`.
    pub fn new(at_a_time: usize, most_waiting: usize, patience: Duration) -> Self {
        let queue = Queue { waiting: FairQueue::default(), threads: 0, free: 0 };
        let hall = Arc::new(Hall { queue: Mutex::new(queue), bell: Condvar::new() });
        Self { hall, at_a_time, most_waiting, patience }
    }

    pub async fn run<T: Send + 'static>(
        &self,
        flow: F,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run_then_pause(flow, move || (work(), Duration::ZERO)).await
    }

    /// The same for work that says, beside its result, how long its thread pauses before the next piece.
    pub async fn run_then_pause<T: Send + 'static>(
        &self,
        flow: F,
        work: impl FnOnce() -> (T, Duration) + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, mut told) = oneshot::channel();
        let work = move || {
            let (result, pause) = catch_unwind(AssertUnwindSafe(work)).ok().unzip();
            let _ = tell.send(result);
            pause.unwrap_or_default()
        };
        let place = self.queue(flow, Box::new(work))?;
        let done = match tokio::time::timeout(self.patience, &mut told).await {
            Ok(done) => done,
            Err(_) if place.leave() => return Err(Error::Busy),
            Err(_) => told.await,
        };
        match done {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(Error::internal("work off the async threads panicked")),
            // It was dropped without having been begun: another flow needed its place in a full queue.
            Err(_) => Err(Error::Busy),
        }
    }

    fn queue(&self, flow: F, work: Work) -> Result<Place<'_, F>, Error> {
        let mut queue = self.hall.queue();
        if queue.waiting.len() >= queue.free && queue.threads < self.at_a_time {
            let hall = Arc::clone(&self.hall);
            match thread::Builder::new().name("worker".into()).spawn(move || hall.work()) {
                Ok(_) => (queue.threads, queue.free) = (queue.threads + 1, queue.free + 1),
                Err(error) => tracing::warn!(%error, "no thread for work"),
            }
        }
        if queue.threads == 0 {
            return Err(Error::Busy);
        }
        let most = queue.free + self.most_waiting;
        let (turn, dropped) = match queue.waiting.push(flow, work, most) {
            Pushed::Queued(turn) => (turn, None),
            Pushed::Replaced(turn, dropped) => (turn, Some(dropped)),
            Pushed::Refused => return Err(Error::Busy),
        };
        drop(queue);
        // Wakes the task that waits for it.
        drop(dropped);
        self.hall.bell.notify_one();
        Ok(Place { hall: &self.hall, turn })
    }
}

impl<F: Copy + Eq + Hash> Hall<F> {
    fn queue(&self) -> MutexGuard<'_, Queue<F>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            if let Some(work) = queue.waiting.pop() {
                queue.free -= 1;
                drop(queue);
                let pause = work();
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                queue = self.queue();
                queue.free += 1;
                continue;
            }
            let (woken, rest) = self.bell.wait_timeout(queue, REST).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if rest.timed_out() && queue.waiting.is_empty() {
                (queue.threads, queue.free) = (queue.threads - 1, queue.free - 1);
                return;
            }
        }
    }
}

/// A place in the queue. Whoever hangs up leaves it; work that has begun goes on.
struct Place<'a, F: Copy + Eq + Hash> {
    hall: &'a Hall<F>,
    turn: Turn,
}

impl<F: Copy + Eq + Hash> Place<'_, F> {
    /// Whether it was still waiting.
    fn leave(&self) -> bool {
        let mut queue = self.hall.queue();
        let left = queue.waiting.remove(self.turn);
        drop(queue);
        left.is_some()
    }
}

impl<F: Copy + Eq + Hash> Drop for Place<'_, F> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    /// Work that is begun and held: what frees it, and what it answers in the end.
    async fn held(
        workers: &Arc<BlockingPool>,
    ) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<i32, Error>>) {
        let (free, hold) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let workers = Arc::clone(workers);
        let answer = tokio::spawn(async move {
            let work = move || {
                let _ = started.send(());
                let _ = hold.recv();
                1
            };
            workers.run((), work).await
        });
        running.await.expect("the work runs");
        (free, answer)
    }

    fn one_at_a_time(most_waiting: usize) -> Arc<BlockingPool> {
        Arc::new(BlockingPool::new(1, most_waiting, Duration::from_secs(60)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_finds_the_queue_full_is_told_at_once() {
        let workers = one_at_a_time(1);
        let (free, first) = held(&workers).await;
        let mut second = Box::pin(workers.run((), || 2));
        assert!(poll!(&mut second).is_pending(), "it waits for its turn");
        assert!(matches!(workers.run((), || 3).await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        assert_eq!(second.await.expect("its turn came"), 2);
        assert!(first.await.expect("no panic").is_ok());
        assert_eq!(workers.run((), || 4).await.expect("the queue is empty again"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_leaves_the_queue_and_nothing_is_done_for_them() {
        let workers = one_at_a_time(1);
        let (free, _first) = held(&workers).await;
        let done = Arc::new(AtomicUsize::new(0));
        let mut second = Box::pin(workers.run((), {
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        }));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        let mut third = Box::pin(workers.run((), || 3));
        assert!(poll!(&mut third).is_pending());
        free.send(()).expect("the first piece is told to end");
        assert_eq!(third.await.expect("the place was free again"), 3);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_too_long_is_told_and_nothing_is_done_for_them() {
        let patient = one_at_a_time(8);
        let (free, first) = held(&patient).await;
        let impatient = BlockingPool {
            hall: Arc::clone(&patient.hall),
            at_a_time: 1,
            most_waiting: 8,
            patience: Duration::ZERO,
        };
        let done = Arc::new(AtomicUsize::new(0));
        let late = impatient.run((), {
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        });
        assert!(matches!(late.await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        assert_eq!(first.await.expect("no panic").expect("an answer"), 1);
        assert_eq!(patient.run((), || 4).await.expect("the queue is empty"), 4);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_has_begun_is_not_left() {
        let workers = one_at_a_time(8);
        let (started, running) = oneshot::channel();
        let (free, hold) = mpsc::channel::<()>();
        let begun = workers.queue(
            (),
            Box::new(move || {
                let _ = started.send(());
                let _ = hold.recv();
                Duration::ZERO
            }),
        );
        let begun = begun.expect("a place");
        let waiting = workers.queue((), Box::new(|| Duration::ZERO)).expect("a place");
        running.await.expect("the work runs");
        assert!(!begun.leave());
        assert!(waiting.leave());
        assert!(!waiting.leave(), "left already");
        drop(free);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let workers = one_at_a_time(8);
        for _ in 0..3 {
            let nothing: Result<(), Error> = workers.run((), || panic!("on purpose")).await;
            assert!(matches!(nothing, Err(Error::Internal(_))));
        }
        assert_eq!(workers.run((), || 4).await.expect("the thread is there"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn as_many_are_at_work_as_allowed_and_no_more() {
        let workers = BlockingPool::new(3, 64, Duration::from_secs(60));
        let meeting = Arc::new(Barrier::new(3));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pieces = (0..66).map(|_| {
            let (now, most, meeting) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&meeting));
            workers.run((), move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                meeting.wait();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let all = tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(pieces)).await;
        assert!(all.expect("three at a time meet").iter().all(Result::is_ok));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn in_a_full_queue_the_flow_with_the_most_waiting_makes_room() {
        let workers = BlockingPool::new(1, 3, Duration::from_secs(60));
        let (free, hold) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let mut first = Box::pin(workers.run('a', move || {
            let _ = started.send(());
            let _ = hold.recv();
        }));
        assert!(poll!(&mut first).is_pending());
        running.await.expect("the work runs");
        let mut flood: Vec<_> = (0..3).map(|number| Box::pin(workers.run('a', move || number))).collect();
        for piece in &mut flood {
            assert!(poll!(piece).is_pending());
        }
        let mut other = Box::pin(workers.run('b', || 9));
        assert!(poll!(&mut other).is_pending(), "there is a place for it");
        let last = flood.pop().expect("the last one").await;
        assert!(matches!(last, Err(Error::Busy)), "its place was needed");
        assert!(matches!(workers.run('a', || 4).await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        first.await.expect("it ends");
        assert_eq!(other.await.expect("its turn came"), 9);
        for (number, piece) in flood.into_iter().enumerate() {
            assert_eq!(piece.await.expect("its turn came"), number);
        }
    }
}
