//! Other servers on the same database: which of them have stopped and left rows in the journal.

use std::collections::HashMap;
use std::time::Duration;

/// A server with rows in the journal that neither writes nor rolls up for this long has stopped.
const STOPPED_AFTER: Duration = Duration::from_secs(30);

/// A server with rows in the journal.
#[derive(Clone, Debug)]
pub struct JournalNode {
    pub name: String,
    pub first: i64,
    pub last: i64,
}

#[derive(Default)]
pub struct OtherNodes(HashMap<String, Observed>);

struct Observed {
    first: i64,
    last: i64,
    /// Since when its first and last row have not changed, by the steady clock.
    since: Duration,
}

impl OtherNodes {
    /// Forgets the servers without rows.
    pub fn retain(&mut self, nodes: &[JournalNode]) {
        self.0.retain(|name, _| nodes.iter().any(|node| node.name == *name));
    }

    pub fn has_stopped(&mut self, node: &JournalNode, now: Duration) -> bool {
        let &JournalNode { first, last, .. } = node;
        let observed = self.0.entry(node.name.clone()).or_insert(Observed { first, last, since: now });
        let was_stopped = now.saturating_sub(observed.since) >= STOPPED_AFTER;
        // After it has stopped, other servers remove its first rows.
        if observed.last != last || (observed.first != first && !was_stopped) {
            *observed = Observed { first, last, since: now };
        }
        now.saturating_sub(observed.since) >= STOPPED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_neither_writes_nor_rolls_up_has_stopped() {
        let mut nodes = OtherNodes::default();
        let mut stopped = |first, last, seconds| {
            let node = JournalNode { name: "one".to_owned(), first, last };
            nodes.has_stopped(&node, Duration::from_secs(seconds))
        };
        assert!(!stopped(1, 1, 0));
        assert!(!stopped(1, 2, 29), "it writes");
        assert!(!stopped(2, 2, 58), "it rolls up");
        assert!(!stopped(2, 2, 87));
        assert!(stopped(2, 2, 88));
        assert!(stopped(3, 2, 89), "another server rolls its rows up");
        assert!(!stopped(3, 4, 90), "it writes again");
    }
}
