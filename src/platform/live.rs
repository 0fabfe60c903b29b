//! What happens while a page is open. A slice tells of it; pages that wait for it hear it over one connection each
//! (`ui::server::live`). Whoever draws such a page says so (`expect`): what is told before its browser listens, or while
//! the connection is away for a moment, is kept for it.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, broadcast};

use super::{Clock, Quota, QuotaUse};
use crate::shared::UserId;

/// Listeners that fall further behind miss the oldest; they stay connected.
const BACKLOG: usize = 256;
/// So long a page may take until it listens, or until it is back.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of all pages together; what further ones wait for is told, but not kept.
const MOST: usize = 10_000;

/// What a page waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// As pages name it: `organization:…` or `person:…`.
    pub here: String,
    /// Among those of all: `organization/<id>/…` or `person/<id>/…`.
    pub full: String,
}

impl Topic {
    pub fn of_org(org: &impl Display, what: &str) -> Self {
        Self { here: format!("organization:{what}"), full: format!("organization/{org}/{what}") }
    }

    pub fn of_person(person: UserId, what: &str) -> Self {
        Self { here: format!("person:{what}"), full: format!("person/{person}/{what}") }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// As it is called among those of all.
    pub topic: String,
    /// A sentence for people; may be empty.
    pub text: String,
}

/// What listeners hear.
#[derive(Clone, Debug)]
pub enum Heard {
    Signal(Signal),
    /// This person's access, or with None everybody's, may have ended.
    Recheck(Option<UserId>),
}

/// Listeners that look up at the same time whether they still may listen.
const CHECKS_AT_ONCE: usize = 2;

pub struct Live {
    signals: broadcast::Sender<Heard>,
    checks: Semaphore,
    awaited: Awaited,
    /// Listeners by person.
    people: Quota<UserId>,
    clock: Clock,
}

type Awaited = Arc<Mutex<HashMap<String, Expected>>>;

#[derive(Default)]
struct Expected {
    /// So many pages listen.
    pages: usize,
    /// Those that do not may still come, until then.
    until: Duration,
    told: Option<String>,
}

impl Expected {
    fn is_awaited(&self, now: Duration) -> bool {
        self.pages > 0 || now < self.until
    }
}

/// Topics that somebody waits for, until this is dropped.
pub struct Awaiting {
    topics: Vec<Topic>,
    awaited: Awaited,
    clock: Clock,
}

impl Awaiting {
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        let until = self.clock.steady() + PATIENCE;
        let mut awaited = lock(&self.awaited);
        for topic in &self.topics {
            let Some(expected) = awaited.get_mut(&topic.full) else { continue };
            expected.pages -= 1;
            // What no page was drawn for is not kept.
            if expected.until == Duration::ZERO && expected.pages == 0 {
                awaited.remove(&topic.full);
            } else if expected.until != Duration::ZERO {
                expected.until = until;
            }
        }
    }
}

impl Live {
    pub fn new(clock: &Clock) -> Self {
        Self {
            signals: broadcast::Sender::new(BACKLOG),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            awaited: Arc::default(),
            people: Quota::default(),
            clock: clock.clone(),
        }
    }

    /// A page is drawn that waits for this from now on. Gives the topic as the page names it.
    pub fn expect(&self, topic: Topic) -> String {
        let now = self.clock.steady();
        let mut awaited = lock(&self.awaited);
        if awaited.len() >= MOST {
            awaited.retain(|_, expected| expected.is_awaited(now));
        }
        if awaited.len() < MOST || awaited.contains_key(&topic.full) {
            let expected = awaited.entry(topic.full).or_default();
            (expected.until, expected.told) = (now + PATIENCE, None);
        }
        topic.here
    }

    pub fn tell(&self, topic: Topic, text: impl Into<String>) {
        let signal = Signal { topic: topic.full, text: text.into() };
        if let Some(expected) = lock(&self.awaited).get_mut(&signal.topic) {
            expected.told = Some(signal.text.clone());
        }
        // Nobody listening is the usual case.
        let _ = self.signals.send(Heard::Signal(signal));
    }

    /// Sessions or memberships of this person have ended: their open streams check whether they still may.
    pub fn recheck(&self, person: UserId) {
        let _ = self.signals.send(Heard::Recheck(Some(person)));
    }

    /// The same for everybody. Asked for every few seconds too, because of what other processes change.
    pub fn recheck_all(&self) {
        let _ = self.signals.send(Heard::Recheck(None));
    }

    /// A turn to check: many streams at once must not take all connections to the database.
    pub async fn turn_to_check(&self) -> Option<SemaphorePermit<'_>> {
        self.checks.acquire().await.ok()
    }

    /// What is told from here on; and what was told to these topics since a page was drawn that waits for them.
    pub fn listen(&self, topics: Vec<Topic>) -> (Awaiting, Vec<Signal>, broadcast::Receiver<Heard>) {
        let signals = self.signals.subscribe();
        let mut awaited = lock(&self.awaited);
        let mut told = Vec::new();
        for Topic { full, .. } in &topics {
            let expected = awaited.entry(full.clone()).or_default();
            expected.pages += 1;
            told.extend(expected.told.clone().map(|text| Signal { topic: full.clone(), text }));
        }
        drop(awaited);
        (Awaiting { topics, awaited: Arc::clone(&self.awaited), clock: self.clock.clone() }, told, signals)
    }

    /// What pages wait for now, by its name among all: whoever tells of very much tells only of this.
    pub fn awaited(&self) -> Vec<String> {
        let now = self.clock.steady();
        let mut awaited = lock(&self.awaited);
        awaited.retain(|_, expected| expected.is_awaited(now));
        awaited.keys().cloned().collect()
    }

    /// Counts one listener of the person, until it is dropped. None when they have so many already.
    pub fn admit(&self, person: UserId, most: usize) -> Option<QuotaUse<UserId>> {
        self.people.take(person, most)
    }

    pub fn listeners(&self) -> usize {
        self.signals.receiver_count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
