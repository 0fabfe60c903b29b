//! The open database.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use sqlx::{AnyConnection, AnyPool, Connection};
use tokio::sync::Semaphore;

use super::condition::Condition;
use super::core::Core;
use super::engine::{Engine, Opener};
use super::error::{DbError, may_come_back};
use super::fault::Fault;
use super::open_file::{FileLock, OpenFile};
use super::sqlite::PageLimit;
use super::write::Write;
use super::{migrate, pool, postgres, sqlite};
use crate::platform::Clock;
use crate::platform::changes::ChangeListener;
use crate::platform::config::{self, DatabaseUrl};

#[derive(Clone)]
pub struct Db {
    pub(super) core: Core,
    pub(super) url: DatabaseUrl,
    writer: Arc<Semaphore>,
    pub(super) writer_timeout: Duration,
    write_waits: Histogram,
    /// On SQLite, the lock of a server, which lives as long as any clone. The operating system releases it when the process dies.
    lock: Option<Arc<FileLock>>,
    /// On PostgreSQL, counts the tables that this server may not read and write.
    pub(super) rights_query: Option<Arc<str>>,
    /// On SQLite, an idle connection. While it is open, SQLite does not delete the write-ahead log, and other connections can be
    /// opened on a full disk.
    idle_connection: Arc<Mutex<Option<AnyConnection>>>,
    #[cfg(test)]
    page_limit: PageLimit,
}

/// A query with a connection, as `Db::within` runs it.
type ConnectionFuture<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

impl Db {
    /// Connects, checks the engine and brings the tables up to date.
    pub async fn open(settings: &config::DatabaseSettings, opener: Opener) -> Result<Self, DbError> {
        let mut db = Self::connect(settings, opener).await?;
        migrate::run(&db.core.pool, db.core.engine, &db.url).await?;
        if db.core.engine == Engine::Postgres {
            let query = postgres::rights_query(&db.core.pool).await;
            db.rights_query = Some(query.map_err(|error| DbError::new(error.to_string()))?.into());
        }
        if let Some(file) = &db.core.file {
            if let Err(error) = sqlite::add_random_number(&db.core.pool).await {
                tracing::warn!(%error, "cannot write a random number into the header of the database file");
            }
            db.checkpoint().await;
            file.remember_companions();
        }
        Ok(db)
    }

    /// Copies SQLite's write-ahead log into the file, as far as readers allow, so that the file alone is not much older than the
    /// database. After a failure the log is still complete.
    pub async fn checkpoint(&self) {
        if self.core.engine == Engine::Sqlite
            && self.core.refuse_faulty().is_ok()
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(&self.core.pool).await
        {
            tracing::warn!(%error, "cannot copy the write-ahead log into the database file");
        }
    }

