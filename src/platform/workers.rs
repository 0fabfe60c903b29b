//! Heavy work off the async threads: a few pieces at a time, a bounded queue, a deadline. A flood of it can neither eat
//! the memory nor stall other requests. A thread that is done takes the next piece itself: while there is work, no core
//! waits until a task has been woken to hand it over.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Error;

/// A thread that had nothing to do for so long ends.
const REST: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

pub struct Workers {
    hall: Arc<Hall>,
    at_a_time: usize,
    most_waiting: usize,
    patience: Duration,
}

#[derive(Default)]
struct Hall {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Default)]
struct Queue {
    /// In the order of their numbers.
    waiting: VecDeque<(u64, Work)>,
    next: u64,
    threads: usize,
    /// Threads without a piece: each will take the next one.
    free: usize,
}

impl Workers {
    /// More than `most_waiting` in the queue, or longer than `patience`, and the answer is `Error::Busy`.
    pub fn new(at_a_time: usize, most_waiting: usize, patience: Duration) -> Self {
        Self { hall: Arc::default(), at_a_time, most_waiting, patience }
    }

    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, mut told) = oneshot::channel();
        let place = self.queue(Box::new(move || {
            let _ = tell.send(work());
        }))?;
        let done = match tokio::time::timeout(self.patience, &mut told).await {
            Ok(done) => done,
            Err(_) if place.leave() => return Err(Error::Busy),
            Err(_) => told.await,
        };
        done.map_err(|_| Error::internal("work off the async threads panicked"))
    }

    fn queue(&self, work: Work) -> Result<Place<'_>, Error> {
        let mut queue = self.hall.queue();
        if queue.waiting.len() >= queue.free && queue.threads < self.at_a_time {
            let hall = Arc::clone(&self.hall);
            match thread::Builder::new().name("worker".into()).spawn(move || hall.work()) {
                Ok(_) => (queue.threads, queue.free) = (queue.threads + 1, queue.free + 1),
                Err(error) => tracing::warn!(%error, "no thread for work"),
            }
        }
        if queue.threads == 0 || queue.waiting.len() >= queue.free + self.most_waiting {
            return Err(Error::Busy);
        }
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back((number, work));
        drop(queue);
        self.hall.bell.notify_one();
        Ok(Place { hall: &self.hall, number })
    }
}

impl Hall {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            if let Some((_, work)) = queue.waiting.pop_front() {
                queue.free -= 1;
                drop(queue);
                // After a panic whoever waits finds their channel closed.
                let _ = catch_unwind(AssertUnwindSafe(work));
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
struct Place<'a> {
    hall: &'a Hall,
    number: u64,
}

impl Place<'_> {
    /// Whether it was still waiting.
    fn leave(&self) -> bool {
        let mut queue = self.hall.queue();
        let at = queue.waiting.binary_search_by_key(&self.number, |(number, _)| *number);
        let left = at.ok().and_then(|at| queue.waiting.remove(at));
        drop(queue);
        left.is_some()
    }
}

impl Drop for Place<'_> {
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
    async fn held(workers: &Arc<Workers>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<i32, Error>>) {
        let (free, hold) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let workers = Arc::clone(workers);
        let answer = tokio::spawn(async move {
            let work = move || {
                let _ = started.send(());
                let _ = hold.recv();
                1
            };
            workers.run(work).await
        });
        running.await.expect("the work runs");
        (free, answer)
    }

    fn one_at_a_time(most_waiting: usize) -> Arc<Workers> {
        Arc::new(Workers::new(1, most_waiting, Duration::from_secs(60)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_finds_the_queue_full_is_told_at_once() {
        let workers = one_at_a_time(1);
        let (free, first) = held(&workers).await;
        let mut second = Box::pin(workers.run(|| 2));
        assert!(poll!(&mut second).is_pending(), "it waits for its turn");
        assert!(matches!(workers.run(|| 3).await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        assert_eq!(second.await.expect("its turn came"), 2);
        assert!(first.await.expect("no panic").is_ok());
        assert_eq!(workers.run(|| 4).await.expect("the queue is empty again"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_leaves_the_queue_and_nothing_is_done_for_them() {
        let workers = one_at_a_time(1);
        let (free, _first) = held(&workers).await;
        let done = Arc::new(AtomicUsize::new(0));
        let mut second = Box::pin(workers.run({
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        }));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        let mut third = Box::pin(workers.run(|| 3));
        assert!(poll!(&mut third).is_pending());
        free.send(()).expect("the first piece is told to end");
        assert_eq!(third.await.expect("the place was free again"), 3);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_too_long_is_told_and_nothing_is_done_for_them() {
        let patient = one_at_a_time(8);
        let (free, first) = held(&patient).await;
        let impatient = Workers {
            hall: Arc::clone(&patient.hall),
            at_a_time: 1,
            most_waiting: 8,
            patience: Duration::ZERO,
        };
        let done = Arc::new(AtomicUsize::new(0));
        let late = impatient.run({
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::SeqCst)
        });
        assert!(matches!(late.await, Err(Error::Busy)));
        free.send(()).expect("the first piece is told to end");
        assert_eq!(first.await.expect("no panic").expect("an answer"), 1);
        assert_eq!(patient.run(|| 4).await.expect("the queue is empty"), 4);
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_has_begun_is_not_left() {
        let workers = one_at_a_time(8);
        let (started, running) = oneshot::channel();
        let (free, hold) = mpsc::channel::<()>();
        let begun = workers.queue(Box::new(move || {
            let _ = started.send(());
            let _ = hold.recv();
        }));
        let begun = begun.expect("a place");
        let waiting = workers.queue(Box::new(|| ())).expect("a place");
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
            let nothing: Result<(), Error> = workers.run(|| panic!("on purpose")).await;
            assert!(matches!(nothing, Err(Error::Internal(_))));
        }
        assert_eq!(workers.run(|| 4).await.expect("the thread is there"), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn as_many_are_at_work_as_allowed_and_no_more() {
        let workers = Workers::new(3, 64, Duration::from_secs(60));
        let meeting = Arc::new(Barrier::new(3));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pieces = (0..66).map(|_| {
            let (now, most, meeting) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&meeting));
            workers.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                meeting.wait();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let all = tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(pieces)).await;
        assert!(all.expect("three at a time meet").iter().all(Result::is_ok));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}
