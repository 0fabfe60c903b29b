//! Metrics of everything besides requests: the database, usage, sign-ins, command-line logins, keys, background jobs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::OutcomeLabels;
use crate::platform::db::{self, Db};
use crate::platform::job_status::{Jobs, RoundEnd};
use crate::shared::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobRoundLabels {
    job: &'static str,
    outcome: &'static str,
}

/// Why a sign-in failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFailure {
    /// There is no such account, or the password is wrong.
    Password,
    SecondFactor,
    /// Refused because of too many attempts.
    Slowed,
    Disabled,
    /// The identity provider could not be reached, or its response was invalid.
    Provider,
    /// The identity is linked to no account.
    UnknownIdentity,
}

impl SignInFailure {
    const ALL: [Self; 6] = [
        Self::Password,
        Self::SecondFactor,
        Self::Slowed,
        Self::Disabled,
        Self::Provider,
        Self::UnknownIdentity,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Slowed => "slowed",
            Self::Disabled => "disabled",
            Self::Provider => "provider",
            Self::UnknownIdentity => "unknown_identity",
        }
    }
}

/// An event in a command-line login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceLogin {
    Started,
    Approved,
    Denied,
    /// The program has received its key.
    Completed,
    /// Approved, but the person who approved it may no longer create keys in the organization.
    Refused,
}

impl DeviceLogin {
    const ALL: [Self; 5] = [Self::Started, Self::Approved, Self::Denied, Self::Completed, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Completed => "completed",
            Self::Refused => "refused",
        }
    }
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

/// The outcome of an attempt to deliver to a webhook.
const fn attempt_outcome(is_success: bool) -> &'static str {
    if is_success { "success" } else { "failure" }
}

/// The numbers of keys in the whole database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCounts {
    pub active: i64,
    /// Active keys that expire within a week.
    pub expiring: i64,
}

#[derive(Default)]
pub struct Operations {
    database_errors: Family<KindLabels, Counter>,
    database_size: Gauge,
    last_backup: Gauge<f64, AtomicU64>,
    idle_connections: Gauge,
    change_log_age: Gauge<f64, AtomicU64>,
    usage_unwritten: Gauge,
    usage_failures: Family<StepLabels, Counter>,
    sign_in_failures: Family<ReasonLabels, Counter>,
    device_logins: Family<OutcomeLabels, Counter>,
    remembered_tokens: Gauge,
    active_keys: Gauge,
    expiring_keys: Gauge,
    webhook_deliveries: Family<OutcomeLabels, Counter>,
    webhook_attempts: Family<OutcomeLabels, Counter>,
    webhook_waiting: Gauge,
    leak_waiting: Gauge,
    job_ages: Family<JobLabels, Gauge<f64, AtomicU64>>,
    job_rounds: Family<JobRoundLabels, Counter>,
}

