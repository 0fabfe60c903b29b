//! The addresses of the published ArmorIQ clients.

use super::super::row::Access::{Everybody, Keys, UnlessKeyIsInvalid};
use super::super::row::{Row, get, json};

const REGISTER: &str = r#"{"identity": {"agent_id": "<email>"}}"#;
const REVOKE: &str = "/api-keys/{id}/revoke";

const fn not_offered(method: &'static str, route: &'static str, address: &'static str) -> Row {
    json(method, route, address, "{}", Everybody(501))
}

pub const ROWS: &[Row] = &[
    json("POST", "/auth/device/code", "", "{}", Everybody(200)),
    // The login waits for its approval.
    json("POST", "/auth/device/token", "", r#"{"deviceCode": "<device_code>"}"#, Everybody(400)),
    get("/health", "", UnlessKeyIsInvalid(200)),
    get("/iap/sdk/orgs", "", Keys([200; 5])),
    json("POST", "/iap/sdk/bootstrap", "", "{}", Keys([200; 5])),
    json("POST", "/iap/sdk/register", "", REGISTER, Keys([403, 200, 200, 200, 200])),
    // 400 for keys that no login created, because the client misinterprets a 403.
    json("POST", "/iap/sdk/switch-org", "", r#"{"org": "<org_name>"}"#, Keys([400; 5])),
    get("/api-keys", "", Keys([200; 5])),
    json("POST", REVOKE, "/api-keys/<key>/revoke", "{}", Keys([403, 403, 200, 200, 404])),
    json("POST", REVOKE, "/api-keys/<own_key>/revoke", "{}", Keys([403, 200, 200, 200, 200])),
    not_offered("GET", "/iap/public-key", ""),
    not_offered("POST", "/iap/sdk/token", ""),
    not_offered("POST", "/iap/plans/{plan_id}/status", "/iap/plans/x/status"),
    not_offered("POST", "/iap/audit", ""),
    not_offered("POST", "/invoke", ""),
    not_offered("GET", "/policy/bundles/current", ""),
    not_offered("POST", "/iap/sdk/enforce", ""),
    not_offered("POST", "/iap/sdk/preflight", ""),
    not_offered("POST", "/iap/sdk/resolve-user", ""),
    not_offered("GET", "/policies/profiles/active", ""),
    not_offered("POST", "/policies/profiles/template", ""),
    not_offered("POST", "/policies/profiles/propose", ""),
    not_offered("POST", "/policies/profiles/cancel", ""),
    not_offered("POST", "/policies/sync", ""),
    not_offered("PUT", "/policies/profiles/draft", ""),
    not_offered("GET", "/delegation/my-role", ""),
    not_offered("GET", "/delegation/check-approved", ""),
    not_offered("GET", "/delegation/{id}/status", "/delegation/x/status"),
    not_offered("POST", "/delegation/request", ""),
    not_offered("POST", "/delegation/mark-executed", ""),
    not_offered("POST", "/delegation/create", ""),
    not_offered("POST", "/iap/trust/revoke", ""),
    not_offered("POST", "/iap/trust/reanchor", ""),
    not_offered("POST", "/iap/trust/delegate", ""),
    not_offered("GET", "/mcp/my-servers", ""),
    not_offered("GET", "/mcp/tools/{mcp}", "/mcp/tools/x"),
    not_offered("GET", "/mcp/tool-metadata/{mcp}", "/mcp/tool-metadata/x"),
    not_offered("POST", "/iap/sdk/tools", ""),
    not_offered("POST", "/dashboard/token-usage", ""),
    not_offered("POST", "/dashboard/token-usage/stream", ""),
    not_offered("POST", "/dashboard/token-usage/stream/reset", ""),
    not_offered("POST", "/dashboard/token-usage/batch", ""),
    not_offered("PUT", "/dashboard/token-usage/runs/{run_id}", "/dashboard/token-usage/runs/x"),
    not_offered("GET", "/observability/policy/lease", ""),
    not_offered("POST", "/v1/traces", ""),
];
