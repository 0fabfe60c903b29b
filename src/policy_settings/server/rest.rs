//! `/api/v1/key-policy`: the rules, their change and its preview.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::change::{self, PolicyChange};
use super::draft::PolicyDraft;
use super::preview::{PolicyPreview, PreviewedKey, preview as compute};
use crate::api::{ApiError, Body};
use crate::key_policy::KeyPolicy;
use crate::keys::server::Refusal;
use crate::keys::server::rest::{ApiCaller, respond};
use crate::platform::App;
use crate::platform::http::{Audience, Routes};
use crate::shared::{Kind, Role, Timestamp};

pub fn routes() -> Routes {
    Routes::default()
        .documented(Audience::Key, routes!(show, put))
        .documented(Audience::Key, routes!(preview))
}

/// The rules for all keys of the organization. Null: the rule is off
#[derive(Serialize, ToSchema)]
#[schema(as = KeyPolicy)]
pub struct KeyPolicyBody {
    /// How long a key may live
    max_life_days: Option<u32>,
    allowed_kinds: Option<Vec<Kind>>,
    /// A caller's address must be in one of these networks, and in one of the key's own ranges if the key has any
    allowed_ranges: Option<Vec<String>>,
    /// A key that is unused for longer is disabled
    idle_days: Option<u32>,
    /// After this many days, the overview and an email ask for a rotation
    max_secret_age_days: Option<u32>,
    /// A key with this role or a higher one needs the approval of a second person
    #[schema(value_type = Option<Role>)]
    approval_from: Option<Role>,
    /// When all rules begin to apply to existing keys; null if they already do
    #[schema(format = DateTime)]
    all_apply_at: Option<String>,
}

impl KeyPolicyBody {
    fn of(policy: &KeyPolicy, now: Timestamp) -> Self {
        let rules = &policy.rules;
        let ranges = rules.allowed_ranges.iter().map(ToString::to_string).collect();
        Self {
            max_life_days: rules.max_life_days,
            allowed_kinds: rules.allowed_kinds.clone(),
            allowed_ranges: (!rules.allowed_ranges.is_empty()).then_some(ranges),
            idle_days: rules.idle_days,
            max_secret_age_days: rules.max_secret_age_days,
            approval_from: rules.approval_from,
            all_apply_at: Some(policy.all_apply_from())
                .filter(|from| *from > now)
                .map(|from| from.to_string()),
        }
    }
}

/// Requires the field to be present; it may be null.
fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// All rules; null turns a rule off. A rule that is missing is an error, so that none is turned off by mistake
#[derive(Deserialize, ToSchema)]
#[schema(as = KeyPolicyRules)]
#[serde(deny_unknown_fields)]
pub struct PutKeyPolicyBody {
    /// From 1 to 366
    #[serde(deserialize_with = "required")]
    #[schema(required = true, minimum = 1, maximum = 366)]
    max_life_days: Option<i64>,
    /// At least one
    #[serde(deserialize_with = "required")]
    #[schema(required = true)]
    allowed_kinds: Option<Vec<Kind>>,
    /// At least one address or CIDR range
    #[serde(deserialize_with = "required")]
    #[schema(required = true)]
    allowed_ranges: Option<Vec<String>>,
    /// From 1 to 366
    #[serde(deserialize_with = "required")]
    #[schema(required = true, minimum = 1, maximum = 366)]
    idle_days: Option<i64>,
    /// From 1 to 366
    #[serde(deserialize_with = "required")]
    #[schema(required = true, minimum = 1, maximum = 366)]
    max_secret_age_days: Option<i64>,
    /// member, admin or owner
    #[serde(deserialize_with = "required")]
    #[schema(required = true)]
    approval_from: Option<Role>,
    /// How many days pass before changed rules apply to existing keys: 0 to 90
    #[schema(minimum = 0, maximum = 90)]
    grace_days: i64,
    /// The organization's name, if the change would refuse every key, or your last owner key
    #[serde(default)]
    confirm: String,
}

impl PutKeyPolicyBody {
    fn draft(self) -> (PolicyDraft, String) {
        let draft = PolicyDraft {
            max_life_days: self.max_life_days,
            allowed_kinds: self.allowed_kinds,
            allowed_ranges: self.allowed_ranges,
            idle_days: self.idle_days,
            max_secret_age_days: self.max_secret_age_days,
            approval_from: self.approval_from,
            grace_days: self.grace_days,
        };
        (draft, self.confirm)
    }
}

