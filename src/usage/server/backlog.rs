//! What this process has written down and not yet added up, in memory.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::journal::Note;
use crate::shared::KeyId;

#[derive(Default)]
pub struct Backlog {
    notes: BTreeMap<i64, Arc<Note>>,
    /// Notes up to this number have been joined: no two of their lines are of the same slot.
    joined_to: i64,
    /// Flushes since then, and since nothing was left.
    flushes: u32,
    /// The last key that was added up. Joined notes begin with the one after it, so that no key waits for ever.
    added_to: Option<KeyId>,
}

/// So few lines are not worth joining.
const FEW: usize = 50_000;
/// So many are not joined: it is done in one transaction, for which others that write wait.
const MANY: usize = 200_000;
/// Lines of fewer flushes are of the same slot too seldom.
const SEVERAL: u32 = 10;

impl Backlog {
    pub fn notes(&self) -> impl Iterator<Item = &Arc<Note>> {
        self.notes.values()
    }

    pub fn note(&self, number: i64) -> Option<Arc<Note>> {
        self.notes.get(&number).cloned()
    }

    pub fn lines(&self) -> usize {
        lines(self.notes())
    }

    pub fn added_to(&self) -> Option<KeyId> {
        self.added_to
    }

    /// What a flush has written down.
    pub fn put(&mut self, notes: &[Arc<Note>]) {
        self.flushes += 1;
        self.hold(notes);
    }

    fn hold(&mut self, notes: &[Arc<Note>]) {
        self.notes.extend(notes.iter().map(|note| (note.number, Arc::clone(note))));
    }

    /// Puts what they were joined into in the place of all up to a number.
    pub fn put_joined(&mut self, joined: &[Arc<Note>], of: &RangeInclusive<i64>) {
        self.notes.retain(|number, _| number > of.end());
        self.hold(joined);
        self.flushes = 0;
        self.joined_to = joined.last().map_or(self.joined_to, |note| note.number);
    }

    /// All up to this number has been added up.
    pub fn forget_to(&mut self, last: i64) {
        self.added_to = self.notes.get(&last).and_then(|note| note.lines.last()).map(|line| line.key);
        self.notes.retain(|number, _| *number > last);
        if self.notes.is_empty() {
            self.flushes = 0;
        }
    }

    pub fn clear(&mut self) {
        self.notes.clear();
        self.flushes = 0;
    }

    /// Joining takes as much work as there are lines: it is done when at least half of them have come since the last time,
    /// so that no line is joined often.
    pub fn is_worth_joining(&self) -> bool {
        let new = lines(self.notes.range(self.joined_to + 1..).map(|(_, note)| note));
        let all = self.lines();
        new >= FEW && 2 * new >= all && all <= MANY && self.flushes >= SEVERAL
    }
}

fn lines<'a>(notes: impl Iterator<Item = &'a Arc<Note>>) -> usize {
    notes.map(|note| note.lines.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::journal::{self, Line};
    use super::super::tally::Source;
    use super::*;
    use crate::platform::Random;
    use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
    use crate::usage::Outcome;

    /// A note of so many lines, each of a key of its own.
    fn note(random: &Random, number: i64, lines: usize) -> Vec<Arc<Note>> {
        let id = || KeyId::new(Timestamp::from_millis(0), random.bytes());
        let line = |_| Line {
            secret: SecretId::parse("8fK2mQ4pXv7d").expect("an id"),
            hour: 480_000,
            outcome: Outcome::Valid,
            key: id(),
            source: Source::anybody(OrgId::NIL).into(),
            requests: 1,
            first: 0,
            last: 0,
        };
        journal::notes((0..lines).map(line).collect(), lines, number)
    }

    #[test]
    fn it_is_joined_when_half_of_it_is_new() {
        let random = Random::seeded(1);
        let mut backlog = Backlog::default();
        let half = FEW / 2;
        let nothing_new = |backlog: &mut Backlog| (2..SEVERAL).for_each(|_| backlog.put(&[]));
        backlog.put(&note(&random, 1, half));
        nothing_new(&mut backlog);
        assert!(!backlog.is_worth_joining(), "few");
        backlog.put(&note(&random, 2, half));
        assert!(backlog.is_worth_joining());
        backlog.put_joined(&note(&random, 3, 2 * half), &(1..=2));
        assert_eq!((backlog.lines(), backlog.is_worth_joining()), (2 * half, false));
        backlog.put(&note(&random, 4, 2 * half));
        assert!(!backlog.is_worth_joining(), "a single flush");
        backlog.notes.remove(&4);
        backlog.put(&note(&random, 4, 2 * half - 1));
        nothing_new(&mut backlog);
        assert!(!backlog.is_worth_joining(), "a line less than half");
        backlog.put(&note(&random, 5, 1));
        assert!(backlog.is_worth_joining());
        backlog.forget_to(3);
        assert_eq!(backlog.lines(), 2 * half);
        backlog.put(&note(&random, 6, MANY - 2 * half));
        assert!(backlog.is_worth_joining());
        backlog.put(&note(&random, 7, 1));
        assert!(!backlog.is_worth_joining(), "too much for one transaction");
        nothing_new(&mut backlog);
        backlog.forget_to(7);
        backlog.put(&note(&random, 8, FEW));
        assert!(!backlog.is_worth_joining(), "what flushes brought that are added up does not count");
        backlog.clear();
        assert!(!backlog.is_worth_joining());
    }
}
