//! Who may use which route. A route that this table does not name fails the test, and so does a row without its route.

use axum::http::Method;
use macro_rules_attribute::apply;

use super::harness::{PUBLIC_URL, Server, on_both_engines};
use super::personas::Persona;
use crate::orgs::server::BoundForms;
use crate::platform::db::Engine;
use crate::platform::http::{Audience, Route, Wire};
use crate::server;
use crate::shared::Role;

/// A route, an address of it, and what each persona gets there when it sends no fields but its organization.
struct Row {
    method: &'static str,
    route: &'static str,
    address: &'static str,
    /// Anonymous, viewer, member, admin, owner, owner of another organization.
    status: [u16; 6],
}

const fn row(method: &'static str, route: &'static str, address: &'static str, status: [u16; 6]) -> Row {
    Row { method, route, address, status }
}

/// The same for everybody.
const fn open(method: &'static str, route: &'static str, address: &'static str, status: u16) -> Row {
    row(method, route, address, [status; 6])
}

/// 303 to the sign-in page, or the same for everybody who is signed in.
const fn person(method: &'static str, route: &'static str, status: u16) -> Row {
    row(method, route, route, [303, status, status, status, status, status])
}

/// 303 to the sign-in page, or 404 for everybody: there is no such thing.
const fn missing(method: &'static str, route: &'static str, address: &'static str) -> Row {
    row(method, route, address, [303, 404, 404, 404, 404, 404])
}
const METHOD: &str = "/settings/profile/sign-in-methods/{method}";
const REMOVE_METHOD: &str = "/settings/profile/sign-in-methods/{method}/remove";

