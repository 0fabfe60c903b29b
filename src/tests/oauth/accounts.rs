//! Identities without an account: the sign-up mode decides, and an equal email address does not sign in.

use super::{both, server};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::mail::Sink;
use crate::tests::people::EMAIL;
use macro_rules_attribute::apply;
use serde_json::json;

const SSO: &str = "/auth/sso";

#[apply(on_both_engines!)]
async fn an_equal_email_address_signs_nobody_in(engine: Engine) {
    let sink = Sink::start().await;
    for mode in ["invitation", "closed", "open"] {
        let mut settings = sink.settings();
        settings.push(("LATCHKEY_SIGN_UP", mode));
        let (server, provider) = server(engine, &settings).await;
        server.alice().await;
        provider.set_profile(json!(EMAIL), json!("Mallory"));
        let response = server.sign_in_by_provider(&provider, "m-1", SSO, "").await;
        assert_eq!(response.status.as_u16(), if mode == "open" { 409 } else { 403 }, "{mode}");
        assert_eq!(response.cookies(), "", "{mode}");
        let people = server.count("SELECT count(*) FROM users").await;
        let identities = server.count("SELECT count(*) FROM identities").await;
        assert_eq!(
            (people, identities, server.count("SELECT count(*) FROM sessions").await),
            (1, 0, 0),
            "{mode}"
        );
    }
}

#[apply(on_both_engines!)]
async fn with_open_sign_up_a_verified_address_can_create_an_account(engine: Engine) {
    let sink = Sink::start().await;
    let mut settings = sink.settings();
    settings.push(("LATCHKEY_SIGN_UP", "open"));
    let (server, provider) = server(engine, &settings).await;
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    let page = response.header("location").to_owned();
    assert!(response.status == 303 && page.starts_with("/sign-up/"), "{page}");
    let here = response.cookies();
    let form = server.get(&page).browser().with(&here).send().await;
    let text = form.text();
    assert!(
        text.contains("for alice@id.example")
            && text.contains("value=\"Alice Marsh\"")
            && text.contains("With Tidewater ID"),
        "{text}"
    );
    let fields = [("name", "Alice Marsh"), ("password", ""), ("organization", "Marsh & Daughters")];
    // In another browser, without the identity, the link asks for a password.
    let elsewhere = server.post(&page).same_origin().form(&fields).send().await;
    assert_eq!(elsewhere.status, 422);
    let made = server.post(&page).same_origin().with(&here).form(&fields).send().await;
    assert_eq!(made.entered(), "/", "{}", made.text());
    assert!(server.is_signed_in(&made.cookies()).await);
    assert_eq!(server.audited().await, ["organization.created"]);
    assert_eq!(server.get(&page).browser().with(&here).send().await.status, 410, "once");
    let again =
        server.sign_in_by_provider(&provider, "a-1", "/auth/sso?next=%2Fsettings%2Fprofile", "").await;
    assert_eq!(again.entered(), "/settings/profile", "the identity is linked to the new account");
}

#[apply(on_both_engines!)]
async fn an_unverified_address_is_confirmed_by_email(engine: Engine) {
    let mut sink = Sink::start().await;
    let mut settings = sink.settings();
    settings.push(("LATCHKEY_SIGN_UP", "open"));
    let (server, provider) = server(engine, &settings).await;
    provider.set_profile(json!(null), json!(null));
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, "").await;
    assert_eq!((response.status.as_u16(), response.header("location")), (303, "/sign-up"));
    let here = response.cookies();
    assert!(
        server
            .get("/sign-up")
            .browser()
            .with(&here)
            .send()
            .await
            .text()
            .contains("Tidewater ID knows you as a-1")
    );
    let asked =
        server.post("/sign-up").same_origin().with(&here).form(&[("email", "ann@x.example")]).send().await;
    assert_eq!(asked.status, 200);
    let link = sink.letter().await.link();
    assert!(
        server.get(&link).browser().with(&here).send().await.text().contains("With Tidewater ID, as a-1")
    );
    let fields = [("name", "Ann"), ("password", ""), ("organization", "Ann's")];
    let made = server.post(&link).same_origin().with(&here).form(&fields).send().await;
    assert!(server.is_signed_in(&made.cookies()).await);
    assert_eq!(server.count("SELECT count(*) FROM identities").await, 1);
}

#[apply(on_both_engines!)]
async fn an_invitation_is_accepted_with_an_identity(engine: Engine) {
    let mut sink = Sink::start().await;
    let (server, provider) = server(engine, &sink.settings()).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let (_, link) = server.invited(&here, "ingrid@tidewater.example", "viewer").await;
    let letter = sink.letter().await;
    assert_eq!(
        (letter.link(), letter.header("Subject")),
        (link.clone(), "Alice Marsh invites you to Tidewater Freight")
    );
    let page = server.get(&link).browser().send().await.text();
    let next: String = url::form_urlencoded::byte_serialize(link.as_bytes()).collect();
    let button = format!("/auth/sso?next={next}");
    assert!(page.contains(&format!("href=\"{button}\"")) && page.contains("name=\"password\""), "{page}");
    let response = server.sign_in_by_provider(&provider, "i-1", &button, "").await;
    assert_eq!((response.status.as_u16(), response.header("location")), (303, link.as_str()));
    let theirs = response.cookies();
    let page = server.get(&link).browser().with(&theirs).send().await.text();
    assert!(
        page.contains("With Tidewater ID, as alice@id.example") && !page.contains("name=\"password\""),
        "{page}"
    );
    let accept = async |cookies: &str| {
        server.post(&link).same_origin().with(cookies).form(&[("name", "Ingrid")]).send().await
    };
    assert_eq!(accept("").await.status, 422, "another browser must set a password");
    let joined = accept(&theirs).await;
    assert_eq!(joined.entered(), "/", "{}", joined.text());
    let profile = server.profile(&joined.cookies()).await.text();
    assert!(
        profile.contains("You are a viewer") && profile.contains("ingrid@tidewater.example"),
        "the address is the invitation's"
    );
    assert_eq!(accept(&theirs).await.status, 410, "once");
    let again =
        server.sign_in_by_provider(&provider, "i-1", "/auth/sso?next=%2Fsettings%2Fprofile", "").await;
    assert_eq!(again.entered(), "/settings/profile");
    assert_eq!(
        server.audited().await,
        ["member.invited", "member.joined", "invitation.refused", "session.started"]
    );

    // An identity with an account does not create a second one.
    let (_, link) = server.invited(&here, "bob@tidewater.example", "viewer").await;
    let response = server.sign_in_by_provider(&provider, "i-1", &format!("/auth/sso?next={link}"), "").await;
    assert_eq!(response.entered(), link, "Ingrid is signed in, and the page says whom the invitation is for");
}

#[apply(on_both_engines!)]
async fn an_unknown_identity_does_not_end_the_session(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    let response = server.sign_in_by_provider(&provider, "a-1", SSO, &here).await;
    assert_eq!(response.status, 403);
    assert!(response.text().contains("Tidewater ID is not linked"));
    assert!(server.is_signed_in(&both(&here, "")).await);
    // On the way to an invitation the identity is stored, and the invitation creates the account.
    let invited = server.sign_in_by_provider(&provider, "a-1", "/auth/sso?next=%2Finvite%2Fabc", "").await;
    assert_eq!((invited.status.as_u16(), invited.header("location")), (303, "/invite/abc"));
    assert!(!server.is_signed_in(&invited.cookies()).await);
    assert_eq!(server.count("SELECT count(*) FROM users").await, 1);
}
