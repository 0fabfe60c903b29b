//! Signals to open pages. A slice publishes a signal for a topic, and each page that subscribed to the topic receives it
//! over its own connection (`orgs::server::live`). The handler that renders such a page calls `expect`, so that the last
//! signal of the topic is stored until the browser has connected, and while it reconnects.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, broadcast};

use super::{Clock, Quota, QuotaUse};
use crate::shared::UserId;

/// Signals that a connection may be behind. One that is further behind misses the oldest signals and stays connected.
const BACKLOG: usize = 256;
/// How long signals are stored for a page that has not connected yet, or has lost its connection.
const CONNECT_TIME: Duration = Duration::from_secs(60);
/// Topics that signals are stored for, of all pages together. Signals of further topics reach connected pages only.
const MAX_EXPECTED_TOPICS: usize = 10_000;

/// Names what a page can receive signals about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name that pages use: `organization:…` or `person:…`, meaning their own organization or person.
    pub page_name: String,
    /// The name that is unique in the process: `organization/<id>/…` or `person/<id>/…`.
    pub full_name: String,
}

impl Topic {
    pub fn of_org(org: &impl Display, what: &str) -> Self {
        Self { page_name: format!("organization:{what}"), full_name: format!("organization/{org}/{what}") }
    }

    pub fn of_person(person: UserId, what: &str) -> Self {
        Self { page_name: format!("person:{what}"), full_name: format!("person/{person}/{what}") }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The full name of its topic.
    pub topic: String,
    /// A sentence that the page shows, or empty.
    pub text: String,
    /// The attempt that the page waits for was refused, and the page keeps waiting.
    pub is_refusal: bool,
}

/// What every open connection receives.
#[derive(Clone, Debug)]
pub enum LiveEvent {
    Signal(Signal),
    /// The access of this person may have ended, or that of everybody if None.
    Recheck(Option<UserId>),
}

/// Connections that read at the same time whether their person still has access.
const CHECKS_AT_ONCE: usize = 2;

pub struct Live {
    events: broadcast::Sender<LiveEvent>,
    checks: Semaphore,
    expected: ExpectedTopics,
    /// Open connections by person.
    people: Quota<UserId>,
    clock: Clock,
}

/// By full name.
type ExpectedTopics = Arc<Mutex<HashMap<String, ExpectedTopic>>>;

#[derive(Default)]
struct ExpectedTopic {
    /// The number of connected pages.
    pages: usize,
    /// Until when further pages may connect. Zero if `expect` was never called for the topic.
    until: Duration,
    /// The last signal since `expect`; a refusal only if there was no other one.
    last: Option<Signal>,
}

impl ExpectedTopic {
    fn is_expected(&self, now: Duration) -> bool {
        self.pages > 0 || now < self.until
    }
}

/// The topics of one connected page. Dropping it ends the subscription.
pub struct Subscription {
    topics: Vec<Topic>,
    expected: ExpectedTopics,
    clock: Clock,
}

impl Subscription {
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let until = self.clock.steady() + CONNECT_TIME;
        let mut expected = lock(&self.expected);
        for Topic { full_name, .. } in &self.topics {
            let Some(topic) = expected.get_mut(full_name) else { continue };
            topic.pages -= 1;
            // A topic that no handler expected does not wait for the page to reconnect.
            if topic.until == Duration::ZERO && topic.pages == 0 {
                expected.remove(full_name);
            } else if topic.until != Duration::ZERO {
                topic.until = until;
            }
        }
    }
}

impl Live {
    pub fn new(clock: &Clock) -> Self {
        Self {
            events: broadcast::Sender::new(BACKLOG),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            expected: Arc::default(),
            people: Quota::default(),
            clock: clock.clone(),
        }
    }

    /// Stores signals of the topic from now on, for a page that is being rendered. Returns the name that the page uses.
    pub fn expect(&self, topic: Topic) -> String {
        let now = self.clock.steady();
        let mut expected = lock(&self.expected);
        if expected.len() >= MAX_EXPECTED_TOPICS {
            expected.retain(|_, topic| topic.is_expected(now));
        }
        if expected.len() < MAX_EXPECTED_TOPICS || expected.contains_key(&topic.full_name) {
            let entry = expected.entry(topic.full_name).or_default();
            (entry.until, entry.last) = (now + CONNECT_TIME, None);
        }
        topic.page_name
    }

    /// Sends a signal to all pages that subscribed to the topic.
    pub fn publish(&self, topic: Topic, text: impl Into<String>) {
        self.send(Signal { topic: topic.full_name, text: text.into(), is_refusal: false });
    }

    /// As `publish`, for signals that are so frequent that they are only sent while a page waits for one.
    pub fn publish_if_expected(&self, topic: Topic, text: impl FnOnce() -> String) {
        if lock(&self.expected).contains_key(&topic.full_name) {
            self.publish(topic, text());
        }
    }

    /// Tells all pages that subscribed to the topic that an attempt was refused. They keep waiting.
    pub fn publish_refusal(&self, topic: Topic, text: impl Into<String>) {
        self.send(Signal { topic: topic.full_name, text: text.into(), is_refusal: true });
    }

    fn send(&self, signal: Signal) {
        if let Some(expected) = lock(&self.expected).get_mut(&signal.topic)
            && (!signal.is_refusal || expected.last.as_ref().is_none_or(|last| last.is_refusal))
        {
            expected.last = Some(signal.clone());
        }
        // Sending fails when no page is connected, which is the common case.
        let _ = self.events.send(LiveEvent::Signal(signal));
    }

    /// Makes the open connections of a person check their access, because sessions or memberships of theirs have ended.
    pub fn recheck(&self, person: UserId) {
        let _ = self.events.send(LiveEvent::Recheck(Some(person)));
    }

    /// Makes all open connections check their access.
    pub fn recheck_all(&self) {
        let _ = self.events.send(LiveEvent::Recheck(None));
    }

    /// A permit to check one connection's access. It keeps many connections from using the whole database pool at once.
    pub async fn check_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.checks.acquire().await.ok()
    }

    /// Subscribes a page to topics. Returns the signals that were stored for it, and a receiver of all later events.
    pub fn subscribe(
        &self,
        topics: Vec<Topic>,
    ) -> (Subscription, Vec<Signal>, broadcast::Receiver<LiveEvent>) {
        let events = self.events.subscribe();
        let mut expected = lock(&self.expected);
        let mut stored = Vec::new();
        for Topic { full_name, .. } in &topics {
            let topic = expected.entry(full_name.clone()).or_default();
            topic.pages += 1;
            stored.extend(topic.last.clone());
        }
        drop(expected);
        let expected = Arc::clone(&self.expected);
        (Subscription { topics, expected, clock: self.clock.clone() }, stored, events)
    }

    /// The full names of the topics that pages are waiting for, for slices that would otherwise publish very many signals.
    pub fn expected_topics(&self) -> Vec<String> {
        let now = self.clock.steady();
        let mut expected = lock(&self.expected);
        expected.retain(|_, topic| topic.is_expected(now));
        expected.keys().cloned().collect()
    }

    /// Counts one connection of the person until the returned value is dropped. None when they already have `most`.
    pub fn admit(&self, person: UserId, most: usize) -> Option<QuotaUse<UserId>> {
        self.people.take(person, most)
    }

    /// The number of open connections.
    pub fn listeners(&self) -> usize {
        self.events.receiver_count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