const TABLE: &[Row] = &[
    row("GET", "/", "/", [200, 303, 303, 303, 303, 303]),
    open("GET", "/assets/{hash}/{*path}", "/assets/now/favicon.svg", 200),
    open("GET", "/favicon.svg", "/favicon.svg", 200),
    open("GET", "/robots.txt", "/robots.txt", 200),
    open("GET", "/healthz", "/healthz", 200),
    open("GET", "/readyz", "/readyz", 200),
    open("GET", "/metrics", "/metrics", 403),
    row("GET", "/live", "/live", [303, 404, 404, 404, 404, 404]),
    open("POST", "/preferences/theme", "/preferences/theme", 422),
    row("GET", "/sign-in", "/sign-in", [200, 303, 303, 303, 303, 303]),
    open("POST", "/sign-in", "/sign-in", 422),
    open("GET", "/sign-in/second-factor", "/sign-in/second-factor", 303),
    open("POST", "/sign-in/second-factor", "/sign-in/second-factor", 303),
    open("POST", "/sign-out", "/sign-out", 303),
    open("GET", "/sign-up", "/sign-up", 200),
    open("POST", "/sign-up", "/sign-up", 404),
    open("GET", "/sign-up/{token}", "/sign-up/none", 410),
    open("POST", "/sign-up/{token}", "/sign-up/none", 422),
    open("GET", "/auth/{provider}", "/auth/github", 404),
    open("GET", "/auth/{provider}/callback", "/auth/github/callback?code=a&state=b", 404),
    person("GET", "/auth/device", 200),
    // Without a token of its session.
    person("POST", "/auth/device", 403),
    open("POST", "/oauth/device_authorization", "/oauth/device_authorization", 400),
    open("POST", "/oauth/token", "/oauth/token", 400),
    open("GET", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", 200),
    open("GET", "/reset", "/reset", 404),
    open("POST", "/reset", "/reset", 404),
    open("GET", "/reset/{token}", "/reset/none", 410),
    open("POST", "/reset/{token}", "/reset/none", 422),
    open("GET", "/setup", "/setup", 404),
    open("POST", "/setup", "/setup", 422),
    person("POST", "/switch-organization", 422),
    person("GET", "/settings/organization", 200),
    row("POST", "/settings/organization", "/settings/organization", [303, 403, 403, 403, 422, 422]),
    row("POST", "/settings/organization/plan", "/settings/organization/plan", [303, 403, 403, 403, 422, 422]),
    row(
        "GET",
        "/settings/organization/delete",
        "/settings/organization/delete",
        [303, 403, 403, 403, 200, 200],
    ),
    row(
        "POST",
        "/settings/organization/delete",
        "/settings/organization/delete",
        [303, 403, 403, 403, 422, 422],
    ),
    person("GET", "/settings/members", 200),
    row("POST", "/settings/members", "/settings/members", [303, 403, 403, 422, 422, 422]),
    row(
        "POST",
        "/settings/members/invitations/{id}/resend",
        "/settings/members/invitations/01a1f866-0d00-7fff-bfff-ffffffffffff/resend",
        [303, 403, 403, 404, 404, 404],
    ),
    row(
        "POST",
        "/settings/members/invitations/{id}/withdraw",
        "/settings/members/invitations/01a1f866-0d00-7fff-bfff-ffffffffffff/withdraw",
        [303, 403, 403, 404, 404, 404],
    ),
    missing(
        "GET",
        "/settings/members/{id}/role",
        "/settings/members/01a1f866-0d00-7fff-bfff-ffffffffffff/role",
    ),
    missing(
        "POST",
        "/settings/members/{id}/role",
        "/settings/members/01a1f866-0d00-7fff-bfff-ffffffffffff/role",
    ),
    missing(
        "GET",
        "/settings/members/{id}/remove",
        "/settings/members/01a1f866-0d00-7fff-bfff-ffffffffffff/remove",
    ),
    missing(
        "POST",
        "/settings/members/{id}/remove",
        "/settings/members/01a1f866-0d00-7fff-bfff-ffffffffffff/remove",
    ),
    open("GET", "/invite/{token}", "/invite/none", 410),
    open("POST", "/invite/{token}", "/invite/none", 410),
    row("GET", "/settings/audit-log", "/settings/audit-log", [303, 403, 403, 200, 200, 200]),
    row("GET", "/settings/audit-log/export", "/settings/audit-log/export", [303, 403, 403, 200, 200, 200]),
    person("GET", "/organizations/new", 200),
    person("POST", "/organizations/new", 422),
    person("GET", "/overview", 200),
    person("GET", "/settings/api-keys", 200),
    person("POST", "/settings/api-keys", 303),
    person("GET", "/settings/api-keys/new", 200),
    person("POST", "/settings/api-keys/new", 422),
    person("POST", "/settings/api-keys/selected", 303),
    person("GET", "/settings/api-keys/revoke", 303),
    person("POST", "/settings/api-keys/revoke", 303),
    missing("GET", "/settings/api-keys/{id}", "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff"),
    missing(
        "GET",
        "/settings/api-keys/{id}/edit",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/edit",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/edit",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/edit",
    ),
    missing(
        "GET",
        "/settings/api-keys/{id}/rotate",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/rotate",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/rotate",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/rotate",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/finish",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/finish",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/extend",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/extend",
    ),
    missing(
        "GET",
        "/settings/api-keys/{id}/revoke",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/revoke",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/revoke",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/revoke",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/disable",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/disable",
    ),
    missing(
        "POST",
        "/settings/api-keys/{id}/enable",
        "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff/enable",
    ),
    open("GET", "/dashboard/api-keys", "/dashboard/api-keys", 303),
    open("GET", "/dashboard/api/keys", "/dashboard/api/keys", 303),
    open("GET", "/app/settings/api-keys", "/app/settings/api-keys", 303),
    person("GET", "/settings/agents", 200),
    missing("GET", "/settings/agents/{id}", "/settings/agents/none"),
    missing("POST", "/settings/agents/{id}/remove", "/settings/agents/none/remove"),
    person("GET", "/settings/profile", 200),
    person("POST", "/settings/profile", 422),
    person("POST", "/settings/profile/sessions", 303),
    person("POST", "/settings/profile/devices", 404),
    person("GET", "/settings/profile/password", 200),
    person("POST", "/settings/profile/password", 422),
    row("GET", METHOD, "/settings/profile/sign-in-methods/github", [303, 404, 404, 404, 404, 404]),
    row("POST", METHOD, "/settings/profile/sign-in-methods/github", [303, 422, 422, 422, 422, 422]),
    row(
        "GET",
        REMOVE_METHOD,
        "/settings/profile/sign-in-methods/github/remove",
        [303, 404, 404, 404, 404, 404],
    ),
    row(
        "POST",
        REMOVE_METHOD,
        "/settings/profile/sign-in-methods/github/remove",
        [303, 422, 422, 422, 422, 422],
    ),
    person("GET", "/settings/profile/second-factor", 200),
    person("POST", "/settings/profile/second-factor", 422),
    person("GET", "/settings/profile/second-factor/off", 303),
    person("POST", "/settings/profile/second-factor/off", 422),
    person("GET", "/settings/profile/recovery-codes", 303),
    person("POST", "/settings/profile/recovery-codes", 422),
    // Programs' addresses take no sessions: without a key everybody is nobody.
    open("GET", "/api/v1/openapi.json", "/api/v1/openapi.json", 200),
    open("GET", "/api/v1/authorize", AUTHORIZE, 401),
    open("POST", "/api/v1/keys/verify", "/api/v1/keys/verify", 401),
    open("GET", "/api/v1/me", "/api/v1/me", 401),
    open("GET", "/api/v1/keys", "/api/v1/keys", 401),
    open("POST", "/api/v1/keys", "/api/v1/keys", 401),
    open("GET", "/api/v1/keys/{id}", KEY, 401),
    open("PATCH", "/api/v1/keys/{id}", KEY, 401),
    open("POST", "/api/v1/keys/{id}/rotate", "/api/v1/keys/x/rotate", 401),
    open("POST", "/api/v1/keys/{id}/finish", "/api/v1/keys/x/finish", 401),
    open("POST", "/api/v1/keys/{id}/extend", "/api/v1/keys/x/extend", 401),
    open("POST", "/api/v1/keys/{id}/disable", "/api/v1/keys/x/disable", 401),
    open("POST", "/api/v1/keys/{id}/enable", "/api/v1/keys/x/enable", 401),
    open("POST", "/api/v1/keys/{id}/revoke", "/api/v1/keys/x/revoke", 401),
    open("GET", "/api/v1/keys/{id}/usage", "/api/v1/keys/x/usage", 401),
    open("GET", "/api/v1/audit", "/api/v1/audit", 401),
    // They take JSON alone, and the test sends forms.
    open("POST", "/auth/device/code", "/auth/device/code", 415),
    open("POST", "/auth/device/token", "/auth/device/token", 415),
    open("GET", "/health", "/health", 200),
    open("GET", "/iap/sdk/orgs", "/iap/sdk/orgs", 401),
    open("POST", "/iap/sdk/bootstrap", "/iap/sdk/bootstrap", 401),
    open("POST", "/iap/sdk/register", "/iap/sdk/register", 401),
    open("POST", "/iap/sdk/switch-org", "/iap/sdk/switch-org", 401),
    open("GET", "/api-keys", "/api-keys", 401),
    open("POST", "/api-keys/{id}/revoke", "/api-keys/x/revoke", 401),
    // Not offered yet.
    open("GET", "/iap/public-key", "/iap/public-key", 501),
    open("POST", "/iap/sdk/token", "/iap/sdk/token", 501),
    open("POST", "/iap/plans/{plan_id}/status", "/iap/plans/x/status", 501),
    open("POST", "/iap/audit", "/iap/audit", 501),
    open("POST", "/invoke", "/invoke", 501),
    open("GET", "/policy/bundles/current", "/policy/bundles/current", 501),
    open("POST", "/iap/sdk/enforce", "/iap/sdk/enforce", 501),
    open("POST", "/iap/sdk/preflight", "/iap/sdk/preflight", 501),
    open("POST", "/iap/sdk/resolve-user", "/iap/sdk/resolve-user", 501),
    open("GET", "/policies/profiles/active", "/policies/profiles/active", 501),
    open("POST", "/policies/profiles/template", "/policies/profiles/template", 501),
    open("POST", "/policies/profiles/propose", "/policies/profiles/propose", 501),
    open("POST", "/policies/profiles/cancel", "/policies/profiles/cancel", 501),
    open("POST", "/policies/sync", "/policies/sync", 501),
    open("PUT", "/policies/profiles/draft", "/policies/profiles/draft", 501),
    open("GET", "/delegation/my-role", "/delegation/my-role", 501),
    open("GET", "/delegation/check-approved", "/delegation/check-approved", 501),
    open("GET", "/delegation/{id}/status", "/delegation/x/status", 501),
    open("POST", "/delegation/request", "/delegation/request", 501),
    open("POST", "/delegation/mark-executed", "/delegation/mark-executed", 501),
    open("POST", "/delegation/create", "/delegation/create", 501),
    open("POST", "/iap/trust/revoke", "/iap/trust/revoke", 501),
    open("POST", "/iap/trust/reanchor", "/iap/trust/reanchor", 501),
    open("POST", "/iap/trust/delegate", "/iap/trust/delegate", 501),
    open("GET", "/mcp/my-servers", "/mcp/my-servers", 501),
    open("GET", "/mcp/tools/{mcp}", "/mcp/tools/x", 501),
    open("GET", "/mcp/tool-metadata/{mcp}", "/mcp/tool-metadata/x", 501),
    open("POST", "/iap/sdk/tools", "/iap/sdk/tools", 501),
    open("POST", "/dashboard/token-usage", "/dashboard/token-usage", 501),
    open("POST", "/dashboard/token-usage/stream", "/dashboard/token-usage/stream", 501),
    open("POST", "/dashboard/token-usage/stream/reset", "/dashboard/token-usage/stream/reset", 501),
    open("POST", "/dashboard/token-usage/batch", "/dashboard/token-usage/batch", 501),
    open("PUT", "/dashboard/token-usage/runs/{run_id}", "/dashboard/token-usage/runs/x", 501),
    open("GET", "/observability/policy/lease", "/observability/policy/lease", 501),
    open("POST", "/v1/traces", "/v1/traces", 501),
];

const AUTHORIZE: &str = "/api/v1/authorize?org=01a1f866-0d00-7fff-bfff-ffffffffffff";
const KEY: &str = "/api/v1/keys/x";

/// Pages that only development builds have.
const DEVELOPMENT: &[Row] = &[
    open("GET", "/parts", "/parts", 200),
    open("POST", "/parts", "/parts", 422),
    open("GET", "/parts/solo", "/parts/solo", 200),
    open("GET", "/parts/problem/{status}", "/parts/problem/404", 404),
];

fn routes() -> impl Iterator<Item = Route> {
    server::routes().list().to_vec().into_iter()
}

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(if cfg!(debug_assertions) { DEVELOPMENT } else { &[] })
}

