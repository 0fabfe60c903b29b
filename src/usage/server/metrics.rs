//! Metrics of counting.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

/// A step of writing usage to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageStep {
    /// Writing counts to the journal.
    Flush,
    /// Adding the journal to the tables.
    RollUp,
}

impl UsageStep {
    const ALL: [Self; 2] = [Self::Flush, Self::RollUp];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Flush => "write_down",
            Self::RollUp => "add_up",
        }
    }
}

pub struct UsageMetrics {
    unwritten: Gauge,
    failures: Family<StepLabels, Counter>,
}

impl UsageMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let failures = Family::<StepLabels, Counter>::default();
        // Counters start at 0, so that the first event is an increase.
        for step in UsageStep::ALL {
            drop(failures.get_or_create(&StepLabels { step: step.as_str() }));
        }
        let unwritten = Gauge::default();
        registry.register(
            "usage_failures",
            "Failed steps of writing usage, each of which is tried again",
            failures.clone(),
        );
        registry.register(
            "usage_unwritten_requests",
            "Counted requests that are not yet in the database",
            unwritten.clone(),
        );
        Self { unwritten, failures }
    }

    pub fn failed(&self, step: UsageStep) {
        self.failures.get_or_create(&StepLabels { step: step.as_str() }).inc();
    }

    pub fn set_unwritten(&self, requests: u64) {
        self.unwritten.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }
}
