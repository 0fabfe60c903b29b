//! Codes that people type on the page of a device login.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use super::CLIENT;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_typed_code_redirects_to_its_login(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    let typed = device.user_code.to_lowercase().replace('-', " ");
    let response = server.decide(&cookies, &[("code", &typed), ("org", "Tidewater Freight")]).await;
    assert_eq!(response.status, 303);
    let next = response.header("location").to_owned();
    assert!(
        next.starts_with(&format!("/auth/device?code={}&org=Tidewater+Freight&mark=", device.user_code)),
        "{next}"
    );
    assert!(server.get(&next).browser().with(&cookies).send().await.text().contains("Approve this login?"));
    for code in ["", "xyz", "BBBB-BBBB"] {
        let response = server.decide(&cookies, &[("code", code)]).await;
        assert_eq!(response.status, 422, "{code}");
    }
}

#[apply(on_both_engines!)]
async fn from_another_network_the_code_must_be_typed(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let org = server.organization("Tidewater Freight").await.to_string();
    let ask = server.post("/oauth/device_authorization").from("198.51.100.9").form(&[("client_id", CLIENT)]);
    let asked = ask.send().await.json();
    let code = asked["user_code"].as_str().expect("a code");
    let page = server.device_page(&cookies, &format!("?code={code}")).await.text();
    assert!(page.contains("comes from another network than yours") && page.contains("198.51.100.9"));
    assert!(page.contains("name=\"typed\""));
    assert!(!page.contains("must show exactly this code"), "the code is not on the page to be copied");
    let fields = [("code", code), ("org", org.as_str()), ("mine", "yes"), ("verdict", "approve")];
    for typed in ["", "BBBB-BBBB"] {
        let response = server.decide(&cookies, &[&fields[..], &[("typed", typed)]].concat()).await;
        assert_eq!(response.status, 422, "{typed}");
        let page = response.text();
        assert!(
            page.contains("This is not the code of this login.") && page.contains("aria-invalid=\"true\"")
        );
    }
    // A mark of another session is not accepted.
    let other = server.sign_in_as(Persona::Owner).await;
    let led = server.decide(&other, &[("code", code)]).await;
    let mark = led.header("location").split("mark=").nth(1).expect("a mark").to_owned();
    let response = server.decide(&cookies, &[&fields[..], &[("mark", mark.as_str())]].concat()).await;
    assert_eq!(response.status, 422);
    // The code must be typed only once, here or on the entry page.
    let led = server.decide(&cookies, &[("code", code)]).await;
    let page = server.get(led.header("location")).browser().with(&cookies).send().await.text();
    assert!(page.contains("another network") && !page.contains("name=\"typed\""), "{page}");
    let response = server.decide(&cookies, &[&fields[..], &[("typed", &code.to_lowercase())]].concat()).await;
    assert_eq!(response.status, 303, "{}", response.text());
}

#[apply(on_both_engines!)]
async fn a_link_cannot_type_for_a_person(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_PREFILLED_CODES", "false")]).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    let padded = format!("?code={}{}B", device.user_code, "%20".repeat(31));
    for query in [padded.as_str(), &format!("?code={}%00B", device.user_code)] {
        let page = server.device_page(&cookies, query).await.text();
        assert!(page.contains("No login is waiting for that code."), "{page}");
        assert!(!page.contains(&device.user_code), "{page}");
    }
}

