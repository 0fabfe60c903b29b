//! Metrics of the database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::db::{self, Db};
use crate::shared::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Default)]
pub struct DatabaseMetrics {
    errors: Family<KindLabels, Counter>,
    connections: Gauge,
    idle_connections: Gauge,
    size: Gauge,
    last_backup: Gauge<f64, AtomicU64>,
    change_log_age: Gauge<f64, AtomicU64>,
}

impl DatabaseMetrics {
    pub(super) fn register(registry: &mut Registry, db: &Db) -> Self {
        let all = Self::default();
        registry.register(
            "database_errors",
            "Errors of the database in this process, by kind",
            all.errors.clone(),
        );
        registry.register(
            "database_write_wait_seconds",
            "Time that a write waited for its turn and a connection",
            db.write_waits().clone(),
        );
        registry.register(
            "change_log_age_seconds",
            "Time since the change log was last read to its end; from 5 s on keys are checked against the database",
            all.change_log_age.clone(),
        );
        registry.register(
            "last_backup_timestamp_seconds",
            "When latchkey admin backup last succeeded, in seconds since 1970; 0 for never",
            all.last_backup.clone(),
        );
        for (name, help, gauge) in [
            ("database_connections", "Open database connections", &all.connections),
            (
                "database_connections_idle",
                "Open database connections that nobody uses",
                &all.idle_connections,
            ),
            ("database_size_bytes", "Size of the database", &all.size),
        ] {
            registry.register(name, help, gauge.clone());
        }
        all
    }

    pub fn set_change_log_age(&self, age: Duration) {
        self.change_log_age.set(age.as_secs_f64());
    }

    pub fn set_size(&self, bytes: i64) {
        self.size.set(bytes);
    }

    pub fn set_last_backup(&self, at: Option<Timestamp>) {
        self.last_backup.set(at.map_or(0.0, |at| at.millis() as f64 / 1_000.0));
    }

    /// Sets the metrics that need no query.
    pub(super) fn measure(&self, db: &Db) {
        self.connections.set(i64::from(db.pool().size()));
        self.idle_connections.set(i64::try_from(db.pool().num_idle()).unwrap_or(i64::MAX));
        for (kind, count) in db::error_counts() {
            let counter = self.errors.get_or_create(&KindLabels { kind });
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}
