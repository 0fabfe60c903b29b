//! Rows of the journal: the lines of a flush as JSON. A row names secrets but not their keys, which the database knows,
//! and states once what many lines have in common.

use std::collections::HashMap;
use std::net::IpAddr;

use indexmap::IndexSet;
use smol_str::SmolStr;

use super::counters::{Count, Line, Slot, hour_of};
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// The earliest time in Unix milliseconds, the groups and the lines.
type RowText<'a, Groups> = (i64, Groups, Vec<LineText<'a>>);

/// Organization, address, user agent, hour and outcome.
type LineGroup = (OrgId, Option<IpAddr>, SmolStr, i64, Outcome);

/// Secret, index of the group, requests, milliseconds from the row's time to the first request, and from there to the last.
type LineText<'a> = (&'a str, usize, u32, i64, u32);

pub fn write(lines: &[Line]) -> Result<String, serde_json::Error> {
    let since = lines.iter().map(|(_, count)| count.first_at.millis()).min().unwrap_or_default();
    let mut groups: IndexSet<LineGroup> = IndexSet::new();
    let texts = lines.iter().map(|(slot, count)| {
        let group = (slot.org, slot.address, slot.user_agent.clone(), slot.hour, slot.outcome);
        let (index, _) = groups.insert_full(group);
        let (first, last) = (count.first_at.millis(), count.last_at.millis());
        (slot.secret.as_str(), index, count.requests, first - since, (last - first) as u32)
    });
    let texts: Vec<LineText> = texts.collect();
    let groups: Vec<&LineGroup> = groups.iter().collect();
    let row: RowText<Vec<&LineGroup>> = (since, groups, texts);
    serde_json::to_string(&row)
}

/// Lines of a row, whose keys are not yet known.
#[derive(Debug, PartialEq, Eq)]
pub struct UnownedLines(Vec<Line>);

/// Returns None when the text is no row.
pub fn read(text: &str) -> Option<UnownedLines> {
    let (since, groups, texts): RowText<Vec<LineGroup>> = serde_json::from_str(text).ok()?;
    let line = |(secret, index, requests, first, later): LineText| {
        let (org, address, user_agent, hour, outcome) = groups.get(index)?.clone();
        let first_at = Timestamp::from_millis(since.checked_add(first)?);
        let last_at = Timestamp::from_millis(first_at.millis().checked_add(later.into())?);
        let is_valid = requests > 0 && hour_of(first_at) == hour && hour_of(last_at) == hour;
        let secret = SecretId::parse(secret).filter(|_| is_valid)?;
        let slot = Slot { key: KeyId::NIL, secret, hour, outcome, org, address, user_agent };
        Some((slot, Count { requests, first_at, last_at }))
    };
    texts.into_iter().map(line).collect::<Option<_>>().map(UnownedLines)
}

impl UnownedLines {
    pub fn secrets(&self) -> impl Iterator<Item = SecretId> {
        self.0.iter().map(|(slot, _)| slot.secret)
    }

    pub fn accepts(&self, secret: SecretId) -> bool {
        self.0.iter().any(|(slot, _)| slot.secret == secret && slot.outcome == Outcome::Valid)
    }

