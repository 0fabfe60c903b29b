//! Metrics of command-line logins.

use prometheus_client::registry::Registry;

use crate::platform::metrics::OutcomeCounters;

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

pub struct DeviceMetrics {
    logins: OutcomeCounters,
}

impl DeviceMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let logins = OutcomeCounters::new(DeviceLogin::ALL.map(DeviceLogin::as_str));
        logins.register(registry, "device_logins", "Logins of devices, by outcome");
        Self { logins }
    }

    pub fn count(&self, login: DeviceLogin) {
        self.logins.add(login.as_str(), 1);
    }
}
