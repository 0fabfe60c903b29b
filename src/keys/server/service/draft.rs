//! The requested properties of a key, and their validation.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::customer::CustomerDraft;
use super::refusal::Refusal;
use crate::key_policy::KeyFacts;
use crate::keys::server::Customer;
use crate::keys::{MAX_NOTE_LENGTH, MAX_PER_MINUTE, check_key_name};
use crate::shared::{Kind, Role, TOKEN_IN_TEXT, Timestamp, contains_token};

pub const MAX_RANGES: usize = 50;
/// The first moment of the year 10000, which RFC 3339 cannot write.
const END_OF_TIME: Timestamp = Timestamp::from_millis(253_402_300_800_000);

#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    pub kind: Kind,
    /// None: the creator's role.
    pub role: Option<Role>,
    pub note: String,
    pub expires_at: Option<Timestamp>,
    pub rate_limit: Option<i64>,
    pub ranges: Vec<String>,
    pub customer: CustomerDraft,
}

/// The validated fields that creating and editing a key share.
pub(super) struct ValidatedDraft {
    pub name: String,
    pub note: String,
    pub expires_at: Option<Timestamp>,
    pub rate_limit: Option<u32>,
    pub ranges: Vec<IpNet>,
    pub customer: Customer,
}

impl ValidatedDraft {
    /// What the rules of a key policy judge, for a key that is created at this time.
    pub fn facts(&self, kind: Kind, now: Timestamp) -> KeyFacts<'_> {
        KeyFacts { kind, created_at: now, expires_at: self.expires_at, ranges: &self.ranges }
    }
}

/// Validates all fields and reports all errors at once.
pub(super) fn check(
    now: Timestamp,
    name: &str,
    note: &str,
    expires_at: Option<Timestamp>,
    rate_limit: Option<i64>,
    ranges: &[String],
    customer: &CustomerDraft,
) -> Result<ValidatedDraft, Refusal> {
    let mut wrong = Vec::new();
    let name = check_key_name(name).unwrap_or_else(|why| {
        wrong.push(("name", why));
        String::new()
    });
    let note = note.trim().replace("\r\n", "\n");
    if contains_token(&note) {
        wrong.push(("note", TOKEN_IN_TEXT.to_owned()));
    } else if note.chars().count() > MAX_NOTE_LENGTH {
        wrong.push(("note", format!("A note has at most {MAX_NOTE_LENGTH} characters.")));
    } else if note.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        wrong.push(("note", "A note has no control characters.".to_owned()));
    }
    if let Some(Err(why)) = expires_at.map(|at| check_expiry(at, now)) {
        wrong.push(("expires_at", why.to_owned()));
    }
    let allowed = rate_limit
        .map(|limit| u32::try_from(limit).ok().filter(|limit| (1..=MAX_PER_MINUTE).contains(limit)));
    if allowed == Some(None) {
        wrong.push(("rate_limit", "Enter a number of requests per minute from 1 to 1,000,000.".to_owned()));
    }
    let ranges = read_ranges(ranges).unwrap_or_else(|why| {
        wrong.push(("ranges", why));
        Vec::new()
    });
    let customer = customer.check(&mut wrong);
    if wrong.is_empty() {
        Ok(ValidatedDraft { name, note, expires_at, rate_limit: allowed.flatten(), ranges, customer })
    } else {
        Err(Refusal::Input(wrong))
    }
}

pub fn check_expiry(at: Timestamp, now: Timestamp) -> Result<(), &'static str> {
    match at {
        at if at <= now => Err("The expiry must be in the future."),
        at if at >= END_OF_TIME => Err("The expiry must be before the year 10000."),
        _ => Ok(()),
    }
}

/// Parses addresses and ranges. None may lie within another.
pub fn read_ranges(texts: &[String]) -> Result<Vec<IpNet>, String> {
    if texts.len() > MAX_RANGES {
        return Err(format!("A key has at most {MAX_RANGES} ranges."));
    }
    let mut ranges: Vec<IpNet> = Vec::with_capacity(texts.len());
    for text in texts {
        let text = text.trim();
        if contains_token(text) {
            return Err(TOKEN_IN_TEXT.to_owned());
        }
        let read = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
        let range = read.map_err(|_| {
            let shown: String = text.chars().take(50).collect();
            format!("\"{shown}\" is neither an address nor a range such as 203.0.113.0/24 or 2001:db8::/32.")
        })?;
        if range.addr() != range.network() {
            return Err(format!("{range} is not the beginning of a range; {} is.", range.trunc()));
        }
        if let Some(other) = ranges.iter().find(|other| other.contains(&range) || range.contains(*other)) {
            return Err(if *other == range {
                format!("{range} is named twice.")
            } else {
                format!("{range} and {other} overlap; the larger one is enough.")
            });
        }
        ranges.push(range);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> Result<Vec<IpNet>, String> {
        read_ranges(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn ranges_are_read_or_explained() {
        assert_eq!(ranges(&["203.0.113.0/24", " 2001:db8::/32", "198.51.100.7"]).map(|all| all.len()), Ok(3));
        assert_eq!(ranges(&["0.0.0.0/0"]).map(|all| all.len()), Ok(1));
        for (wrong, part) in [
            (vec!["203.0.113.0/33"], "neither"),
            (vec!["nonsense"], "neither"),
            (vec![""], "neither"),
            (vec!["10.0.0.1/8"], "10.0.0.0/8 is"),
            (vec!["10.0.0.0/8", "10.1.0.0/16"], "overlap"),
            (vec!["10.1.0.0/16", "10.0.0.0/8"], "overlap"),
            (vec!["10.0.0.0/8", "10.0.0.0/8"], "twice"),
            (vec!["203.0.113.7\0"], "neither"),
        ] {
            let why = ranges(&wrong).expect_err("a refusal");
            assert!(why.contains(part), "{why}");
        }
        assert!(ranges(&vec!["10.0.0.0/8"; 51]).is_err());
    }
}
