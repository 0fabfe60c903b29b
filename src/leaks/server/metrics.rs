//! Metrics of leak reports.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub struct LeakMetrics {
    waiting: Gauge,
}

impl LeakMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let waiting = Gauge::default();
        registry.register("leak_tokens_waiting", "Reported tokens that wait to be examined", waiting.clone());
        Self { waiting }
    }

    pub fn set_waiting(&self, tokens: usize) {
        self.waiting.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }
}
