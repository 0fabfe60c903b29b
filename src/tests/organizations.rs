//! Organizations: creating one, switching, and forms that were rendered for another one.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::members::INGRID;
use super::personas::Persona;
use crate::platform::db::Engine;
use crate::shared::Role;

#[apply(on_both_engines!)]
async fn people_can_switch_only_to_their_own_organizations(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    server.clock.advance(Duration::from_secs(1));
    let second = server.join(&alice, "Nair Consulting", Role::Viewer).await;
    let foreign = server.organization("Somebody Else").await;
    let here = server.session_of(&alice).await;
    assert!(server.profile(&here).await.text().contains("You are an owner"));
    let switch = |org: String, back: &'static str| {
        server
            .post("/switch-organization")
            .same_origin()
            .with(&here)
            .form(&[("organization", org.as_str()), ("back", back)])
            .send()
    };
    let done = switch(second.to_string(), "/settings/profile").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/settings/profile"));
    assert!(server.profile(&here).await.text().contains("You are a viewer"));
    assert_eq!(switch(foreign.to_string(), "/").await.status, 404);
    assert_eq!(switch("nonsense".to_owned(), "/").await.status, 404);
    assert_eq!(switch(second.to_string(), "//evil.example").await.header("location"), "/");
}

#[apply(on_both_engines!)]
async fn the_creator_of_an_organization_owns_it_and_switches_to_it(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Viewer).await;
    assert!(server.profile(&here).await.text().contains("You are a viewer"));
    let make = |name: &'static str| server.submit(&here, "/organizations/new", &[("name", name)]);
    assert_eq!(make(" ").await.status, 422);
    assert_eq!(make("Nair Consulting").await.status, 303);
    let page = server.profile(&here).await.text();
    assert!(
        page.contains("You are an owner")
            && page.contains("Nair Consulting")
            && page.contains("Tidewater Freight")
    );
    assert_eq!(server.audited().await, ["organization.created"]);
}

#[apply(on_both_engines!)]
async fn a_form_for_another_organization_changes_nothing_and_offers_to_switch(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let tidewater = server.organization("Tidewater Freight").await;
    server.clock.advance(Duration::from_secs(1));
    let nair = server.join(&alice, "Nair Consulting", Role::Owner).await;
    let foreign = server.organization("Somebody Else").await;
    let here = server.session_of(&alice).await;
    let rename = |org: String| {
        let fields = [("org", org.as_str()), ("name", "Renamed")];
        server.post("/settings/organization").same_origin().with(&here).form(&fields).send()
    };
    let meant = rename(nair.to_string()).await;
    assert_eq!(meant.status, 409);
    let page = meant.text();
    assert!(
        page.contains("made for Nair Consulting") && page.contains("Switch to Nair Consulting"),
        "{page}"
    );
    let strange = rename(foreign.to_string()).await;
    assert!(
        strange.status == 409 && !strange.text().contains("Somebody Else"),
        "the name of a foreign organization is not revealed"
    );
    assert_eq!(server.count("SELECT count(*) FROM organizations WHERE name = 'Renamed'").await, 0);
    assert_eq!(server.audited().await.len(), 0);
    assert_eq!(rename(tidewater.to_string()).await.status, 303);
    assert_eq!(server.count("SELECT count(*) FROM organizations WHERE name = 'Renamed'").await, 1);
    assert_eq!(server.audited().await, ["organization.renamed"]);
}

#[apply(on_both_engines!)]
async fn an_organization_is_deleted_by_its_typed_name(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    server.invited(&here, INGRID, "viewer").await;
    let delete =
        |name: &'static str| server.submit(&here, "/settings/organization/delete", &[("name", name)]);
    assert!(delete("tidewater").await.text().contains("Type the name as it is written"));
    let only = delete("Tidewater Freight").await;
    assert!(only.status == 422 && only.text().contains("only organization"), "{}", only.text());
    server.clock.advance(Duration::from_secs(1));
    server.join(&alice, "Nair Consulting", Role::Viewer).await;
    assert_eq!(delete("Tidewater Freight").await.header("location"), "/");
    let page = server.profile(&here).await.text();
    assert!(
        page.contains("Nair Consulting")
            && page.contains("Tidewater Freight was deleted.")
            && !page.contains("You are an owner"),
        "{page}"
    );
    assert_eq!(server.count("SELECT count(*) FROM memberships").await, 1);
    assert_eq!(server.count("SELECT count(*) FROM invitations").await, 0);
    assert_eq!(server.audited().await, ["member.invited", "organization.deleted"]);
}