impl Row {
    fn method(&self) -> Method {
        self.method.parse().expect("a method")
    }

    fn changes(&self) -> bool {
        self.method != "GET"
    }
}

#[test]
fn the_table_names_every_route() {
    let doors = server::routes();
    let mut listed: Vec<_> = rows().map(|row| format!("{} {}", row.method, row.route)).collect();
    let mut built: Vec<_> =
        doors.list().iter().map(|door| format!("{} {}", door.method, door.path)).collect();
    listed.sort();
    built.sort();
    assert_eq!(built, listed);
}

#[apply(on_both_engines!)]
async fn every_persona_gets_what_the_table_says(engine: Engine) {
    for (persona, column) in Persona::ALL.into_iter().zip(0..) {
        let server = Server::on(engine).await;
        for row in rows() {
            // Anew each time: some routes end the session.
            let cookies = server.sign_in_as(persona).await;
            let call = server.call(row.method(), row.address).same_origin().with(&cookies);
            let org = server.organization_of(persona).await;
            let call = if row.changes() { call.form(&[("org", &org.to_string())]) } else { call };
            let answer = call.send().await;
            assert_eq!(
                answer.status.as_u16(),
                row.status[column],
                "{persona:?} {} {}",
                row.method,
                row.route
            );
            if row.status == [303, row.status[1], row.status[1], row.status[1], row.status[1], row.status[1]]
                && persona == Persona::Anonymous
                && row.route.starts_with("/settings")
            {
                assert!(answer.header("location").starts_with("/sign-in?next="), "{}", row.route);
            }
        }
    }
}

