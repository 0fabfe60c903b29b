//! Sessions that cannot be saved while the disk is full.

use macro_rules_attribute::apply;

use super::CHEAP_HASHING;
use crate::accounts::server::totp_code;
use crate::platform::db::Engine;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::people::SECRET;
use crate::tests::personas::PASSWORD;

#[apply(on_both_engines!)]
async fn a_message_that_cannot_be_removed_is_shown_again(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    assert_eq!(server.submit(&here, "/settings/profile", &[("name", "Alma")]).await.status, 303);
    server.refuse("UPDATE OF data ON sessions").await;
    for _ in 0..2 {
        let page = server.profile(&here).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("Name saved."));
    }
    server.allow_again("sessions").await;
    assert!(server.profile(&here).await.text().contains("Name saved."));
    assert!(!server.profile(&here).await.text().contains("Name saved."));
}

#[apply(on_both_engines!)]
async fn new_recovery_codes_are_shown_even_if_the_session_cannot_be_saved(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    server.refuse("UPDATE OF data ON sessions").await;
    let code = totp_code(SECRET, server.clock.now());
    let fields = [("secret", SECRET), ("code", code.as_str()), ("password", PASSWORD)];
    let on = server.submit(&here, "/settings/profile/second-factor", &fields).await;
    assert_eq!(on.status, 200, "{}", on.text());
    assert_eq!(server.count("SELECT count(*) FROM recovery_codes").await, 10);
}
