//! Signing in on new and remembered devices while strangers guess passwords.

use macro_rules_attribute::apply;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, Server, TestResponse, on_both_engines};
use crate::platform::db::Engine;

impl Server {
    async fn try_from(&self, address: &str, password: &str, cookies: &str) -> TestResponse {
        let fields = [("email", EMAIL), ("password", password)];
        self.post("/sign-in").same_origin().from(address).with(cookies).form(&fields).send().await
    }

    /// Uses up the attempts of an address.
    async fn use_up(&self, address: &str) {
        for _ in 0..10 {
            assert_eq!(self.try_from(address, "a wrong password", "").await.status, 422);
        }
        assert_eq!(self.try_from(address, PASSWORD, "").await.status, 429);
    }
}

#[apply(on_both_engines!)]
async fn strangers_do_not_lock_a_new_device_out(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    for n in 0..100 {
        let response = server.try_from(&format!("10.0.0.{n}"), "a wrong password", "").await;
        assert_eq!(response.status, 422, "{n}");
    }
    let alice = server.try_from("198.51.100.1", PASSWORD, "").await;
    assert_eq!(alice.entered(), "/", "{}", alice.status);
    // While the account is under attack, an address is slowed after fewer attempts.
    let wrong = async || server.try_from("198.51.100.2", "a wrong password", "").await.status.as_u16();
    let mut responses = Vec::new();
    for _ in 0..6 {
        responses.push(wrong().await);
    }
    assert_eq!(responses, [422, 422, 422, 422, 422, 429]);
}

#[apply(on_both_engines!)]
async fn a_remembered_browser_stays_remembered_after_a_password_change(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let (phone, laptop) = (
        server.sign_in(EMAIL, PASSWORD, "").await.cookies(),
        server.sign_in(EMAIL, PASSWORD, "").await.cookies(),
    );
    let fields = [("present", PASSWORD), ("new", OTHER_PASSWORD)];
    assert_eq!(server.submit(&laptop, "/settings/profile/password", &fields).await.status, 303);
    assert!(!server.is_signed_in(&phone).await, "its session has ended");
    server.use_up("198.51.100.1").await;
    assert_eq!(server.try_from("198.51.100.1", OTHER_PASSWORD, &phone).await.entered(), "/");
    let reset = server.reset_path(false).await;
    let set =
        server.post(&reset).same_origin().form(&[("password", "other unrelated words there")]).send().await;
    assert_eq!(set.status, 303);
    server.use_up("198.51.100.3").await;
    assert_eq!(server.try_from("198.51.100.3", "other unrelated words there", &phone).await.entered(), "/");
}