    /// Connects without touching the tables.
    pub(super) async fn connect(
        settings: &config::DatabaseSettings,
        opener: Opener,
    ) -> Result<Self, DbError> {
        sqlx::any::install_default_drivers();
        let url = settings.database_url.clone();
        let cannot_open = |reason: String| DbError::new(format!("cannot open the database {url}: {reason}"));
        let is_server = matches!(url, DatabaseUrl::Postgres(_));
        let failed = |error: sqlx::Error| match is_server && may_come_back(&error) {
            true => DbError::away(format!("the database {url} cannot be reached: {error}")),
            false => cannot_open(error.to_string()),
        };
        let (engine, lock, file, address) = match &settings.database_url {
            DatabaseUrl::Sqlite(path) => {
                sqlite::prepare(path, opener).map_err(cannot_open)?;
                let file = Arc::new(OpenFile::open(path).map_err(|error| cannot_open(error.to_string()))?);
                let lock = match opener {
                    Opener::Server => Some(FileLock::acquire(&file).map_err(cannot_open)?),
                    Opener::Tool => None,
                };
                let address = sqlite::address(file.path())?;
                (Engine::Sqlite, lock, Some(file), address)
            }
            DatabaseUrl::Postgres(address) => (Engine::Postgres, None, None, address.to_string()),
        };
        // The pool retries until it times out and does not report the reason. A single attempt does.
        let first = tokio::time::timeout(
            settings.database_timeout,
            connect_once(engine, &address, settings.database_timeout),
        )
        .await
        .map_err(|_| failed(sqlx::Error::PoolTimedOut))?
        .map_err(failed)?;
        let idle_connection = match engine {
            Engine::Sqlite => Some(first),
            Engine::Postgres => first.close().await.map(|()| None).map_err(failed)?,
        };
        let condition = Arc::new(Condition::default());
        let clock = Clock::system();
        let page_limit = PageLimit::default();
        let context = pool::PoolContext {
            engine,
            lock_timeout: settings.database_timeout,
            file: file.clone(),
            condition: Arc::clone(&condition),
            clock: clock.clone(),
            page_limit: page_limit.clone(),
            failures: Arc::default(),
        };
        let options = pool::options(settings, context);
        let pool = options.connect(&address).await.map_err(failed)?;
        let writers = if engine == Engine::Sqlite { 1 } else { settings.database_connections as usize };
        let core = Core { pool, engine, condition, file, clock, listener: ChangeListener::default() };
        let db = Self {
            core,
            url: settings.database_url.clone(),
            writer: Arc::new(Semaphore::new(writers)),
            writer_timeout: settings.database_timeout,
            write_waits: Histogram::new(exponential_buckets(0.0005, 4.0, 8)),
            lock: lock.map(Arc::new),
            rights_query: None,
            idle_connection: Arc::new(Mutex::new(idle_connection)),
            #[cfg(test)]
            page_limit,
        };
        match engine {
            Engine::Sqlite => sqlite::refuse_older(&db.query_text("SELECT sqlite_version()").await?)?,
            Engine::Postgres => {
                postgres::refuse_older(&db.query_text("SELECT current_setting('server_version_num')").await?)?
            }
        }
        Ok(db)
    }

    /// Receives the changes that this process commits.
    pub fn listener(&self) -> &ChangeListener {
        &self.core.listener
    }

    pub fn engine(&self) -> Engine {
        self.core.engine
    }

    /// Whether this is the only server that uses the database. Always false on PostgreSQL, where other servers are not known.
    pub fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// The pool, for reading outside of a transaction.
    pub fn pool(&self) -> &AnyPool {
        &self.core.pool
    }

    /// Begins a transaction that writes. Dropping it without `commit` rolls it back.
    pub async fn write(&self) -> Result<Write, sqlx::Error> {
        let began = self.core.clock.steady();
        let begun = self.begin().await;
        self.write_waits.observe(self.core.clock.steady().saturating_sub(began).as_secs_f64());
        begun
    }

    /// How long writes waited for their turn and a connection, or until they timed out, in seconds.
    pub fn write_waits(&self) -> &Histogram {
        &self.write_waits
    }

