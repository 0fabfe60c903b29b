//! The names of permissions.

use std::fmt;

pub const MAX_NAME_LENGTH: usize = 100;
pub const MAX_DESCRIPTION_LENGTH: usize = 200;
/// The maximum number of permissions of an organization.
pub const MAX_PERMISSIONS_PER_ORG: usize = 1_000;
/// The maximum number of permissions of a key.
pub const MAX_PERMISSIONS_PER_KEY: usize = 100;

/// How a wildcard ends. It grants all names below it.
const WILDCARD: &str = ".*";
/// The operators of queries.
const RESERVED: [&str; 2] = ["and", "or"];

/// A name such as `invoices.read`, or a wildcard such as `invoices.*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionName(String);

impl PermissionName {
    /// The error is a sentence for people.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("Enter a name.");
        }
        if text.len() > MAX_NAME_LENGTH {
            return Err("A name has at most 100 characters.");
        }
        if !is_name(text) {
            return Err(
                "Use lower-case letters, digits, - and _ in parts separated by dots, such as invoices.read; .* at \
                        the end stands for everything below.",
            );
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with(WILDCARD)
    }
}

impl fmt::Display for PermissionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub fn is_name(text: &str) -> bool {
    let is_part = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    let exact = text.strip_suffix(WILDCARD).unwrap_or(text);
    text.len() <= MAX_NAME_LENGTH
        && !RESERVED.contains(&text)
        && exact.as_bytes().split(|byte| *byte == b'.').all(is_part)
}

/// The wildcards that grant this name, from the narrowest to the widest. A wildcard is granted by wider ones.
pub fn wider_wildcards(name: &str) -> impl Iterator<Item = String> {
    let exact = name.strip_suffix(WILDCARD).unwrap_or(name);
    let ends = exact.rmatch_indices('.').map(|(at, _)| at);
    ends.map(|end| format!("{}{WILDCARD}", &exact[..end])).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_in_lower_case() {
        for name in ["a", "invoices", "invoices.read", "invoices.*", "a.b-c.d_e.9", "android", "and.or"] {
            assert!(is_name(name), "{name}");
            assert_eq!(PermissionName::parse(name).expect("a name").is_wildcard(), name.ends_with('*'));
        }
        let long = "a".repeat(101);
        for text in [
            "", "*", ".*", "a.", ".a", "a..b", "a.*.b", "a*", "A.b", "a b", "é", "and", "or", "a.b\0", "(a)",
            &long,
        ] {
            assert!(PermissionName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_wildcard_grants_all_below_it() {
        let wider = |name| wider_wildcards(name).collect::<Vec<_>>();
        assert_eq!(wider("a.b.c"), ["a.b.*", "a.*"]);
        assert_eq!(wider("a.b.*"), ["a.*"]);
        assert!(wider("a").is_empty() && wider("a.*").is_empty());
    }
}
