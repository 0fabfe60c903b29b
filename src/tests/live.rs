//! Live updates: a signal reaches the pages that wait for it, and nobody else's.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{OpenResponse, Server, on_both_engines};
use super::people::{EMAIL, OTHER_PASSWORD};
use super::personas::{PASSWORD, Persona};
use crate::accounts::server::{Person, print_reset_link, set_enabled};
use crate::orgs::server::end_streams_without_access;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::platform::live::{LiveEvent, Topic};
use crate::shared::Role;
use crate::usage::server::{changes_topic, publish_changes};

#[apply(on_both_engines!)]
async fn signals_reach_their_organization_and_no_other(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.sign_in_as(Persona::Member).await;
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let org = server.organization("Tidewater Freight").await;
    let listen = |cookies: String| {
        server.get("/live?topic=organization:keys/1/first-call&topic=person:mail").with(&cookies).open()
    };
    let (mine, theirs) = (listen(member).await, listen(stranger).await);
    assert_eq!(mine.header("content-type"), "text/event-stream");
    server.app.live.publish(Topic::of_org(&org, "keys/2/first-call"), "another key");
    server
        .app
        .live
        .publish(Topic::of_org(&org, "keys/1/first-call"), "First call \"received\"\n\ndata: forged");
    server.app.stop();
    let received = mine.rest().await;
    assert!(
        received.contains("event: arrived") && received.contains("organization:keys/1/first-call"),
        "{received}"
    );
    assert!(!received.contains("another key") && !received.contains("\ndata: forged"), "{received}");
    assert!(!theirs.rest().await.contains("arrived"));
}

#[apply(on_both_engines!)]
async fn topics_of_other_people_cannot_be_requested(engine: Engine) {
    let server = Server::on(engine).await;
    let member = server.sign_in_as(Persona::Member).await;
    for wish in [
        "",
        "?topic=",
        "?topic=keys",
        "?topic=organization/x/keys",
        "?topic=system:all",
        "?topic=person:a&topic=b:c",
    ] {
        assert_eq!(server.get(&format!("/live{wish}")).with(&member).send().await.status, 404, "{wish}");
    }
}

#[apply(on_both_engines!)]
async fn a_stream_ends_when_its_person_signs_out(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here, there) = server.alice_twice().await;
    let (mine, mut other) = (server.stream(&here).await, server.stream(&there).await);
    server.submit(&here, "/sign-out", &[]).await;
    assert!(ends(mine).await);
    assert!(server.hears(&mut other, &alice).await, "another session of the same person goes on");
}

#[apply(on_both_engines!)]
async fn a_stream_ends_with_a_session_that_is_ended_elsewhere(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here, there) = server.alice_twice().await;
    let third = server.session_of(&alice).await;
    let (mut mine, theirs, last) =
        (server.stream(&here).await, server.stream(&there).await, server.stream(&third).await);
    let session = Secret::new(there.split('=').nth(1).expect("an id")).fingerprint();
    server.submit(&here, "/settings/profile/sessions", &[("session", &session)]).await;
    assert!(ends(theirs).await);
    server.submit(&here, "/settings/profile/sessions", &[]).await;
    assert!(ends(last).await);
    assert!(server.hears(&mut mine, &alice).await);
}

#[apply(on_both_engines!)]
async fn a_stream_ends_when_its_person_is_disabled(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here, _) = server.alice_twice().await;
    let bob = server.colleague("bob@tidewater.example", Role::Member).await;
    let mut bobs = server.stream(&server.session_of(&bob).await).await;
    let stream = server.stream(&here).await;
    set_enabled(&server.app, EMAIL, false).await.expect("disabled");
    assert!(ends(stream).await);
    assert!(server.hears(&mut bobs, &bob).await, "other people still receive signals");
}

#[apply(on_both_engines!)]
async fn a_stream_ends_when_its_person_is_removed_from_the_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here, _) = server.alice_twice().await;
    let bob = server.colleague("bob@tidewater.example", Role::Member).await;
    let (mut mine, bobs) = (server.stream(&here).await, server.stream(&server.session_of(&bob).await).await);
    server.submit(&here, &format!("/settings/members/{}/remove", bob.id), &[]).await;
    assert!(ends(bobs).await);
    assert!(server.hears(&mut mine, &alice).await);
}

#[apply(on_both_engines!)]
async fn a_stream_ends_with_its_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here, _) = server.alice_twice().await;
    server.clock.advance(Duration::from_secs(1));
    server.join(&alice, "Nair Consulting", Role::Owner).await;
    let stream = server.stream(&here).await;
    server.submit(&here, "/settings/organization/delete", &[("name", "Tidewater Freight")]).await;
    assert!(ends(stream).await);
}

#[apply(on_both_engines!)]
async fn a_stream_ends_when_the_password_changes(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here, there) = server.alice_twice().await;
    let stream = server.stream(&there).await;
    let fields = [("present", PASSWORD), ("new", OTHER_PASSWORD)];
    assert_eq!(server.submit(&here, "/settings/profile/password", &fields).await.status, 303);
    assert!(ends(stream).await);
    let mut mine = server.stream(&here).await;
    server.app.live.recheck_all();
    assert!(server.hears(&mut mine, &alice).await, "the session that made the change goes on");
    let link = print_reset_link(&server.app, EMAIL, false).await.expect("a result").expect("a link");
    let path = format!("/reset/{}", link.rsplit('/').next().expect("a token"));
    server.post(&path).same_origin().form(&[("password", PASSWORD)]).send().await;
    assert!(ends(mine).await);
}

