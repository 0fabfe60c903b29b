//! The approval page: its states, who may see what, and what it refuses.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::people::{EMAIL, SECRET};
use super::super::personas::{PASSWORD, Persona};
use crate::platform::db::Engine;
use crate::shared::Role;

#[apply(on_both_engines!)]
async fn people_return_with_the_whole_query_after_signing_in(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let device = server.device(&[]).await;
    let path = format!(
        "/auth/device?code={}&org=Tidewater%20Freight&callback=http://localhost:1/x",
        device.user_code
    );
    let response = server.get(&path).browser().send().await;
    let encoded: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    assert_eq!(
        (response.status.as_u16(), response.header("location")),
        (303, format!("/sign-in?next={encoded}").as_str())
    );
    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", path.as_str())];
    let entered = server.post("/sign-in").same_origin().form(&fields).send().await;
    assert_eq!(entered.entered(), path);
    let page = server.get(&path).browser().with(&entered.cookies()).send().await.text();
    assert!(page.contains("Approve this login?") && page.contains(&device.user_code));
}

#[apply(on_both_engines!)]
async fn the_page_shows_every_state_of_a_login(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let other = server.sign_in_as(Persona::Member).await;
    let see =
        async |cookies: &str, code: &str| server.device_page(cookies, &format!("?code={code}")).await.text();
    let entry = server.device_page(&cookies, "").await;
    assert_eq!(entry.status, 200);
    assert!(entry.text().contains("Enter the code that your terminal shows."));
    for code in ["BBBB-BBBB", "nonsense", "%00", "BBBB-BBB"] {
        let page = see(&cookies, code).await;
        assert!(page.contains("No login is waiting for"), "{code}");
    }
    assert!(
        see(&cookies, "BBBB-BBBB").await.contains("value=\"BBBB-BBBB\""),
        "the entered code stays in the field"
    );

    let device = server.device(&[("device_name", "thinkpad <alice>")]).await;
    let page = see(&cookies, &device.user_code.to_lowercase().replace('-', "%20")).await;
    for part in [
        "Approve this login?",
        &device.user_code,
        "Latchkey CLI",
        "Unverified name",
        "thinkpad &lt;alice&gt;",
        "203.0.113.7",
        "Tidewater Freight",
        "you are an admin",
        "Call the API as an admin",
        "Read the audit log",
        "admin@tidewater.example",
        "Use another account",
        "I started this login on my own device",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Rename or delete"));

    server.approve(&cookies, &device.user_code).await;
    let page = see(&cookies, &device.user_code).await;
    assert!(page.contains("Return to your terminal") && page.contains("about to fetch its key"));
    server.poll(&device.device_code).await;
    let page = see(&cookies, &device.user_code).await;
    assert!(
        page.contains("Return to your terminal")
            && page.contains("/settings/api-keys/")
            && page.contains("Revoke this key now")
    );
    assert!(!page.contains("thinkpad &lt;alice&gt;</dd>") && page.contains("ak_live_"));
    // To other people it looks like an unknown code.
    assert!(see(&other, &device.user_code).await.contains("No login is waiting for"));

    let denied = server.device(&[]).await;
    server.deny(&other, &denied.user_code).await;
    let page = see(&other, &denied.user_code).await;
    assert!(
        page.contains("Login denied")
            && page.contains("203.0.113.7")
            && !page.contains("href=\"/settings/audit-log\"")
    );
    assert!(see(&cookies, &denied.user_code).await.contains("No login is waiting for"));

    let late = server.device(&[]).await;
    server.clock.advance(Duration::from_secs(600));
    let page = see(&cookies, &late.user_code).await;
    assert!(
        page.contains("This code has expired") && page.contains("Start the login again in your terminal")
    );
    // The page does not suggest a command that does not exist.
    assert!(!page.contains("latchkey login") && !see(&cookies, "").await.contains("latchkey login"));
}

#[apply(on_both_engines!)]
async fn a_get_request_decides_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let device = server.device(&[]).await;
    let state_before = server.everything().await;
    for query in [
        format!("?code={}", device.user_code),
        format!("?code={}&verdict=approve&mine=yes&org=Tidewater%20Freight", device.user_code),
    ] {
        assert_eq!(server.device_page(&cookies, &query).await.status, 200);
    }
    assert_eq!(server.everything().await, state_before);
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
}

