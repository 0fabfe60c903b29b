//! The status of the background jobs of this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoundEnd {
    Succeeded,
    Failed,
    Panicked,
    TimedOut,
}

impl RoundEnd {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "ok",
            Self::Failed => "error",
            Self::Panicked => "panic",
            Self::TimedOut => "timeout",
        }
    }
}

/// A running job.
pub struct JobStatus {
    /// The name in `/metrics` and the log.
    pub name: &'static str,
    /// `/readyz` fails when the last success is longer ago than this.
    pub overdue_after: Duration,
    /// In milliseconds of `Clock::steady`. Before the first success, the time at which the job was started.
    last_success: AtomicU64,
    #[cfg(test)]
    pub faults: fault_injection::FaultInjection,
}

/// The jobs of this process.
#[derive(Default)]
pub struct Jobs {
    statuses: OnceLock<Vec<Arc<JobStatus>>>,
    pub(super) tasks: TaskTracker,
    pub(super) stopping: CancellationToken,
}

impl Jobs {
    /// Sets the jobs. Returns false if they were set before.
    pub(super) fn set(&self, jobs: Vec<Arc<JobStatus>>) -> bool {
        self.statuses.set(jobs).is_ok()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<JobStatus>> {
        self.statuses.get().into_iter().flatten()
    }

    /// Ends all jobs. Rounds under way have a moment to end, and are then cancelled.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The first job whose last success is too long ago.
    pub fn overdue(&self, steady: Duration) -> Option<&JobStatus> {
        self.iter().map(|status| &**status).find(|status| status.age(steady) > status.overdue_after)
    }
}

impl JobStatus {
    /// The status of a job that starts now.
    pub(super) fn new(name: &'static str, overdue_after: Duration, steady: Duration) -> Self {
        Self {
            name,
            overdue_after,
            last_success: AtomicU64::new(millis(steady)),
            #[cfg(test)]
            faults: fault_injection::FaultInjection::default(),
        }
    }

    /// The time since the last success, or since the start if there was none.
    pub fn age(&self, steady: Duration) -> Duration {
        steady.saturating_sub(Duration::from_millis(self.last_success.load(Ordering::Relaxed)))
    }

    pub(super) fn finished(&self, end: RoundEnd, steady: Duration) {
        if end == RoundEnd::Succeeded {
            self.last_success.store(millis(steady), Ordering::Relaxed);
        }
        #[cfg(test)]
        self.faults.ended(end);
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Faults that tests inject into jobs.
#[cfg(test)]
pub mod fault_injection {
    use tokio::sync::watch;

    use super::RoundEnd;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum InjectedFault {
        /// The next round panics.
        Panic,
        /// Rounds hang until the fault is removed.
        Hang,
    }

    #[derive(Default)]
    pub struct FaultInjection {
        fault: watch::Sender<Option<InjectedFault>>,
        ends: watch::Sender<Vec<RoundEnd>>,
        is_hanging: watch::Sender<bool>,
    }

    impl FaultInjection {
        pub fn set(&self, fault: Option<InjectedFault>) {
            self.fault.send_replace(fault);
        }

        /// Panics or hangs if a fault is set. Called at the beginning of each round.
        pub(in crate::platform) async fn apply(&self) {
            let mut fault = self.fault.subscribe();
            let current = *fault.borrow();
            match current {
                Some(InjectedFault::Panic) => {
                    self.set(None);
                    panic!("injected by a test");
                }
                Some(InjectedFault::Hang) => {
                    self.is_hanging.send_replace(true);
                    let _ = fault.wait_for(Option::is_none).await;
                    self.is_hanging.send_replace(false);
                }
                None => {}
            }
        }

        pub(super) fn ended(&self, end: RoundEnd) {
            self.ends.send_modify(|ends| ends.push(end));
        }

        /// Makes rounds hang, and waits until one does.
        pub async fn hang(&self) {
            self.set(Some(InjectedFault::Hang));
            self.is_hanging
                .subscribe()
                .wait_for(|is_hanging| *is_hanging)
                .await
                .expect("the sender lives as long as the job");
        }

        /// Waits until a round that began after this call has succeeded.
        pub async fn wait_for_another_success(&self) {
            let mut ends = self.ends.subscribe();
            // The next round to end may have begun before this call. The one after it has not.
            let count = ends.borrow().len() + 1;
            let succeeded =
                |ends: &Vec<RoundEnd>| ends.iter().skip(count).any(|end| *end == RoundEnd::Succeeded);
            ends.wait_for(succeeded).await.expect("the sender lives as long as the job");
        }

        /// Waits until rounds have ended in this order, whatever ended between them.
        pub async fn wait_for_ends(&self, order: &[RoundEnd]) {
            let has_all = |ends: &Vec<RoundEnd>| {
                let mut ends = ends.iter();
                order.iter().all(|expected| ends.any(|end| end == expected))
            };
            self.ends.subscribe().wait_for(has_all).await.expect("the sender lives as long as the job");
        }
    }
}