#[apply(on_both_engines!)]
async fn no_changing_route_takes_requests_from_other_sites(engine: Engine) {
    let server = Server::on(engine).await;
    let foreign: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", PUBLIC_URL)],
        &[("sec-fetch-site", "same-site"), ("origin", PUBLIC_URL)],
        &[("origin", "http://evil.test")],
        &[("origin", "null")],
        &[],
    ];
    let cookies = server.sign_in_as(Persona::Owner).await;
    let before = server.everything().await;
    for row in rows().filter(|row| row.changes() && Wire::of(row.address) == Wire::Page) {
        for headers in foreign {
            let mut call = server.call(row.method(), row.address).browser().with(&cookies);
            for (name, value) in headers {
                call = call.header(name, value);
            }
            let answer = call.form(&[("name", "Mallory"), ("theme", "dark")]).send().await;
            assert_eq!(answer.status.as_u16(), 403, "{} {headers:?}", row.route);
            assert!(answer.cookies().is_empty(), "{} {headers:?}", row.route);
        }
    }
    assert_eq!(server.everything().await, before);
}

/// Following links, prefetching, reloading: none of it changes anything but when a session was seen.
#[apply(on_both_engines!)]
async fn reading_changes_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let before = server.everything().await;
    for row in rows().filter(|row| !row.changes()) {
        server.get(row.address).browser().with(&cookies).send().await;
    }
    assert_eq!(server.everything().await, before);
}

