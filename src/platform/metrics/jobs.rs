//! Metrics of background jobs.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::job_status::{Jobs, RoundEnd};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobRoundLabels {
    job: &'static str,
    outcome: &'static str,
}

#[derive(Default)]
pub struct JobMetrics {
    ages: Family<JobLabels, Gauge<f64, AtomicU64>>,
    rounds: Family<JobRoundLabels, Counter>,
}

impl JobMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register(
            "job_last_success_age_seconds",
            "Time since each background job last succeeded, or since the start",
            all.ages.clone(),
        );
        registry.register("job_rounds", "Rounds of background jobs, by outcome", all.rounds.clone());
        all
    }

    pub fn finished(&self, job: &'static str, end: RoundEnd) {
        self.rounds.get_or_create(&JobRoundLabels { job, outcome: end.as_str() }).inc();
    }

    pub fn set_ages(&self, jobs: &Jobs, steady: Duration) {
        for status in jobs.iter() {
            let age = status.age(steady).as_secs_f64();
            self.ages.get_or_create(&JobLabels { job: status.name }).set(age);
        }
    }
}
