//! The pages that rotate and revoke a key.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::keys::ANYTHING;
use super::super::personas::Persona;
use super::{KEYS, shown};
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::usage::Outcome;

#[apply(on_both_engines!)]
async fn a_rotation_is_shown_extended_and_finished(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, old) = server.made_key(&owner, "ci-deploy").await;
    server.check(&old).await;
    let path = format!("{KEYS}/{id}");
    let rotate = format!("{path}/rotate");
    assert!(server.page(&owner, &rotate).await.contains("Rotate ci-deploy?"));
    for (form, why) in [
        ([("overlap", "custom"), ("hours", "soon")], "number of hours"),
        ([("overlap", "custom"), ("hours", "9999")], "90 days"),
    ] {
        let response = server.submit(&owner, &rotate, &form).await;
        assert_eq!(response.status, 422);
        assert!(response.text().contains(why), "{why}");
    }
    let form = [("overlap", "24"), ("once", "r1")];
    let response = server.submit(&owner, &rotate, &form).await;
    assert!(response.header("cache-control").contains("no-store"));
    let lost = shown(&response).expect("a new secret");
    let new = shown(&server.submit(&owner, &rotate, &form).await).expect("shown again, as another");
    assert_eq!((server.check(&lost).await, server.check(&new).await), (Outcome::Revoked, Outcome::Valid));
    assert_eq!(server.check(&old).await, Outcome::Valid);
    let page = server.page(&owner, &path).await;
    assert!(page.contains("Rotation in progress") && page.contains("The old secret was used just now."));
    // The callers of each secret are shown, whether or not the counts are written already.
    for _ in 0..2 {
        let page = server.page(&owner, &path).await;
        assert_eq!(page.matches(">Last caller<").count(), 2, "{page}");
        assert!(
            page.contains("swatch-brass\"></span>New") && page.contains("swatch-off\"></span>Old"),
            "{page}"
        );
        keys::flush(&server.app).await.expect("a flush");
    }
    let again = server.submit(&owner, &rotate, &[("overlap", "24")]).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("Finish that rotation first."));

    server.submit(&owner, &format!("{path}/extend"), &[]).await;
    server.clock.advance(Duration::from_secs(30 * 60 * 60));
    assert_eq!(server.check(&old).await, Outcome::Valid);
    server.clock.advance(Duration::from_secs(6 * 60 * 60));
    assert!(server.page(&owner, &path).await.contains("silent for 6 h."));
    let old_id = server.old_secret(&id).await;
    server.submit(&owner, &format!("{path}/finish"), &[("old", &old_id)]).await;
    assert_eq!((server.check(&old).await, server.check(&new).await), (Outcome::Revoked, Outcome::Valid));
    let page = server.page(&owner, &path).await;
    assert!(
        page.contains("swatch-brass\"></span>Current") && page.contains("swatch-off\"></span>Ended"),
        "{page}"
    );
    let finished = server.submit(&owner, &format!("{path}/finish"), &[]).await;
    assert_eq!(finished.header("location"), path);
    assert!(server.word(&owner).await.contains("This key is not being rotated."));
}

#[apply(on_both_engines!)]
async fn revoking_names_its_cost_and_asks_for_the_name_of_a_key_in_use(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let (child, child_secret) = server.made_key(&owner, "made by it").await;
    let (other, other_secret) = server.made_key(&owner, "made by it, too").await;
    for made in [&child, &other] {
        sqlx::query("UPDATE keys SET created_by_key = $1 WHERE id = $2")
            .bind(&id)
            .bind(made)
            .execute(server.app.db.pool())
            .await
            .expect("a maker");
    }
    server.check(&secret).await;
    let revoke = format!("{KEYS}/{id}/revoke");
    let page = server.page(&owner, &revoke).await;
    assert!(
        page.contains("1 call")
            && page.contains("Type ci-deploy to confirm")
            && page.contains("made by it (0 calls)")
    );
    let response = server.submit(&owner, &revoke, &[("confirm", "ci"), ("also", &child)]).await;
    assert_eq!(response.status, 422);
    assert_eq!(server.check(&secret).await, Outcome::Valid);
    let response =
        server.submit(&owner, &revoke, &[("confirm", "ci-deploy"), ("also", &child), ("also", "none")]).await;
    assert_eq!(response.header("location"), format!("{KEYS}/{id}"));
    for (secret, outcome) in
        [(&secret, Outcome::Revoked), (&child_secret, Outcome::Revoked), (&other_secret, Outcome::Valid)]
    {
        assert_eq!(server.check(secret).await, outcome);
    }
    // Another person still has its page open.
    for action in ["revoke", "disable", "enable", "finish", "extend", "edit"] {
        let form = [("confirm", "ci-deploy"), ("name", "x"), ("expiry", "never")];
        let response = server.submit(&owner, &format!("{KEYS}/{id}/{action}"), &form).await;
        assert_eq!(
            (response.status.as_u16(), response.header("location")),
            (303, format!("{KEYS}/{id}").as_str()),
            "{action}"
        );
    }
    let page = server.page(&owner, &format!("{KEYS}/{id}")).await;
    assert!(page.contains("Someone still calls with a revoked secret:"));
    let overview = {
        crate::keys::server::flush(&server.app).await.expect("written");
        server.page(&owner, "/overview").await
    };
    assert!(overview.contains("A revoked key is still used"));
}

/// Addresses whose requests were all refused lose nothing when the key is revoked.
#[apply(on_both_engines!)]
async fn revoking_counts_the_addresses_whose_requests_were_accepted(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, token) = server.made_key(&owner, "ci-deploy").await;
    let ask = async |address: [u8; 4], requirements: &keys::Requirements<'_>| {
        server.clock.advance(Duration::from_secs(1));
        let presenter = keys::Presenter { address: Some(address.into()), ..keys::Presenter::default() };
        let verdict = keys::verify(&server.app, token.expose(), requirements, &presenter).await;
        verdict.expect("a verdict").outcome
    };
    let strict = keys::Requirements { kinds: keys::Kinds::NONE.and(crate::shared::Kind::Test), ..ANYTHING };
    assert_eq!(ask([203, 0, 113, 1], &ANYTHING).await, Outcome::Valid);
    assert_eq!(ask([203, 0, 113, 2], &ANYTHING).await, Outcome::Valid);
    assert_eq!(ask([203, 0, 113, 3], &strict).await, Outcome::KindNotAllowed);
    let path = format!("{KEYS}/{id}/revoke");
    for _ in 0..2 {
        let page = server.page(&owner, &path).await;
        assert!(page.contains("2 calls</b> from 2 addresses"), "{page}");
        assert!(page.contains("203.0.113.2</span></dd>"), "{page}");
        keys::flush(&server.app).await.expect("a flush");
    }
}
