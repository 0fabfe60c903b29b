//! Pages of the organization: members, invitations, agents, the audit log.

use super::super::row::Access::People;
use super::super::row::{Row, form, get};

const RESEND: &str = "/settings/members/invitations/{id}/resend";
const WITHDRAW: &str = "/settings/members/invitations/{id}/withdraw";
const ROLE: &str = "/settings/members/{id}/role";
const REMOVE: &str = "/settings/members/{id}/remove";

const AGENT_REQUEST: &str = "/agents/requests/{id}";
const CONFIRM: &[(&str, &str)] = &[("verdict", "approve"), ("hash", "<agent_request_hash>")];
const DECLINE: &[(&str, &str)] = &[("verdict", "deny"), ("hash", "<agent_request_hash>")];
const CONFIRM_OWN: &[(&str, &str)] = &[("verdict", "approve"), ("hash", "<own_agent_request_hash>")];

/// Nobody deletes their only organization.
const DELETE: &[(&str, &str)] = &[("name", "<org_name>"), ("keys", "on"), ("another", "<second_org>")];

/// The fields of the form that confirms a change of plan.
const PLAN: &[(&str, &str)] = &[("plan", "free"), ("from", "enterprise"), ("confirm", "<org_name>")];

pub const ROWS: &[Row] = &[
    get("/overview", "", People([200; 5])),
    get("/organizations/new", "", People([200; 5])),
    form("/organizations/new", "", &[("name", "Marsh Haulage")], People([303; 5])),
    form("/switch-organization", "", &[("organization", "<second_org>")], People([303; 5])),
    form("/switch-organization", "", &[("organization", "<foreign_org>")], People([404; 5])),
    get("/settings/organization", "", People([200; 5])),
    form("/settings/organization", "", &[("name", "Marsh Haulage")], People([403, 403, 403, 303, 303])),
    get(
        "/settings/organization/plan",
        "/settings/organization/plan?plan=free",
        People([403, 403, 403, 200, 200]),
    ),
    form("/settings/organization/plan", "", &[("plan", "free")], People([403, 403, 403, 303, 303])),
    form("/settings/organization/plan", "", PLAN, People([403, 403, 403, 303, 303])),
    get("/settings/organization/leaked-keys", "", People([403, 403, 403, 200, 200])),
    form(
        "/settings/organization/leaked-keys",
        "",
        &[("effect", "disable"), ("test_effect", "report")],
        People([403, 403, 403, 303, 303]),
    ),
    get("/settings/organization/delete", "", People([403, 403, 403, 200, 200])),
    form("/settings/organization/delete", "", DELETE, People([403, 403, 403, 303, 303])),
    get("/settings/members", "", People([200; 5])),
    form(
        "/settings/members",
        "",
        &[("emails", "<email>"), ("role", "viewer")],
        People([403, 403, 200, 200, 200]),
    ),
    form(
        "/settings/members",
        "",
        &[("emails", "<email>"), ("role", "owner")],
        People([403, 403, 403, 200, 200]),
    ),
    form(RESEND, "/settings/members/invitations/<invitation>/resend", &[], People([403, 403, 200, 200, 404])),
    form(
        WITHDRAW,
        "/settings/members/invitations/<invitation>/withdraw",
        &[],
        People([403, 403, 303, 303, 404]),
    ),
    get(ROLE, "/settings/members/<member>/role", People([403, 403, 200, 200, 404])),
    get(ROLE, "/settings/members/<owner>/role", People([403, 403, 403, 200, 404])),
    form(ROLE, "/settings/members/<member>/role", &[("role", "member")], People([403, 403, 303, 303, 404])),
    form(ROLE, "/settings/members/<member>/role", &[("role", "owner")], People([403, 403, 403, 303, 404])),
    form(ROLE, "/settings/members/<owner>/role", &[("role", "viewer")], People([403, 403, 403, 303, 404])),
    get(REMOVE, "/settings/members/<member>/remove", People([403, 403, 200, 200, 404])),
    get(REMOVE, "/settings/members/<owner>/remove", People([403, 403, 403, 200, 404])),
    form(REMOVE, "/settings/members/<member>/remove", &[], People([403, 403, 303, 303, 404])),
    form(REMOVE, "/settings/members/<owner>/remove", &[], People([403, 403, 403, 303, 404])),
    get("/search", "/search?q=c", People([200; 5])),
    get("/search/found", "/search/found?q=c", People([200; 5])),
    get("/settings/audit-log", "", People([403, 403, 200, 200, 200])),
    get("/settings/audit-log/export", "", People([403, 403, 200, 200, 200])),
    get(
        "/settings/audit-log/export",
        "/settings/audit-log/export?format=csv",
        People([403, 403, 200, 200, 200]),
    ),
    get("/settings/protect", "/settings/protect?for=nginx&permissions=", People([200; 5])),
    form("/settings/protect", "", &[("key", "ak_live_1")], People([200; 5])),
    get("/settings/agents", "", People([200; 5])),
    get("/settings/agents/connect", "", People([200; 5])),
    get(AGENT_REQUEST, "/agents/requests/<agent_request>", People([404, 404, 200, 200, 404])),
    get(AGENT_REQUEST, "/agents/requests/<own_agent_request>", People([404, 200, 200, 200, 200])),
    form(AGENT_REQUEST, "/agents/requests/<agent_request>", CONFIRM, People([404, 404, 200, 200, 404])),
    form(AGENT_REQUEST, "/agents/requests/<agent_request>", DECLINE, People([404, 404, 303, 303, 404])),
    form(
        AGENT_REQUEST,
        "/agents/requests/<own_agent_request>",
        CONFIRM_OWN,
        People([404, 200, 200, 200, 200]),
    ),
    get("/settings/agents/{id}", "/settings/agents/<agent>", People([200, 200, 200, 200, 404])),
    get("/settings/agents/{id}/remove", "/settings/agents/<agent>/remove", People([403, 403, 200, 200, 404])),
    get(
        "/settings/agents/{id}/remove",
        "/settings/agents/<own_agent>/remove",
        People([403, 200, 200, 200, 200]),
    ),
    form(
        "/settings/agents/{id}/remove",
        "/settings/agents/<agent>/remove",
        &[],
        People([403, 403, 303, 303, 404]),
    ),
    form(
        "/settings/agents/{id}/remove",
        "/settings/agents/<agent>/remove",
        &[("confirmed", "yes")],
        People([403, 403, 303, 303, 404]),
    ),
    form(
        "/settings/agents/{id}/remove",
        "/settings/agents/<own_agent>/remove",
        &[("confirmed", "yes")],
        People([403, 303, 303, 303, 303]),
    ),
];
