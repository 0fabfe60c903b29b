//! The arguments of tools. Their schemas are generated from these types.

use rmcp::schemars::JsonSchema;
use serde::Deserialize;

use crate::keys::StatusFilter;
use crate::keys::server::Order;
use crate::shared::{Kind, Role};

/// A key by its id or name.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct KeyArgument {
    /// The key's id or its exact name
    pub key: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct ListKeysArguments {
    /// A part of the name, or the visible beginning of a token
    pub search: Option<String>,
    /// Only keys with this status or property
    #[schemars(extend("enum" = StatusFilter::ALL.map(StatusFilter::as_str)))]
    pub status: Option<String>,
    /// Only keys of this kind
    #[schemars(extend("enum" = Kind::ALL.map(Kind::as_str)))]
    pub kind: Option<String>,
    /// The order; a minus reverses it. The default is -created, the newest first
    #[schemars(extend("enum" = orders()))]
    pub sort: Option<String>,
    /// The size of a page; the default is 50
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<i64>,
    /// The next_cursor of the previous page, with the same sort
    pub cursor: Option<String>,
}

fn orders() -> Vec<String> {
    Order::ALL.iter().flat_map(|order| [order.as_str().to_owned(), format!("-{}", order.as_str())]).collect()
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct KeyUsageArguments {
    /// The key's id or its exact name
    pub key: String,
    /// The number of hours before now; the default is 24. More than 72 hours are given by day
    #[schemars(range(min = 1, max = 2160))]
    pub hours: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct KeyCallersArguments {
    /// The key's id or its exact name
    pub key: String,
    /// The number of days before now; the default is 30
    #[schemars(range(min = 1, max = 90))]
    pub days: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct StaleKeysArguments {
    /// Keys that were not used for this many days; the default is 60
    #[schemars(range(min = 1, max = 3650))]
    pub unused_days: Option<i64>,
    /// The most keys to return; the default is 50
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct ListMembersArguments {
    /// A part of a name or email address
    pub search: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct SearchAuditArguments {
    /// The id of the person or key that acted
    pub actor: Option<String>,
    /// An action such as key.created
    pub action: Option<String>,
    /// The id or the exact name of what it was done to
    pub target: Option<String>,
    /// RFC 3339; only events from this time on
    pub since: Option<String>,
    /// The number of events; the default is 50
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<i64>,
    /// The next_cursor of the previous page
    pub cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct CreateKeyArguments {
    /// From 1 to 80 characters, unique among the keys that are not revoked
    pub name: String,
    /// The default is live
    #[schemars(extend("enum" = Kind::ALL.map(Kind::as_str)))]
    pub kind: Option<String>,
    /// At most the role of your own key; the default is viewer. Ask for the lowest role that is enough
    #[schemars(extend("enum" = Role::OF_KEYS.map(Role::as_str)))]
    pub role: Option<String>,
    /// What the key is for, for the people who see it in the list
    pub note: Option<String>,
    /// The number of days that the key works; without it and expires_at, as long as your own key
    #[schemars(range(min = 1, max = 3650))]
    pub expires_in_days: Option<i64>,
    /// RFC 3339, instead of expires_in_days
    pub expires_at: Option<String>,
    /// At most that of your own key
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rate_limit_per_minute: Option<i64>,
    /// Addresses and CIDR ranges that it may be used from; empty for those of your own key
    #[serde(default)]
    pub allowed_ranges: Vec<String>,
    /// Why you ask, in a sentence for the person who decides
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
pub struct RotateKeyArguments {
    /// The key's id or its exact name
    pub key: String,
    /// How many hours the old secret goes on working; the default is 24. The person can choose another time
    #[schemars(range(min = 0, max = 2160))]
    pub overlap_hours: Option<i64>,
    /// Why you ask, in a sentence for the person who decides
    pub reason: Option<String>,
}
