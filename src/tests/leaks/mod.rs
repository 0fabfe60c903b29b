//! Keys that were found in public: reports without credentials, what happens to the keys, and who is notified.

mod effects;
mod letters;
mod pages;
mod reports;
mod signed;

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::harness::{Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft, Revealed};
use crate::leaks::LeakPolicy;
use crate::leaks::server as leaks;
use crate::orgs::server::Actor;
use crate::platform::Secret;
use crate::platform::db::{Engine, sql};
use crate::shared::Kind;
use crate::usage::Outcome;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Makes the hashing of keys cheap.
const CHEAP_HASHING: &[(&str, &str)] = &[("LATCHKEY_KEY_HASH_COST", "1")];

impl Server {
    /// Sends a report and returns the response. Nothing is examined yet.
    async fn report(&self, body: &Value) -> TestResponse {
        self.post("/api/v1/leaks").json(body).send().await
    }

    async fn examine(&self) {
        leaks::examine_all(&self.app).await.expect("a round");
    }

    /// Reports a key that was found at an address, and examines it.
    async fn find_in_public(&self, token: &Secret, url: &str) {
        let body = json!([{ "token": token.expose(), "url": url, "source": "a scanner" }]);
        let response = self.report(&body).await;
        assert_eq!((response.status.as_u16(), response.body.len()), (202, 0), "{}", response.text());
        self.examine().await;
    }

    async fn test_key(&self, actor: &Actor, name: &str) -> Revealed {
        let draft = Draft { kind: Kind::Test, ..draft(name) };
        keys::create(&self.app, actor, &draft, None).await.expect("a key")
    }

    async fn choose_effects(&self, actor: &Actor, effect: crate::keys::LeakEffect) {
        let policy = LeakPolicy { effect, test_effect: effect };
        leaks::set_policy(&self.app, actor, policy).await.expect("a choice");
    }

    /// The outcomes of the reports, in the order of their ids.
    async fn outcomes(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT outcome FROM leak_reports ORDER BY id")
            .fetch_all(self.app.db.pool())
            .await
            .expect("reports")
    }

    async fn leaked_events(&self) -> Vec<Value> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT details FROM audit WHERE action = 'key.leaked' ORDER BY id")
                .fetch_all(self.app.db.pool())
                .await
                .expect("rows");
        rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect()
    }

    /// Whether any column of these tables contains a text.
    async fn stores(&self, text: &str) -> bool {
        let mut found = false;
        for (table, columns) in [
            ("leak_reports", "key_name || prefix || url || source"),
            ("audit", "target_name || details || user_agent"),
            ("webhook_events", "subject || body"),
        ] {
            let rows: Vec<String> = sqlx::query_scalar(sql(format!("SELECT {columns} FROM {table}")))
                .fetch_all(self.app.db.pool())
                .await
                .expect("rows");
            found |= rows.iter().any(|row| row.contains(text));
        }
        found
    }
}

/// Promise 31: a reported key is refused at once on the server that received the report, and on another one as soon as it has
/// read the change log.
#[apply(on_both_engines!)]
async fn a_reported_key_is_refused_on_every_server(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let other = server.second_process().await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "dockside-portal").await;
    let check_other = || async {
        let presenter = keys::Presenter::default();
        let verdict =
            keys::verify(&other, created.plaintext.expose(), &super::keys::ANYTHING, &presenter).await;
        verdict.expect("a verdict").outcome
    };
    assert_eq!(server.check(&created.plaintext).await, Outcome::Valid);
    assert_eq!(check_other().await, Outcome::Valid);
    server
        .find_in_public(&created.plaintext, "https://github.com/dockside/portal-demo/blob/9f2c1e/.env#L4")
        .await;
    assert_eq!(server.check(&created.plaintext).await, Outcome::Revoked);
    // The other process reads the change log every second.
    keys::read_change_log(&other).await.expect("the change log");
    assert_eq!(check_other().await, Outcome::Revoked);
    let path = format!("/api/v1/authorize?org={}", owner.org.org);
    assert_eq!(server.get(&path).key(&created.plaintext).send().await.status, 401);
    assert_eq!(server.outcomes().await, ["revoked"]);
    let events = server.leaked_events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["url"], "https://github.com/dockside/portal-demo/blob/9f2c1e/.env#L4");
    assert_eq!((&events[0]["source"], &events[0]["outcome"]), (&json!("a scanner"), &json!("revoked")));
    assert!(!server.stores(created.plaintext.expose().rsplit('_').next().expect("a secret")).await);
}
