//! Who may use which route. A route that this table does not name fails the test, and so does a row without its route.

use axum::http::Method;

use super::harness::{PUBLIC_URL, Server, on_both_engines};
use super::personas::Persona;
use crate::ui::server::routes;

/// A route, an address of it, and what each persona gets there when it sends no fields.
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
    open("GET", "/reset/{token}", "/reset/none", 410),
    open("POST", "/reset/{token}", "/reset/none", 422),
    open("GET", "/setup", "/setup", 404),
    open("POST", "/setup", "/setup", 422),
    person("POST", "/switch-organization", 422),
    person("GET", "/settings/organization", 200),
    row("POST", "/settings/organization", "/settings/organization", [303, 403, 403, 403, 409, 409]),
    person("GET", "/organizations/new", 200),
    person("POST", "/organizations/new", 422),
    person("GET", "/settings/profile", 200),
    person("POST", "/settings/profile", 422),
    person("POST", "/settings/profile/sessions", 303),
    person("GET", "/settings/profile/password", 200),
    person("POST", "/settings/profile/password", 422),
    person("GET", "/settings/profile/second-factor", 200),
    person("POST", "/settings/profile/second-factor", 422),
    person("GET", "/settings/profile/second-factor/off", 303),
    person("POST", "/settings/profile/second-factor/off", 422),
    person("GET", "/settings/profile/recovery-codes", 303),
    person("POST", "/settings/profile/recovery-codes", 422),
];

/// Pages that only development builds have.
const DEVELOPMENT: &[Row] = &[
    open("GET", "/parts", "/parts", 200),
    open("POST", "/parts", "/parts", 422),
    open("GET", "/parts/solo", "/parts/solo", 200),
    open("GET", "/parts/problem/{status}", "/parts/problem/404", 404),
];

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
    let doors = routes::doors();
    let mut listed: Vec<_> = rows().map(|row| format!("{} {}", row.method, row.route)).collect();
    let mut built: Vec<_> =
        doors.list().iter().map(|door| format!("{} {}", door.method, door.path)).collect();
    listed.sort();
    built.sort();
    assert_eq!(built, listed);
}

on_both_engines! {
    async fn every_persona_gets_what_the_table_says(engine) {
        for (persona, column) in Persona::ALL.into_iter().zip(0..) {
            let server = Server::on(engine).await;
            for row in rows() {
                // Anew each time: some routes end the session.
                let cookies = server.sign_in_as(persona).await;
                let call = server.call(row.method(), row.address).same_origin().with(&cookies);
                let call = if row.changes() { call.form(&[]) } else { call };
                let answer = call.send().await;
                assert_eq!(answer.status.as_u16(), row.status[column], "{persona:?} {} {}", row.method, row.route);
                if row.status == [303, row.status[1], row.status[1], row.status[1], row.status[1], row.status[1]]
                    && persona == Persona::Anonymous
                    && row.route.starts_with("/settings")
                {
                    assert!(answer.header("location").starts_with("/sign-in?next="), "{}", row.route);
                }
            }
        }
    }

    async fn no_changing_route_takes_requests_from_other_sites(engine) {
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
        for row in rows().filter(|row| row.changes()) {
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
    async fn reading_changes_nothing(engine) {
        let server = Server::on(engine).await;
        let cookies = server.sign_in_as(Persona::Owner).await;
        let before = server.everything().await;
        for row in rows().filter(|row| !row.changes()) {
            server.get(row.address).browser().with(&cookies).send().await;
        }
        assert_eq!(server.everything().await, before);
    }

    async fn ended_and_forged_sessions_are_nobody(engine) {
        let server = Server::on(engine).await;
        let ended = server.sign_in_as(Persona::Owner).await;
        server.post("/sign-out").same_origin().with(&ended).send().await;
        let forged = ["latchkey_session=x", "latchkey_session=", "latchkey_session=AAAAAAAAAAAAAAAAAAAAAA", &ended];
        for row in rows().filter(|row| row.route.starts_with("/settings")) {
            for cookies in forged {
                let call = server.call(row.method(), row.address).same_origin().with(cookies);
                let call = if row.changes() { call.form(&[]) } else { call };
                let answer = call.send().await;
                assert!(answer.header("location").starts_with("/sign-in"), "{} {cookies}", row.route);
            }
        }
    }

    async fn other_methods_are_refused_with_what_is_allowed(engine) {
        let server = Server::on(engine).await;
        for row in rows() {
            let answer = server.call(Method::PATCH, row.address).same_origin().send().await;
            assert_eq!(answer.status.as_u16(), 405, "{}", row.route);
            assert!(answer.header("allow").contains(row.method), "{}", row.route);
        }
    }
}
