//! Refusals that are counted together, and their common row.

use std::net::IpAddr;

use super::event::{By, Event, EventActor, Origin};
use crate::platform::http::address::subscriber;
use crate::shared::{KeyId, OrgId, Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum RefusalSource {
    Person(UserId),
    Key(KeyId),
    /// A person who is not signed in; an IPv6 address by its /64.
    Address(Option<IpAddr>),
    Server,
    /// Several sources that are counted together.
    Strangers,
    Several,
}

/// The refusals that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefusalSubject {
    source: RefusalSource,
    org: Option<OrgId>,
    action: &'static str,
}

impl RefusalSubject {
    fn of(by: &By, action: &'static str) -> Self {
        let source = match &by.actor {
            EventActor::Person { id, .. } => RefusalSource::Person(*id),
            EventActor::Key { id, .. } => RefusalSource::Key(*id),
            EventActor::Stranger => RefusalSource::Address(by.origin.address.map(subscriber)),
            EventActor::System | EventActor::Several => RefusalSource::Server,
        };
        Self { source, org: by.org, action }
    }

    pub fn is_stranger(&self) -> bool {
        matches!(self.source, RefusalSource::Address(_) | RefusalSource::Strangers)
    }

    pub fn is_summary(&self) -> bool {
        matches!(self.source, RefusalSource::Strangers | RefusalSource::Several)
    }
}

/// Refusals that become one row. The row has what they have in common, and the origin of the last one.
#[derive(Clone, Debug)]
pub struct Repeated {
    pub subject: RefusalSubject,
    pub by: By,
    pub event: Event,
    pub times: i64,
    /// When the first refusal happened.
    pub first: Timestamp,
}

impl Repeated {
    pub fn once(by: &By, event: Event, at: Timestamp) -> Self {
        Self { subject: RefusalSubject::of(by, event.action), by: by.clone(), event, times: 1, first: at }
    }

    pub fn add(&mut self, later: Self) {
        self.times = self.times.saturating_add(later.times);
        self.first = self.first.min(later.first);
        self.by = later.by;
        let (event, other) = (&mut self.event, later.event);
        if (event.target_kind, &event.target_id, &event.target_name)
            != (other.target_kind, &other.target_id, &other.target_name)
        {
            event.target_kind = "";
            event.target_id.clear();
            event.target_name.clear();
        }
        event.details.retain(|name, value| other.details.get(name) == Some(value));
    }

    /// Replaces the source by a summary.
    pub fn summarized(mut self, keeps_org: bool) -> Self {
        let (source, actor) = match self.subject.is_stranger() {
            true => (RefusalSource::Strangers, EventActor::Stranger),
            false => (RefusalSource::Several, EventActor::Several),
        };
        let org = self.subject.org.filter(|_| keeps_org);
        self.subject = RefusalSubject { source, org, ..self.subject };
        self.by = By { actor, org, origin: Origin::local() };
        self
    }
}