    async fn begin(&self) -> Result<Write, sqlx::Error> {
        self.core.refuse_faulty()?;
        let turn = tokio::time::timeout(self.writer_timeout, Arc::clone(&self.writer).acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        self.or_lost(Write::begin(&self.core, turn)).await
    }

    /// Whether the database is known to be unreachable, so that requests that need it can be refused at once.
    pub fn is_away(&self) -> bool {
        self.core.condition.is_away()
    }

    /// Whether nothing may be read: the database cannot be reached, or another program has written to its file.
    pub fn is_unusable(&self) -> bool {
        self.is_away() || self.core.condition.is_foreign()
    }

    /// Looks whether another program has replaced or overwritten the SQLite file.
    pub fn check_file(&self) -> Result<(), Fault> {
        self.core.check_file()
    }

    /// Records whether the job that reads the change log found the database unreachable. Returns whether the value has changed.
    pub fn set_away(&self, away: bool) -> bool {
        self.core.condition.set_away(away)
    }

    /// Waits until the database is known to be unreachable, or the connections that are open now to be lost.
    pub async fn connections_lost(&self) {
        self.core.condition.connections_lost().await;
    }

    /// Runs work, but fails when the database becomes unreachable or its open connections are lost.
    pub async fn or_lost<T, E: From<Fault>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.connections_lost() => Err(Fault::Away.into()),
        }
    }

    /// How many changes were refused or failed for a reason that a probe would find too.
    pub fn faults(&self) -> u64 {
        self.core.condition.faults()
    }

    /// Runs a query with a connection of the pool and a timeout. A connection that does not respond in time is closed.
    pub async fn within<T>(
        &self,
        timeout: Duration,
        work: impl for<'c> FnOnce(&'c mut AnyConnection) -> ConnectionFuture<'c, T>,
    ) -> Result<T, sqlx::Error> {
        let mut deadline = pin!(tokio::time::sleep(timeout));
        let mut connection = tokio::select! {
            connection = self.core.pool.acquire() => connection?,
            () = &mut deadline => return Err(Fault::Silent.into()),
        };
        let result = tokio::select! {
            result = work(&mut connection) => Some(result),
            () = &mut deadline => None,
        };
        result.unwrap_or_else(|| {
            connection.close_on_drop();
            Err(Fault::Silent.into())
        })
    }

    /// Like `within`, with a second attempt after a timeout. On PostgreSQL the second attempt uses a new connection, because those
    /// of the pool may be dead. If only the second succeeds, and no older connection of the pool has responded meanwhile, those are
    /// replaced. On SQLite there is one attempt with twice the time.
    pub async fn within_two_tries<T>(
        &self,
        timeout: Duration,
        work: impl for<'c> Fn(&'c mut AnyConnection) -> ConnectionFuture<'c, T>,
    ) -> Result<T, sqlx::Error> {
        if self.core.engine == Engine::Sqlite {
            return self.within(2 * timeout, work).await;
        }
        let began = self.core.clock.steady();
        let first = self.within(timeout, &work).await;
        if first.as_ref().err().map(Fault::of) != Some(Fault::Silent) {
            return first;
        }
        let condition = &self.core.condition;
        condition.note_silence(began);
        let opened_at = self.core.clock.steady();
        let second = async {
            let options = self.core.pool.connect_options();
            let mut connection = AnyConnection::connect_with(&options).await?;
            let done = work(&mut connection).await?;
            let _ = connection.close().await;
            Ok(done)
        };
        let second =
            tokio::time::timeout(timeout, second).await.unwrap_or_else(|_| Err(Fault::Silent.into()));
        if second.is_ok() {
            condition.note_response(self.core.clock.steady(), opened_at);
        }
        second
    }

    /// Limits the size of the file to `max` pages, or to its current size if that is larger.
    #[cfg(test)]
    pub fn limit_pages(&self, max: u32) {
        self.page_limit.set(max);
    }

    /// Marks the connections that are open now as lost.
    #[cfg(test)]
    pub fn lose_connections(&self) {
        let now = self.core.clock.steady();
        self.core.condition.note_silence(now);
        self.core.condition.note_response(now + Duration::from_millis(2), now + Duration::from_millis(1));
    }

    /// One round trip.
    #[cfg(test)]
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.core.pool).await.map(drop)
    }

    pub async fn close(&self) {
        self.core.pool.close().await;
        let idle_connection = self.idle_connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = idle_connection {
            let _ = connection.close().await;
        }
    }

    /// Runs a query that returns one text, such as the version of the engine.
    pub(super) async fn query_text(&self, query: &'static str) -> Result<String, DbError> {
        sqlx::query_scalar(query)
            .fetch_one(&self.core.pool)
            .await
            .map_err(|error| DbError::new(error.to_string()))
    }
}

async fn connect_once(
    engine: Engine,
    address: &str,
    lock_timeout: Duration,
) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect(address).await?;
    pool::configure(engine, &mut connection, lock_timeout).await?;
    if engine == Engine::Sqlite {
        // A connection keeps the write-ahead log open only after it has read something.
        sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&mut connection).await?;
    }
    Ok(connection)
}
