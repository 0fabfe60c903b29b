//! The types of events, and which of them an endpoint receives.

use std::fmt;

/// The type of the event that a person or a program sends to try an endpoint. Every endpoint receives it.
pub const TEST_EVENT: &str = "webhook.test";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    KeyCreated,
    KeyRotated,
    KeyRevoked,
    KeyDisabled,
    KeyEnabled,
    KeyExpiring,
    KeyExpired,
    KeyFirstUsed,
    KeyLeaked,
    MemberInvited,
    MemberJoined,
    MemberRoleChanged,
    MemberRemoved,
    MemberLeft,
    LoginApproved,
}

impl EventType {
    pub const ALL: [Self; 15] = [
        Self::KeyCreated,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::KeyDisabled,
        Self::KeyEnabled,
        Self::KeyExpiring,
        Self::KeyExpired,
        Self::KeyFirstUsed,
        Self::KeyLeaked,
        Self::MemberInvited,
        Self::MemberJoined,
        Self::MemberRoleChanged,
        Self::MemberRemoved,
        Self::MemberLeft,
        Self::LoginApproved,
    ];

    /// The name in the database, in JSON and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyCreated => "key.created",
            Self::KeyRotated => "key.rotated",
            Self::KeyRevoked => "key.revoked",
            Self::KeyDisabled => "key.disabled",
            Self::KeyEnabled => "key.enabled",
            Self::KeyExpiring => "key.expiring",
            Self::KeyExpired => "key.expired",
            Self::KeyFirstUsed => "key.first_used",
            Self::KeyLeaked => "key.leaked",
            Self::MemberInvited => "member.invited",
            Self::MemberJoined => "member.joined",
            Self::MemberRoleChanged => "member.role_changed",
            Self::MemberRemoved => "member.removed",
            Self::MemberLeft => "member.left",
            Self::LoginApproved => "login.approved",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }

    /// When the event is sent, for the form.
    pub const fn caption(self) -> &'static str {
        match self {
            Self::KeyCreated => "A key was created",
            Self::KeyRotated => "A key got a new secret",
            Self::KeyRevoked => "A key was revoked",
            Self::KeyDisabled => "A key was disabled",
            Self::KeyEnabled => "A disabled key was enabled",
            Self::KeyExpiring => "A key expires in 30, 14, 7 or 1 days",
            Self::KeyExpired => "A key has expired",
            Self::KeyFirstUsed => "A key was used for the first time",
            Self::KeyLeaked => "A key was found in public",
            Self::MemberInvited => "Somebody was invited",
            Self::MemberJoined => "An invited person joined",
            Self::MemberRoleChanged => "A member got another role",
            Self::MemberRemoved => "A member was removed",
            Self::MemberLeft => "A member left",
            Self::LoginApproved => "A command-line login was approved",
        }
    }
}

/// What a subscription may name besides single types: a pattern, and what it stands for.
pub const PATTERNS: [(&str, &str); 4] = [
    ("*", "Every event"),
    ("key.*", "Every key event"),
    ("member.*", "Every member event"),
    ("login.*", "Every login event"),
];

/// The events that an endpoint receives: types such as `key.created` and patterns such as `key.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventSelection(Vec<String>);

impl EventSelection {
    /// The error is a sentence about the first name that is wrong.
    pub fn parse<T: AsRef<str>>(names: &[T]) -> Result<Self, String> {
        Self::default().edited(names)
    }

    /// Replaces the names. Unknown names are accepted if they are already selected: a newer version stored them.
    pub fn edited<T: AsRef<str>>(&self, names: &[T]) -> Result<Self, String> {
        let mut chosen = Vec::new();
        for name in names.iter().map(|name| name.as_ref().trim()).filter(|name| !name.is_empty()) {
            if !is_known(name) && !self.contains(name) {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                return Err(format!("There is no event \"{shown}\"."));
            }
            if !chosen.iter().any(|other| other == name) {
                chosen.push(name.to_owned());
            }
        }
        if chosen.is_empty() { Err("Choose at least one event.".to_owned()) } else { Ok(Self(chosen)) }
    }

    /// From the database, where names are separated by spaces. Unknown names are kept and match no event.
    pub fn read(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    pub fn includes(&self, event: EventType) -> bool {
        self.0.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => event.as_str().starts_with(prefix),
            None => name == event.as_str(),
        })
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The names that this version does not know.
    pub fn unknown(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|name| !is_known(name))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|chosen| chosen == name)
    }

    /// "Every key event, member.joined".
    pub fn words(&self) -> String {
        let word = |name: &String| {
            let pattern = PATTERNS.iter().find(|(pattern, _)| pattern == name);
            pattern.map_or_else(|| name.clone(), |(_, words)| (*words).to_owned())
        };
        self.0.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

fn is_known(name: &str) -> bool {
    EventType::parse(name).is_some() || PATTERNS.iter().any(|(pattern, _)| *pattern == name)
}

impl fmt::Display for EventSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_includes_types_and_patterns() {
        let chosen = EventSelection::parse(&["key.created", " member.* ", "key.created"]).expect("events");
        assert_eq!(chosen.to_string(), "key.created member.*");
        assert_eq!(EventSelection::read(&chosen.to_string()), chosen);
        assert_eq!(chosen.words(), "key.created, Every member event");
        assert!(chosen.includes(EventType::KeyCreated) && chosen.includes(EventType::MemberLeft));
        assert!(!chosen.includes(EventType::KeyRevoked));
        let all = EventSelection::parse(&["*"]).expect("events");
        assert!(EventType::ALL.into_iter().all(|event| all.includes(event)));
        for wrong in [&[][..], &[""], &["key"], &["key.created", "*.created"], &["KEY.CREATED"], &["\0"]] {
            assert!(EventSelection::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_of_a_newer_version_may_stay() {
        let stored = EventSelection::read("key.created key.painted");
        assert_eq!(stored.unknown().collect::<Vec<_>>(), ["key.painted"]);
        let edited = stored.edited(&["key.painted", "key.revoked"]).expect("events");
        assert_eq!(edited.to_string(), "key.painted key.revoked");
        assert!(stored.edited(&["key.burnt"]).is_err() && EventSelection::parse(&["key.painted"]).is_err());
    }

    #[test]
    fn event_types_read_back() {
        for event in EventType::ALL {
            assert_eq!(EventType::parse(event.as_str()), Some(event));
        }
    }
}
