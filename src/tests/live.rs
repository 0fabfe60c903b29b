//! Live parts: what a page waits for comes to those it concerns and to nobody else.

use crate::platform::live::Topic;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;

on_both_engines! {
    async fn signals_reach_their_organization_and_no_other(engine) {
        let server = Server::on(engine).await;
        let member = server.sign_in_as(Persona::Member).await;
        let stranger = server.sign_in_as(Persona::Stranger).await;
        let org = server.organization("Tidewater Freight").await;
        let listen = |cookies: String| {
            server.get("/live?topic=organization:keys/1/first-call&topic=person:mail").with(&cookies).open()
        };
        let (mine, theirs) = (listen(member).await, listen(stranger).await);
        assert_eq!(mine.header("content-type"), "text/event-stream");
        server.app.live.tell(Topic::of_org(&org, "keys/2/first-call"), "another key");
        server.app.live.tell(Topic::of_org(&org, "keys/1/first-call"), "First call \"received\"\n\ndata: forged");
        server.app.stop();
        let told = mine.rest().await;
        assert!(told.contains("event: arrived") && told.contains("organization:keys/1/first-call"), "{told}");
        assert!(!told.contains("another key") && !told.contains("\ndata: forged"), "{told}");
        assert!(!theirs.rest().await.contains("arrived"));
    }

    async fn topics_of_others_cannot_be_named(engine) {
        let server = Server::on(engine).await;
        let member = server.sign_in_as(Persona::Member).await;
        for wish in ["", "?topic=", "?topic=keys", "?topic=organization/x/keys", "?topic=system:all", "?topic=person:a&topic=b:c"] {
            assert_eq!(server.get(&format!("/live{wish}")).with(&member).send().await.status, 404, "{wish}");
        }
    }
}
