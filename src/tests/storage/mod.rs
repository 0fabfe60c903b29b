//! What happens when the database fails: a full disk, a file that is gone or damaged, a server that does not answer,
//! rows that cannot be read.

mod dead_connections;
mod file_faults;
mod full;
mod journal;
mod limits;
mod outage;
mod proxy;
mod readiness;
mod transactions;
mod unsaved;

use axum::http::StatusCode;
use serde_json::json;

use sqlx::Executor;

use super::harness::{Server, TestResponse};
use crate::platform::Secret;
use crate::platform::db::{Engine, sql};

/// Hashing costs next to nothing here: it is not what these tests are about.
const CHEAP_HASHING: &[(&str, &str)] = &[("LATCHKEY_KEY_HASH_COST", "1")];

impl Server {
    async fn create(&self, key: &Secret, name: &str) -> TestResponse {
        let body = json!({ "name": name, "note": "x".repeat(400) });
        self.post("/api/v1/keys").key(key).json(&body).send().await
    }

    async fn execute(&self, text: impl Into<String>) {
        let text = text.into();
        self.app.db.pool().execute(sql(text.clone())).await.expect(&text);
    }

    /// From now on such a change, for example `INSERT ON keys`, finds no room.
    async fn refuse(&self, change: &str) {
        let rest = match self.app.db.engine() {
            Engine::Sqlite => "BEGIN SELECT RAISE(ABORT, 'no room'); END",
            Engine::Postgres => {
                let raise = "RAISE EXCEPTION 'no room' USING ERRCODE = '53100';";
                self.execute(format!(
                    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raise} END $$"
                ))
                .await;
                "EXECUTE FUNCTION no_room()"
            }
        };
        self.execute(format!("CREATE TRIGGER no_room BEFORE {change} {rest}")).await;
    }

    async fn allow_again(&self, table: &str) {
        match self.app.db.engine() {
            Engine::Sqlite => self.execute("DROP TRIGGER no_room").await,
            Engine::Postgres => self.execute(format!("DROP TRIGGER no_room ON {table}")).await,
        }
    }

    /// After the last outcome of readiness has become too old.
    async fn readiness(&self) -> TestResponse {
        self.clock.advance(std::time::Duration::from_secs(1));
        self.get("/readyz").send().await
    }

    async fn expect_ready(&self) {
        let response = self.readiness().await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text());
    }

    async fn expect_not_ready(&self, why: &str) {
        let response = self.readiness().await;
        expect_unavailable(&response);
        assert!(response.text().contains(why), "{}", response.text());
    }
}

fn expect_unavailable(response: &TestResponse) {
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.text());
    assert!(!response.header("retry-after").is_empty(), "{}", response.text());
}
