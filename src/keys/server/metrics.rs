//! Metrics of keys and of checking them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::metrics::OutcomeCounters;
use crate::usage::Outcome;

/// The numbers of keys in the whole database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCounts {
    pub active: i64,
    /// Active keys that expire within a week.
    pub expiring: i64,
}

pub struct KeyMetrics {
    hashes: Counter,
    lookups: Counter,
    /// By the number of the outcome.
    checks: Vec<Counter>,
    remembered_tokens: Gauge,
    active: Gauge,
    expiring: Gauge,
}

impl KeyMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let (hashes, lookups) = (Counter::default(), Counter::default());
        registry.register("key_hashes", "Secrets of keys hashed", hashes.clone());
        registry.register("key_lookups", "Times that a check of a key asked the database", lookups.clone());
        let outcomes = Outcome::ALL.map(Outcome::as_str);
        let checks = OutcomeCounters::new(outcomes);
        checks.register(registry, "key_checks", "Keys checked, by outcome");
        let all = Self {
            hashes,
            lookups,
            checks: outcomes.map(|outcome| checks.counter(outcome)).into(),
            remembered_tokens: Gauge::default(),
            active: Gauge::default(),
            expiring: Gauge::default(),
        };
        for (name, help, gauge) in [
            ("remembered_tokens", "Tokens that are remembered as proven", &all.remembered_tokens),
            ("keys_active", "Keys that work", &all.active),
            ("keys_expiring", "Keys that work and end within 7 days", &all.expiring),
        ] {
            registry.register(name, help, gauge.clone());
        }
        all
    }

    pub fn hashed(&self) {
        self.hashes.inc();
    }

    pub fn looked_up(&self) {
        self.lookups.inc();
    }

    pub fn checked(&self, outcome: Outcome) {
        if let Some(counter) = self.checks.get(outcome as usize) {
            counter.inc();
        }
    }

    pub fn set_remembered_tokens(&self, tokens: usize) {
        self.remembered_tokens.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    pub fn set_keys(&self, counts: KeyCounts) {
        self.active.set(counts.active);
        self.expiring.set(counts.expiring);
    }

    /// The number of hashes and of look-ups so far.
    #[cfg(test)]
    pub fn work(&self) -> (u64, u64) {
        (self.hashes.get(), self.lookups.get())
    }
}