#[apply(on_both_engines!)]
async fn an_approval_needs_the_checkbox_and_an_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let org = server.organization("Tidewater Freight").await.to_string();
    let foreign = server.organization("Nair Consulting").await.to_string();
    let device = server.device(&[]).await;
    let code = ("code", device.user_code.as_str());
    let yes = ("verdict", "approve");
    let (here, mine) = (("org", org.as_str()), ("mine", "yes"));
    for (fields, error) in [
        (vec![code, here, yes], "Tick this if you started the login yourself"),
        (vec![code, mine, yes], "Choose an organization."),
        (vec![code, ("org", foreign.as_str()), mine, yes], "Choose an organization."),
        (vec![code, ("org", "\0"), mine, yes], "Choose an organization."),
    ] {
        let response = server.decide(&cookies, &fields).await;
        assert_eq!(response.status, 422);
        let page = response.text();
        assert!(page.contains(error) && page.contains("The login was not approved."), "{page}");
        let fields = page.matches("aria-invalid=\"true\"").count();
        assert_eq!(fields, usize::from(error.starts_with("Tick")), "one organization needs no field: {page}");
        assert!(!page.contains("Nair Consulting"));
    }
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
    assert_eq!(server.decide(&cookies, &[code, here, mine, yes]).await.status, 303);
}

#[apply(on_both_engines!)]
async fn requests_from_other_sites_and_sessions_decide_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let other = server.sign_in_as(Persona::Owner).await;
    let org = server.organization("Tidewater Freight").await.to_string();
    let device = server.device(&[]).await;
    let fields =
        [("code", device.user_code.as_str()), ("org", org.as_str()), ("mine", "yes"), ("verdict", "approve")];
    let state_before = server.everything().await;
    let theirs = server.form_token(&other).await;
    let own = server.form_token(&cookies).await;
    let post = || server.post("/auth/device").with(&cookies);
    // No token, another session's token, an empty token.
    for token in [None, Some(theirs.as_str()), Some("")] {
        let fields =
            [&fields[..], &token.map(|token| ("token", token)).into_iter().collect::<Vec<_>>()].concat();
        let response = post().same_origin().form(&fields).send().await;
        assert_eq!(response.status, 403, "{token:?}");
    }
    let whole = [&fields[..], &[("token", own.as_str())]].concat();
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.test")]
    {
        assert_eq!(post().browser().header(name, value).form(&whole).send().await.status, 403, "{value}");
    }
    let nobody = server.post("/auth/device").same_origin().form(&whole).send().await;
    assert_eq!(nobody.header("location"), "/sign-in?next=%2Fauth%2Fdevice");
    assert_eq!(server.everything().await, state_before);
    assert_eq!(post().same_origin().form(&whole).send().await.status, 303);
}

#[apply(on_both_engines!)]
async fn old_sessions_sign_in_again_first(engine: Engine) {
    let server = Server::on(engine).await;
    server.alice().await;
    let old = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
    server.clock.advance(Duration::from_secs(12 * 60 * 60 + 1));
    let device = server.device(&[]).await;
    let path = format!("/auth/device?code={}", device.user_code);
    let response = server.get(&path).browser().with(&old).send().await;
    assert_eq!(response.status, 303);
    let again = response.header("location").to_owned();
    assert!(again.starts_with("/sign-in?again=1&next=%2Fauth%2Fdevice%3Fcode%3D"), "{again}");
    // The page asks for the password although the person is signed in.
    let form = server.get(&again).browser().with(&old).send().await;
    assert_eq!(form.status, 200);
    assert!(form.text().contains("name=\"password\""));
    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", path.as_str())];
    let entered = server.post("/sign-in").same_origin().with(&old).form(&fields).send().await;
    assert_eq!(entered.entered(), path);
    let cookies = entered.cookies();
    assert!(server.get(&path).browser().with(&cookies).send().await.text().contains("Approve this login?"));
    assert!(!server.is_signed_in(&old).await, "the old session has ended");
    assert_eq!(server.approve(&cookies, &device.user_code).await.status, 303);
    assert_eq!(server.poll(&device.device_code).await.status, 200);
}

