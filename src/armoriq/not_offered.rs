//! Addresses that the published clients call for features that this server does not have yet. A 404 would look like a
//! wrong address; the clients show the message of this response instead. Nothing is read and no key is checked.

use axum::http::StatusCode;

use crate::platform::Problem;
use crate::platform::http::{Audience, Routes};

/// The routes of one feature: method and path. The sentence says what is missing.
struct Feature {
    sentence: &'static str,
    get: &'static [&'static str],
    post: &'static [&'static str],
    put: &'static [&'static str],
}

const FEATURES: &[Feature] = &[
    Feature {
        sentence: "This server does not issue intent tokens yet.",
        get: &["/iap/public-key"],
        post: &["/iap/sdk/token", "/iap/plans/{plan_id}/status", "/iap/audit"],
        put: &[],
    },
    Feature {
        sentence: "This server does not forward calls to MCP servers yet.",
        get: &[],
        post: &["/invoke"],
        put: &[],
    },
    Feature {
        sentence: "This server does not decide about tool calls yet.",
        get: &["/policy/bundles/current"],
        post: &["/iap/sdk/enforce", "/iap/sdk/preflight"],
        put: &[],
    },
    Feature {
        sentence: "This server does not look up users for agents yet.",
        get: &[],
        post: &["/iap/sdk/resolve-user"],
        put: &[],
    },
    Feature {
        sentence: "This server does not manage policies yet.",
        get: &["/policies/profiles/active"],
        post: &[
            "/policies/profiles/template",
            "/policies/profiles/propose",
            "/policies/profiles/cancel",
            "/policies/sync",
        ],
        put: &["/policies/profiles/draft"],
    },
    Feature {
        sentence: "This server does not offer delegation and approvals yet.",
        get: &["/delegation/my-role", "/delegation/check-approved", "/delegation/{id}/status"],
        post: &[
            "/delegation/request",
            "/delegation/mark-executed",
            "/delegation/create",
            "/iap/trust/revoke",
            "/iap/trust/reanchor",
            "/iap/trust/delegate",
        ],
        put: &[],
    },
    Feature {
        sentence: "This server does not keep a list of MCP servers' tools yet.",
        get: &["/mcp/my-servers", "/mcp/tools/{mcp}", "/mcp/tool-metadata/{mcp}"],
        post: &["/iap/sdk/tools"],
        put: &[],
    },
    Feature {
        sentence: "This server does not record token usage yet.",
        get: &[],
        post: &[
            "/dashboard/token-usage",
            "/dashboard/token-usage/stream",
            "/dashboard/token-usage/stream/reset",
            "/dashboard/token-usage/batch",
        ],
        put: &["/dashboard/token-usage/runs/{run_id}"],
    },
    Feature {
        sentence: "This server does not collect telemetry yet.",
        get: &["/observability/policy/lease"],
        post: &["/v1/traces"],
        put: &[],
    },
];

pub fn routes() -> Routes {
    let mut routes = Routes::default();
    for &Feature { sentence, get, post, put } in FEATURES {
        let handler = move || async move { problem(sentence) };
        for &path in get {
            routes = routes.get(path, Audience::Anyone, handler);
        }
        for &path in post {
            routes = routes.post(path, Audience::Anyone, handler);
        }
        for &path in put {
            routes = routes.put(path, Audience::Anyone, handler);
        }
    }
    routes
}

fn problem(sentence: &'static str) -> Problem {
    Problem::of(StatusCode::NOT_IMPLEMENTED).title("Not offered yet").detail(sentence)
}
