//! Clients ask this when they are made, with their key: 401 tells them at once that it is no good.

use axum::Json;
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;

pub async fn show(_key: Option<ArmorIqCaller>) -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
