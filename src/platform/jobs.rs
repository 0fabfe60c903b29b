//! Background jobs under a supervisor. A job does one round of work at a time; the supervisor calls it on its schedule, goes on
//! after an error, a panic or a round that hangs, and records how each round ended. `/metrics` shows the last success of each
//! job, and `/readyz` fails when it is too long ago.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;

use super::{App, Error};

/// The future of one round.
pub type JobRound = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What the supervisor needs to know about a job.
#[derive(Clone, Copy)]
pub struct Job {
    /// As in `/metrics` and the log.
    pub name: &'static str,
    /// The pause between two rounds.
    pub every: Duration,
    /// A round that takes longer is cancelled and counts as failed.
    pub time_limit: Duration,
    /// `/readyz` fails when the last success is longer ago than this.
    pub overdue_after: Duration,
    pub run: fn(App) -> JobRound,
}

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
    pub job: Job,
    /// By the steady clock, in milliseconds; at first the time at which the job was started.
    last_success: AtomicU64,
    #[cfg(test)]
    pub planted: planted::Planted,
}

/// The jobs of this process.
#[derive(Default)]
pub struct Jobs(OnceLock<Vec<Arc<JobStatus>>>);

/// A job that panics again and again is restarted less and less often, up to this pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Jobs {
    /// Starts each job in a task of its own, which ends with the process. Only the first call does anything.
    pub fn start(app: &App, jobs: &[Job]) {
        let now = millis(app.clock.steady());
        let start = |job: &Job| {
            Arc::new(JobStatus {
                job: *job,
                last_success: AtomicU64::new(now),
                #[cfg(test)]
                planted: planted::Planted::default(),
            })
        };
        if app.jobs.0.set(jobs.iter().map(start).collect()).is_err() {
            return;
        }
        for status in app.jobs.iter() {
            tokio::spawn(supervise(app.clone(), Arc::clone(status)));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<JobStatus>> {
        self.0.get().into_iter().flatten()
    }

    /// The first job whose last success is too long ago.
    pub fn overdue(&self, steady: Duration) -> Option<&JobStatus> {
        self.iter().map(|status| &**status).find(|status| status.age(steady) > status.job.overdue_after)
    }
}

impl JobStatus {
    /// Time since the last success, or since the start.
    pub fn age(&self, steady: Duration) -> Duration {
        steady.saturating_sub(Duration::from_millis(self.last_success.load(Ordering::Relaxed)))
    }

    fn record(&self, app: &App, end: RoundEnd) {
        if end == RoundEnd::Succeeded {
            self.last_success.store(millis(app.clock.steady()), Ordering::Relaxed);
        }
        app.metrics.operations.job_finished(self.job.name, end);
        #[cfg(test)]
        self.planted.ended(end);
    }
}

async fn supervise(app: App, status: Arc<JobStatus>) {
    let mut panics = 0;
    loop {
        let end = run_round(&app, &status).await;
        status.record(&app, end);
        panics = if end == RoundEnd::Panicked { panics + 1 } else { 0 };
        tokio::time::sleep(pause(status.job.every, panics)).await;
    }
}

async fn run_round(app: &App, status: &JobStatus) -> RoundEnd {
    let Job { name, time_limit, run, .. } = status.job;
    let round = AssertUnwindSafe(async {
        #[cfg(test)]
        status.planted.act().await;
        run(app.clone()).await
    });
    match tokio::time::timeout(time_limit, round.catch_unwind()).await {
        Ok(Ok(Ok(()))) => RoundEnd::Succeeded,
        Ok(Ok(Err(error))) => {
            tracing::warn!(job = name, %error, "job failed; retrying");
            RoundEnd::Failed
        }
        Ok(Err(_)) => {
            tracing::error!(job = name, "job panicked; restarting it");
            RoundEnd::Panicked
        }
        Err(_) => {
            tracing::error!(job = name, limit = ?time_limit, "job took too long and was cancelled; retrying");
            RoundEnd::TimedOut
        }
    }
}

/// The usual pause; after panics in a row, twice as long each time.
fn pause(every: Duration, panics: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(every);
    every.saturating_mul(1 << panics.saturating_sub(1).min(10)).min(longest)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Faults that tests plant into jobs.
#[cfg(test)]
pub mod planted {
    use tokio::sync::watch;

    use super::RoundEnd;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum PlantedFault {
        /// The next round panics.
        Panic,
        /// Rounds hang until the fault is taken away.
        Hang,
    }

    #[derive(Default)]
    pub struct Planted {
        fault: watch::Sender<Option<PlantedFault>>,
        ends: watch::Sender<Vec<RoundEnd>>,
        is_hanging: watch::Sender<bool>,
    }

    impl Planted {
        pub fn set(&self, fault: Option<PlantedFault>) {
            self.fault.send_replace(fault);
        }

        pub(super) async fn act(&self) {
            let mut fault = self.fault.subscribe();
            let now = *fault.borrow();
            match now {
                Some(PlantedFault::Panic) => {
                    self.set(None);
                    panic!("planted by a test");
                }
                Some(PlantedFault::Hang) => {
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
            self.set(Some(PlantedFault::Hang));
            self.is_hanging
                .subscribe()
                .wait_for(|hangs| *hangs)
                .await
                .expect("the sender lives as long as the job");
        }

        /// Waits until a round that began after this call has succeeded.
        pub async fn saw_another_success(&self) {
            let mut ends = self.ends.subscribe();
            // The next round may be under way already; the one after it is not.
            let count = ends.borrow().len() + 1;
            let succeeded =
                |ends: &Vec<RoundEnd>| ends.iter().skip(count).any(|end| *end == RoundEnd::Succeeded);
            ends.wait_for(succeeded).await.expect("the sender lives as long as the job");
        }

        /// Waits until rounds have ended in this order, whatever ended between them.
        pub async fn saw(&self, order: &[RoundEnd]) {
            let has_all = |ends: &Vec<RoundEnd>| {
                let mut ends = ends.iter();
                order.iter().all(|wanted| ends.any(|end| end == wanted))
            };
            self.ends.subscribe().wait_for(has_all).await.expect("the sender lives as long as the job");
        }
    }
}
