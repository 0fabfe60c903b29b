//! Configures the connection pool: what happens when a connection is opened, acquired and released.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, Connection};

use super::condition::Condition;
use super::engine::Engine;
use super::open_file::OpenFile;
use super::sqlite::PageLimit;
use super::{postgres, sqlite};
use crate::platform::{Clock, OnceAMinute, config};

/// A connection that was idle for longer is pinged before it is used, because it may be dead.
const MAX_IDLE_WITHOUT_PING: Duration = Duration::from_secs(1);
/// A connection that does not respond to a ping within this time is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// What the callbacks of the pool need.
#[derive(Clone)]
pub struct PoolContext {
    pub engine: Engine,
    pub lock_timeout: Duration,
    pub file: Option<Arc<OpenFile>>,
    pub condition: Arc<Condition>,
    pub clock: Clock,
    pub page_limit: PageLimit,
    pub failures: Arc<OnceAMinute>,
}

impl PoolContext {
    /// Prepares a new connection.
    async fn prepare(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        // All connections of the pool must work on the same file.
        if let Some(file) = &self.file {
            file.check_paths()?;
        }
        self.page_limit.apply(connection).await?;
        configure(self.engine, connection, self.lock_timeout).await
    }

    /// The pool opens connections again and again while they cannot be prepared.
    fn log_failure(&self, error: &sqlx::Error) {
        if let Some(count) = self.failures.count(self.clock.steady()) {
            tracing::warn!(%error, count, "cannot prepare a new database connection");
        }
    }

    /// Whether a connection of this age is known to be lost.
    fn is_lost(&self, age: Duration) -> bool {
        self.condition.is_lost(self.clock.steady().saturating_sub(age))
    }

    /// Pings with a timeout. The pool's own ping has none, so dead connections could block it for ever.
    async fn ping(&self, connection: &mut AnyConnection, age: Duration) -> Result<(), sqlx::Error> {
        let opened_at = self.clock.steady().saturating_sub(age);
        tokio::time::timeout(PING_TIMEOUT, connection.ping())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)??;
        self.condition.note_response(self.clock.steady(), opened_at);
        Ok(())
    }
}

pub fn options(settings: &config::DatabaseSettings, context: PoolContext) -> AnyPoolOptions {
    let (connect_context, release_context) = (context.clone(), context.clone());
    AnyPoolOptions::new()
        .max_connections(settings.database_connections)
        .acquire_timeout(settings.database_timeout)
        // Only connections that were idle for a while are pinged, in `before_acquire`.
        .test_before_acquire(false)
        .before_acquire(move |connection, used| {
            let context = context.clone();
            Box::pin(async move {
                if context.is_lost(used.age) {
                    return Ok(false);
                }
                context.page_limit.apply(connection).await?;
                if used.idle_for > MAX_IDLE_WITHOUT_PING {
                    let began = context.clock.steady();
                    let ping = context.ping(connection, used.age).await;
                    ping.inspect_err(|_| context.condition.note_silence(began))?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let context = connect_context.clone();
            Box::pin(async move {
                context.prepare(connection).await.inspect_err(|error| context.log_failure(error))
            })
        })
        .after_release(move |connection, used| {
            let context = release_context.clone();
            Box::pin(async move {
                if context.condition.is_away() || context.is_lost(used.age) {
                    return Ok(false);
                }
                context.ping(connection, used.age).await.map(|()| true)
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
