//! Messages that rmcp does not take as JSON-RPC, or refuses without an error of JSON-RPC.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use rmcp::model::{ErrorCode, ProtocolVersion};
use serde_json::{Value, json};

use crate::api::ApiError;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const VERSION_IN_BODY: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";
/// Enough for every text with which rmcp refuses a request.
const MAX_TEXT: usize = 4 * 1024;

/// The revisions of the protocol that this server speaks, oldest first.
pub const SUPPORTED: &[ProtocolVersion] =
    &[ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// A message with the form of JSON-RPC.
pub struct Message {
    /// The id, or null.
    id: Value,
}

impl Message {
    /// Checks the form of a message, and the version that only a header states. The error is the response.
    pub fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, ApiError> {
        let bad = |id: &Value, code, why: &str, data| {
            ApiError::new(refusal(StatusCode::BAD_REQUEST, id, code, why, data))
        };
        let invalid = |why: &str| bad(&Value::Null, ErrorCode::INVALID_REQUEST, why, None);
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            let why = "The body is not JSON, or it is nested too deep.";
            return Err(bad(&Value::Null, ErrorCode::PARSE_ERROR, why, None));
        };
        if message.is_array() {
            return Err(invalid("Batches are not supported. Send each message in a request of its own."));
        }
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(invalid("A message is a JSON object with \"jsonrpc\": \"2.0\"."));
        }
        let id = match message.get("id") {
            None => Value::Null,
            Some(id) if id.is_string() || id.is_i64() || id.is_u64() => id.clone(),
            Some(_) => return Err(invalid("The id of a message is a text or a whole number.")),
        };
        let Some(header) = headers.get(VERSION) else { return Ok(Self { id }) };
        let stated = String::from_utf8_lossy(header.as_bytes());
        let is_supported = SUPPORTED.iter().any(|version| version.as_str() == stated);
        if !is_supported && message.pointer(VERSION_IN_BODY).is_none() {
            let data = json!({ "requested": stated, "supported": SUPPORTED });
            let code = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
            let why = "Unsupported protocol version";
            return Err(bad(&id, code, why, Some(data)));
        }
        Ok(Self { id })
    }
}

/// Turns a refusal that is only a text into an error of JSON-RPC.
pub async fn in_json_rpc(message: &Message, response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_error || is_json {
        return response;
    }
    let text = match Limited::new(response.into_body(), MAX_TEXT).collect().await {
        Ok(text) => String::from_utf8_lossy(&text.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    if status.is_server_error() {
        tracing::error!(text, "the MCP library failed");
        return refusal(status, &message.id, ErrorCode::INTERNAL_ERROR, "The fault is ours.", None);
    }
    // The body is JSON, but not a message of the protocol.
    let is_message = status == StatusCode::UNSUPPORTED_MEDIA_TYPE && text.starts_with("fail to deserialize");
    let status = if is_message { StatusCode::BAD_REQUEST } else { status };
    let why = if is_message { "This is not a message of the Model Context Protocol." } else { &text };
    refusal(status, &message.id, ErrorCode::INVALID_REQUEST, why, None)
}

fn refusal(status: StatusCode, id: &Value, code: ErrorCode, message: &str, data: Option<Value>) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    (status, Json(body)).into_response()
}