/// Another process on the same database ends the session: a job checks all streams every few seconds.
#[apply(on_both_engines!)]
async fn a_stream_ends_when_another_process_ends_its_session(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here, _) = server.alice_twice().await;
    let stream = server.stream(&here).await;
    let other = server.second_process().await;
    end_streams_without_access(&server.app).await.expect("checked");
    set_enabled(&other, EMAIL, false).await.expect("disabled");
    end_streams_without_access(&server.app).await.expect("checked");
    assert!(ends(stream).await);
}

#[apply(on_both_engines!)]
async fn a_stream_ends_with_the_age_of_its_session(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here, _) = server.alice_twice().await;
    let stream = server.stream(&here).await;
    server.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    end_streams_without_access(&server.app).await.expect("checked");
    assert!(ends(stream).await);
}

#[apply(on_both_engines!)]
async fn one_person_cannot_take_all_streams(engine: Engine) {
    let server = Server::on(engine).await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let listen = |cookies: &str| server.get("/live?topic=person:mail").with(cookies).open();
    let mut streams = Vec::new();
    let refused = loop {
        let stream = listen(&viewer).await;
        if stream.status != 200 {
            break stream;
        }
        streams.push(stream);
        assert!(streams.len() < 100, "nothing limits them");
    };
    assert_eq!(refused.status, 503);
    let member = server.sign_in_as(Persona::Member).await;
    assert_eq!(listen(&member).await.status, 200);
    streams.pop();
    assert_eq!(listen(&viewer).await.status, 200);
}

/// Audited changes and counted requests reach the pages of their organization, whichever process they happened in.
#[apply(on_both_engines!)]
async fn pages_learn_of_changes_in_their_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let org = owner.org.org;
    let key = server.key(&owner, "first").await;
    let (_, _, mut events) = server.app.live.subscribe(vec![]);
    let mut hears = async || {
        publish_changes(&server.app).await.expect("a round");
        let mut topics = Vec::new();
        while let Ok(LiveEvent::Signal(signal)) = events.try_recv() {
            topics.push(signal.topic);
        }
        topics.retain(|topic| *topic == changes_topic(org).full_name);
        topics.len()
    };
    server.key(&owner, "nobody watches").await;
    assert_eq!((hears().await, hears().await), (0, 0));
    server.app.live.expect(changes_topic(org));
    assert_eq!((hears().await, hears().await), (0, 0), "nothing is new for a page that was rendered now");
    server.key(&owner, "second").await;
    assert_eq!((hears().await, hears().await), (1, 0));
    server.check(&key.plaintext).await;
    crate::keys::server::flush(&server.app).await.expect("the counts are written");
    assert_eq!((hears().await, hears().await), (1, 0));
    let other = server.second_process().await;
    crate::keys::server::disable(&other, &owner, key.key.id).await.expect("it is disabled");
    assert_eq!((hears().await, hears().await), (1, 0));
    let stranger = server.actor(Persona::Stranger).await;
    server.key(&stranger, "elsewhere").await;
    assert_eq!(hears().await, 0);
}

/// A page that fetches itself again takes no message of another page, and does not prolong the session.
#[apply(on_both_engines!)]
async fn a_page_that_refreshes_itself_is_no_use_of_the_session(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "first").await.key.id;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let disabled = server.submit(&cookies, &format!("/settings/api-keys/{key}/disable"), &[]).await;
    assert_eq!(disabled.status, 303);
    const MESSAGE: &str = "first is disabled. Requests with it fail";
    let seen = "SELECT MAX(last_seen_at) FROM sessions";
    let before = server.count(seen).await;
    server.clock.advance(Duration::from_secs(10 * 60));
    let refresh = || server.get("/settings/api-keys").with(&cookies).header("x-latchkey-refresh", "1").send();
    for _ in 0..2 {
        let page = refresh().await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains(MESSAGE), "it has no message");
    }
    assert_eq!(server.count(seen).await, before);
    let page = server.page(&cookies, "/settings/api-keys").await;
    assert!(page.contains(MESSAGE), "{page}");
    assert!(server.count(seen).await > before);
}

async fn ends(stream: OpenResponse) -> bool {
    tokio::time::timeout(Duration::from_secs(10), stream.rest()).await.is_ok()
}

impl Server {
    /// Alice, signed in in two browsers.
    async fn alice_twice(&self) -> (Person, String, String) {
        let alice = self.alice().await;
        let (here, there) = (self.session_of(&alice).await, self.session_of(&alice).await);
        (alice, here, there)
    }

    async fn stream(&self, cookies: &str) -> OpenResponse {
        let stream = self.get("/live?topic=person:mail").with(cookies).open().await;
        assert_eq!(stream.header("content-type"), "text/event-stream");
        stream
    }

    /// Returns true if a signal to this person arrives.
    async fn hears(&self, stream: &mut OpenResponse, person: &Person) -> bool {
        self.app.live.publish(Topic::of_person(person.id, "mail"), "a letter");
        let frame = tokio::time::timeout(Duration::from_secs(10), stream.frame()).await;
        frame.is_ok_and(|frame| {
            frame.is_some_and(|frame| String::from_utf8_lossy(&frame.expect("bytes")).contains("a letter"))
        })
    }
}
