//! What was counted, as a flush writes it down: texts with a line for each slot. Adding it up takes far more rows, so
//! that is done for several flushes at once.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};
use smol_str::SmolStr;

use super::tally::{HOUR, Source};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Requests of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub secret: SecretId,
    pub hour: i32,
    pub outcome: Outcome,
    pub key: KeyId,
    pub source: Arc<Source>,
    pub requests: u32,
    /// Milliseconds of the hour: about when the first of them came, and when the last.
    pub first: u32,
    pub last: u32,
}

// There may be a million that wait.
const _: () = assert!(size_of::<Line>() <= 56);

/// So many lines stand in one text, and about so many callers are added up in one transaction: others that write need not
/// wait for all of them.
pub const PORTION: usize = 2_000;

/// One text of the journal.
pub struct Note {
    pub number: i64,
    /// In the order of their slots, which begins with the key.
    pub lines: Vec<Line>,
    /// Requests of each organization by hour and outcome.
    pub orgs: Vec<(OrgHour, i64)>,
}

pub type OrgHour = (OrgId, i64, Outcome);

/// A text: since when, what many lines share, and the lines, each with its place among the former.
type Text<'a> = (i64, Vec<Shared>, Vec<Row<'a>>);

/// Organization, address, user agent, hour and outcome.
type Shared = (OrgId, Option<IpAddr>, SmolStr, i32, Outcome);

/// Secret, place, requests, how much later than the text the first, and how much later than that the last. Whose secret it
/// is, the database knows.
type Row<'a> = (&'a str, usize, u32, i64, u32);

/// A line as it is written.
struct Written<'a> {
    line: &'a Line,
    place: usize,
    since: i64,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { line, place, since } = *self;
        let first = line.first_at().millis() - since;
        let row: Row = (line.secret.as_str(), place, line.requests, first, line.last - line.first);
        row.serialize(serializer)
    }
}

impl Line {
    pub fn first_at(&self) -> Timestamp {
        at(self.hour, self.first)
    }

    pub fn last_at(&self) -> Timestamp {
        at(self.hour, self.last)
    }
}

fn at(hour: i32, millis: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(hour) * HOUR + i64::from(millis))
}

/// What may differ between lines besides how many requests and when.
fn slot(line: &Line) -> (KeyId, SecretId, i32, Outcome, &Source) {
    (line.key, line.secret, line.hour, line.outcome, &line.source)
}

/// Puts lines in the order of their slots and makes one of those of the same: each thread counted for itself.
pub fn join(lines: &mut Vec<Line>) {
    // Quick where parts of it are in order already.
    lines.sort_by(|one, other| slot(one).cmp(&slot(other)));
    lines.dedup_by(|next, kept| {
        let is_same = slot(next) == slot(kept);
        if is_same {
            kept.requests = kept.requests.saturating_add(next.requests);
            kept.first = kept.first.min(next.first);
            kept.last = kept.last.max(next.last);
        }
        is_same
    });
}

/// Texts of so many lines, numbered from one on.
pub fn notes(lines: Vec<Line>, most: usize, first: i64) -> Vec<Arc<Note>> {
    let mut lines = lines.into_iter();
    let notes = (first..).map(|number| Note::new(number, lines.by_ref().take(most).collect()));
    notes.take_while(|note| !note.lines.is_empty()).map(Arc::new).collect()
}

/// The same lines in as few texts as will do, those of the keys after one of them first.
pub fn joined(notes: &[Arc<Note>], after: Option<KeyId>, most: usize, first: i64) -> Vec<Arc<Note>> {
    let mut lines: Vec<Line> = notes.iter().flat_map(|note| &note.lines).cloned().collect();
    join(&mut lines);
    let later = lines.split_off(lines.partition_point(|line| Some(line.key) <= after));
    let mut joined = self::notes(later, most, first);
    joined.extend(self::notes(lines, most, first + joined.len() as i64));
    joined
}

impl Note {
    pub fn new(number: i64, mut lines: Vec<Line>) -> Self {
        lines.shrink_to_fit();
        let mut orgs: BTreeMap<OrgHour, i64> = BTreeMap::new();
        for line in &lines {
            *orgs.entry((line.source.org, line.hour.into(), line.outcome)).or_default() +=
                i64::from(line.requests);
        }
        Self { number, lines, orgs: orgs.into_iter().collect() }
    }

    /// The lines of some keys, which are in their order.
    pub fn of_keys(&self, keys: &[KeyId]) -> impl Iterator<Item = &Line> {
        let ends = self.lines.first().zip(self.lines.last());
        let within = ends.map_or(&[][..], |(first, last)| {
            let from = keys.partition_point(|key| *key < first.key);
            let rest = &keys[from..];
            &rest[..rest.partition_point(|key| *key <= last.key)]
        });
        within.iter().flat_map(|key| self.of(*key))
    }

