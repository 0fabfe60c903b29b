//! Background jobs survive panics and hangs, and operators see a job that does not succeed any more.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use crate::platform::db::Engine;
use crate::platform::job_status::RoundEnd;
use crate::platform::job_status::fault_injection::InjectedFault;
use crate::platform::jobs::{self, Job};
use crate::server;

const SOON: Duration = Duration::from_millis(1);

/// All jobs of the server, without their pauses.
fn quick_jobs(time_limit: Duration) -> Vec<Job> {
    server::jobs().into_iter().map(|job| Job { every: SOON, time_limit, ..job }).collect()
}

#[apply(on_both_engines!)]
async fn a_job_that_panics_is_restarted(engine: Engine) {
    let server = Server::on(engine).await;
    jobs::start(&server.app, &quick_jobs(Duration::from_secs(60)));
    assert_eq!(server.app.jobs.iter().count(), crate::server::jobs().len());
    for status in server.app.jobs.iter() {
        status.faults.set(Some(InjectedFault::Panic));
        status.faults.wait_for_ends(&[RoundEnd::Panicked, RoundEnd::Succeeded]).await;
        let line = format!("latchkey_job_rounds_total{{job=\"{}\",outcome=\"panic\"}} 1", status.name);
        assert!(server.metrics().await.contains(&line), "{line}");
    }
    assert_eq!(server.get("/readyz").send().await.status, 200);
}

#[apply(on_both_engines!)]
async fn a_job_that_hangs_is_cancelled_and_started_again(engine: Engine) {
    let server = Server::on(engine).await;
    jobs::start(&server.app, &quick_jobs(Duration::from_secs(1)));
    assert_eq!(server.app.jobs.iter().count(), crate::server::jobs().len());
    for status in server.app.jobs.iter() {
        status.faults.set(Some(InjectedFault::Hang));
    }
    for status in server.app.jobs.iter() {
        status.faults.wait_for_ends(&[RoundEnd::TimedOut]).await;
        status.faults.set(None);
        status.faults.wait_for_ends(&[RoundEnd::TimedOut, RoundEnd::Succeeded]).await;
    }
}

#[apply(on_both_engines!)]
async fn a_server_with_an_overdue_job_is_not_ready(engine: Engine) {
    let server = Server::on(engine).await;
    jobs::start(&server.app, &quick_jobs(Duration::from_secs(3_600)));
    let all: Vec<_> = server.app.jobs.iter().collect();
    for status in &all {
        status.faults.hang().await;
        let name = status.name;
        server.clock.advance(status.overdue_after + Duration::from_secs(1));
        for other in all.iter().filter(|other| other.name != name) {
            other.faults.wait_for_another_success().await;
        }
        let response = server.get("/readyz").send().await;
        assert_eq!(response.status, 503, "{name}");
        assert!(response.text().contains(name), "{}", response.text());
        assert_eq!(response.header("retry-after"), "2");
        status.faults.set(None);
        status.faults.wait_for_another_success().await;
        assert_eq!(server.get("/readyz").send().await.status, 200, "{name}");
    }
}

#[apply(on_both_engines!)]
async fn jobs_end_before_the_database_is_closed(engine: Engine) {
    let server = Server::on(engine).await;
    jobs::start(&server.app, &quick_jobs(Duration::from_secs(60)));
    for status in server.app.jobs.iter() {
        status.faults.wait_for_another_success().await;
    }
    // It does not hold up the stop.
    let hung = server.app.jobs.iter().next().expect("a job");
    hung.faults.hang().await;
    server.app.stop();
    tokio::time::timeout(Duration::from_secs(30), server::stop(&server.app))
        .await
        .expect("in time")
        .expect("it stops");
    server.app.db.close().await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let metrics = server.metrics().await;
    let failed =
        metrics.lines().find(|line| line.contains("outcome=\"error\"") && line.contains("job_rounds"));
    assert_eq!(failed, None);
}
