//! The metrics that `/metrics` reports. The registry belongs to the app, so two apps in one process (as in tests) have separate
//! counts, except for the metrics of the process itself and of database errors.

mod format;
mod operations;
mod process;

pub use format::Format;
pub use operations::{DeviceLogin, KeyCounts, Operations, SignInFailure, UsageStep, WebhookEnd};

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Clock;
use super::db::Db;
use crate::shared::VERSION;
use process::Process;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    /// The route's pattern, never the requested path: paths can contain secrets, and there is no limit to their number.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// Counts letters by outcome.
#[derive(Clone)]
pub struct Letters(Family<OutcomeLabels, Counter>);

impl Letters {
    pub fn sent(&self) {
        self.count("sent");
    }

    /// Counts one failed attempt to send a letter. Another attempt may follow.
    pub fn failed(&self) {
        self.count("failed");
    }

    pub fn refused(&self) {
        self.count("refused");
    }

    fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&OutcomeLabels { outcome }).inc();
    }
}

pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    running: Gauge,
    password_seconds: Histogram,
    key_hashes: Counter,
    key_lookups: Counter,
    key_checks: Vec<Counter>,
    database_connections: Gauge,
    letters: Letters,
    uptime: Gauge<f64, AtomicU64>,
    process: Process,
    pub operations: Operations,
}

impl Metrics {
    /// `outcomes` are the outcomes of key checks, in the order of their numbers.
    pub fn new(db: &Db, clock: &Clock, outcomes: &[&'static str]) -> Self {
        let mut all = Registry::default();
        let start = clock.now().minus(clock.steady()).millis() as f64 / 1_000.0;
        let process = Process::register(&mut all, start);
        let registry = all.sub_registry_with_prefix("latchkey");
        let requests = Family::default();
        let seconds: Family<RouteLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 4.0, 8)));
        let password_seconds = Histogram::new(exponential_buckets(0.005, 2.0, 8));
        let (running, database_connections, uptime) = (Gauge::default(), Gauge::default(), Gauge::default());
        let build = [("version", VERSION.to_owned()), ("database", db.engine().to_string())];
        registry.register("build", "Version and database engine", Info::new(build));
        registry.register("http_requests", "Requests answered", Family::clone(&requests));
        registry.register("http_request_seconds", "Time to the head of the answer", Family::clone(&seconds));
        registry.register("http_requests_running", "Requests being answered", Gauge::clone(&running));
        registry.register(
            "password_seconds",
            "Time to hash one password",
            Histogram::clone(&password_seconds),
        );
        let (key_hashes, key_lookups) = (Counter::default(), Counter::default());
        registry.register("key_hashes", "Secrets of keys hashed", Counter::clone(&key_hashes));
        registry.register(
            "key_lookups",
            "Times that a check of a key asked the database",
            Counter::clone(&key_lookups),
        );
        let checks = Family::<OutcomeLabels, Counter>::default();
        registry.register("key_checks", "Keys checked, by outcome", Family::clone(&checks));
        let key_checks =
            outcomes.iter().map(|outcome| checks.get_or_create(&OutcomeLabels { outcome }).clone()).collect();
        registry.register(
            "database_connections",
            "Open database connections",
            Gauge::clone(&database_connections),
        );
        let letters = Letters(Family::default());
        registry.register("letters", "Letters sent, failed attempts, letters refused", letters.0.clone());
        registry.register("uptime_seconds", "Time since the start", Gauge::clone(&uptime));
        let operations = Operations::register(registry, db);
        Self {
            registry: all,
            requests,
            seconds,
            running,
            password_seconds,
            key_hashes,
            key_lookups,
            key_checks,
            database_connections,
            letters,
            uptime,
            process,
            operations,
        }
    }

    pub fn begin(&self) -> RunningGuard {
        self.running.inc();
        RunningGuard(self.running.clone())
    }

    pub fn record_response(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub fn letters(&self) -> Letters {
        self.letters.clone()
    }

    pub fn password_hashed(&self, took: Duration) {
        self.password_seconds.observe(took.as_secs_f64());
    }

    pub fn key_hashed(&self) {
        self.key_hashes.inc();
    }

    pub fn key_looked_up(&self) {
        self.key_lookups.inc();
    }

    /// Counts a key check by the number of its outcome.
    pub fn key_checked(&self, outcome: usize) {
        if let Some(counter) = self.key_checks.get(outcome) {
            counter.inc();
        }
    }

    /// The number of hashes and of look-ups so far, for tests of the cache.
    pub fn key_work(&self) -> (u64, u64) {
        (self.key_hashes.get(), self.key_lookups.get())
    }

    pub fn encode(&self, db: &Db, uptime: Duration, format: Format) -> String {
        self.database_connections.set(i64::from(db.pool().size()));
        self.uptime.set(uptime.as_secs_f64());
        self.process.measure();
        self.operations.measure(db);
        let mut page = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        format.write(page)
    }
}

/// Counts a request as running until it is dropped.
pub struct RunningGuard(Gauge);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
