//! `GET /health`. Clients call it when they are created. With a key, the response is 401 if the key is invalid.

use axum::Json;
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;

pub async fn show(_key: Option<ArmorIqCaller>) -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
