//! Metrics of webhooks.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::metrics::OutcomeCounters;

/// How a delivery to a webhook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEnd {
    Delivered,
    GivenUp,
}

impl WebhookEnd {
    const ALL: [Self; 2] = [Self::Delivered, Self::GivenUp];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

pub struct WebhookMetrics {
    deliveries: OutcomeCounters,
    attempts: OutcomeCounters,
    waiting: Gauge,
}

impl WebhookMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let deliveries = OutcomeCounters::new(WebhookEnd::ALL.map(WebhookEnd::as_str));
        let attempts = OutcomeCounters::new([SUCCESS, FAILURE]);
        let waiting = Gauge::default();
        deliveries.register(registry, "webhook_deliveries", "Deliveries to webhooks that ended, by outcome");
        attempts.register(registry, "webhook_attempts", "Attempts to deliver to webhooks, by outcome");
        registry.register("webhook_deliveries_waiting", "Deliveries that wait for webhooks", waiting.clone());
        Self { deliveries, attempts, waiting }
    }

    pub fn attempted(&self, is_success: bool) {
        self.attempts.add(if is_success { SUCCESS } else { FAILURE }, 1);
    }

    /// Counts deliveries that ended.
    pub fn ended(&self, end: WebhookEnd, count: u64) {
        self.deliveries.add(end.as_str(), count);
    }

    pub fn set_waiting(&self, deliveries: i64) {
        self.waiting.set(deliveries);
    }
}
