//! Changing the password, and resetting it by a link.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, Server, on_both_engines};
use crate::accounts::server::print_reset_link;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn of_two_concurrent_password_changes_one_succeeds(engine: Engine) {
    let server = &Server::on(engine).await;
    let alice = server.alice().await;
    let (a, b) = (server.session_of(&alice).await, server.session_of(&alice).await);
    let change = |cookies: String, new: &'static str| async move {
        let fields = [("present", PASSWORD), ("new", new)];
        server.submit(&cookies, "/settings/profile/password", &fields).await.status.as_u16()
    };
    let (first, second) = tokio::join!(change(a, OTHER_PASSWORD), change(b, "other unrelated words there"));
    let won = [first, second].iter().filter(|status| **status == 303).count();
    assert_eq!(won, 1, "{first} {second}");
    let changed = server.audited().await.into_iter().filter(|action| action == "password.changed").count();
    assert_eq!(changed, 1);
}

#[apply(on_both_engines!)]
async fn a_reset_link_works_once_and_within_an_hour(engine: Engine) {
    let server = &Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    assert!(print_reset_link(&server.app, "nobody@x.example", false).await.expect("a result").is_none());
    let link = || server.reset_path(false);
    let (old, new) = (link().await, link().await);
    assert_eq!(server.get(&old).browser().send().await.status, 410, "replaced by the newer one");
    assert_eq!(server.get(&new).browser().send().await.status, 200);
    assert!(server.is_signed_in(&here).await, "creating a link changes nothing yet");
    let set = |link: String, password: &'static str| async move {
        server.post(&link).same_origin().form(&[("password", password)]).send().await
    };
    assert_eq!(set(new.clone(), "Alice Marsh 12").await.status, 422);
    assert_eq!(set(new.clone(), OTHER_PASSWORD).await.status, 303);
    assert!(!server.is_signed_in(&here).await);
    assert_eq!(set(new, "other unrelated words there").await.status, 410);
    assert_eq!(server.sign_in(EMAIL, OTHER_PASSWORD, "").await.entered(), "/settings/profile");
    let late = link().await;
    server.clock.advance(Duration::from_secs(3_600));
    assert_eq!(server.get(&late).browser().send().await.status, 410);
}
