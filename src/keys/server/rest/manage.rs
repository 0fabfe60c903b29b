//! `/api/v1/keys`: creating and changing keys.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::bodies::{KeyBody, NewKeyBody, QuotaBody, WaitingApprovalBody, respond};
use super::caller::ApiCaller;
use crate::api::{ApiError, Body, Moment, present};
use crate::keys::server::{self as keys, CustomerDraft, Draft, Edit, Key, Refusal, Revealed};
use crate::platform::http::PathId;
use crate::platform::{App, Problem, Secret};
use crate::shared::{KeyId, Kind, Role};

#[derive(Deserialize, ToSchema)]
#[schema(as = NewKey)]
#[serde(deny_unknown_fields)]
pub struct CreateKeyBody {
    /// From 1 to 80 characters, unique among the organization's keys that are not revoked
    name: String,
    /// The default is live
    kind: Option<Kind>,
    /// At most the caller's, which is the default
    role: Option<Role>,
    #[serde(default)]
    note: String,
    /// RFC 3339, no later than the calling key's; without it, or null, the calling key's
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    /// No more than the calling key's; without it, or null, the calling key's. If the calling key has a limit, its requests
    /// and those of the new key are counted together
    rate_limit_per_minute: Option<i64>,
    /// Addresses and CIDR ranges within the calling key's; without it, or empty, the calling key's
    #[serde(default)]
    allowed_ranges: Vec<String>,
    /// The customer's id in your own system, at most 128 characters. Only a calling key with the role admin or owner may set this, metadata, permissions and quota
    external_id: Option<String>,
    /// A JSON object of at most 4 KiB that checks return
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    /// What the key may do in your API; the organization lists the names
    #[serde(default)]
    permissions: Vec<String>,
    /// No more than the calling key's; without it, or null, the calling key's
    quota: Option<QuotaBody>,
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The idempotency key of the request, or None without the header.
fn repeat(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=255).contains(&text.len()) => Ok(Some(Secret::new(text))),
        _ => {
            let problem = Problem::of(StatusCode::BAD_REQUEST);
            Err(ApiError::new(problem.detail("An Idempotency-Key has from 1 to 255 ASCII characters.")))
        }
    }
}

/// Create a key; its plaintext is only in this response
///
/// The new key expires no later, works from no more addresses and allows no more requests per minute than the calling key. The
/// requests of a limited key and of all keys that it creates or rotates are counted together. The organization's key policy
/// applies; it can require that a second person approves a key with a strong role, which is then created in the browser.
#[utoipa::path(post, path = "/api/v1/keys", operation_id = "createKey", tag = "keys", request_body = CreateKeyBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat within a day gets a 409 with the key's id")),
    responses((status = 201, description = "The new key with its token", body = NewKeyBody), (status = 202, description = "A second person must approve a key with this role first; Location is the request", body = WaitingApprovalBody), (status = 401), (status = 403), (status = 409), (status = 422)))]
pub async fn create(
    State(app): State<App>,
    caller: ApiCaller,
    headers: HeaderMap,
    Body(new): Body<CreateKeyBody>,
) -> Result<Response, ApiError> {
    let repeat = repeat(&headers)?;
    let draft = Draft {
        name: new.name,
        kind: new.kind.unwrap_or(Kind::Live),
        role: new.role,
        note: new.note,
        expires_at: new.expires_at.map(|Moment(at)| at),
        rate_limit: new.rate_limit_per_minute,
        ranges: new.allowed_ranges,
        customer: CustomerDraft {
            external_id: new.external_id.unwrap_or_default(),
            metadata: new.metadata.as_deref().map(text_of).unwrap_or_default(),
            permissions: new.permissions,
            quota: new.quota.map(Into::into),
        },
    };
    let made = keys::create(&app, &caller.actor, &draft, repeat.as_ref()).await;
    revealed(&app, &caller, StatusCode::CREATED, made)
}

/// JSON as text; nothing for null.
fn text_of(json: &RawValue) -> String {
    if json.get() == "null" { String::new() } else { json.get().to_owned() }
}

fn revealed(
    app: &App,
    caller: &ApiCaller,
    status: StatusCode,
    made: Result<Revealed, Refusal>,
) -> Result<Response, ApiError> {
    let made = made?;
    Ok(respond(status, &caller.limits, NewKeyBody::of(&made, app.clock.now())))
}

fn changed(app: &App, caller: &ApiCaller, key: Result<Key, Refusal>) -> Result<Response, ApiError> {
    let key = key?;
    Ok(respond(StatusCode::OK, &caller.limits, KeyBody::of(&key, app.clock.now())))
}

