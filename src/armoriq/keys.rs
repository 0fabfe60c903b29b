//! `armoriq keys list`, `revoke` and `prune`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;
use crate::api::ApiError;
use crate::keys::Status;
use crate::keys::server::{self as keys, Filter, Key};
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::{KeyId, Timestamp};

/// The most keys in the list, the newest ones. Clients do not support pagination.
const MAX_LISTED: usize = 1_000;

/// A key without its token. Absent times are omitted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArmorIqKey {
    id: String,
    name: String,
    status: Status,
    key_prefix: String,
    role: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Serialize)]
pub struct ArmorIqKeys {
    success: bool,
    data: Vec<ArmorIqKey>,
}

impl ArmorIqKey {
    fn of(key: &Key, now: Timestamp) -> Self {
        let text = |at: Timestamp| at.to_string();
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            status: key.status(now),
            key_prefix: format!("{}_{}", key.kind.prefix(), key.secret),
            role: key.role.as_str(),
            created_at: text(key.created_at),
            last_used_at: key.last_used_at.map(text),
            expires_at: key.expires_at.map(text),
        }
    }
}

/// Lists only the keys that the calling key's creator created, because `prune --yes` revokes every key of this list that
/// looks unused. `keys::list` includes calls that are not rolled up yet, so the calling key itself never looks unused.
pub async fn list(State(app): State<App>, caller: ArmorIqCaller) -> Result<Json<ArmorIqKeys>, ApiError> {
    let filter =
        Filter { creator: Some(caller.actor.user), descending: true, limit: MAX_LISTED, ..Filter::default() };
    let page = keys::list(&app, &caller.actor, &filter).await?;
    let now = app.clock.now();
    Ok(Json(ArmorIqKeys {
        success: true,
        data: page.keys.iter().map(|key| ArmorIqKey::of(key, now)).collect(),
    }))
}

pub async fn revoke(
    State(app): State<App>,
    caller: ArmorIqCaller,
    PathId(id): PathId<KeyId>,
) -> Result<Json<Value>, ApiError> {
    let key = keys::revoke(&app, &caller.actor, id).await?;
    Ok(Json(json!({ "success": true, "id": key.id, "status": "revoked" })))
}