#[apply(on_both_engines!)]
async fn an_old_form_does_not_approve(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let org = server.organization("Tidewater Freight").await.to_string();
    let cookies = server.session_of(&alice).await;
    let token = server.form_token(&cookies).await;
    server.clock.advance(Duration::from_secs(12 * 60 * 60 + 1));
    let device = server.device(&[]).await;
    let fields = [
        ("token", token.as_str()),
        ("code", &device.user_code),
        ("org", org.as_str()),
        ("mine", "yes"),
        ("verdict", "approve"),
    ];
    let response = server.post("/auth/device").same_origin().with(&cookies).form(&fields).send().await;
    assert!(response.header("location").starts_with("/sign-in?again=1"), "{}", response.status);
    assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
}

#[apply(on_both_engines!)]
async fn signing_in_again_does_not_redirect_to_other_sites(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.guard(&alice).await;
    let cookies = server.session_of(&alice).await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = server
            .get(&format!("/sign-in?again=1&next={encoded}"))
            .browser()
            .with(&cookies)
            .send()
            .await
            .text();
        assert!(!page.contains("evil"), "{next}");
    }
    let query = "?code=BBBB-BBBB&org=//evil.example&callback=http://evil.example/x&next=//evil.example";
    let page = server.device_page(&cookies, query).await.text();
    assert!(
        !page.contains("href=\"http://evil")
            && !page.contains("href=\"//evil")
            && !page.contains("action=\"http")
    );
    assert_eq!(SECRET.len(), 32);
}

#[apply(on_both_engines!)]
async fn the_organization_is_asked_for_and_stays_selected(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.clock.advance(Duration::from_secs(1));
    let nair = server.join(&alice, "Nair Consulting", Role::Viewer).await;
    let cookies = server.session_of(&alice).await;
    let device = server.device(&[]).await;
    let code = device.user_code.as_str();
    let see = async |org: &str| server.device_page(&cookies, &format!("?code={code}{org}")).await.text();
    let page = see("").await;
    assert!(
        page.contains("Choose an organization")
            && page.contains("In Tidewater Freight")
            && page.contains("In Nair Consulting")
    );
    let chosen = format!("value=\"{nair}\" selected");
    for org in [format!("&org={nair}"), "&org=Nair%20Consulting".to_owned()] {
        assert!(see(&org).await.contains(&chosen), "{org}");
    }
    assert!(!see("&org=nair%20consulting").await.contains(&chosen), "the name must match exactly");
    let refused =
        server.decide(&cookies, &[("code", code), ("mine", "yes"), ("verdict", "approve")]).await.text();
    assert!(
        refused.contains("Choose an organization.") && refused.contains("aria-invalid=\"true\""),
        "{refused}"
    );
    // Her current organization is Tidewater Freight; she approves for the other one.
    let fields = [("code", code), ("org", &nair.to_string()), ("mine", "yes"), ("verdict", "approve")];
    assert_eq!(server.decide(&cookies, &fields).await.status, 303);
    let body = server.poll(&device.device_code).await.json();
    assert_eq!((&body["org_id"], &body["scope"]), (&serde_json::json!(nair), &serde_json::json!("viewer")));
    let page = see("").await;
    assert!(
        page.contains("logged in to Nair Consulting as a viewer")
            && page.contains("/settings/profile#devices")
    );
}

#[apply(on_both_engines!)]
async fn a_person_without_an_organization_can_only_deny(engine: Engine) {
    let server = Server::on(engine).await;
    let nobody = server.person("nobody@tidewater.example", "Nobody", None).await;
    let cookies = server.session_of(&nobody).await;
    let device = server.device(&[]).await;
    let page = server.device_page(&cookies, &format!("?code={}", device.user_code)).await.text();
    assert!(
        page.contains("You are in no organization in which you may have keys")
            && !page.contains("value=\"approve\""),
        "{page}"
    );
    assert_eq!(server.approve(&cookies, &device.user_code).await.status, 422);
    assert_eq!(server.deny(&cookies, &device.user_code).await.status, 303);
    assert_eq!(server.poll(&device.device_code).await.error(), "access_denied");
}
