//! The parts of an event. Names are copied, because the named object may later be renamed or deleted.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::platform::http::Visit;
use crate::shared::{KeyId, OrgId, UserId};

/// The person or program that acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventActor {
    Person {
        id: UserId,
        name: String,
    },
    /// A key, on behalf of its creator.
    Key {
        id: KeyId,
        name: String,
    },
    /// An unauthenticated person, for example in a failed sign-in.
    Stranger,
    /// The operator's command line, or the server itself.
    System,
    /// People and keys whose refusals were counted together.
    Several,
}

impl EventActor {
    /// Kind, id and name.
    pub fn columns(&self) -> (&str, String, &str) {
        match self {
            Self::Person { id, name } => ("person", id.to_string(), name),
            Self::Key { id, name } => ("key", id.to_string(), name),
            Self::Stranger => ("stranger", String::new(), ""),
            Self::System => ("system", String::new(), "Latchkey"),
            Self::Several => ("several", String::new(), ""),
        }
    }
}

/// The origin of a request.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub user_agent: String,
    pub request_id: String,
}

impl Origin {
    pub fn of(visit: &Visit) -> Self {
        Self {
            address: Some(visit.address),
            user_agent: visit.user_agent.clone(),
            request_id: visit.request_id.clone(),
        }
    }

    /// The server itself: the command line or a background job.
    pub fn local() -> Self {
        Self { address: None, user_agent: String::new(), request_id: String::new() }
    }
}

/// The actor, the organization and the origin of an event.
#[derive(Clone, Debug)]
pub struct By {
    pub actor: EventActor,
    pub org: Option<OrgId>,
    pub origin: Origin,
}

impl By {
    pub fn system() -> Self {
        Self { actor: EventActor::System, org: None, origin: Origin::local() }
    }

    pub fn stranger(visit: &Visit) -> Self {
        Self { actor: EventActor::Stranger, org: None, origin: Origin::of(visit) }
    }

    #[must_use]
    pub fn in_org(mut self, org: OrgId) -> Self {
        self.org = Some(org);
        self
    }
}

/// An action on a target. `action` is `noun.verb`; the details contain no secrets.
#[derive(Clone, Debug)]
pub struct Event {
    pub action: &'static str,
    pub target_kind: &'static str,
    pub target_id: String,
    pub target_name: String,
    pub details: Map<String, Value>,
    /// Further facts for the listener, which the log does not contain.
    pub facts: Map<String, Value>,
}

impl Event {
    pub fn new(action: &'static str) -> Self {
        Self {
            action,
            target_kind: "",
            target_id: String::new(),
            target_name: String::new(),
            details: Map::new(),
            facts: Map::new(),
        }
    }

    #[must_use]
    pub fn on(mut self, kind: &'static str, id: impl ToString, name: impl Into<String>) -> Self {
        self.target_kind = kind;
        self.target_id = id.to_string();
        self.target_name = name.into();
        self
    }

    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
