//! The metrics that `/metrics` reports. The registry belongs to the app, so two apps in one process (as in tests) have separate
//! counts, except for the metrics of the process itself and of database errors.

mod database;
mod format;
mod jobs;
mod outcomes;
mod process;

pub use database::DatabaseMetrics;
pub use format::Format;
pub use jobs::JobMetrics;
pub use outcomes::OutcomeCounters;

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

const SENT: &str = "sent";
const FAILED: &str = "failed";
const REFUSED: &str = "refused";

/// Counts emails by outcome.
#[derive(Clone)]
pub struct Letters(OutcomeCounters);

impl Letters {
    pub fn sent(&self) {
        self.0.add(SENT, 1);
    }

    /// Counts one failed attempt to send an email. Another attempt may follow.
    pub fn failed(&self) {
        self.0.add(FAILED, 1);
    }

    pub fn refused(&self) {
        self.0.add(REFUSED, 1);
    }
}

/// The part of the registry whose names begin with `latchkey_`.
pub fn latchkey_registry(all: &mut Registry) -> &mut Registry {
    all.sub_registry_with_prefix("latchkey")
}

pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    running: Gauge,
    letters: Letters,
    uptime: Gauge<f64, AtomicU64>,
    process: Process,
    pub database: DatabaseMetrics,
    pub jobs: JobMetrics,
}

impl Metrics {
    /// `all` is the registry in which the slices have registered their metrics.
    pub fn new(db: &Db, clock: &Clock, mut all: Registry) -> Self {
        let start = clock.now().minus(clock.steady()).millis() as f64 / 1_000.0;
        let process = Process::register(&mut all, start);
        let registry = latchkey_registry(&mut all);
        let requests = Family::default();
        let seconds: Family<RouteLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 4.0, 8)));
        let (running, uptime) = (Gauge::default(), Gauge::default());
        let build = [("version", VERSION.to_owned()), ("database", db.engine().to_string())];
        registry.register("build", "Version and database engine", Info::new(build));
        registry.register("http_requests", "Requests answered", Family::clone(&requests));
        registry.register("http_request_seconds", "Time to the head of the answer", Family::clone(&seconds));
        registry.register("http_requests_running", "Requests being answered", Gauge::clone(&running));
        let letters = OutcomeCounters::new([SENT, FAILED, REFUSED]);
        letters.register(registry, "letters", "Emails sent, failed attempts, emails refused");
        registry.register("uptime_seconds", "Time since the start", Gauge::clone(&uptime));
        let database = DatabaseMetrics::register(registry, db);
        let jobs = JobMetrics::register(registry);
        Self {
            registry: all,
            requests,
            seconds,
            running,
            letters: Letters(letters),
            uptime,
            process,
            database,
            jobs,
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

    pub fn encode(&self, db: &Db, uptime: Duration, format: Format) -> String {
        self.uptime.set(uptime.as_secs_f64());
        self.process.measure();
        self.database.measure(db);
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
