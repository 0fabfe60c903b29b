//! Who may use which route. A route that this table does not name fails the test, and so does a row without its route.

use super::harness::{Server, on_both_engines};
use crate::ui::server::routes;

/// What an anonymous caller from elsewhere gets at the route, called as a browser would call it.
const TABLE: [(&str, &str, &str, u16); 7] = [
    ("GET", "/", "/", 200),
    ("GET", "/assets/{hash}/{*path}", "/assets/now/favicon.svg", 200),
    ("GET", "/favicon.svg", "/favicon.svg", 200),
    ("GET", "/robots.txt", "/robots.txt", 200),
    ("GET", "/healthz", "/healthz", 200),
    ("GET", "/readyz", "/readyz", 200),
    ("GET", "/metrics", "/metrics", 403),
];

#[test]
fn the_table_names_every_route() {
    let doors = routes::doors();
    let mut listed: Vec<_> = TABLE.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let mut built: Vec<_> = doors.list().iter().map(|door| format!("{} {}", door.method, door.path)).collect();
    listed.sort();
    built.sort();
    assert_eq!(built, listed);
}

on_both_engines! {
    async fn anonymous_callers_get_what_the_table_says(engine) {
        let server = Server::on(engine).await;
        for (method, route, path, status) in TABLE {
            let method = method.parse().expect("a method");
            let answer = server.call(method, path).same_origin().send().await;
            assert_eq!(answer.status.as_u16(), status, "{route}");
        }
    }

    async fn other_methods_are_refused_with_what_is_allowed(engine) {
        let server = Server::on(engine).await;
        for (_, route, path, _) in TABLE {
            let answer = server.call("PATCH".parse().expect("a method"), path).same_origin().send().await;
            assert_eq!(answer.status.as_u16(), 405, "{route}");
            assert!(answer.header("allow").contains("GET"), "{route}");
        }
    }
}
