//! The public API and the device logins of OAuth.

use super::super::row::Access::{Everybody, Keys, UnlessAuthorized};
use super::super::row::{Access, Row, form, get, json};

const ONE: &str = "/api/v1/keys/{id}";
const SEE: Access = Keys([200, 200, 200, 200, 404]);
const SEE_OWN: Access = Keys([200; 5]);
const CHANGE: Access = Keys([403, 403, 200, 200, 404]);
const CHANGE_OWN: Access = Keys([403, 200, 200, 200, 200]);
const LATER: &str = r#"{"until": "2026-11-25T10:00:00Z"}"#;

const PERMISSION: &str = "/api/v1/permissions/{id}";
const DESCRIBE: &str = r#"{"description": "two"}"#;

pub const ROWS: &[Row] = &[
    get("/api/v1/openapi.json", "", Everybody(200)),
    get("/api/v1/authorize", "/api/v1/authorize?org=<org>", Keys([200; 5])),
    get("/api/v1/authorize", "/api/v1/authorize?org=<home>", Keys([200, 200, 200, 200, 401])),
    get("/api/v1/authorize", "/api/v1/authorize?org=<org>&role=admin", Keys([403, 403, 200, 200, 200])),
    json("POST", "/api/v1/keys/verify", "", r#"{"key": "<token>"}"#, Keys([200; 5])),
    get("/api/v1/me", "", Keys([200; 5])),
    get("/api/v1/keys", "", Keys([200; 5])),
    json("POST", "/api/v1/keys", "", r#"{"name": "two", "role": "viewer"}"#, Keys([403, 201, 201, 201, 201])),
    json(
        "POST",
        "/api/v1/keys",
        "",
        r#"{"name": "three", "role": "owner"}"#,
        Keys([403, 403, 403, 201, 201]),
    ),
    get(ONE, "/api/v1/keys/<key>", SEE),
    get(ONE, "/api/v1/keys/<own_key>", SEE_OWN),
    json("PATCH", ONE, "/api/v1/keys/<key>", r#"{"name": "two"}"#, CHANGE),
    json("PATCH", ONE, "/api/v1/keys/<own_key>", r#"{"name": "two"}"#, CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/rotate", "/api/v1/keys/<key>/rotate", "{}", CHANGE),
    json("POST", "/api/v1/keys/{id}/rotate", "/api/v1/keys/<own_key>/rotate", "{}", CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/finish", "/api/v1/keys/<rotating_key>/finish", "{}", CHANGE),
    json("POST", "/api/v1/keys/{id}/finish", "/api/v1/keys/<own_rotating_key>/finish", "{}", CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/extend", "/api/v1/keys/<rotating_key>/extend", LATER, CHANGE),
    json("POST", "/api/v1/keys/{id}/extend", "/api/v1/keys/<own_rotating_key>/extend", LATER, CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/disable", "/api/v1/keys/<key>/disable", "{}", CHANGE),
    json("POST", "/api/v1/keys/{id}/disable", "/api/v1/keys/<own_key>/disable", "{}", CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/enable", "/api/v1/keys/<disabled_key>/enable", "{}", CHANGE),
    json("POST", "/api/v1/keys/{id}/enable", "/api/v1/keys/<own_disabled_key>/enable", "{}", CHANGE_OWN),
    json("POST", "/api/v1/keys/{id}/revoke", "/api/v1/keys/<key>/revoke", "{}", CHANGE),
    json("POST", "/api/v1/keys/{id}/revoke", "/api/v1/keys/<own_key>/revoke", "{}", CHANGE_OWN),
    get("/api/v1/keys/{id}/usage", "/api/v1/keys/<key>/usage", SEE),
    get("/api/v1/keys/{id}/usage", "/api/v1/keys/<own_key>/usage", SEE_OWN),
    get("/api/v1/keys/{id}/refusals", "/api/v1/keys/<key>/refusals", SEE),
    get("/api/v1/keys/{id}/refusals", "/api/v1/keys/<own_key>/refusals", SEE_OWN),
    get("/api/v1/refusals", "", Keys([200; 5])),
    get("/api/v1/permissions", "", Keys([200; 5])),
    json("POST", "/api/v1/permissions", "", r#"{"name": "new.read"}"#, Keys([403, 403, 201, 201, 201])),
    json("PATCH", PERMISSION, "/api/v1/permissions/<permission>", DESCRIBE, Keys([403, 403, 200, 200, 404])),
    json("DELETE", PERMISSION, "/api/v1/permissions/<permission>", "", Keys([403, 403, 200, 200, 404])),
    json("POST", "/api/v1/leaks", "", r#"{"tokens": ["x"]}"#, Everybody(202)).harmless(),
    get("/api/v1/leaks/policy", "", Keys([200; 5])),
    json("PATCH", "/api/v1/leaks/policy", "", r#"{"effect": "disable"}"#, Keys([403, 403, 403, 200, 200])),
    get("/api/v1/audit", "", Keys([403, 403, 200, 200, 200])),
    json("POST", "/api/mcp", "", r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#, Keys([200; 5]))
        .harmless(),
    form("/oauth/device_authorization", "", &[("client_id", "latchkey-cli")], UnlessAuthorized(200)),
    // The login waits for its approval.
    form(
        "/oauth/token",
        "",
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "latchkey-cli"),
            ("device_code", "<device_code>"),
        ],
        UnlessAuthorized(400),
    ),
    json(
        "POST",
        "/oauth/register",
        "",
        r#"{"redirect_uris": ["http://localhost/callback"]}"#,
        Everybody(201),
    ),
    get("/.well-known/oauth-authorization-server", "", Everybody(200)),
    get("/.well-known/oauth-protected-resource", "", Everybody(200)),
    get("/.well-known/oauth-protected-resource/api/mcp", "", Everybody(200)),
];
