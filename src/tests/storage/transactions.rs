//! Transactions that fail, and requests that are given up in the middle of one.

use std::pin::pin;

use futures_util::FutureExt;
use macro_rules_attribute::apply;
use sqlx::Executor;

use crate::platform::db::{Engine, Opener};
use crate::tests::harness::{TestDatabase, on_both_engines};

/// One connection: whatever a transaction leaves behind, the next one meets.
const ALONE: &[(&str, &str)] = &[("LATCHKEY_DATABASE_CONNECTIONS", "1")];

#[apply(on_both_engines!)]
async fn a_connection_that_saw_an_error_is_not_used_again(engine: Engine) {
    let database = TestDatabase::migrated(engine).await;
    let db = crate::platform::db::Db::open(&database.config(ALONE).database, Opener::Server)
        .await
        .expect("it opens");
    db.pool().execute("CREATE TABLE pile (item BIGINT NOT NULL PRIMARY KEY)").await.expect("a table");
    db.pool().execute("CREATE TEMPORARY TABLE mark (item BIGINT)").await.expect("a table of this connection");
    db.pool().execute("SELECT item FROM mark").await.expect("it is there");
    let mut write = db.write().await.expect("a turn");
    write.execute("INSERT INTO pile VALUES (1)").await.expect("a row");
    write.execute("INSERT INTO pile VALUES (1)").await.expect_err("the row is there already");
    write.commit().await.expect_err("a failed transaction is not committed");
    db.pool().execute("SELECT item FROM mark").await.expect_err("this is another connection");
    let mut write = db.write().await.expect("a turn");
    write.execute("INSERT INTO pile VALUES (2)").await.expect("a row");
    write.commit().await.expect("a commit");
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM pile").fetch_one(db.pool()).await.expect("a count");
    assert_eq!(rows, 1);
}

#[apply(on_both_engines!)]
async fn a_refused_change_keeps_its_connection(engine: Engine) {
    let database = TestDatabase::migrated(engine).await;
    let db = crate::platform::db::Db::open(&database.config(ALONE).database, Opener::Server)
        .await
        .expect("it opens");
    db.pool().execute("CREATE TEMPORARY TABLE mark (item BIGINT)").await.expect("a table of this connection");
    for _ in 0..3 {
        let mut write = db.write().await.expect("a turn");
        write.execute("INSERT INTO mark VALUES (1)").await.expect("a row");
        drop(write);
    }
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM mark").fetch_one(db.pool()).await.expect("a count");
    assert_eq!(rows, 0);
}

/// Whoever hangs up ends a transaction anywhere: it is whole or not there, and the next one begins.
#[apply(on_both_engines!)]
async fn a_request_given_up_half_way_leaves_no_transaction_open(engine: Engine) {
    let database = TestDatabase::migrated(engine).await;
    let db = database.open(Opener::Server).await;
    db.pool().execute("CREATE TABLE pile (item BIGINT NOT NULL)").await.expect("a table");
    for polls in 0..60_i64 {
        let change = async {
            let mut write = db.write().await?;
            for _ in 0..2 {
                sqlx::query("INSERT INTO pile VALUES ($1)").bind(polls).execute(&mut *write).await?;
            }
            write.commit().await
        };
        let mut change = pin!(change);
        for _ in 0..polls {
            if (&mut change).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let mut write = db.write().await.expect("a turn");
    write.execute("INSERT INTO pile VALUES (1000), (1000)").await.expect("a row");
    write.commit().await.expect("a commit");
    let halves: Vec<i64> = sqlx::query_scalar("SELECT item FROM pile GROUP BY item HAVING COUNT(*) <> 2")
        .fetch_all(db.pool())
        .await
        .expect("rows");
    assert!(halves.is_empty(), "{halves:?}");
}
