//! What happens while a page is open. A slice tells of it; pages that wait for it hear it over one connection each
//! (`ui::server::live`). Nothing is kept: a page that was not listening reads the state when it loads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

/// Listeners that fall further behind miss the oldest; they stay connected.
const BACKLOG: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Whose, and what: `organization/<id>/…` or `person/<id>/…`.
    pub topic: String,
    /// A sentence for people; may be empty.
    pub text: String,
}

pub struct Live {
    signals: broadcast::Sender<Signal>,
    /// How many pages wait for each topic.
    awaited: Arc<Mutex<HashMap<String, usize>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { signals: broadcast::Sender::new(BACKLOG), awaited: Arc::default() }
    }
}

/// Topics that somebody waits for, until this is dropped.
pub struct Awaiting {
    topics: Vec<String>,
    awaited: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in &self.topics {
            if let Some(count) = awaited.get_mut(topic) {
                *count -= 1;
                if *count == 0 {
                    awaited.remove(topic);
                }
            }
        }
    }
}

impl Live {
    pub fn tell(&self, topic: impl Into<String>, text: impl Into<String>) {
        // Nobody listening is the usual case.
        let _ = self.signals.send(Signal { topic: topic.into(), text: text.into() });
    }

    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    /// From here on it is known that somebody waits for these.
    pub fn wait_for(&self, topics: Vec<String>) -> Awaiting {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in &topics {
            *awaited.entry(topic.clone()).or_default() += 1;
        }
        Awaiting { topics, awaited: Arc::clone(&self.awaited) }
    }

    /// What pages wait for now: whoever tells of very much tells only of this.
    pub fn awaited(&self) -> Vec<String> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    pub fn listeners(&self) -> usize {
        self.signals.receiver_count()
    }
}
