//! Tests of all forms and sessions, with the rows of the table.

use std::time::Duration;

use axum::http::Method;
use macro_rules_attribute::apply;

use super::caller::Caller;
use super::row::Row;
use super::table::rows;
use super::world::World;
use crate::orgs::server::BoundForms;
use crate::platform::db::Engine;
use crate::platform::http::{Audience, Protocol, Route};
use crate::server;
use crate::shared::Role;
use crate::tests::changes::EVERYTHING_ON;
use crate::tests::harness::{PUBLIC_URL, Server, on_both_engines};

const OWNER: Caller = Caller::Session(Role::Owner);

fn route_of(row: &Row) -> Route {
    let routes = server::routes();
    let mut found =
        routes.list().iter().filter(|route| route.path == row.route && route.method == row.method());
    found.next().expect("a route of the table").clone()
}

#[apply(on_both_engines!)]
async fn no_changing_route_takes_requests_from_other_sites(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut world = World::new(&server, OWNER).await;
    let foreign: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", PUBLIC_URL)],
        &[("sec-fetch-site", "same-site"), ("origin", PUBLIC_URL)],
        &[("origin", "http://evil.test")],
        &[("origin", "null")],
        &[],
    ];
    world.create_all().await;
    let initial = server.everything().await;
    let protocols = crate::server::routes().protocols();
    let has_cookies = |row: &Row| matches!(protocols.of(row.address()), Protocol::Pages);
    for row in rows().filter(|row| row.is_change() && has_cookies(row)) {
        for headers in foreign {
            let mut call = world.call(row).await.browser().with(world.cookies());
            for (name, value) in headers {
                call = call.header(name, value);
            }
            let response = call.form(&[("name", "Mallory"), ("theme", "dark")]).send().await;
            assert_eq!(response.status.as_u16(), 403, "{} {headers:?}", row.route);
            assert!(response.cookies().is_empty(), "{} {headers:?}", row.route);
        }
    }
    assert_eq!(server.everything().await, initial);
}

/// GET requests change nothing, except the time at which a session was last used.
#[apply(on_both_engines!)]
async fn reading_changes_nothing(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut world = World::new(&server, OWNER).await;
    world.create_all().await;
    let initial = server.everything().await;
    for row in rows().filter(|row| !row.is_change()) {
        world.send(row).await;
    }
    assert_eq!(server.everything().await, initial);
}

/// Each form of a page names the organization that the page was rendered for.
#[apply(on_both_engines!)]
async fn forms_are_bound_to_the_organization_of_their_page(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut forms = 0;
    // Some pages exist only before a second factor is set up, others only after it.
    for guarded in [false, true] {
        let mut world = World::new(&server, OWNER).await;
        if guarded {
            server.guard(&world.person).await;
        }
        let org = format!("name=\"org\" value=\"{}\"", world.org);
        for row in rows().filter(|row| !row.is_change() && route_of(row).audience == Audience::Person) {
            let response = world.send(row).await;
            if response.status != 200 || !response.header("content-type").starts_with("text/html") {
                continue;
            }
            let page = response.rest().await;
            // The approval of a login asks for the organization.
            if !page.contains("id=\"nav\"") {
                continue;
            }
            for form in page.split("<form method=\"post\"").skip(1) {
                let form = form.split("</form>").next().unwrap_or_default();
                assert!(form.contains(&org), "{}: {form}", row.route);
                forms += 1;
            }
            assert_eq!(page.matches("<form").count(), page.matches("<form method=").count(), "{}", row.route);
        }
    }
    assert!(forms > 50, "{forms} forms were seen");
}

/// The same for pages that render a form again, with its errors.
#[apply(on_both_engines!)]
async fn refused_forms_are_bound_to_the_organization_of_their_page(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut forms = 0;
    for row in rows().filter(|row| row.is_change() && route_of(row).audience == Audience::Person) {
        // A new server for each form, because some forms need no fields and change something.
        let mut world = World::new(&server, OWNER).await;
        let org = format!("name=\"org\" value=\"{}\"", world.org);
        let call = world.call(row).await.same_origin().with(world.cookies());
        let page = call.form(&[("org", &world.org.to_string())]).send().await;
        // Error pages have no organization.
        if page.status != 422 || !page.text().contains("id=\"nav\"") {
            continue;
        }
        for form in page.text().split("<form method=\"post\"").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(form.contains(&org), "{}: {form}", row.route);
            forms += 1;
        }
    }
    assert!(forms > 20, "{forms} forms were seen");
}

#[apply(on_both_engines!)]
async fn forms_of_another_organization_are_refused_everywhere(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut world = World::new(&server, OWNER).await;
    world.create_all().await;
    server.clock.advance(Duration::from_secs(1));
    let other = server.join(&world.person, "Second of Hers", Role::Owner).await.to_string();
    let foreign = server.organization("Nair Consulting").await.to_string();
    let initial = server.everything().await;
    let mut bound = 0;
    for row in rows().filter(|row| BoundForms::is_bound(&route_of(row))) {
        let cases: [(&[(&str, &str)], bool); 4] = [
            (&[("org", other.as_str())], true),
            (&[("org", foreign.as_str())], false),
            (&[("org", "\0")], false),
            (&[], false),
        ];
        for (fields, offered) in cases {
            let call = world.call(row).await.same_origin().with(world.cookies());
            let response = call.form(fields).send().await;
            let page = response.text();
            assert_eq!(response.status.as_u16(), 409, "{} {fields:?}", row.route);
            assert_eq!(page.contains("Switch to Second of Hers"), offered, "{} {fields:?}", row.route);
            assert!(!page.contains("Nair Consulting"), "{} names an organization of others", row.route);
        }
        bound += 1;
    }
    assert!(bound > 30, "{bound} rows have a form of an organization");
    assert_eq!(server.everything().await, initial);
}

#[apply(on_both_engines!)]
async fn ended_and_forged_sessions_are_nobody(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut world = World::new(&server, OWNER).await;
    let ended = server.session_of(&world.person).await;
    server.post("/sign-out").same_origin().with(&ended).send().await;
    let forged =
        ["latchkey_session=x", "latchkey_session=", "latchkey_session=AAAAAAAAAAAAAAAAAAAAAA", &ended];
    for row in rows().filter(|row| row.route.starts_with("/settings")) {
        for cookies in forged {
            let call = world.call(row).await.same_origin().with(cookies);
            let call = if row.is_change() { call.form(&[]) } else { call };
            let response = call.send().await;
            assert!(response.header("location").starts_with("/sign-in"), "{} {cookies}", row.route);
        }
    }
}

#[apply(on_both_engines!)]
async fn other_methods_are_refused_with_an_allow_header(engine: Engine) {
    let server = Server::with(engine, EVERYTHING_ON).await;
    let mut world = World::new(&server, OWNER).await;
    // `authorize` accepts any method.
    for row in rows().filter(|row| row.route != "/api/v1/authorize") {
        let address = world.address(row).await;
        let deletes = rows().any(|other| other.route == row.route && other.method == "DELETE");
        let method = if deletes { Method::PUT } else { Method::DELETE };
        let response = server.call(method, &address).same_origin().send().await;
        assert_eq!(response.status.as_u16(), 405, "{}", row.route);
        assert!(response.header("allow").contains(row.method), "{}", row.route);
    }
}
