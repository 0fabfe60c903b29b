//! How connections come into the pool, leave it and come back.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, Connection};

use super::condition::Condition;
use super::engine::Engine;
use super::open_file::OpenFile;
use super::sqlite::PageLimit;
use super::{postgres, sqlite};
use crate::platform::config;

/// After this long a connection may have been lost unnoticed.
const REST: Duration = Duration::from_secs(1);
/// A released connection that does not respond for this long is closed.
const SILENCE: Duration = Duration::from_secs(2);

/// What the pool must know of the database.
#[derive(Clone)]
pub struct About {
    pub engine: Engine,
    pub lock_timeout: Duration,
    pub file: Option<Arc<OpenFile>>,
    pub condition: Arc<Condition>,
    pub page_limit: PageLimit,
}

pub fn options(settings: &config::Database, about: About) -> AnyPoolOptions {
    let (opened, released) = (about.clone(), Arc::clone(&about.condition));
    AnyPoolOptions::new()
        .max_connections(settings.database_connections)
        .acquire_timeout(settings.database_timeout)
        // A connection that worked a moment ago works: it is asked only after a rest.
        .test_before_acquire(false)
        .before_acquire(move |connection, used| {
            let page_limit = about.page_limit.clone();
            Box::pin(async move {
                page_limit.apply(connection).await?;
                if used.idle_for > REST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let About { engine, lock_timeout, file, page_limit, .. } = opened.clone();
            Box::pin(async move {
                // Two connections of the pool must never work on two files.
                if let Some(file) = file {
                    file.check_place()?;
                }
                page_limit.apply(connection).await?;
                configure(engine, connection, lock_timeout).await
            })
        })
        .after_release(move |connection, _| {
            let is_away = released.is_away();
            Box::pin(async move {
                if is_away {
                    return Ok(false);
                }
                // After this the pool pings without a time limit: a connection that died without a sign would never leave it.
                match tokio::time::timeout(SILENCE, connection.ping()).await {
                    Ok(response) => response.map(|()| true),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            })
        })
}

pub async fn configure(
    engine: Engine,
    connection: &mut AnyConnection,
    lock_timeout: Duration,
) -> Result<(), sqlx::Error> {
    match engine {
        Engine::Sqlite => sqlite::configure(connection, lock_timeout).await,
        Engine::Postgres => postgres::configure(connection).await,
    }
}
