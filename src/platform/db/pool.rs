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
use crate::platform::{Clock, config};

/// After this long a connection may have been lost unnoticed.
const REST: Duration = Duration::from_secs(1);
/// A connection that does not answer a ping for this long is closed.
const SILENCE: Duration = Duration::from_secs(2);

/// What the pool must know of the database.
#[derive(Clone)]
pub struct About {
    pub engine: Engine,
    pub lock_timeout: Duration,
    pub file: Option<Arc<OpenFile>>,
    pub condition: Arc<Condition>,
    pub clock: Clock,
    pub page_limit: PageLimit,
}

impl About {
    /// Whether a connection of this age is known to be lost.
    fn is_lost(&self, age: Duration) -> bool {
        self.condition.is_lost(self.clock.steady().saturating_sub(age))
    }

    /// The pool itself pings without a time limit: a connection that died without a sign would never leave it.
    async fn ping(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        tokio::time::timeout(SILENCE, connection.ping()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        self.condition.note_answer(self.clock.steady());
        Ok(())
    }
}

pub fn options(settings: &config::Database, about: About) -> AnyPoolOptions {
    let (opened, released) = (about.clone(), about.clone());
    AnyPoolOptions::new()
        .max_connections(settings.database_connections)
        .acquire_timeout(settings.database_timeout)
        // A connection that worked a moment ago works: it is asked only after a rest.
        .test_before_acquire(false)
        .before_acquire(move |connection, used| {
            let about = about.clone();
            Box::pin(async move {
                if about.is_lost(used.age) {
                    return Ok(false);
                }
                about.page_limit.apply(connection).await?;
                if used.idle_for > REST {
                    about.ping(connection).await?;
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
        .after_release(move |connection, used| {
            let about = released.clone();
            Box::pin(async move {
                if about.condition.is_away() || about.is_lost(used.age) {
                    return Ok(false);
                }
                about.ping(connection).await.map(|()| true)
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