/// What a change would refuse
#[derive(Serialize, ToSchema)]
#[schema(as = KeyPolicyPreview)]
pub struct PolicyPreviewBody {
    /// When the changed rules begin to apply to existing keys
    #[schema(format = DateTime)]
    applies_at: String,
    /// The active keys of the organization
    keys: u64,
    /// Keys that are refused from then on
    refused: u64,
    /// Refused keys that were used in the last seven days
    refused_in_use: u64,
    /// Keys that are refused later, because they reach the maximum lifetime before they expire
    refused_later: u64,
    /// Keys that would be disabled because nobody uses them
    idle: u64,
    /// A lower bound on the callers of these keys in the last seven days
    callers_at_least: usize,
    /// A lower bound on the callers of other keys whose addresses would not be allowed
    outside_callers_at_least: usize,
    /// The change needs the organization's name in confirm
    needs_confirmation: bool,
    /// The most recently used of the refused keys, at most 50
    refused_keys: Vec<PolicyPreviewKeyBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = KeyPolicyPreviewKey)]
pub struct PolicyPreviewKeyBody {
    id: String,
    name: String,
    /// The rule that refuses it
    rule: &'static str,
    created_by: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// A lower bound on its callers in the last seven days
    callers_at_least: usize,
    /// The address of the last caller
    last_caller: Option<String>,
}

impl PolicyPreviewBody {
    fn of(preview: PolicyPreview) -> Self {
        let key = |PreviewedKey { key, rule, callers, last_caller, .. }| PolicyPreviewKeyBody {
            id: key.id.to_string(),
            name: key.name,
            rule: rule.as_str(),
            created_by: key.created_by.to_string(),
            last_used_at: key.last_used_at.map(|at| at.to_string()),
            callers_at_least: callers,
            last_caller,
        };
        Self {
            applies_at: preview.from.to_string(),
            keys: preview.keys,
            refused: preview.refused,
            refused_in_use: preview.refused_in_use,
            refused_later: preview.refused_later,
            idle: preview.idle,
            callers_at_least: preview.callers,
            outside_callers_at_least: preview.outside_callers,
            needs_confirmation: preview.needs_confirmation(),
            refused_keys: preview.refused_keys.into_iter().map(key).collect(),
        }
    }
}

/// The rules for all keys of the organization
#[utoipa::path(get, path = "/api/v1/key-policy", operation_id = "getKeyPolicy", tag = "key policy",
    responses((status = 200, description = "The rules", body = KeyPolicyBody), (status = 401), (status = 403)))]
pub async fn show(State(app): State<App>, caller: ApiCaller) -> Result<Response, ApiError> {
    let policy = change::current(&app, &caller.actor).await?;
    Ok(respond(StatusCode::OK, &caller.limits, KeyPolicyBody::of(&policy, app.clock.now())))
}

/// Replace the rules; for keys with the role owner
///
/// Stricter rules apply to new keys at once, and to existing keys after the grace period. With two or more owners, a change
/// that weakens a rule is refused: an owner asks a second owner for it in the browser.
#[utoipa::path(put, path = "/api/v1/key-policy", operation_id = "putKeyPolicy", tag = "key policy", request_body = PutKeyPolicyBody,
    responses((status = 200, description = "The rules as they are now", body = KeyPolicyBody),
        (status = 401), (status = 403), (status = 409), (status = 422)))]
pub async fn put(
    State(app): State<App>,
    caller: ApiCaller,
    Body(body): Body<PutKeyPolicyBody>,
) -> Result<Response, ApiError> {
    let (draft, confirm) = body.draft();
    let (PolicyChange::Unchanged(policy) | PolicyChange::Saved(policy)) =
        change::change(&app, &caller.actor, &draft, &confirm).await?;
    Ok(respond(StatusCode::OK, &caller.limits, KeyPolicyBody::of(&policy, app.clock.now())))
}

/// Preview what a change would refuse, without changing anything; needs a key with the role owner
///
/// One preview of an organization runs at a time, and few in all.
#[utoipa::path(post, path = "/api/v1/key-policy/preview", operation_id = "previewKeyPolicy", tag = "key policy", request_body = PutKeyPolicyBody,
    responses((status = 200, description = "Counts of keys, and some of them", body = PolicyPreviewBody), (status = 401), (status = 403), (status = 422), (status = 429)))]
pub async fn preview(
    State(app): State<App>,
    caller: ApiCaller,
    Body(body): Body<PutKeyPolicyBody>,
) -> Result<Response, ApiError> {
    change::require_owner(&app, &caller.actor).await?;
    let requested = body.draft().0.check().map_err(Refusal::Input)?;
    let policy = change::current(&app, &caller.actor).await?;
    let preview = compute(&app, &caller.actor, &policy, &requested).await?;
    Ok(respond(StatusCode::OK, &caller.limits, PolicyPreviewBody::of(preview)))
}
