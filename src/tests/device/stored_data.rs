//! What a login stores, and for how long.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn neither_code_nor_key_is_stored_in_plain_text(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let device = server.device(&[]).await;
    server.approve(&cookies, &device.user_code).await;
    let key =
        server.poll(&device.device_code).await.json()["access_token"].as_str().expect("a key").to_owned();
    let all = server.every_row().await;
    assert!(all.contains(&device.user_code.replace('-', "")), "the searched text contains the row");
    assert!(
        !all.contains(&device.device_code) && !all.contains(&key) && !all.contains(&key[key.len() - 49..])
    );
}

#[apply(on_both_engines!)]
async fn polling_a_pending_login_writes_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let device = server.device(&[]).await;
    server.poll(&device.device_code).await;
    let state_before = server.every_row().await;
    // Block all writes: a poll that writes would wait for the writer or the table lock.
    let mut write = server.app.db.write().await.expect("the one writer");
    if engine == Engine::Postgres {
        sqlx::query("LOCK TABLE device_logins, audit, keys IN EXCLUSIVE MODE")
            .execute(&mut *write)
            .await
            .expect("a lock");
    }
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(30));
        assert_eq!(server.poll(&device.device_code).await.error(), "authorization_pending");
        assert_eq!(server.poll(&device.device_code).await.error(), "slow_down");
    }
    drop(write);
    assert_eq!(server.every_row().await, state_before);
}

#[apply(on_both_engines!)]
async fn rows_are_deleted_a_week_after_they_expire(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let (_, used) = (server.device(&[]).await, server.device(&[]).await);
    server.approve(&cookies, &used.user_code).await;
    server.poll(&used.device_code).await;
    let logins = "SELECT COUNT(*) FROM device_logins";
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    server.clock.advance(week + Duration::from_secs(600));
    crate::server::sweep(&server.app).await.expect("swept");
    assert_eq!(server.count(logins).await, 2);
    server.clock.advance(Duration::from_secs(1));
    crate::server::sweep(&server.app).await.expect("swept");
    assert_eq!(server.count(logins).await, 0);
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1, "keys stay");
}

impl Server {
    /// Every column of the tables that a login writes.
    async fn every_row(&self) -> String {
        let mut all = self.everything().await;
        for text in [
            "SELECT id || code_hash || user_code || wire || client_id || scope || product || coalesce(device_id, '') || \
             device_name || address || subscriber || user_agent || status || coalesce(role, '') || coalesce(key_id, '') \
             FROM device_logins ORDER BY id",
            "SELECT name || note || coalesce(login_device, '') || coalesce(login_device_id, '') || \
             coalesce(login_product, '') FROM keys ORDER BY id",
            "SELECT details FROM audit ORDER BY id",
        ] {
            let rows: Vec<String> =
                sqlx::query_scalar(text).fetch_all(self.app.db.pool()).await.expect("rows");
            all.extend(rows);
        }
        all
    }
}
