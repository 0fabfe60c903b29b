//! The database: one SQL for SQLite and PostgreSQL over `sqlx::Any`. What the engines do differently (opening, locking,
//! collation, backup, health) is in this folder and nowhere else.
//!
//! SQL uses `$1`, TEXT and BIGINT only; times are unix milliseconds, a state is a nullable time. On SQLite there is one
//! writer at a time, and its transaction is `BEGIN IMMEDIATE`, so that two writers wait for each other at the start and
//! never meet in the middle.

mod backup;
mod check;
mod errors;
mod fault;
mod figures;
mod migrate;
mod pool;
mod postgres;
mod probe;
mod sqlite;
mod wait;
mod write;

pub use backup::backup;
pub use check::check;
pub use errors::{count_error, error_counts};
pub use fault::Fault;
#[cfg(test)]
pub use migrate::{migrate_to, newest};
pub use wait::open_when_reachable;
pub use write::{Session, Write};

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection};
use tokio::sync::Semaphore;

use super::Clock;
use super::changes::Listener;
use super::config::{self, DatabaseUrl};
use fault::Condition;
use sqlite::{FileLock, OpenFile, PageLimit};

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
pub struct DbError {
    line: String,
    is_away: bool,
}

impl DbError {
    fn new(line: impl Into<String>) -> Self {
        // Messages of drivers and of the operating system may have several lines.
        Self { line: line.into().split_whitespace().collect::<Vec<_>>().join(" "), is_away: false }
    }

    /// The same for a database that cannot be reached now and may be there later.
    fn away(line: impl Into<String>) -> Self {
        Self { is_away: true, ..Self::new(line) }
    }

    pub fn is_away(&self) -> bool {
        self.is_away
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for DbError {}

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
    /// On SQLite.
    file: Option<Arc<OpenFile>>,
    /// On SQLite a connection that does nothing: while it is open the write-ahead log stays, and other connections can be
    /// opened on a full disk.
    keeper: Arc<Mutex<Option<AnyConnection>>>,
    condition: Arc<Condition>,
    #[cfg(test)]
    page_limit: PageLimit,
}

/// Work with a connection, as `Db::within` runs it.
type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

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
        let is_server = matches!(url, DatabaseUrl::Postgres(_));
        let failed = |error: sqlx::Error| match is_server && may_come_back(&error) {
            true => DbError::away(format!("the database {url} cannot be reached: {error}")),
            false => cannot(error.to_string()),
        };
        let (engine, lock, file, address) = match &settings.database_url {
            DatabaseUrl::Sqlite(path) => {
                let lock = sqlite::prepare(path, opener).map_err(cannot)?;
                let file = OpenFile::open(path).map_err(|error| cannot(error.to_string()))?;
                (Engine::Sqlite, lock, Some(Arc::new(file)), sqlite::address(path)?)
            }
            DatabaseUrl::Postgres(address) => (Engine::Postgres, None, None, address.to_string()),
        };
        // The pool tries again and again and then says only that time ran out; one try of our own tells the reason.
        let first = tokio::time::timeout(settings.database_timeout, try_once(engine, &address))
            .await
            .map_err(|_| failed(sqlx::Error::PoolTimedOut))?
            .map_err(failed)?;
        let keeper = match engine {
            Engine::Sqlite => Some(first),
            Engine::Postgres => first.close().await.map(|()| None).map_err(failed)?,
        };
        let condition = Arc::new(Condition::default());
        let page_limit = PageLimit::default();
        let about = pool::About {
            engine,
            file: file.clone(),
            condition: Arc::clone(&condition),
            page_limit: page_limit.clone(),
        };
        let options = pool::options(settings, about);
        let pool = options.connect(&address).await.map_err(failed)?;
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
            file,
            keeper: Arc::new(Mutex::new(keeper)),
            condition,
            #[cfg(test)]
            page_limit,
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
        self.refuse_faulty()?;
        let turn = tokio::time::timeout(self.writer_timeout, Arc::clone(&self.writer).acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        tokio::select! {
            write = Write::begin(self, turn) => write,
            () = self.gone() => Err(Fault::Away.into()),
        }
    }

    /// Fails where it is known already that what is written now would not last.
    fn refuse_faulty(&self) -> Result<(), Fault> {
        if self.is_away() {
            return Err(Fault::Away);
        }
        if self.condition.is_unreadable() {
            return Err(Fault::Damaged);
        }
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    /// Is it known that the database cannot be reached? Whoever needs it can be refused at once.
    pub fn is_away(&self) -> bool {
        self.condition.is_away()
    }

    /// Notes whether the repeated reading of the change log finds the database away. True when that is new.
    pub fn set_away(&self, away: bool) -> bool {
        self.condition.set_away(away)
    }

    /// Ready once it is known that the database cannot be reached.
    pub async fn gone(&self) {
        self.condition.gone().await;
    }

    /// Works with a connection of the pool for so long at most. One that does not answer in time is not used again.
    pub async fn within<T>(
        &self,
        span: Duration,
        work: impl for<'c> FnOnce(&'c mut AnyConnection) -> Work<'c, T>,
    ) -> Result<T, sqlx::Error> {
        let mut late = pin!(tokio::time::sleep(span));
        let mut connection = tokio::select! {
            connection = self.pool.acquire() => connection?,
            () = &mut late => return Err(Fault::Silent.into()),
        };
        let done = tokio::select! {
            done = work(&mut connection) => Some(done),
            () = &mut late => None,
        };
        done.unwrap_or_else(|| {
            connection.close_on_drop();
            Err(Fault::Silent.into())
        })
    }

    /// For tests: the file cannot grow beyond so many pages, or beyond its size where that is more.
    #[cfg(test)]
    pub fn limit_pages(&self, most: u32) {
        self.page_limit.set(most);
    }

    /// Is the database there? One round trip.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    pub async fn close(&self) {
        self.pool.close().await;
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let _ = keeper.close().await;
        }
    }

    /// One text from one row, for the few questions an engine is asked about itself.
    async fn ask(&self, question: &'static str) -> Result<String, DbError> {
        sqlx::query_scalar(question)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| DbError::new(error.to_string()))
    }
}

async fn try_once(engine: Engine, address: &str) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect(address).await?;
    configure(engine, &mut connection).await?;
    Ok(connection)
}

/// May the same database be there a little later? A name that is not known counts too: the name server may start later.
fn may_come_back(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(cause) => cause.kind() != std::io::ErrorKind::PermissionDenied,
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(_) => Fault::of(error) == Fault::Away,
        _ => false,
    }
}

async fn configure(engine: Engine, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    match engine {
        Engine::Sqlite => sqlite::configure(connection).await,
        Engine::Postgres => postgres::configure(connection).await,
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
