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
use crate::platform::changes::Listener;
use crate::platform::config::{self, DatabaseUrl};

#[derive(Clone)]
pub struct Db {
    pub(super) core: Core,
    pub(super) url: DatabaseUrl,
    writer: Arc<Semaphore>,
    pub(super) writer_timeout: Duration,
    write_waits: Histogram,
    /// On SQLite, held for as long as any clone lives; the operating system releases it when the process dies.
    lock: Option<Arc<FileLock>>,
    /// On SQLite a connection that does nothing: while it is open the write-ahead log stays, and other connections can be
    /// opened on a full disk.
    keeper: Arc<Mutex<Option<AnyConnection>>>,
    #[cfg(test)]
    page_limit: PageLimit,
}

/// Work with a connection, as `Db::within` runs it.
type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

impl Db {
    /// Connects, checks the engine and brings the tables up to date.
    pub async fn open(settings: &config::Database, opener: Opener) -> Result<Self, DbError> {
        let db = Self::connect(settings, opener).await?;
        migrate::run(&db.core.pool, db.core.engine, &db.url).await?;
        if let Some(file) = &db.core.file {
            if let Err(error) = sqlite::number(&db.core.pool).await {
                tracing::warn!(%error, "the database file could not get a number of its own");
            }
            db.checkpoint().await;
            file.remember_companions();
        }
        Ok(db)
    }

    /// Copies SQLite's write-ahead log into the file, as far as readers allow, so that the file alone is not much older than
    /// the database. A failure changes nothing: the log stays.
    pub async fn checkpoint(&self) {
        if self.core.engine == Engine::Sqlite
            && self.core.refuse_faulty().is_ok()
            && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(&self.core.pool).await
        {
            tracing::warn!(%error, "the write-ahead log could not be copied into the database file");
        }
    }

