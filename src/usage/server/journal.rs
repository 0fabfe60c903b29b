//! What was counted, as a flush writes it down: texts with a line for each slot. Adding it up takes far more rows, so
//! that is done for several flushes at once.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::ser::{Serialize, Serializer};
use smol_str::SmolStr;

use super::tally::{Count, Slot, Source};
use crate::shared::{Compact, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// Requests of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub secret: SecretId,
    pub hour: i32,
    pub outcome: Outcome,
    pub key: Compact,
    pub source: Arc<Source>,
    pub requests: i64,
    /// About when the first of them came.
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

// There may be a million that wait.
const _: () = assert!(size_of::<Line>() <= 72);

/// One text of the journal.
pub struct Note {
    pub number: i64,
    /// In the order of their slots, which begins with the key.
    pub lines: Vec<Line>,
    /// Requests of each organization by hour and outcome.
    pub orgs: Vec<(OrgHour, i64)>,
}

pub type OrgHour = (Compact, i64, Outcome);

/// A text: since when, what many lines share, and the lines, each with its place among the former.
type Text<'a> = (i64, Vec<Shared>, Vec<Row<'a>>);

/// Organization, address, user agent, hour and outcome.
type Shared = (OrgId, Option<IpAddr>, SmolStr, i32, Outcome);

/// Secret, key, place, requests, how much later than the text the first, and how much later than that the last.
type Row<'a> = (&'a str, &'a str, usize, i64, i64, i64);

/// A line as it is written.
struct Written<'a> {
    line: &'a Line,
    place: usize,
    since: i64,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { line, place, since } = *self;
        let mut key = [0; KEY_LENGTH];
        let row: Row = (
            line.secret.as_str(),
            BASE64URL_NOPAD.encode_mut_str(&line.key.to_bytes(), &mut key),
            place,
            line.requests,
            line.first_at.millis() - since,
            line.last_at.millis() - line.first_at.millis(),
        );
        row.serialize(serializer)
    }
}

/// Of sixteen bytes in base64.
const KEY_LENGTH: usize = 22;

fn key_of(text: &str) -> Option<Compact> {
    let mut key = [0; 16];
    let is_key = text.len() == KEY_LENGTH && BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut key).is_ok();
    is_key.then(|| Compact::from_bytes(key))
}

impl Line {
    pub(super) fn of(slot: &Slot, count: &Count, source: &Arc<Source>) -> Self {
        Self {
            secret: slot.secret,
            hour: slot.hour,
            outcome: slot.outcome,
            key: count.key,
            source: Arc::clone(source),
            requests: count.requests as i64,
            first_at: count.last_at,
            last_at: count.last_at,
        }
    }
}

/// What may differ between lines besides how many requests and when.
fn slot(line: &Line) -> (Compact, SecretId, i32, Outcome, &Source) {
    (line.key, line.secret, line.hour, line.outcome, &line.source)
}

/// Puts lines in the order of their slots and makes one of those of the same: each thread counted for itself.
pub fn join(lines: &mut Vec<Line>) {
    // Quick where parts of it are in order already.
    lines.sort_by(|one, other| slot(one).cmp(&slot(other)));
    lines.dedup_by(|next, kept| {
        let is_same = slot(next) == slot(kept);
        if is_same {
            kept.requests += next.requests;
            kept.first_at = kept.first_at.min(next.first_at);
            kept.last_at = kept.last_at.max(next.last_at);
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
pub fn joined(notes: &[Arc<Note>], after: Option<Compact>, most: usize, first: i64) -> Vec<Arc<Note>> {
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
            *orgs.entry((line.source.org, line.hour.into(), line.outcome)).or_default() += line.requests;
        }
        Self { number, lines, orgs: orgs.into_iter().collect() }
    }

    /// The lines of some keys, which are in their order.
    pub fn of_keys(&self, keys: &[Compact]) -> impl Iterator<Item = &Line> {
        let ends = self.lines.first().zip(self.lines.last());
        let within = ends.map_or(&[][..], |(first, last)| {
            let from = keys.partition_point(|key| *key < first.key);
            let rest = &keys[from..];
            &rest[..rest.partition_point(|key| *key <= last.key)]
        });
        within.iter().flat_map(|key| self.of(*key))
    }

    fn of(&self, key: Compact) -> &[Line] {
        let from = self.lines.partition_point(|line| line.key < key);
        let rest = &self.lines[from..];
        &rest[..rest.partition_point(|line| line.key == key)]
    }

    pub fn text(&self) -> Result<String, serde_json::Error> {
        let since = self.lines.iter().map(|line| line.first_at.millis()).min().unwrap_or_default();
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
                    let org = OrgId::from_text(org.to_string());
                    shared.push((org, *address, user_agent.clone(), hour, outcome));
                    shared.len() - 1
                }),
            };
            last = Some((of, place));
            lines.push(Written { line, place, since });
        }
        serde_json::to_string(&(since, shared, lines))
    }
}

