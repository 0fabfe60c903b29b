//! A bounded queue that is fair to flows: each flow gets one item per round, however many it has waiting. An item whose
//! flow has nothing else in the queue waits for at most two items of every other flow. A full queue drops the item whose
//! turn is furthest away; it belongs to a flow with more waiting than the others.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// An item's position: by round, and within a round by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePosition {
    round: u64,
    arrival: u64,
}

pub struct FairQueue<F, T> {
    items: BTreeMap<QueuePosition, (F, T)>,
    /// Flows that have items waiting.
    flows: HashMap<F, Flow>,
    /// The round of the item that was taken last.
    round: u64,
    arrivals: u64,
}

#[derive(Default)]
struct Flow {
    waiting: usize,
    last_round: u64,
}

/// The result of `push`.
pub enum Pushed<T> {
    Queued(QueuePosition),
    /// Queued, after this other item was dropped.
    Replaced(QueuePosition, T),
    /// The queue is full, and no flow has more waiting than the item's own.
    Refused,
}

impl<F, T> Default for FairQueue<F, T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), flows: HashMap::new(), round: 0, arrivals: 0 }
    }
}

impl<F: Copy + Eq + Hash, T> FairQueue<F, T> {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds an item. Afterwards the queue has at most `limit` items.
    pub fn push(&mut self, flow: F, item: T, limit: usize) -> Pushed<T> {
        let last_round = self.flows.get(&flow).map_or(0, |flow| flow.last_round);
        let position = QueuePosition { round: last_round.max(self.round) + 1, arrival: self.arrivals };
        let mut dropped = None;
        if self.len() >= limit {
            let last = self.items.last_key_value().map(|(last, _)| *last).filter(|last| position < *last);
            dropped = last.and_then(|last| self.remove(last));
            if dropped.is_none() {
                return Pushed::Refused;
            }
        }
        self.arrivals += 1;
        let state = self.flows.entry(flow).or_default();
        state.waiting += 1;
        state.last_round = position.round;
        self.items.insert(position, (flow, item));
        match dropped {
            Some(dropped) => Pushed::Replaced(position, dropped),
            None => Pushed::Queued(position),
        }
    }

    /// Takes the next item.
    pub fn pop(&mut self) -> Option<T> {
        let (position, _) = self.items.first_key_value()?;
        let position = *position;
        self.round = position.round;
        self.remove(position)
    }

    /// Removes an item. Returns None if it was already taken or dropped.
    pub fn remove(&mut self, position: QueuePosition) -> Option<T> {
        let (flow, item) = self.items.remove(&position)?;
        if let Some(state) = self.flows.get_mut(&flow) {
            state.waiting -= 1;
            if state.waiting == 0 {
                self.flows.remove(&flow);
            }
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut FairQueue<char, &'static str>, item: &'static str) -> QueuePosition {
        match queue.push(item.chars().next().expect("a flow"), item, 100) {
            Pushed::Queued(position) => position,
            _ => panic!("there is room"),
        }
    }

    fn drain(mut queue: FairQueue<char, &'static str>) -> Vec<&'static str> {
        let items = std::iter::from_fn(|| queue.pop()).collect();
        assert!(queue.is_empty() && queue.flows.is_empty());
        items
    }

    #[test]
    fn each_flow_gets_one_item_per_round() {
        let mut queue = FairQueue::default();
        for item in ["a1", "a2", "a3", "a4", "b1", "b2", "c1"] {
            push(&mut queue, item);
        }
        assert_eq!(drain(queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
    }

    #[test]
    fn an_item_waits_for_at_most_two_of_every_other_flow() {
        let mut queue = FairQueue::default();
        for item in ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"] {
            push(&mut queue, item);
        }
        assert_eq!(queue.pop(), Some("a1"));
        push(&mut queue, "c1");
        // An item that arrives later does not overtake it, whether its flow is new or not.
        for item in ["d1", "a5", "e1"] {
            push(&mut queue, item);
        }
        assert_eq!(drain(queue), ["b1", "a2", "b2", "c1", "d1", "e1", "a3", "b3", "a4", "b4", "a5"]);
    }

    #[test]
    fn a_steady_stream_of_new_flows_does_not_starve_an_old_one() {
        let mut queue = FairQueue::<u32, u32>::default();
        for _ in 0..3 {
            queue.push(0, 0, 1_000);
        }
        let mut taken = 0;
        for number in 1..100 {
            for flow in [2 * number, 2 * number + 1] {
                queue.push(flow, flow, 1_000);
            }
            taken += usize::from(queue.pop() == Some(0));
        }
        assert_eq!(taken, 3);
    }

    #[test]
    fn a_full_queue_drops_the_last_item_of_the_flow_with_the_most_waiting() {
        let mut queue = FairQueue::default();
        for item in ["a1", "a2", "a3", "b1"] {
            push(&mut queue, item);
        }
        assert!(matches!(queue.push('c', "c1", 4), Pushed::Replaced(_, "a3")));
        assert!(matches!(queue.push('a', "a4", 4), Pushed::Refused));
        assert!(matches!(queue.push('d', "d1", 4), Pushed::Replaced(_, "a2")));
        assert!(matches!(queue.push('e', "e1", 4), Pushed::Refused), "nobody has more than one");
        assert_eq!(drain(queue), ["a1", "b1", "c1", "d1"]);
    }

    #[test]
    fn removing_all_items_leaves_no_flows() {
        let mut queue = FairQueue::default();
        let turns = ["a1", "a2", "b1"].map(|item| push(&mut queue, item));
        assert_eq!(turns.map(|position| queue.remove(position)), [Some("a1"), Some("a2"), Some("b1")]);
        assert_eq!(queue.remove(turns[0]), None);
        assert_eq!(drain(queue), [""; 0]);
    }
}