    /// Connects without touching the tables.
    pub(super) async fn connect(settings: &config::Database, opener: Opener) -> Result<Self, DbError> {
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
                sqlite::prepare(path, opener).map_err(cannot)?;
                let file = Arc::new(OpenFile::open(path).map_err(|error| cannot(error.to_string()))?);
                let lock = match opener {
                    Opener::Server => Some(FileLock::take(&file).map_err(cannot)?),
                    Opener::Tool => None,
                };
                let address = sqlite::address(file.path())?;
                (Engine::Sqlite, lock, Some(file), address)
            }
            DatabaseUrl::Postgres(address) => (Engine::Postgres, None, None, address.to_string()),
        };
        // The pool tries again and again and then says only that time ran out; one try of our own tells the reason.
        let first = tokio::time::timeout(
            settings.database_timeout,
            try_once(engine, &address, settings.database_timeout),
        )
        .await
        .map_err(|_| failed(sqlx::Error::PoolTimedOut))?
        .map_err(failed)?;
        let keeper = match engine {
            Engine::Sqlite => Some(first),
            Engine::Postgres => first.close().await.map(|()| None).map_err(failed)?,
        };
        let condition = Arc::new(Condition::default());
        let clock = Clock::system();
        let page_limit = PageLimit::default();
        let about = pool::About {
            engine,
            lock_timeout: settings.database_timeout,
            file: file.clone(),
            condition: Arc::clone(&condition),
            clock: clock.clone(),
            page_limit: page_limit.clone(),
        };
        let options = pool::options(settings, about);
        let pool = options.connect(&address).await.map_err(failed)?;
        let writers = if engine == Engine::Sqlite { 1 } else { settings.database_connections as usize };
        let core = Core { pool, engine, condition, file, clock, listener: Listener::default() };
        let db = Self {
            core,
            url: settings.database_url.clone(),
            writer: Arc::new(Semaphore::new(writers)),
            writer_timeout: settings.database_timeout,
            write_waits: Histogram::new(exponential_buckets(0.0005, 4.0, 8)),
            lock: lock.map(Arc::new),
            keeper: Arc::new(Mutex::new(keeper)),
            #[cfg(test)]
            page_limit,
        };
        match engine {
            Engine::Sqlite => sqlite::refuse_older(&db.ask("SELECT sqlite_version()").await?)?,
            Engine::Postgres => {
                postgres::refuse_older(&db.ask("SELECT current_setting('server_version_num')").await?)?
            }
        }
        Ok(db)
    }

    /// Hears of changes that this process commits.
    pub fn listener(&self) -> &Listener {
        &self.core.listener
    }

    pub fn engine(&self) -> Engine {
        self.core.engine
    }

    /// Is no other server at work on it? Of servers on PostgreSQL one does not know.
    pub fn is_ours_alone(&self) -> bool {
        self.lock.is_some()
    }

    /// For reading outside of a transaction.
    pub fn pool(&self) -> &AnyPool {
        &self.core.pool
    }

    /// A transaction that will write. Dropped without `commit`, it leaves nothing behind.
    pub async fn write(&self) -> Result<Write, sqlx::Error> {
        let began = self.core.clock.steady();
        let begun = self.begin().await;
        self.write_waits.observe(self.core.clock.steady().saturating_sub(began).as_secs_f64());
        begun
    }

    /// How long writes waited for their turn and a connection, or until they gave up, in seconds.
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

    /// Is it known that the database cannot be reached? Whoever needs it can be refused at once.
    pub fn is_away(&self) -> bool {
        self.core.condition.is_away()
    }

    /// Notes whether the repeated reading of the change log finds the database away. True when that is new.
    pub fn set_away(&self, away: bool) -> bool {
        self.core.condition.set_away(away)
    }

    /// Ready once it is known that the database cannot be reached, or that the connections that are open now are lost.
    pub async fn connections_lost(&self) {
        self.core.condition.connections_lost().await;
    }

    /// Ends work that waits for the database in vain.
    pub async fn or_lost<T, E: From<Fault>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.connections_lost() => Err(Fault::Away.into()),
        }
    }

    /// How often changes were refused, or failed, for a reason that a probe finds too.
    pub fn faults(&self) -> u64 {
        self.core.condition.faults()
    }

    /// Works with a connection of the pool for so long at most. One that does not answer in time is not used again.
    pub async fn within<T>(
        &self,
        span: Duration,
        work: impl for<'c> FnOnce(&'c mut AnyConnection) -> Work<'c, T>,
    ) -> Result<T, sqlx::Error> {
        let mut late = pin!(tokio::time::sleep(span));
        let mut connection = tokio::select! {
            connection = self.core.pool.acquire() => connection?,
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

    /// The same twice. On PostgreSQL the second try has a new connection: those of the pool may have died without a sign. When
    /// only the second succeeds, and none of the pool has answered meanwhile, those are replaced. On SQLite it is one try with
    /// the time of two.
    pub async fn within_two_tries<T>(
        &self,
        span: Duration,
        work: impl for<'c> Fn(&'c mut AnyConnection) -> Work<'c, T>,
    ) -> Result<T, sqlx::Error> {
        if self.core.engine == Engine::Sqlite {
            return self.within(2 * span, work).await;
        }
        let began = self.core.clock.steady();
        let first = self.within(span, &work).await;
        if first.as_ref().err().map(Fault::of) != Some(Fault::Silent) {
            return first;
        }
        let second = async {
            let options = self.core.pool.connect_options();
            let mut connection = AnyConnection::connect_with(&options).await?;
            let done = work(&mut connection).await?;
            let _ = connection.close().await;
            Ok(done)
        };
        let second = tokio::time::timeout(span, second).await.unwrap_or_else(|_| Err(Fault::Silent.into()));
        if second.is_ok() && !self.core.condition.has_answered_since(began) {
            tracing::warn!("the connections to the database no longer answer and are replaced by new ones");
            self.core.condition.note_lost_connections(self.core.clock.steady());
        }
        second
    }

    /// For tests: the file cannot grow beyond so many pages, or beyond its size where that is more.
    #[cfg(test)]
    pub fn limit_pages(&self, most: u32) {
        self.page_limit.set(most);
    }

    /// One round trip.
    #[cfg(test)]
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.core.pool).await.map(drop)
    }

    pub async fn close(&self) {
        self.core.pool.close().await;
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let _ = keeper.close().await;
        }
    }

    /// One text from one row, for the few questions an engine is asked about itself.
    pub(super) async fn ask(&self, question: &'static str) -> Result<String, DbError> {
        sqlx::query_scalar(question)
            .fetch_one(&self.core.pool)
            .await
            .map_err(|error| DbError::new(error.to_string()))
    }
}

async fn try_once(
    engine: Engine,
    address: &str,
    lock_timeout: Duration,
) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect(address).await?;
    pool::configure(engine, &mut connection, lock_timeout).await?;
    if engine == Engine::Sqlite {
        // Only a connection that has read something holds on to the write-ahead log.
        sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&mut connection).await?;
    }
    Ok(connection)
}
