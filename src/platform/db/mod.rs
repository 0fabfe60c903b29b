//! The database: one SQL for SQLite and PostgreSQL over `sqlx::Any`. What the engines do differently (opening, locking,
//! collation, backup, health) is in this folder and nowhere else.
//!
//! SQL uses `$1`, TEXT and BIGINT only; times are unix milliseconds, a state is a nullable time. On SQLite there is one
//! writer at a time, and its transaction is `BEGIN IMMEDIATE`, so that two writers wait for each other at the start and
//! never meet in the middle.

mod backup;
mod check;
mod errors;
mod figures;
mod migrate;
mod postgres;
mod sqlite;

pub use backup::backup;
pub use check::check;
pub use errors::{count_error, error_counts};
#[cfg(test)]
pub use migrate::{migrate_to, newest};

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use sqlx::any::{Any, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Clock;
use super::changes::{Change, Listener};
use super::config::{self, DatabaseUrl};
use sqlite::FileLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// May several servers work on one database?
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Postgres)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Who opens the database: of servers, one at a time may work on a SQLite file; tools may work beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    Server,
    Tool,
}

/// Why a database did not open or an administrative command did not work: one line for the operator.
#[derive(Debug)]
pub struct DbError(String);

impl DbError {
    fn new(line: impl Into<String>) -> Self {
        // Messages of drivers and of the operating system may have several lines.
        Self(line.into().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DbError {}

/// After this long a connection may have been lost unnoticed.
const REST: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Db {
    pool: AnyPool,
    engine: Engine,
    url: DatabaseUrl,
    writer: Arc<Semaphore>,
    writer_timeout: Duration,
    clock: Clock,
    write_waits: Histogram,
    /// Hears of changes that this process commits.
    pub listener: Listener,
    /// Held for as long as any clone lives; the operating system releases it when the process dies.
    lock: Option<Arc<FileLock>>,
}

impl Db {
    /// Connects, checks the engine and brings the tables up to date.
    pub async fn open(settings: &config::Database, opener: Opener) -> Result<Self, DbError> {
        let db = Self::connect(settings, opener).await?;
        migrate::run(&db).await?;
        Ok(db)
    }

    /// Connects without touching the tables.
    async fn connect(settings: &config::Database, opener: Opener) -> Result<Self, DbError> {
        sqlx::any::install_default_drivers();
        let url = settings.database_url.clone();
        let cannot = |why: String| DbError::new(format!("cannot open the database {url}: {why}"));
        let options = AnyPoolOptions::new()
            .max_connections(settings.database_connections)
            .acquire_timeout(settings.database_timeout)
            // A connection that worked a moment ago works: it is asked only after a rest.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > REST {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
        let (engine, lock, address) = match &settings.database_url {
            DatabaseUrl::Sqlite(path) => {
                let lock = sqlite::prepare(path, opener).map_err(cannot)?;
                (Engine::Sqlite, lock, sqlite::address(path)?)
            }
            DatabaseUrl::Postgres(address) => (Engine::Postgres, None, address.to_string()),
        };
        // The pool tries again and again and then says only that time ran out; one try of our own tells the reason.
        tokio::time::timeout(settings.database_timeout, try_once(engine, &address))
            .await
            .map_err(|_| cannot("it does not answer".to_owned()))?
            .map_err(|error| cannot(error.to_string()))?;
        let options = options.after_connect(move |connection, _| Box::pin(configure(engine, connection)));
        let pool = options.connect(&address).await.map_err(|error| cannot(error.to_string()))?;
        let writers = if engine == Engine::Sqlite { 1 } else { settings.database_connections as usize };
        let db = Self {
            pool,
            engine,
            url: settings.database_url.clone(),
            writer: Arc::new(Semaphore::new(writers)),
            writer_timeout: settings.database_timeout,
            clock: Clock::system(),
            write_waits: Histogram::new(exponential_buckets(0.0005, 4.0, 8)),
            listener: Listener::default(),
            lock: lock.map(Arc::new),
        };
        match engine {
            Engine::Sqlite => sqlite::refuse_old(&db).await?,
            Engine::Postgres => postgres::refuse_old(&db).await?,
        }
        Ok(db)
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Is no other server at work on it? Of servers on PostgreSQL one does not know.
    pub fn is_ours_alone(&self) -> bool {
        self.lock.is_some()
    }

    /// For reading outside of a transaction.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that will write. Dropped without `commit`, it leaves nothing behind.
    pub async fn write(&self) -> Result<Write, sqlx::Error> {
        let began = self.clock.steady();
        let begun = self.begin().await;
        self.write_waits.observe(self.clock.steady().saturating_sub(began).as_secs_f64());
        begun
    }

    /// How long writes waited for their turn and a connection, or until they gave up, in seconds.
    pub fn write_waits(&self) -> &Histogram {
        &self.write_waits
    }

    async fn begin(&self) -> Result<Write, sqlx::Error> {
        let turn = tokio::time::timeout(self.writer_timeout, Arc::clone(&self.writer).acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let transaction = match self.engine {
            Engine::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.pool.begin().await?,
        };
        Ok(Write { transaction, changes: Vec::new(), listener: self.listener.clone(), _turn: turn })
    }

    /// Is the database there? One round trip.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// One text from one row, for the few questions an engine is asked about itself.
    async fn ask(&self, question: &'static str) -> Result<String, DbError> {
        sqlx::query_scalar(question)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| DbError::new(error.to_string()))
    }
}

async fn try_once(engine: Engine, address: &str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(address).await?;
    configure(engine, &mut connection).await?;
    connection.close().await
}

async fn configure(engine: Engine, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    match engine {
        Engine::Sqlite => sqlite::configure(connection).await,
        Engine::Postgres => postgres::configure(connection).await,
    }
}

/// A writing transaction together with its turn.
pub struct Write {
    transaction: Transaction<'static, Any>,
    changes: Vec<Change>,
    listener: Listener,
    _turn: OwnedSemaphorePermit,
}

impl Write {
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        let done = self.transaction.commit().await;
        // After a failure too: whether it was committed may be in doubt, and forgetting costs one look-up.
        self.listener.tell(&self.changes);
        done
    }

    pub(super) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Deref for Write {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

/// `($1, $2), ($3, $4)`: the places of `count` rows of `columns` values.
pub fn places(count: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..count {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            text.push_str(&format!("{comma}${}", row * columns + column));
        }
        text.push(')');
    }
    text
}

/// Rows written by one statement. SQLite looks each parameter up by its name among all of them, so that many rows cost
/// more than many statements.
pub const ROWS: usize = 25;

/// Marks a text that this code put together from its own constants and `$n` as fit to be run.
pub fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}
