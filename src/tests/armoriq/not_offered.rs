//! The responses to published clients for features that do not exist yet.

use axum::http::Method;
use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;

/// One route of each feature, and a part of its message.
const SOME: [(Method, &str, &str); 11] = [
    (Method::POST, "/iap/sdk/token", "intent tokens"),
    (Method::POST, "/invoke", "MCP servers"),
    (Method::POST, "/iap/sdk/enforce", "tool calls"),
    (Method::POST, "/iap/sdk/resolve-user", "users"),
    (Method::GET, "/policies/profiles/active", "policies"),
    (Method::PUT, "/policies/profiles/draft", "policies"),
    (Method::GET, "/delegation/01a1f866/status", "approvals"),
    (Method::POST, "/iap/trust/revoke", "delegation"),
    (Method::GET, "/mcp/tools/weather-mcp", "tools"),
    (Method::PUT, "/dashboard/token-usage/runs/1", "token usage"),
    (Method::GET, "/observability/policy/lease", "telemetry"),
];

/// No key is needed, and the database is not read.
#[apply(on_both_engines!)]
async fn missing_features_respond_with_501_and_a_message(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    server.app.db.pool().close().await;
    for (method, path, words) in SOME {
        let call = || server.call(method.clone(), path).json(&json!({ "plan": {} }));
        for call in
            [call(), call().x_key(&key).key(&key), call().header("x-api-key", "ak_live_x"), call().browser()]
        {
            let response = call.send().await;
            let message = refused(&response, 501);
            assert!(
                message.starts_with("This server does not") && message.contains(words),
                "{path}: {message}"
            );
            let body = response.json();
            assert_eq!(body["error"], "Not offered yet");
            // Clients would read these fields as a decision about a tool call.
            assert!(
                body["enforcementAction"].is_null() && body["allowed"].is_null() && body["success"].is_null(),
                "{body}"
            );
        }
    }
}
