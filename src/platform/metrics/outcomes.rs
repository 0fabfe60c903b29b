//! A counter for each outcome of something.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone)]
pub struct OutcomeCounters(Family<OutcomeLabels, Counter>);

impl OutcomeCounters {
    /// All outcomes start at 0, so that the first event is an increase.
    pub fn new(outcomes: impl IntoIterator<Item = &'static str>) -> Self {
        let counters = Self(Family::default());
        for outcome in outcomes {
            counters.add(outcome, 0);
        }
        counters
    }

    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.0.clone());
    }

    pub fn add(&self, outcome: &'static str, count: u64) {
        self.0.get_or_create(&OutcomeLabels { outcome }).inc_by(count);
    }

    /// The counter of one outcome, to count without looking it up.
    pub fn counter(&self, outcome: &'static str) -> Counter {
        self.0.get_or_create(&OutcomeLabels { outcome }).clone()
    }
}