    /// The lines with the keys of their secrets; without those whose secret has no key.
    pub fn owned(self, keys: &HashMap<SecretId, KeyId>) -> impl Iterator<Item = Line> {
        self.0.into_iter().filter_map(|(slot, count)| {
            let key = *keys.get(&slot.secret)?;
            Some((Slot { key, ..slot }, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Random;

    fn lines(random: &Random) -> Vec<Line> {
        let agents = ["", "curl/8", "\"\\\n\t'é"].into_iter().cycle();
        let line = |(outcome, agent): (Outcome, &str)| {
            let slot = Slot {
                key: KeyId::new(Timestamp::from_millis(0), random.bytes()),
                secret: SecretId::parse(&random.base62(12)).expect("an id"),
                hour: 480_000,
                outcome,
                org: OrgId::new(Timestamp::from_millis(0), random.bytes()),
                address: "2001:db8::1".parse().ok().filter(|_| !agent.is_empty()),
                user_agent: agent.into(),
            };
            let at = |millis: i64| Timestamp::from_millis(1_728_000_000_000 + millis);
            (slot, Count { requests: 3, first_at: at(700_000), last_at: at(800_000) })
        };
        Outcome::ALL.into_iter().zip(agents).map(line).collect()
    }

    fn read_back(text: &str, lines: &[Line]) -> Option<Vec<Line>> {
        let owners = lines.iter().map(|(slot, _)| (slot.secret, slot.key)).collect();
        Some(read(text)?.owned(&owners).collect())
    }

    #[test]
    fn lines_are_written_and_read_back() {
        let lines = lines(&Random::seeded(1));
        let text = write(&lines).expect("a text");
        assert_eq!(read_back(&text, &lines), Some(lines.clone()));
        assert_eq!(read_back(&text, &lines[1..2]), Some(lines[1..2].to_vec()), "secrets without a key");
        let row = read(&text).expect("lines");
        let secrets: Vec<_> = lines.iter().map(|(slot, _)| slot.secret).collect();
        assert_eq!(row.secrets().collect::<Vec<_>>(), secrets);
        for (slot, _) in &lines {
            assert_eq!(row.accepts(slot.secret), slot.outcome == Outcome::Valid);
        }
        assert_eq!(read_back("[0,[],[]]", &[]), Some(vec![]));
    }

    /// As the release before this one wrote it: lines of several flushes could be joined to one.
    #[test]
    fn rows_of_the_previous_release_are_read() {
        let text = r#"[1728000700000,[["01a1f866-0d00-7fff-bfff-ffffffffffff","2001:db8::1","curl/8",480000,"valid"],["01a1f866-0d00-7fff-bfff-ffffffffffff",null,"",480000,"rate_limited"]],[["8fK2mQ4pXv7d",0,7,1500,90000],["0AZaz9b8C7d6",1,1,0,0]]]"#;
        let key = KeyId::new(Timestamp::from_millis(0), [1; 10]);
        let ids = ["8fK2mQ4pXv7d", "0AZaz9b8C7d6"].map(|id| SecretId::parse(id).expect("an id"));
        let owners = ids.into_iter().map(|id| (id, key)).collect();
        let lines: Vec<Line> = read(text).expect("lines").owned(&owners).collect();
        let org = OrgId::parse("01a1f866-0d00-7fff-bfff-ffffffffffff").expect("an id");
        let slot = |secret, outcome| Slot {
            key,
            secret,
            hour: 480_000,
            outcome,
            org,
            address: None,
            user_agent: SmolStr::default(),
        };
        let first = Slot {
            address: "2001:db8::1".parse().ok(),
            user_agent: "curl/8".into(),
            ..slot(ids[0], Outcome::Valid)
        };
        let at = |millis: i64| Timestamp::from_millis(1_728_000_700_000 + millis);
        assert_eq!(
            lines,
            [
                (first, Count { requests: 7, first_at: at(1_500), last_at: at(91_500) }),
                (slot(ids[1], Outcome::RateLimited), Count { requests: 1, first_at: at(0), last_at: at(0) }),
            ]
        );
        assert_eq!(write(&lines).expect("a text"), text, "and a server of that release reads ours");
    }

    #[test]
    fn other_texts_are_no_rows() {
        let lines = lines(&Random::seeded(1));
        let text = write(&lines).expect("a text");
        let secret = lines[0].0.secret.as_str();
        let end = text.find("]]").expect("the end of the groups") + 1;
        let groups = &text[text.find("[[").expect("their beginning") + 1..end];
        for wrong in [
            "",
            "{}",
            "[]",
            "[0,[1]]",
            "[[],[]]",
            &text.replace("curl/8\",", "curl/8\",\"more\","),
            &text[1..],
            &text.replace(groups, ""),
            &text.replace(&lines[0].0.org.to_string(), "no id"),
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
    }

    #[test]
    fn what_lines_have_in_common_is_written_once() {
        let lines = lines(&Random::seeded(1));
        let (slot, count) = &lines[0];
        let other = Slot { secret: lines[1].0.secret, key: lines[1].0.key, ..slot.clone() };
        let mut some = vec![(slot.clone(), *count), (other, *count), lines[1].clone()];
        let org_count = |lines: &[Line]| {
            let text = write(lines).expect("a text");
            assert_eq!(read_back(&text, lines), Some(lines.to_vec()));
            text.matches(&slot.org.to_string()).count()
        };
        assert_eq!(org_count(&some), 1);
        some.push((Slot { outcome: lines[1].0.outcome, ..slot.clone() }, *count));
        some.push((slot.clone(), Count { first_at: count.last_at, ..*count }));
        assert_eq!(org_count(&some), 2);
    }
}
