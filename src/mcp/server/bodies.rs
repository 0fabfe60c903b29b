//! What tools return. Their schemas are generated from these types.

use std::collections::HashMap;

use rmcp::schemars::JsonSchema;
use serde::Serialize;

use crate::accounts::server as accounts;
use crate::keys::server::{Key, KeyQuota};
use crate::platform::{App, Error};
use crate::shared::{Timestamp, UserId};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct KeySummary {
    pub id: String,
    pub name: String,
    pub kind: String,
    /// The visible beginning of its token
    pub prefix: String,
    pub role: String,
    /// active, rotating, disabled, expired or revoked
    pub status: String,
    /// Whether its secret was found in public
    pub is_leaked: bool,
    pub created_at: String,
    /// The name of the person in whose name it acts
    pub created_by: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
    /// Accepted requests since it was created
    pub calls: i64,
}

impl KeySummary {
    /// `names` are those of the creators.
    pub fn of(key: &Key, names: &HashMap<UserId, String>, now: Timestamp) -> Self {
        let text = |at: Timestamp| at.to_string();
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            kind: key.kind.as_str().to_owned(),
            prefix: format!("{}_{}", key.kind.prefix(), key.secret),
            role: key.role.as_str().to_owned(),
            status: key.status(now).as_str().to_owned(),
            is_leaked: key.is_leaked(),
            created_at: text(key.created_at),
            created_by: names.get(&key.created_by).cloned().unwrap_or_default(),
            expires_at: key.expires_at.map(text),
            last_used_at: key.last_used_at.map(text),
            calls: key.calls,
        }
    }

    pub async fn load(app: &App, key: &Key) -> Result<Self, Error> {
        let names = accounts::names(app, &[key.created_by]).await?;
        Ok(Self::of(key, &names, app.clock.now()))
    }

    pub async fn load_all(app: &App, keys: &[Key]) -> Result<Vec<Self>, Error> {
        let creators: Vec<UserId> = keys.iter().map(|key| key.created_by).collect();
        let names = accounts::names(app, &creators).await?;
        let now = app.clock.now();
        Ok(keys.iter().map(|key| Self::of(key, &names, now)).collect())
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct KeyDetail {
    #[serde(flatten)]
    pub summary: KeySummary,
    pub note: String,
    pub rate_limit_per_minute: Option<i64>,
    /// The networks that it may be used from; empty: anywhere
    pub allowed_ranges: Vec<String>,
    /// The id of the customer in the organization's own system
    pub external_id: Option<String>,
    /// What it may do in the organization's own API
    pub permissions: Vec<String>,
    /// Such as "1000 a day"
    pub quota: Option<String>,
    /// The previous secret's prefix, while both secrets work
    pub previous_prefix: Option<String>,
    pub previous_valid_until: Option<String>,
    /// Its page, for people
    pub page: String,
}

impl KeyDetail {
    pub async fn load(app: &App, key: &Key) -> Result<Self, Error> {
        let rotation = key.rotation(app.clock.now());
        Ok(Self {
            summary: KeySummary::load(app, key).await?,
            note: key.note.clone(),
            rate_limit_per_minute: key.rate_limit.map(i64::from),
            allowed_ranges: key.ranges.iter().map(ToString::to_string).collect(),
            external_id: key.customer.external_id.clone(),
            permissions: key.customer.permissions.clone(),
            quota: key.customer.quota.map(|quota: KeyQuota| quota.to_string()),
            previous_prefix: rotation.map(|(secret, _)| format!("{}_{secret}", key.kind.prefix())),
            previous_valid_until: rotation.map(|(_, until)| until.to_string()),
            page: format!("{}/settings/api-keys/{}", app.public_url.origin(), key.id),
        })
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct WhoamiBody {
    /// The key that you use
    pub key: KeySummary,
    pub organization: AgentOrganization,
    /// The person in whose name you act
    pub person: AgentPerson,
    /// The time of this server
    pub now: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentOrganization {
    pub id: String,
    pub name: String,
    pub plan: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentPerson {
    pub id: String,
    pub name: String,
    pub email: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct KeyPageBody {
    pub keys: Vec<KeySummary>,
    /// Pass it as cursor for the next page; null on the last one
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct KeyUsageBody {
    pub key_id: String,
    pub from: String,
    pub to: String,
    pub accepted: i64,
    pub refused: i64,
    /// The refused requests by reason
    pub refused_by_reason: Vec<ReasonCount>,
    /// hour or day
    pub period: String,
    /// Only periods with requests
    pub periods: Vec<UsagePeriod>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct ReasonCount {
    pub reason: String,
    pub requests: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct UsagePeriod {
    pub starts_at: String,
    pub accepted: i64,
    pub refused: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct KeyCallersBody {
    pub key_id: String,
    /// Accepted requests in the last 24 hours
    pub calls_in_24_hours: i64,
    pub last_used_at: Option<String>,
    /// The latest first, at most 100. A caller is listed once for each secret that it sent
    pub callers: Vec<AgentCaller>,
    /// Whether there are more callers than are listed
    pub has_more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentCaller {
    /// Empty for callers that are counted together
    pub address: String,
    pub user_agent: String,
    /// Whether it sent the current secret; false for one that was replaced
    pub uses_current_secret: bool,
    pub first_at: String,
    pub last_at: String,
    pub last_accepted_at: Option<String>,
    pub requests: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct StaleKeysBody {
    /// The longest unused first
    pub keys: Vec<KeySummary>,
    pub unused_days: i64,
    /// Whether there are more such keys than are listed
    pub has_more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct MembersBody {
    pub members: Vec<AgentMember>,
    /// Whether there are more members than are listed; search for them
    pub has_more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentMember {
    pub id: String,
    pub name: String,
    pub email: String,
    pub role: String,
    pub joined_at: String,
    pub last_seen_at: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AuditBody {
    /// The newest first
    pub events: Vec<AgentEvent>,
    /// Pass it as cursor for older events; null on the last page
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentEvent {
    pub id: String,
    pub at: String,
    pub action: String,
    pub actor: AgentParty,
    pub target: AgentParty,
    /// The address of the actor
    pub address: String,
    pub details: serde_json::Map<String, serde_json::Value>,
    /// How many refusals this stands for; 1 for a change
    pub times: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AgentParty {
    pub kind: String,
    pub id: String,
    pub name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct ChangedKeyBody {
    /// The key after the change
    pub key: KeySummary,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub struct AskedPersonBody {
    /// pending, done, declined, expired or withdrawn
    pub status: String,
    /// While it is pending: the page where a person decides
    pub url: Option<String>,
    /// While it is pending: until when a person can decide
    pub expires_at: Option<String>,
    /// Once it is done: the key, without its secret
    pub key: Option<KeySummary>,
    /// The person who decided
    pub decided_by: Option<String>,
}