    fn of(&self, key: KeyId) -> &[Line] {
        let from = self.lines.partition_point(|line| line.key < key);
        let rest = &self.lines[from..];
        &rest[..rest.partition_point(|line| line.key == key)]
    }

    pub fn text(&self) -> Result<String, serde_json::Error> {
        let since = self.lines.iter().map(|line| line.first_at().millis()).min().unwrap_or_default();
        type Of<'a> = (&'a Source, i32, Outcome);
        let mut places: HashMap<Of, usize> = HashMap::new();
        let mut shared: Vec<Shared> = Vec::new();
        let mut last: Option<(Of, usize)> = None;
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let of = (&*line.source, line.hour, line.outcome);
            let place = match last {
                Some((known, place)) if known == of => place,
                _ => *places.entry(of).or_insert_with(|| {
                    let (Source { org, address, user_agent }, hour, outcome) = of;
                    shared.push((*org, *address, user_agent.clone(), hour, outcome));
                    shared.len() - 1
                }),
            };
            last = Some((of, place));
            lines.push(Written { line, place, since });
        }
        serde_json::to_string(&(since, shared, lines))
    }
}

/// Lines as they are read back, which do not name their keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Unowned(Vec<Line>);

/// None where somebody else has written into the table.
pub fn read(text: &str) -> Option<Unowned> {
    let (since, shared, rows): Text = serde_json::from_str(text).ok()?;
    let source = |(org, address, user_agent, hour, outcome): Shared| {
        (Arc::new(Source { org, address, user_agent }), hour, outcome)
    };
    let shared: Vec<_> = shared.into_iter().map(source).collect();
    let line = |(secret, place, requests, first, later): Row| {
        let (source, hour, outcome) = shared.get(place)?;
        let begins = i64::from(*hour) * HOUR;
        let first = u32::try_from(since.checked_add(first)?.checked_sub(begins)?).ok()?;
        let last = first.checked_add(later).filter(|last| i64::from(*last) < HOUR)?;
        Some(Line {
            secret: SecretId::parse(secret)?,
            hour: *hour,
            outcome: *outcome,
            key: KeyId::NIL,
            source: Arc::clone(source),
            requests: Some(requests).filter(|requests| *requests > 0)?,
            first,
            last,
        })
    };
    rows.into_iter().map(line).collect::<Option<_>>().map(Unowned)
}

impl Unowned {
    pub fn secrets(&self) -> impl Iterator<Item = SecretId> {
        self.0.iter().map(|line| line.secret)
    }

    /// Was a secret accepted?
    pub fn accepts(&self, secret: SecretId) -> bool {
        self.0.iter().any(|line| line.secret == secret && line.outcome == Outcome::Valid)
    }