/// None where somebody else has written into the table.
pub fn read(text: &str) -> Option<Vec<Line>> {
    let (since, shared, rows): Text = serde_json::from_str(text).ok()?;
    let source = |(org, address, user_agent, hour, outcome): Shared| {
        let org = org.compact()?;
        Some((Arc::new(Source { org, address, user_agent }), hour, outcome))
    };
    let shared: Vec<_> = shared.into_iter().map(source).collect::<Option<_>>()?;
    let line = |(secret, key, place, requests, first, later): Row| {
        let (source, hour, outcome) = shared.get(place)?;
        let requests = Some(requests).filter(|requests| *requests > 0)?;
        let first = since.checked_add(first)?;
        Some(Line {
            secret: SecretId::parse(secret)?,
            hour: *hour,
            outcome: *outcome,
            key: key_of(key)?,
            source: Arc::clone(source),
            requests,
            first_at: Timestamp::from_millis(first),
            last_at: Timestamp::from_millis(first.checked_add(later)?),
        })
    };
    rows.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;
    use crate::shared::KeyId;

    #[test]
    fn lines_are_joined_written_down_and_read_back() {
        let random = Random::seeded(1);
        let id = || KeyId::new(Timestamp::from_millis(0), random.bytes()).compact().expect("an id");
        let line = |outcome, user_agent: &str| Line {
            secret: SecretId::parse(&random.base62(12)).expect("an id"),
            hour: 480_000,
            outcome,
            key: id(),
            source: Arc::new(Source {
                org: id(),
                address: "2001:db8::1".parse().ok().filter(|_| !user_agent.is_empty()),
                user_agent: user_agent.into(),
            }),
            requests: 3,
            first_at: Timestamp::from_millis(1_795_168_700_000),
            last_at: Timestamp::from_millis(1_795_168_800_000),
        };
        let lines: Vec<_> =
            Outcome::ALL.into_iter().zip(["", "curl/8", "\"\\\n\t'é"].into_iter().cycle()).collect();
        let lines: Vec<_> = lines.into_iter().map(|(outcome, agent)| line(outcome, agent)).collect();
        let mut twice: Vec<_> = lines.iter().chain(&lines).cloned().collect();
        twice[1].last_at = Timestamp::from_millis(1_795_168_800_001);
        twice[1].first_at = Timestamp::from_millis(1_795_168_600_000);
        join(&mut twice);
        assert_eq!(twice.len(), lines.len());
        assert!(twice.iter().all(|line| line.requests == 6));
        let later = twice.iter().find(|line| line.secret == lines[1].secret).expect("a line").clone();
        let times = (later.first_at.millis(), later.last_at.millis());
        assert_eq!(times, (1_795_168_600_000, 1_795_168_800_001));

        let text = Note::new(1, lines.clone()).text().expect("a text");
        assert_eq!(read(&text), Some(lines.clone()));
        let key = &*BASE64URL_NOPAD.encode(&lines[0].key.to_bytes());
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
            &text.replace(key, &key[1..]),
            &text.replace(key, &format!("{key}A")),
            &text.replace(key, &format!("={}", &key[1..])),
            &text.replace(key, &format!("{}B", &key[..KEY_LENGTH - 1])),
            &text.replacen(",3,0,", ",0,0,", 1),
            &text.replacen(",3,0,", ",-3,0,", 1),
            &text.replacen(",3,0,", &format!(",3,{},", i64::MAX), 1),
            &text.replacen("[1795168700000", &format!("[{}", i64::MAX), 1),
        ] {
            assert_ne!(wrong, text);
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read("[0,[],[]]"), Some(vec![]));
        // What is the same for many lines stands there once.
        let line = &lines[0];
        let other = Line { secret: lines[1].secret, ..line.clone() };
        let mut some = vec![line.clone(), other, lines[1].clone(), line.clone()];
        let text = Note::new(1, some.clone()).text().expect("a text");
        assert_eq!(text.matches(&line.source.org.to_string()).count(), 1, "{text}");
        assert_eq!(read(&text), Some(some.clone()));
        some.push(Line { hour: line.hour + 1, ..line.clone() });
        some.push(Line { outcome: lines[1].outcome, ..line.clone() });
        some.push(Line { first_at: line.last_at, ..line.clone() });
        some.push(later.clone());
        let text = Note::new(1, some.clone()).text().expect("a text");
        assert_eq!(text.matches(&line.source.org.to_string()).count(), 3, "{text}");
        assert_eq!(read(&text), Some(some));

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
