//! Metrics of sign-ins and passwords.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
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

pub struct AccountMetrics {
    sign_in_failures: Family<ReasonLabels, Counter>,
    password_seconds: Histogram,
}

impl AccountMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let sign_in_failures = Family::<ReasonLabels, Counter>::default();
        // Counters start at 0, so that the first event is an increase.
        for reason in SignInFailure::ALL {
            drop(sign_in_failures.get_or_create(&ReasonLabels { reason: reason.as_str() }));
        }
        let password_seconds = Histogram::new(exponential_buckets(0.005, 2.0, 8));
        registry.register("sign_in_failures", "Failed sign-ins, by reason", sign_in_failures.clone());
        registry.register("password_seconds", "Time to hash one password", password_seconds.clone());
        Self { sign_in_failures, password_seconds }
    }

    pub fn sign_in_failed(&self, reason: SignInFailure) {
        self.sign_in_failures.get_or_create(&ReasonLabels { reason: reason.as_str() }).inc();
    }

    pub fn password_hashed(&self, took: Duration) {
        self.password_seconds.observe(took.as_secs_f64());
    }
}
