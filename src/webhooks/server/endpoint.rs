//! An endpoint as it is stored. Its signing secrets are read only where they are used.

use crate::shared::{OrgId, Timestamp, UserId, WebhookId};
use crate::webhooks::EventSelection;

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: WebhookId,
    pub org: OrgId,
    pub url: String,
    pub description: String,
    pub events: EventSelection,
    /// Until when requests are also signed with the previous secret.
    pub previous_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: UserId,
    pub disabled_at: Option<Timestamp>,
    /// Why it is off: `person`, `gone` or `failing`.
    pub disabled_because: String,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    pub last_attempt_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    /// The HTTP status of the last attempt; None if there was no response.
    pub last_status: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    Delivering,
    Failing,
    Off,
}

impl EndpointState {
    pub const ALL: [Self; 3] = [Self::Delivering, Self::Failing, Self::Off];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivering => "delivering",
            Self::Failing => "failing",
            Self::Off => "off",
        }
    }
}

impl Endpoint {
    pub fn state(&self) -> EndpointState {
        if self.disabled_at.is_some() {
            EndpointState::Off
        } else if self.failing_since.is_some() {
            EndpointState::Failing
        } else {
            EndpointState::Delivering
        }
    }

    /// Host and path, as lists show the address.
    pub fn name(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, name)| name)
    }

    pub fn host(&self) -> &str {
        self.name().split(['/', '?']).next().unwrap_or_default()
    }
}