/// The Enter key presses the first button of a form.
#[apply(on_both_engines!)]
async fn enter_decides_nothing(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_PREFILLED_CODES", "false")]).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    let code = ("code", device.user_code.as_str());
    let page = server.device_page(&cookies, &format!("?code={}", device.user_code)).await.text();
    let first = page.split("<button").skip(1).find(|button| button.contains("verdict")).expect("a button");
    assert!(first.split('>').next().is_some_and(|head| head.contains("value=\"none\"")), "{first}");
    // Nothing was typed, so the code must still be typed.
    let response =
        server.decide(&cookies, &[code, ("verdict", "none"), ("typed", ""), ("mine", "yes")]).await;
    assert_eq!(response.status, 200);
    assert!(
        response.text().contains("name=\"typed\"")
            && !response.text().contains("must show exactly this code")
    );
    for _ in 0..4 {
        let response = server.decide(&cookies, &[code, ("verdict", "none"), ("typed", "BBBB-BBBB")]).await;
        assert_eq!(response.status, 422);
        assert!(response.text().contains("This is not the code of this login."));
    }
    let typed = device.user_code.to_lowercase();
    let response =
        server.decide(&cookies, &[code, ("verdict", "none"), ("typed", &typed), ("mine", "yes")]).await;
    assert_eq!(response.status, 200);
    let page = response.text();
    assert!(page.contains("must show exactly this code") && page.contains(" checked"), "{page}");
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    // The right code did not reset the count: the fifth wrong code is allowed, the sixth is not.
    assert_eq!(
        server.decide(&cookies, &[code, ("verdict", "none"), ("typed", "CCCC-CCCC")]).await.status,
        422
    );
    assert_eq!(
        server.decide(&cookies, &[code, ("verdict", "none"), ("typed", "CCCC-CCCC")]).await.status,
        429
    );
    server.clock.advance(Duration::from_secs(600));
    let later = server.device(&[]).await;
    let fields = [("code", later.user_code.as_str()), ("verdict", "none"), ("typed", "CCCC-CCCC")];
    assert_eq!(server.decide(&cookies, &fields).await.status, 422);
}

#[apply(on_both_engines!)]
async fn codes_must_be_typed_when_links_may_not_contain_them(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_DEVICE_PREFILLED_CODES", "false")]).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    assert!(device.response.get("verification_uri_complete").is_none());
    assert_eq!(device.response["verification_uri"], "http://latchkey.test/auth/device");
    let page = server.device_page(&cookies, &format!("?code={}", device.user_code)).await.text();
    assert!(page.contains("name=\"typed\"") && !page.contains("another network"));
    assert_eq!(server.approve(&cookies, &device.user_code).await.status, 422);
}

#[apply(on_both_engines!)]
async fn wrong_codes_are_limited_by_person_and_by_address(engine: Engine) {
    let settings = [("LATCHKEY_DEVICE_WRONG_CODES_PER_ADDRESS", "8")];
    let server = Server::with(engine, &settings).await;
    let (admin, owner) = (server.sign_in_as(Persona::Admin).await, server.sign_in_as(Persona::Owner).await);
    let device = server.device(&[]).await;
    for _ in 0..20 {
        assert!(
            server
                .device_page(&admin, &format!("?code={}", device.user_code))
                .await
                .text()
                .contains("Approve"),
            "valid codes are not counted"
        );
        server.device_page(&admin, "?code=nonsense").await;
    }
    for _ in 0..5 {
        server.device_page(&admin, "?code=BBBB-BBBB").await;
    }
    let slowed = server.device_page(&admin, &format!("?code={}", device.user_code)).await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "600"));
    assert!(slowed.text().contains("Too many tries"), "the response is a page");
    assert_eq!(server.approve(&admin, &device.user_code).await.status, 429, "valid codes are refused too");
    // Another person at the same address has three attempts left, and valid codes do not add any.
    for _ in 0..3 {
        assert_eq!(server.decide(&owner, &[("code", "BBBB-BBBB")]).await.status, 422);
        let right = server.device_page(&owner, &format!("?code={}", device.user_code)).await;
        assert!(right.status == 429 || right.text().contains("Approve"));
    }
    let slowed = server.decide(&owner, &[("code", "BBBB-BBBB")]).await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, "3600"));
    let elsewhere = server
        .get(&format!("/auth/device?code={}", device.user_code))
        .from("198.51.100.1")
        .browser()
        .with(&owner);
    assert_eq!(elsewhere.send().await.status, 200);
    server.clock.advance(Duration::from_secs(3_600));
    assert_eq!(server.decide(&owner, &[("code", "BBBB-BBBB")]).await.status, 422);
}
