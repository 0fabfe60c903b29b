//! Pages that report a problem keep the navigation for people who are signed in.

use macro_rules_attribute::apply;

use crate::platform::db::Engine;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;

const NAVIGATION: &str = "aria-label=\"Main\"";

#[apply(on_both_engines!)]
async fn problems_of_signed_in_people_have_the_navigation(engine: Engine) {
    let server = Server::on(engine).await;
    let (owner, member) = (server.sign_in_as(Persona::Owner).await, server.sign_in_as(Persona::Member).await);
    let unknown_key = "/settings/api-keys/01a1f866-0d00-7fff-bfff-ffffffffffff";
    for (cookies, path, status) in
        [(&owner, "/no-such-page", 404), (&owner, unknown_key, 404), (&member, "/settings/audit-log", 403)]
    {
        let response = server.get(path).browser().with(cookies).send().await;
        assert_eq!(response.status, status, "{path}");
        let page = response.text();
        assert!(page.contains(NAVIGATION), "{path}: {page}");
        assert!(page.contains("Tidewater Freight") && page.contains(&format!("Status {status}")), "{path}");
    }
    let stranger = server.get("/no-such-page").browser().send().await;
    assert_eq!(stranger.status, 404);
    assert!(!stranger.text().contains(NAVIGATION));
    let program = server.get("/no-such-page").with(&owner).send().await;
    assert_eq!(program.header("content-type"), "application/problem+json");
}

#[apply(on_both_engines!)]
async fn before_the_setup_the_sign_in_page_says_what_to_do(engine: Engine) {
    const HINT: &str = "This server has no account yet.";
    let server = Server::on(engine).await;
    let page = server.get("/sign-in").browser().send().await.text();
    assert!(page.contains(HINT) && page.contains("latchkey admin setup-link"), "{page}");
    server.sign_in_as(Persona::Owner).await;
    assert!(!server.get("/sign-in").browser().send().await.text().contains(HINT));
}
