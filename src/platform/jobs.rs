//! Background jobs under a supervisor. The supervisor runs a job in rounds on its schedule, continues after an error, a panic or a
//! round that hangs, and records how each round ended. `/metrics` reports the time since the last success of each job, and
//! `/readyz` fails when it is too long.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::job_status::{JobStatus, RoundEnd};
use super::{App, Error, GrowingLimit};

/// The future of one round.
pub type JobRound = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What the supervisor needs to know about a job.
#[derive(Clone, Copy)]
pub struct Job {
    /// The name in `/metrics` and the log.
    pub name: &'static str,
    /// The pause between two rounds.
    pub every: Duration,
    /// A round that takes longer is cancelled and counts as failed. The limit grows while rounds take too long in a row.
    pub time_limit: Duration,
    /// `/readyz` fails when the last success is longer ago than this.
    pub overdue_after: Duration,
    pub run: fn(App) -> JobRound,
}

/// The longest pause after repeated panics, unless the job's own pause is longer.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The pause between the first rounds of two jobs. Jobs that begin at the same time open a database connection each.
const SPREAD: Duration = Duration::from_millis(10);
/// How long a round may continue after the jobs were stopped.
const LAST_ROUND: Duration = Duration::from_secs(1);

/// Starts each job in its own task, which ends when the jobs are stopped. Only the first call has an effect.
pub fn start(app: &App, jobs: &[Job]) {
    let now = app.clock.steady();
    let statuses: Vec<_> =
        jobs.iter().map(|job| Arc::new(JobStatus::new(job.name, job.overdue_after, now))).collect();
    if app.jobs.set(statuses.clone()) {
        let mut first_pause = Duration::ZERO;
        for (job, status) in jobs.iter().zip(statuses) {
            app.jobs.tasks.spawn(supervise(app.clone(), *job, status, first_pause));
            first_pause += SPREAD;
        }
    }
}

async fn supervise(app: App, job: Job, status: Arc<JobStatus>, first_pause: Duration) {
    let stopping = &app.jobs.stopping;
    let give_up = async {
        stopping.cancelled().await;
        tokio::time::sleep(LAST_ROUND).await;
    };
    let rounds = async {
        pause_unless_stopped(&app, first_pause).await;
        let (mut panics, limit) = (0, GrowingLimit::new(job.time_limit));
        while !stopping.is_cancelled() {
            let end = run_round(&app, &job, &limit, &status).await;
            status.finished(end, app.clock.steady());
            app.metrics.jobs.finished(job.name, end);
            panics = if end == RoundEnd::Panicked { panics + 1 } else { 0 };
            pause_unless_stopped(&app, pause(job.every, panics, end)).await;
        }
    };
    tokio::select! {
        () = rounds => {}
        () = give_up => {}
    }
}

async fn pause_unless_stopped(app: &App, pause: Duration) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = app.jobs.stopping.cancelled() => {}
    }
}

#[cfg_attr(not(test), expect(unused_variables, reason = "tests inject faults through the status"))]
async fn run_round(app: &App, job: &Job, limit: &GrowingLimit, status: &JobStatus) -> RoundEnd {
    let (Job { name, run, .. }, time_limit) = (*job, limit.current());
    let round = AssertUnwindSafe(async {
        #[cfg(test)]
        status.faults.apply().await;
        run(app.clone()).await
    });
    match limit.run(&app.clock, round.catch_unwind()).await {
        Some(Ok(Ok(()))) => RoundEnd::Succeeded,
        Some(Ok(Err(error))) => {
            tracing::warn!(job = name, %error, "job failed; retrying");
            RoundEnd::Failed
        }
        Some(Err(_)) => {
            tracing::error!(job = name, "job panicked; restarting it");
            RoundEnd::Panicked
        }
        None => {
            tracing::error!(job = name, limit = ?time_limit, "job took too long and was cancelled; retrying");
            RoundEnd::TimedOut
        }
    }
}

/// The pause after a round. It doubles with each consecutive panic. After a timeout it is short, because the next round has
/// another connection to the database.
fn pause(every: Duration, panics: u32, end: RoundEnd) -> Duration {
    if end == RoundEnd::TimedOut {
        return every.min(MAX_PAUSE);
    }
    let longest = MAX_PAUSE.max(every);
    every.saturating_mul(1 << panics.saturating_sub(1).min(10)).min(longest)
}