/// One key
#[utoipa::path(get, path = "/api/v1/keys/{id}", operation_id = "getKey", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = KeyBody), (status = 401), (status = 404)))]
pub async fn show(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Response, ApiError> {
    let found = keys::find(&app, &caller.actor, id).await;
    changed(&app, &caller, found.map_err(Refusal::Error))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyEdit {
    name: Option<String>,
    note: Option<String>,
    /// null: never. No later than the calling key's
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Moment>>,
    /// null: without a limit. No more than the calling key's
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    rate_limit_per_minute: Option<Option<i64>>,
    /// Empty: from anywhere. Within the calling key's
    allowed_ranges: Option<Vec<String>>,
    /// null: no owner. Only a calling key with the role admin or owner may set this, metadata, permissions and quota
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    /// null: none
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Box<RawValue>>>,
    /// Replaces all permissions of the key
    permissions: Option<Vec<String>>,
    /// null: without a quota
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<QuotaBody>)]
    quota: Option<Option<QuotaBody>>,
    /// 10, 100 or 1000: for 7 days, one in so many accepted calls is logged beside refused requests. null: none
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    sample_one_in: Option<Option<i64>>,
}

/// Change a key other than the calling one; its role and kind cannot be changed
///
/// A change of limits is refused if the result exceeds the limits of the calling key.
#[utoipa::path(patch, path = "/api/v1/keys/{id}", operation_id = "editKey", tag = "keys", params(("id" = String, Path, description = "The key's id")), request_body = KeyEdit,
    responses((status = 200, description = "The key as it is now", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn edit(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
    Body(body): Body<KeyEdit>,
) -> Result<Response, ApiError> {
    let edit = Edit {
        name: body.name,
        note: body.note,
        expires_at: body.expires_at.map(|at| at.map(|Moment(at)| at)),
        rate_limit: body.rate_limit_per_minute,
        ranges: body.allowed_ranges,
        external_id: body.external_id.map(Option::unwrap_or_default),
        metadata: body.metadata.map(|json| json.as_deref().map(text_of).unwrap_or_default()),
        permissions: body.permissions,
        quota: body.quota.map(|quota| quota.map(Into::into)),
        sample_one_in: body.sample_one_in,
    };
    changed(&app, &caller, keys::edit(&app, &caller.actor, id, &edit).await)
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// How long the old secret stays valid: a day without it, at most 90 days, never longer than the key itself
    overlap_seconds: Option<u64>,
}

const A_DAY: u64 = 24 * 60 * 60;

/// Give a key a new secret; its plaintext is only in this response
///
/// The key is the calling one, or one whose limits lie within those of the calling key. If the calling key has a limit on
/// requests per minute, the requests of both are counted together from then on.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", operation_id = "rotateKey", tag = "keys", request_body = RotateKey,
    params(("id" = String, Path, description = "The key's id"), ("Idempotency-Key" = Option<String>, Header, description = "A repeat within a day gets a 409 with the key's id")),
    responses((status = 200, description = "The key with its new token", body = NewKeyBody), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn rotate(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
    headers: HeaderMap,
    Body(body): Body<RotateKey>,
) -> Result<Response, ApiError> {
    let repeat = repeat(&headers)?;
    let overlap = Duration::from_secs(body.overlap_seconds.unwrap_or(A_DAY));
    let made = keys::rotate(&app, &caller.actor, id, overlap, repeat.as_ref()).await;
    revealed(&app, &caller, StatusCode::OK, made)
}

/// End the old secret of a rotation now
#[utoipa::path(post, path = "/api/v1/keys/{id}/finish", operation_id = "finishRotation", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The key, whose old secret has ended", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn finish(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Response, ApiError> {
    changed(&app, &caller, keys::finish(&app, &caller.actor, id, None).await)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendRotation {
    /// RFC 3339, later than the current cut-off
    #[schema(value_type = String, format = DateTime)]
    until: Moment,
}

/// Move the cut-off of a rotation to a later time
///
/// Not of the calling key, and only of a key whose limits lie within those of the calling key.
#[utoipa::path(post, path = "/api/v1/keys/{id}/extend", operation_id = "extendRotation", tag = "keys", params(("id" = String, Path, description = "The key's id")), request_body = ExtendRotation,
    responses((status = 200, description = "The key with its later cut-off", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn extend(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
    Body(body): Body<ExtendRotation>,
) -> Result<Response, ApiError> {
    changed(&app, &caller, keys::extend(&app, &caller.actor, id, body.until.0).await)
}

/// Disable a key
#[utoipa::path(post, path = "/api/v1/keys/{id}/disable", operation_id = "disableKey", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The disabled key", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn disable(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Response, ApiError> {
    changed(&app, &caller, keys::disable(&app, &caller.actor, id).await)
}

/// Enable a disabled key
///
/// Only a key whose limits lie within those of the calling key.
#[utoipa::path(post, path = "/api/v1/keys/{id}/enable", operation_id = "enableKey", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The enabled key", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn enable(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Response, ApiError> {
    changed(&app, &caller, keys::enable(&app, &caller.actor, id).await)
}

/// Revoke a key permanently
#[utoipa::path(post, path = "/api/v1/keys/{id}/revoke", operation_id = "revokeKey", tag = "keys", params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, description = "The revoked key", body = KeyBody), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn revoke(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Response, ApiError> {
    changed(&app, &caller, keys::revoke(&app, &caller.actor, id).await)
}
