//! Linking and unlinking identities on the profile. The last sign-in method cannot be removed.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::{both, server};
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::people::OTHER_PASSWORD;
use crate::tests::personas::PASSWORD;

const METHOD: &str = "/settings/profile/sign-in-methods/sso";
const REMOVE: &str = "/settings/profile/sign-in-methods/sso/remove";
const LINK: &str = "/auth/sso?link=1";

#[apply(on_both_engines!)]
async fn linking_a_provider_requires_the_password(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    assert!(server.profile(&here).await.text().contains("Link Tidewater ID"));
    // Without a confirmation the link redirects to the confirmation page.
    for cookies in ["", &here] {
        let asked = server.get(LINK).browser().with(cookies).send().await;
        assert_eq!((asked.status.as_u16(), asked.header("location")), (303, METHOD));
    }
    let wrong = server.submit(&here, METHOD, &[("password", "not the password")]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(server.get(LINK).browser().with(&here).send().await.header("location"), METHOD);

    let right = server.submit(&here, METHOD, &[("password", PASSWORD)]).await;
    assert_eq!(right.status, 200);
    assert!(right.text().contains("href=\"/auth/sso?link=1\""), "{}", right.text());
    let response = server.sign_in_by_provider(&provider, "a-1", LINK, &here).await;
    assert_eq!(
        (response.status.as_u16(), response.header("location")),
        (303, "/settings/profile"),
        "{}",
        response.text()
    );
    let page = server.profile(&here).await.text();
    assert!(
        page.contains("Tidewater ID was linked to your account.") && page.contains("Unlink Tidewater ID"),
        "{page}"
    );
    assert_eq!(server.audited().await, ["password.refused", "sign_in_method.asked", "sign_in_method.added"]);
    // The permission is for one link.
    assert_eq!(server.get(LINK).browser().with(&here).send().await.header("location"), METHOD);
    let fresh =
        server.sign_in_by_provider(&provider, "a-1", "/auth/sso?next=%2Fsettings%2Fprofile", "").await;
    assert_eq!(fresh.entered(), "/settings/profile");
}

#[apply(on_both_engines!)]
async fn a_callback_links_only_in_the_session_that_requested_it(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    let bob = server.person("bob@tidewater.example", "Bob Reed", None).await;
    server.join(&bob, "Tidewater Freight", crate::shared::Role::Member).await;
    let (here, bobs) = (server.session_of(&alice).await, server.session_of(&bob).await);
    server.submit(&here, METHOD, &[("password", PASSWORD)]).await;
    // In a browser where nobody or somebody else is signed in, the callback links nothing.
    for others in ["", &bobs] {
        let (link, flow) = server.start_flow(LINK, &here).await;
        let query = provider.consent(&link, "a-1");
        assert_eq!(server.send_callback("sso", &query, &provider, &both(others, &flow)).await.status, 400);
        assert_eq!(server.count("SELECT count(*) FROM identities").await, 0);
        let late = server.send_callback("sso", &query, &provider, &both(&here, &flow)).await;
        assert_eq!(late.status, 400, "the callback was used already");
    }

    server.submit(&here, METHOD, &[("password", PASSWORD)]).await;
    server.clock.advance(Duration::from_secs(601));
    assert_eq!(
        server.get(LINK).browser().with(&here).send().await.header("location"),
        METHOD,
        "the confirmation has expired"
    );
    assert_eq!(server.count("SELECT count(*) FROM identities").await, 0);
}

#[apply(on_both_engines!)]
async fn an_identity_is_linked_to_one_account(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let alice = server.alice().await;
    let bob = server.person("bob@tidewater.example", "Bob Reed", None).await;
    server.identify(&bob, &provider.url(), "b-1").await;
    let here = server.session_of(&alice).await;
    let link = async |subject: &'static str| {
        server.submit(&here, METHOD, &[("password", PASSWORD)]).await;
        server.sign_in_by_provider(&provider, subject, LINK, &here).await
    };
    let taken = link("b-1").await;
    assert_eq!(taken.status, 409);
    assert!(taken.text().contains("Linked to another account"));
    assert_eq!(link("a-1").await.header("location"), "/settings/profile");
    assert_eq!(link("a-1").await.header("location"), "/settings/profile", "linked already");
    let another = link("a-2").await;
    assert_eq!(another.status, 409);
    assert!(another.text().contains("is linked already"));
    assert_eq!(server.count("SELECT count(*) FROM identities").await, 2);
}