    /// With the keys of their secrets. Lines of secrets that nobody knows are left out.
    pub fn owned(self, keys: &HashMap<SecretId, KeyId>) -> impl Iterator<Item = Line> {
        self.0.into_iter().filter_map(|line| Some(Line { key: *keys.get(&line.secret)?, ..line }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;
    use crate::shared::KeyId;

    #[test]
    fn lines_are_joined_written_down_and_read_back() {
        let random = Random::seeded(1);
        let id = || KeyId::new(Timestamp::from_millis(0), random.bytes());
        let line = |outcome, user_agent: &str| Line {
            secret: SecretId::parse(&random.base62(12)).expect("an id"),
            hour: 480_000,
            outcome,
            key: id(),
            source: Arc::new(Source {
                org: OrgId::new(Timestamp::from_millis(0), random.bytes()),
                address: "2001:db8::1".parse().ok().filter(|_| !user_agent.is_empty()),
                user_agent: user_agent.into(),
            }),
            requests: 3,
            first: 700_000,
            last: 800_000,
        };
        let lines: Vec<_> =
            Outcome::ALL.into_iter().zip(["", "curl/8", "\"\\\n\t'é"].into_iter().cycle()).collect();
        let lines: Vec<_> = lines.into_iter().map(|(outcome, agent)| line(outcome, agent)).collect();
        let mut twice: Vec<_> = lines.iter().chain(&lines).cloned().collect();
        (twice[1].first, twice[1].last) = (600_000, 800_001);
        join(&mut twice);
        assert_eq!(twice.len(), lines.len());
        assert!(twice.iter().all(|line| line.requests == 6));
        let later = twice.iter().find(|line| line.secret == lines[1].secret).expect("a line").clone();
        let times = (later.first_at().millis(), later.last_at().millis());
        assert_eq!(times, (1_728_000_600_000, 1_728_000_800_001));

        let text = Note::new(1, lines.clone()).text().expect("a text");
        let owners: HashMap<_, _> = lines.iter().map(|line| (line.secret, line.key)).collect();
        let read_back = |text: &str| Some(read(text)?.owned(&owners).collect::<Vec<_>>());
        assert_eq!(read_back(&text), Some(lines.clone()));
        let one = HashMap::from([(lines[1].secret, lines[1].key)]);
        let known = read(&text).expect("lines").owned(&one);
        assert_eq!(known.collect::<Vec<_>>(), lines[1..2], "a secret that nobody knows");
        let of = read(&text).expect("lines");
        assert_eq!(
            of.secrets().collect::<Vec<_>>(),
            lines.iter().map(|line| line.secret).collect::<Vec<_>>()
        );
        for line in &lines {
            assert_eq!(of.accepts(line.secret), line.outcome == Outcome::Valid);
        }
        let secret = lines[0].secret.as_str();
        let end = text.find("]]").expect("the end of what is shared") + 1;
        let shared = &text[text.find("[[").expect("its beginning") + 1..end];
        for wrong in [
            "",
            "{}",
            "[]",
            "[0,[1]]",
            "[[],[]]",
            &text.replace("curl/8\",", "curl/8\",\"more\","),
            &text[1..],
            &text.replace(shared, ""),
            &text.replace(secret, &secret[1..]),
            &text.replace(secret, &format!("{secret}A")),
            &text.replace(secret, &format!("={}", &secret[1..])),
            &text.replacen(",3,0,", ",0,0,", 1),
            &text.replacen(",3,0,", ",-3,0,", 1),
            &text.replacen(",3,0,", &format!(",3,{},", i64::MAX), 1),
            &text.replacen(",3,0,", ",3,2900000,", 1),
            &text.replacen("[1728000700000", &format!("[{}", i64::MAX), 1),
            &text.replacen("[1728000700000", "[1727999999999", 1),
        ] {
            assert_ne!(wrong, text);
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read_back("[0,[],[]]"), Some(vec![]));
        // What is the same for many lines stands there once.
        let line = &lines[0];
        let other = Line { secret: lines[1].secret, key: lines[1].key, ..line.clone() };
        let mut some = vec![line.clone(), other, lines[1].clone(), line.clone()];
        let text = Note::new(1, some.clone()).text().expect("a text");
        assert_eq!(text.matches(&line.source.org.to_string()).count(), 1, "{text}");
        assert_eq!(read_back(&text), Some(some.clone()));
        some.push(Line { hour: line.hour + 1, ..line.clone() });
        some.push(Line { outcome: lines[1].outcome, ..line.clone() });
        some.push(Line { first: line.last, ..line.clone() });
        some.push(later.clone());
        let text = Note::new(1, some.clone()).text().expect("a text");
        assert_eq!(text.matches(&line.source.org.to_string()).count(), 3, "{text}");
        assert_eq!(read_back(&text), Some(some));

        let all = lines.len();
        let parts = notes(lines.clone(), all - 1, 7);
        let sizes = |parts: &[Arc<Note>]| -> Vec<(i64, usize)> {
            parts.iter().map(|note| (note.number, note.lines.len())).collect()
        };
        assert_eq!(sizes(&parts), [(7, all - 1), (8, 1)]);
        assert!(notes(vec![], 1, 7).is_empty());

        let again = notes(twice, all, 9);
        let whole = joined(&[&*parts, &*again].concat(), None, all, 10);
        assert_eq!(sizes(&whole), [(10, all)]);
        let keys: Vec<_> = whole[0].lines.iter().map(|line| line.key).collect();
        let turned = joined(&[parts, again].concat(), Some(keys[2]), all, 10);
        assert_eq!(sizes(&turned), [(10, all - 3), (11, 3)]);
        assert_eq!((turned[0].lines[0].key, turned[1].lines[0].key), (keys[3], keys[0]));
        assert_eq!(turned[0].of_keys(&keys).count(), all - 3);
        assert_eq!(turned[1].of_keys(&keys[2..]).count(), 1);
        for line in &lines {
            let of_key = whole[0].of(line.key);
            assert_eq!(of_key.len(), 1);
            assert_eq!((of_key[0].secret, of_key[0].requests), (line.secret, 9));
            let of_org = whole[0].orgs.iter().find(|((org, ..), _)| *org == line.source.org);
            assert_eq!(of_org, Some(&((line.source.org, line.hour.into(), line.outcome), 9)));
        }
        assert_eq!(whole[0].of_keys(&[id()]).count(), 0);
    }
}
