//! Identifiers: UUIDs of version 7, which sort by their time of creation. Each kind of object has its own type, so that the id of a
//! person cannot be passed where the id of an organization is expected.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

use super::Timestamp;

macro_rules! id {
    ($(#[$about:meta])* $Name:ident) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(Uuid);

        impl $Name {
            /// An id that no object has.
            pub const NIL: Self = Self(Uuid::nil());

            /// Creates an id from the current time and ten random bytes.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or_default();
                Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Parses the only accepted spelling: lower case, with hyphens.
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }

            /// The last eight bytes, which are random.
            pub fn random_half(self) -> [u8; 8] {
                self.0.into_bytes().last_chunk().copied().unwrap_or_default()
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(UuidVisitor).map(Self)
            }
        }

        #[cfg(feature = "ssr")]
        super::text_column!($Name);
    };
}

id!(UserId);
id!(OrgId);
id!(KeyId);
id!(InvitationId);
id!(
    /// A registered agent. The name that its organization uses for it is another one.
    AgentId
);
id!(
    /// A device login.
    LoginId
);
id!(
    /// A permission that an organization lists for its own API.
    PermissionId
);
id!(
    /// A row of the audit log.
    EventId
);
id!(
    /// A request that a second person decides.
    ApprovalId
);
id!(
    /// An endpoint of an organization that receives events.
    WebhookId
);
id!(
    /// An event for webhooks. Receivers recognize repeats by it.
    MessageId
);
id!(
    /// The delivery of an event to an endpoint.
    DeliveryId
);

id!(
    /// A place where the secret of a key was found.
    LeakReportId
);

fn parse(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

struct UuidVisitor;

impl serde::de::Visitor<'_> for UuidVisitor {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id such as 01a1f866-0d00-7fff-bfff-ffffffffffff")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
        parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_uuids_that_sort_by_time() {
        let early = UserId::new(Timestamp::from_millis(1_795_168_800_000), [0xff; 10]);
        let late = UserId::new(Timestamp::from_millis(1_795_168_800_001), [0; 10]);
        assert_eq!(early.to_string(), "01a1f866-0d00-7fff-bfff-ffffffffffff");
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn only_the_usual_spelling_is_an_id() {
        let id = KeyId::new(Timestamp::from_millis(1_795_168_800_000), [0x5a; 10]);
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        assert_eq!(serde_json::from_str::<KeyId>(&format!("\"{id}\"")).expect("an id"), id);
        for wrong in [
            "",
            "01a1f866-0d00-7fff-bfff-fffffffffff",
            "01A1f866-0d00-7fff-bfff-ffffffffffff",
            "01a1f866-0d00-7fff-bfff-ffffffffff-f",
            "01a1f8660-d00-7fff-bfff-ffffffffffff",
            "01a1f8660d007fffbfffffffffffffff",
            "{01a1f866-0d00-7fff-bfff-ffffffffffff}",
            "urn:uuid:01a1f866-0d00-7fff-bfff-ffffffffffff",
        ] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
            assert!(serde_json::from_str::<KeyId>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