/// What is written into each form comes back with it; without it, or with another, nothing happens.
#[apply(on_both_engines!)]
async fn forms_are_bound_to_the_organization_of_their_page(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let owner = server.person(&Persona::Owner.email(), "Owner", None).await;
    let org = server.organization_of(Persona::Owner).await;
    let person =
        |row: &&Row| routes().any(|door| door.path == row.route && door.audience == Audience::Person);
    let mut forms = 0;
    // Some pages are there before a second factor is set up, others after it.
    for guarded in [false, true] {
        if guarded {
            server.guard(&owner).await;
        }
        for row in rows().filter(person) {
            let call = server.call(row.method(), row.address).same_origin().with(&cookies);
            let call = if row.changes() { call.form(&[("org", &org.to_string())]) } else { call };
            let answer = call.send().await;
            if ![200, 422].contains(&answer.status.as_u16())
                || !answer.header("content-type").starts_with("text/html")
            {
                continue;
            }
            let page = answer.text();
            // Pages of problems are made for nobody in particular.
            for form in page.split("<form method=\"post\"").skip(1).filter(|_| page.contains("id=\"nav\"")) {
                let form = form.split("</form>").next().unwrap_or_default();
                assert!(
                    form.contains(&format!("name=\"org\" value=\"{org}\"")),
                    "{} {}: {form}",
                    row.method,
                    row.route
                );
                forms += 1;
            }
            assert_eq!(page.matches("<form").count(), page.matches("<form method=").count(), "{}", row.route);
        }
    }
    assert!(forms > 50, "{forms} forms were seen");
}

#[apply(on_both_engines!)]
async fn forms_of_another_organization_are_refused_everywhere(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    let owner = server.person(&Persona::Owner.email(), "Owner", None).await;
    let other = server.join(&owner, "Second of Hers", Role::Owner).await;
    let foreign = server.organization("Nair Consulting").await;
    let before = server.everything().await;
    let bound: Vec<_> = routes().filter(BoundForms::is_bound).collect();
    assert!(bound.len() >= 8, "{bound:?}");
    for row in rows().filter(|row| row.changes() && bound.iter().any(|door| door.path == row.route)) {
        let cases: [(&[(&str, &str)], bool); 4] = [
            (&[("org", &other.to_string())], true),
            (&[("org", &foreign.to_string())], false),
            (&[("org", "\0")], false),
            (&[], false),
        ];
        for (fields, offered) in cases {
            let answer = server.post(row.address).same_origin().with(&cookies).form(fields).send().await;
            let page = answer.text();
            assert_eq!(answer.status.as_u16(), 409, "{} {fields:?}", row.route);
            assert_eq!(page.contains("Switch to Second of Hers"), offered, "{} {fields:?}", row.route);
            assert!(!page.contains("Nair Consulting"), "names of others stay theirs");
        }
    }
    assert_eq!(server.everything().await, before);
}

#[apply(on_both_engines!)]
async fn ended_and_forged_sessions_are_nobody(engine: Engine) {
    let server = Server::on(engine).await;
    let ended = server.sign_in_as(Persona::Owner).await;
    server.post("/sign-out").same_origin().with(&ended).send().await;
    let forged =
        ["latchkey_session=x", "latchkey_session=", "latchkey_session=AAAAAAAAAAAAAAAAAAAAAA", &ended];
    for row in rows().filter(|row| row.route.starts_with("/settings")) {
        for cookies in forged {
            let call = server.call(row.method(), row.address).same_origin().with(cookies);
            let call = if row.changes() { call.form(&[]) } else { call };
            let answer = call.send().await;
            assert!(answer.header("location").starts_with("/sign-in"), "{} {cookies}", row.route);
        }
    }
}

#[apply(on_both_engines!)]
async fn other_methods_are_refused_with_what_is_allowed(engine: Engine) {
    let server = Server::on(engine).await;
    // `authorize` takes any method.
    for row in rows().into_iter().filter(|row| row.route != "/api/v1/authorize") {
        let answer = server.call(Method::DELETE, row.address).same_origin().send().await;
        assert_eq!(answer.status.as_u16(), 405, "{}", row.route);
        assert!(answer.header("allow").contains(row.method), "{}", row.route);
    }
}
