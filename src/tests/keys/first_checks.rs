//! Tests of first checks: the cost of a wrong secret, and that a flood of wrong secrets does not block a right one.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::TestResponse;

/// The limit on wrong secrets in a minute.
const WITHIN_LIMIT: usize = 20;
/// The number of addresses that send wrong secrets without a pause.
const FLOOD: u32 = 600;

fn hashes(server: &Server) -> u64 {
    server.key_work().0
}

/// A token with this public id and a secret that is not its own.
fn wrong_token(server: &Server, kind: Kind, id: SecretId) -> Secret {
    Secret::new(forged_token(&server.app.random, kind, id))
}

/// A response without its request id.
fn without_request_id(response: &TestResponse) -> (u16, Vec<(String, String)>, String) {
    let id = response.header("x-request-id").to_owned();
    assert!(!id.is_empty());
    let headers = response.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    (response.status.as_u16(), headers, response.text().replace(&id, ""))
}

/// Checks wrong secrets of `ids` from `FLOOD` addresses, without a pause, until `stop` is set.
fn start_flood(
    server: &Arc<Server>,
    ids: &[SecretId],
    stop: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let start_one = |number: u32| {
        let (server, stop) = (Arc::clone(server), Arc::clone(stop));
        let id = ids[number as usize % ids.len()];
        tokio::spawn(async move {
            let address = Some(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
            let presenter = Presenter { address, ..Presenter::default() };
            while !stop.load(Ordering::SeqCst) {
                let token = wrong_token(&server, Kind::Live, id);
                match keys::verify(&server.app, token.expose(), &ANYTHING, &presenter).await {
                    Ok(verdict) => assert_eq!(verdict.outcome, Outcome::Unknown),
                    Err(error) => assert!(matches!(error, Error::Busy | Error::Unavailable(_)), "{error}"),
                }
                tokio::task::yield_now().await;
            }
        })
    };
    (0..FLOOD).map(start_one).collect()
}

#[apply(on_both_engines!)]
async fn a_wrong_secret_costs_the_same_whether_or_not_the_right_one_exists(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let living = server.key(&owner, "living").await.key;
    let revoked = server.key(&owner, "revoked").await.key;
    keys::revoke(&server.app, &owner, revoked.id).await.expect("a key");
    let rotated = server.key(&owner, "rotated").await.key;
    keys::rotate(&server.app, &owner, rotated.id, Duration::ZERO, None).await.expect("a secret");
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let cases = [
        (Kind::Live, living.secret),
        (Kind::Live, revoked.secret),
        (Kind::Live, rotated.secret),
        (Kind::Claw, living.secret),
        (Kind::Claw, revoked.secret),
    ];
    let mut responses = Vec::new();
    for turn in 0..WITHIN_LIMIT + 5 {
        let mut same_turn = Vec::new();
        for (number, (kind, id)) in cases.into_iter().enumerate() {
            let address = format!("198.51.100.{number}");
            let token = wrong_token(&server, kind, id);
            let initial = hashes(&server);
            let first = server.get(&path).from(&address).key(&token).send().await;
            assert_eq!(hashes(&server) - initial, 1, "try {turn} of case {number}");
            let second = server.get(&path).from(&address).key(&token).send().await;
            assert_eq!(hashes(&server) - initial, 1, "the second try of a wrong token costs nothing");
            same_turn.push((without_request_id(&first), without_request_id(&second)));
        }
        assert!(same_turn.iter().all(|response| *response == same_turn[0]), "{same_turn:#?}");
        responses.push(same_turn.swap_remove(0));
    }
    let statuses: Vec<_> = responses.iter().map(|(first, _)| first.0).collect();
    assert_eq!(statuses, [vec![401; WITHIN_LIMIT], vec![429; 5]].concat());

    let initial = server.key_work();
    let unknown = SecretId::parse("0AZaz9b8C7d6").expect("an id");
    let response = server.get(&path).key(&wrong_token(&server, Kind::Live, unknown)).send().await;
    assert_eq!(without_request_id(&response), responses[0].0);
    let after = server.key_work();
    assert_eq!(
        (after.0, after.1),
        (initial.0, initial.1 + 1),
        "a public id that nobody has is looked up only"
    );
}

#[apply(on_both_engines!)]
async fn another_organizations_service_learns_nothing_from_wrong_secrets(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let living = server.key(&owner, "living").await.key;
    let revoked = server.key(&owner, "revoked").await.key;
    keys::revoke(&server.app, &owner, revoked.id).await.expect("a key");
    let stranger = server.key_of(Persona::Stranger).await;
    server.check(&stranger).await;
    for (kind, id) in [(Kind::Live, living.secret), (Kind::Live, revoked.secret), (Kind::Test, living.secret)]
    {
        let token = wrong_token(&server, kind, id);
        let body = serde_json::json!({"key": token.expose()});
        let initial = hashes(&server);
        for _ in 0..2 {
            let response = server.post("/api/v1/keys/verify").key(&stranger).json(&body).send().await;
            assert_eq!(response.json(), serde_json::json!({"valid": false, "code": "unknown"}));
        }
        assert_eq!(hashes(&server) - initial, 1);
    }
}

#[apply(on_both_engines!)]
async fn wrong_secrets_do_not_keep_the_right_one_out(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let [asked, verified] = [server.key(&owner, "authorize").await, server.key(&owner, "verify").await];
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    let mut statuses = Vec::new();
    for _ in 0..WITHIN_LIMIT + 10 {
        let token = wrong_token(&server, Kind::Live, asked.key.secret);
        statuses.push(server.get(&path).key(&token).send().await.status.as_u16());
    }
    assert_eq!(statuses, [vec![401; WITHIN_LIMIT], vec![429; 10]].concat());
    let right = server.get(&path).key(&asked.plaintext).send().await;
    assert_eq!(right.status, 200, "the right secret from the same address");

    // Without an `ip` all callers of the organization's services count as one.
    let service = server.key(&owner, "service").await.plaintext;
    let verify = async |token: &Secret| {
        let body = serde_json::json!({"key": token.expose()});
        server.post("/api/v1/keys/verify").key(&service).json(&body).send().await
    };
    for turn in 0..WITHIN_LIMIT + 5 {
        let response = verify(&wrong_token(&server, Kind::Live, verified.key.secret)).await;
        assert_eq!(response.status, if turn < WITHIN_LIMIT { 200 } else { 429 });
        assert_eq!(response.header("retry-after").is_empty(), turn < WITHIN_LIMIT);
    }
    let right = verify(&verified.plaintext).await;
    assert_eq!((right.status.as_u16(), right.json()["valid"].as_bool()), (200, Some(true)));
}

#[apply(on_both_engines!)]
async fn a_flood_from_many_addresses_does_not_keep_others_out(engine: Engine) {
    let server = Arc::new(Server::on(engine).await);
    let owner = server.actor(Persona::Owner).await;
    let mut attacked = Vec::new();
    for number in 0..20 {
        attacked.push(server.key(&owner, &format!("attacked {number}")).await.key);
    }
    for ids in [1, 20] {
        let ids: Vec<SecretId> = attacked[..ids].iter().map(|key| key.secret).collect();
        let mut cold = Vec::new();
        for number in 0..50 {
            cold.push(server.key(&owner, &format!("cold {number} of {}", ids.len())).await.plaintext);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let begun = server.key_work().1;
        let flood = start_flood(&server, &ids, &stop);
        while server.key_work().1 < begun + u64::from(FLOOD) {
            tokio::task::yield_now().await;
        }
        let initial = hashes(&server);
        let name = format!("new beside {}", ids.len());
        let checks = futures_util::future::join_all(cold.iter().map(|token| server.check(token)));
        let make = async {
            let created = server.key(&owner, &name).await;
            let id = &created.key.id;
            keys::rotate(&server.app, &owner, *id, Duration::from_secs(60), None)
                .await
                .expect("a new secret");
        };
        let (outcomes, ()) = tokio::join!(checks, make);
        let meanwhile = hashes(&server) - initial;
        assert!(flood.iter().all(|task| !task.is_finished()), "the flood was still on");
        stop.store(true, Ordering::SeqCst);
        for task in flood {
            task.await.expect("no panic");
        }
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Valid), "{outcomes:?}");
        // Two of each flow that waits may be hashed before a new one, and some while the database is asked.
        assert!(meanwhile < 4 * u64::from(FLOOD), "{meanwhile} hashes until the last of fifty");
    }
}