#[apply(on_both_engines!)]
async fn the_last_sign_in_method_cannot_be_removed(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let bob = server.person("bob@tidewater.example", "Bob Reed", None).await;
    server.join(&bob, "Tidewater Freight", crate::shared::Role::Member).await;
    server.identify(&bob, &provider.url(), "b-1").await;
    let here = server.session_of(&bob).await;
    let remove = async |here: &str| server.submit(here, REMOVE, &[("password", "")]).await;
    let last = remove(&here).await;
    assert_eq!(last.status, 422);
    assert!(last.text().contains("This is your only sign-in method"));
    // An identity of a provider that is not configured does not count.
    server.identify(&bob, "https://gone.example", "b-1").await;
    assert_eq!(remove(&here).await.status, 422);
    assert!(server.profile(&here).await.text().contains("No longer available on this server"));

    // A person without a password must have signed in recently.
    server.clock.advance(Duration::from_secs(601));
    let stale =
        server.submit(&here, "/settings/profile/password", &[("present", ""), ("new", OTHER_PASSWORD)]).await;
    assert_eq!(stale.status, 422);
    assert!(stale.text().contains("Sign in again first"));
    let here = server
        .sign_in_by_provider(&provider, "b-1", "/auth/sso?next=%2Fsettings%2Fprofile", &here)
        .await
        .cookies();
    let set =
        server.submit(&here, "/settings/profile/password", &[("present", ""), ("new", OTHER_PASSWORD)]).await;
    assert_eq!(set.header("location"), "/settings/profile", "{}", set.text());
    assert_eq!(
        server.submit(&here, REMOVE, &[("password", "wrong")]).await.status,
        422,
        "now the password is required"
    );
    assert_eq!(
        server.submit(&here, REMOVE, &[("password", OTHER_PASSWORD)]).await.header("location"),
        "/settings/profile"
    );
    let former = "/settings/profile/sign-in-methods/former-0/remove";
    assert_eq!(
        server.submit(&here, former, &[("password", OTHER_PASSWORD)]).await.header("location"),
        "/settings/profile"
    );
    assert_eq!(server.submit(&here, REMOVE, &[("password", OTHER_PASSWORD)]).await.status, 404);
    assert_eq!(server.count("SELECT count(*) FROM identities").await, 0);
    assert_eq!(server.sign_in_by_provider(&provider, "b-1", "/auth/sso", "").await.status, 403);
    let actions = server.audited().await;
    assert_eq!(actions.iter().filter(|action| *action == "sign_in_method.removed").count(), 2);
}

#[apply(on_both_engines!)]
async fn of_two_concurrent_unlinks_one_is_refused(engine: Engine) {
    let (server, provider) = server(engine, &[]).await;
    let bob = server.person("bob@tidewater.example", "Bob Reed", None).await;
    server.join(&bob, "Tidewater Freight", crate::shared::Role::Member).await;
    let here = server.session_of(&bob).await;
    server.identify(&bob, &provider.url(), "b-1").await;
    server.identify(&bob, &provider.github_url(), "7").await;
    let github = "/settings/profile/sign-in-methods/github/remove";
    let (one, other) = tokio::join!(
        server.submit(&here, github, &[("password", "")]),
        server.submit(&here, REMOVE, &[("password", "")]),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(server.count("SELECT count(*) FROM identities").await, 1);
}
