//! What happens while a page is open. A slice tells of it; pages that wait for it hear it over one connection each
//! (`ui::server::live`). Nothing is kept: a page that was not listening reads the state when it loads.

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

pub struct Live(broadcast::Sender<Signal>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Live {
    pub fn tell(&self, topic: impl Into<String>, text: impl Into<String>) {
        // Nobody listening is the usual case.
        let _ = self.0.send(Signal { topic: topic.into(), text: text.into() });
    }

    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.0.subscribe()
    }

    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}
