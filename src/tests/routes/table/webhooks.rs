//! Webhooks, on pages and in the public API.

use super::super::row::Access::{Keys, People};
use super::super::row::{Access, Row, form, get, json};

const NEW: &[(&str, &str)] = &[("url", "https://93.184.216.34/new"), ("events", "key.*")];
const NEW_JSON: &str = r#"{"url": "https://93.184.216.34/new", "events": ["key.*"]}"#;

const PAGE: &str = "/settings/webhooks/{id}";
const RESEND: &str = "/settings/webhooks/deliveries/{id}/resend";
const LIST: Access = People([403, 403, 200, 200, 200]);
const SEE: Access = People([403, 403, 200, 200, 404]);
const CHANGE: Access = People([403, 403, 303, 303, 404]);

const ONE: &str = "/api/v1/webhooks/{id}";
const ONE_WEBHOOK: &str = "/api/v1/webhooks/<webhook>";
const RESEND_BY_KEY: &str = "/api/v1/webhooks/deliveries/{id}/resend";
const LIST_BY_KEY: Access = Keys([403, 403, 200, 200, 200]);
const SEE_BY_KEY: Access = Keys([403, 403, 200, 200, 404]);
const SEND_BY_KEY: Access = Keys([403, 403, 202, 202, 404]);

pub const ROWS: &[Row] = &[
    get("/settings/webhooks", "", LIST),
    get("/settings/webhooks/new", "", LIST),
    form("/settings/webhooks/new", "", NEW, LIST),
    get(PAGE, "/settings/webhooks/<webhook>", SEE),
    get("/settings/webhooks/{id}/edit", "/settings/webhooks/<webhook>/edit", SEE),
    form("/settings/webhooks/{id}/edit", "/settings/webhooks/<webhook>/edit", NEW, CHANGE),
    get("/settings/webhooks/{id}/rotate-secret", "/settings/webhooks/<webhook>/rotate-secret", SEE),
    form("/settings/webhooks/{id}/rotate-secret", "/settings/webhooks/<webhook>/rotate-secret", &[], SEE),
    get("/settings/webhooks/{id}/remove", "/settings/webhooks/<webhook>/remove", SEE),
    form(
        "/settings/webhooks/{id}/remove",
        "/settings/webhooks/<webhook>/remove",
        &[("confirm", "on")],
        CHANGE,
    ),
    form("/settings/webhooks/{id}/turn-off", "/settings/webhooks/<webhook>/turn-off", &[], CHANGE),
    form("/settings/webhooks/{id}/turn-on", "/settings/webhooks/<off_webhook>/turn-on", &[], CHANGE),
    form(
        "/settings/webhooks/{id}/undo",
        "/settings/webhooks/<off_webhook>/undo",
        &[("turned", "off"), ("since", "0")],
        CHANGE,
    ),
    form("/settings/webhooks/{id}/test", "/settings/webhooks/<webhook>/test", &[], CHANGE),
    form(RESEND, "/settings/webhooks/deliveries/<delivery>/resend", &[], CHANGE),
    get("/api/v1/webhooks", "", LIST_BY_KEY),
    json("POST", "/api/v1/webhooks", "", NEW_JSON, Keys([403, 403, 201, 201, 201])),
    get(ONE, ONE_WEBHOOK, SEE_BY_KEY),
    json("PATCH", ONE, ONE_WEBHOOK, r#"{"description": "SIEM"}"#, SEE_BY_KEY),
    json("DELETE", ONE, ONE_WEBHOOK, "{}", Keys([403, 403, 204, 204, 404])),
    json(
        "POST",
        "/api/v1/webhooks/{id}/rotate-secret",
        "/api/v1/webhooks/<webhook>/rotate-secret",
        "{}",
        SEE_BY_KEY,
    ),
    json("POST", "/api/v1/webhooks/{id}/test", "/api/v1/webhooks/<webhook>/test", "{}", SEND_BY_KEY),
    get("/api/v1/webhooks/{id}/deliveries", "/api/v1/webhooks/<webhook>/deliveries", SEE_BY_KEY),
    json("POST", RESEND_BY_KEY, "/api/v1/webhooks/deliveries/<delivery>/resend", "{}", SEND_BY_KEY),
];
