//! The key policy and requests that a second person decides, on pages and in the public API.

use super::super::row::Access::{Keys, People};
use super::super::row::{Row, form, get, json};

const HERE: &str = "/settings/key-policy";
const RULES: &[(&str, &str)] =
    &[("life", "on"), ("max_life_days", "180"), ("grace_days", "90"), ("do", "save")];
const RULES_JSON: &str = r#"{"max_life_days": 180, "allowed_kinds": null, "allowed_ranges": null, "idle_days": null,
    "max_secret_age_days": null, "approval_from": null, "grace_days": 90}"#;

const ONE: &str = "/approvals/{id}";
const DENY: &[(&str, &str)] = &[("verdict", "deny"), ("reason", "No."), ("hash", "<approval_hash>")];
const ONE_BY_KEY: &str = "/api/v1/approvals/{id}";
const WITHDRAW_BY_KEY: &str = "/api/v1/approvals/{id}/withdraw";
const CREATE: &str = "/settings/api-keys/approved/{id}";

pub const ROWS: &[Row] = &[
    get(HERE, "", People([200; 5])),
    form(HERE, "", RULES, People([403, 403, 403, 303, 303])),
    get("/approvals", "", People([200; 5])),
    get(ONE, "/approvals/<approval>", People([404, 404, 200, 200, 404])),
    get(ONE, "/approvals/<own_approval>", People([200; 5])),
    form(ONE, "/approvals/<approval>", DENY, People([404, 404, 303, 303, 404])),
    form(
        ONE,
        "/approvals/<own_approval>",
        &[("verdict", "approve"), ("hash", "<own_approval_hash>")],
        People([403; 5]),
    ),
    form(
        "/approvals/{id}/withdraw",
        "/approvals/<approval>/withdraw",
        &[],
        People([404, 404, 403, 403, 404]),
    ),
    form("/approvals/{id}/withdraw", "/approvals/<own_approval>/withdraw", &[], People([303; 5])),
    form(CREATE, "/settings/api-keys/approved/<approval>", &[], People([404, 404, 403, 403, 404])),
    // It waits for a decision.
    form(CREATE, "/settings/api-keys/approved/<own_approval>", &[], People([303; 5])).harmless(),
    get("/api/v1/key-policy", "", Keys([200; 5])),
    json("PUT", "/api/v1/key-policy", "", RULES_JSON, Keys([403, 403, 403, 200, 200])),
    json("POST", "/api/v1/key-policy/preview", "", RULES_JSON, Keys([403, 403, 403, 200, 200])).harmless(),
    get("/api/v1/approvals", "", Keys([200; 5])),
    get(ONE_BY_KEY, "/api/v1/approvals/<approval>", Keys([404, 404, 200, 200, 404])),
    get(ONE_BY_KEY, "/api/v1/approvals/<own_approval>", Keys([200; 5])),
    json(
        "POST",
        WITHDRAW_BY_KEY,
        "/api/v1/approvals/<approval>/withdraw",
        "{}",
        Keys([404, 404, 403, 403, 404]),
    ),
    json(
        "POST",
        WITHDRAW_BY_KEY,
        "/api/v1/approvals/<own_approval>/withdraw",
        "{}",
        Keys([403, 200, 200, 200, 200]),
    ),
];