impl Operations {
    pub fn register(registry: &mut Registry, db: &Db) -> Self {
        let all = Self::default();
        // Counters start at 0, so that the first event is an increase.
        for reason in SignInFailure::ALL {
            drop(all.sign_in_failures.get_or_create(&ReasonLabels { reason: reason.as_str() }));
        }
        for outcome in DeviceLogin::ALL {
            drop(all.device_logins.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }));
        }
        for step in UsageStep::ALL {
            drop(all.usage_failures.get_or_create(&StepLabels { step: step.as_str() }));
        }
        for end in WebhookEnd::ALL {
            drop(all.webhook_deliveries.get_or_create(&OutcomeLabels { outcome: end.as_str() }));
        }
        for is_success in [true, false] {
            let outcome = attempt_outcome(is_success);
            drop(all.webhook_attempts.get_or_create(&OutcomeLabels { outcome }));
        }
        registry.register(
            "database_errors",
            "Errors of the database in this process, by kind",
            all.database_errors.clone(),
        );
        registry.register(
            "database_write_wait_seconds",
            "Time that a write waited for its turn and a connection",
            db.write_waits().clone(),
        );
        registry.register(
            "usage_failures",
            "Failed steps of writing usage, each of which is tried again",
            all.usage_failures.clone(),
        );
        registry.register("sign_in_failures", "Failed sign-ins, by reason", all.sign_in_failures.clone());
        registry.register("device_logins", "Logins of devices, by outcome", all.device_logins.clone());
        registry.register(
            "webhook_deliveries",
            "Deliveries to webhooks that ended, by outcome",
            all.webhook_deliveries.clone(),
        );
        registry.register(
            "webhook_attempts",
            "Attempts to deliver to webhooks, by outcome",
            all.webhook_attempts.clone(),
        );
        registry.register(
            "change_log_age_seconds",
            "Time since the change log was last read to its end; from 5 s on keys are checked against the database",
            all.change_log_age.clone(),
        );
        registry.register(
            "job_last_success_age_seconds",
            "Time since each background job last succeeded, or since the start",
            all.job_ages.clone(),
        );
        registry.register("job_rounds", "Rounds of background jobs, by outcome", all.job_rounds.clone());
        registry.register(
            "last_backup_timestamp_seconds",
            "When latchkey admin backup last succeeded, in seconds since 1970; 0 for never",
            all.last_backup.clone(),
        );
        for (name, help, gauge) in [
            (
                "database_connections_idle",
                "Open database connections that nobody uses",
                &all.idle_connections,
            ),
            ("database_size_bytes", "Size of the database", &all.database_size),
            (
                "usage_unwritten_requests",
                "Counted requests that are not yet in the database",
                &all.usage_unwritten,
            ),
            ("remembered_tokens", "Tokens that are remembered as proven", &all.remembered_tokens),
            ("webhook_deliveries_waiting", "Deliveries that wait for webhooks", &all.webhook_waiting),
            ("leak_tokens_waiting", "Reported tokens that wait to be examined", &all.leak_waiting),
            ("keys_active", "Keys that work", &all.active_keys),
            ("keys_expiring", "Keys that work and end within 7 days", &all.expiring_keys),
        ] {
            registry.register(name, help, gauge.clone());
        }
        all
    }

    pub fn sign_in_failed(&self, reason: SignInFailure) {
        self.sign_in_failures.get_or_create(&ReasonLabels { reason: reason.as_str() }).inc();
    }

    pub fn device_login(&self, outcome: DeviceLogin) {
        self.device_logins.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    pub fn usage_failed(&self, step: UsageStep) {
        self.usage_failures.get_or_create(&StepLabels { step: step.as_str() }).inc();
    }

    /// Counts an attempt to deliver to a webhook.
    pub fn webhook_attempted(&self, is_success: bool) {
        let outcome = attempt_outcome(is_success);
        self.webhook_attempts.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts deliveries to webhooks that ended.
    pub fn webhooks_ended(&self, end: WebhookEnd, count: u64) {
        self.webhook_deliveries.get_or_create(&OutcomeLabels { outcome: end.as_str() }).inc_by(count);
    }

    pub fn set_webhooks_waiting(&self, deliveries: i64) {
        self.webhook_waiting.set(deliveries);
    }

    pub fn set_leaks_waiting(&self, tokens: usize) {
        self.leak_waiting.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    pub fn set_usage_unwritten(&self, requests: u64) {
        self.usage_unwritten.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    pub fn set_change_log_age(&self, age: Duration) {
        self.change_log_age.set(age.as_secs_f64());
    }

    pub fn set_remembered_tokens(&self, tokens: usize) {
        self.remembered_tokens.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    pub fn job_finished(&self, job: &'static str, end: RoundEnd) {
        self.job_rounds.get_or_create(&JobRoundLabels { job, outcome: end.as_str() }).inc();
    }

    pub fn set_job_ages(&self, jobs: &Jobs, steady: Duration) {
        for status in jobs.iter() {
            let age = status.age(steady).as_secs_f64();
            self.job_ages.get_or_create(&JobLabels { job: status.name }).set(age);
        }
    }

    pub fn set_keys(&self, counts: KeyCounts) {
        self.active_keys.set(counts.active);
        self.expiring_keys.set(counts.expiring);
    }

    pub fn set_database_size(&self, bytes: i64) {
        self.database_size.set(bytes);
    }

    pub fn set_last_backup(&self, at: Option<Timestamp>) {
        self.last_backup.set(at.map_or(0.0, |at| at.millis() as f64 / 1_000.0));
    }

    /// Sets the database metrics that need no query.
    pub(super) fn measure(&self, db: &Db) {
        self.idle_connections.set(i64::try_from(db.pool().num_idle()).unwrap_or(i64::MAX));
        for (kind, count) in db::error_counts() {
            let counter = self.database_errors.get_or_create(&KindLabels { kind });
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}
