//! A transaction that writes. BEGIN, COMMIT and ROLLBACK are sent here and not by sqlx. On a full disk SQLite rolls back by
//! itself, and sqlx would still assume an open transaction, so that no other one could begin on that connection.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use sqlx::any::{Any, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{AnyConnection, Describe, Either, Error, Execute, Executor, SqlStr};
use tokio::sync::OwnedSemaphorePermit;

use super::condition::Condition;
use super::core::Core;
use super::engine::Engine;
use crate::platform::changes::{Change, ChangeListener};

/// How long a rollback, or closing the connection, may take before the connection is dropped.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction that writes, together with the permit for it. Dropping it without `commit` rolls it back in the background.
pub struct Write {
    core: Core,
    /// None once it has ended.
    session: Option<Session>,
    permit: Option<OwnedSemaphorePermit>,
    changes: Vec<Change>,
}

impl Write {
    pub(super) async fn begin(core: &Core, permit: OwnedSemaphorePermit) -> Result<Self, Error> {
        let connection = core.pool.acquire().await?;
        let session = Session { connection, is_sound: true, condition: Arc::clone(&core.condition) };
        let mut write =
            Self { core: core.clone(), session: Some(session), permit: Some(permit), changes: Vec::new() };
        let begin = match core.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        core.condition.note_begin(core.clock.steady());
        let begun = (&mut *write).execute(begin).await.map(drop);
        core.condition.note_begun(begun.as_ref().copied());
        begun?;
        Ok(write)
    }

    pub async fn commit(mut self) -> Result<(), Error> {
        let result = self.try_commit().await;
        // After an error too, because the commit may have succeeded. Invalidating a cache entry costs one look-up.
        self.listener().notify(&self.changes);
        result
    }

    async fn try_commit(&mut self) -> Result<(), Error> {
        if !self.is_sound {
            return Err(Error::Protocol("a statement of this transaction has failed".to_owned()));
        }
        // The file may have been deleted or replaced since the transaction began.
        self.core.refuse_faulty()?;
        (&mut **self).execute("COMMIT").await?;
        if let Some(file) = &self.core.file {
            // The commit may have started a new log or copied the log into the file.
            file.remember_header();
        }
        self.session = None;
        Ok(())
    }

    fn listener(&self) -> &ChangeListener {
        &self.core.listener
    }

    /// Adds a change for the listener, which is notified at the commit.
    pub(in crate::platform) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let permit = self.permit.take();
        tokio::spawn(async move {
            session.end().await;
            drop(permit);
        });
    }
}

impl Deref for Write {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("only a commit ends it, and that takes the transaction")
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("only a commit ends it, and that takes the transaction")
    }
}

/// The connection of a transaction. After a statement failed, or its future was dropped before its end, the state of the
/// connection is unknown, so it is closed and not used again.
pub struct Session {
    connection: PoolConnection<Any>,
    is_sound: bool,
    condition: Arc<Condition>,
}

impl Session {
    async fn end(mut self) {
        if self.is_sound {
            let rollback = tokio::time::timeout(END_TIMEOUT, (&mut self).execute("ROLLBACK")).await;
            if matches!(rollback, Ok(Ok(_))) {
                return;
            }
        }
        let _ = tokio::time::timeout(END_TIMEOUT, self.connection.close()).await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

type QueryStep = Either<AnyQueryResult, AnyRow>;
type BoxedResult<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> Pin<Box<dyn Stream<Item = Result<QueryStep, Error>> + Send + 'e>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let Session { connection, is_sound, condition } = self;
        let was_sound = std::mem::replace(is_sound, false);
        let connection: &mut AnyConnection = connection;
        Box::pin(WatchedResults { steps: connection.fetch_many(query), is_sound, was_sound, condition })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxedResult<'e, Option<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let Session { connection, is_sound, condition } = self;
        let was_sound = std::mem::replace(is_sound, false);
        let connection: &mut AnyConnection = connection;
        let row = connection.fetch_optional(query);
        Box::pin(async move {
            let row = row.await.inspect_err(|error| condition.note(error))?;
            *is_sound = was_sound;
            Ok(row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxedResult<'e, AnyStatement>
    where
        'c: 'e,
    {
        let connection: &mut AnyConnection = &mut self.connection;
        connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxedResult<'e, Describe<Any>>
    where
        'c: 'e,
    {
        let connection: &mut AnyConnection = &mut self.connection;
        connection.describe(sql)
    }
}

/// The results of a statement. The connection is sound again once they have ended without an error.
struct WatchedResults<'e> {
    steps: Pin<Box<dyn Stream<Item = Result<QueryStep, Error>> + Send + 'e>>,
    is_sound: &'e mut bool,
    was_sound: bool,
    condition: &'e Condition,
}

impl Stream for WatchedResults<'_> {
    type Item = Result<QueryStep, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let step = ready!(self.steps.as_mut().poll_next(context));
        match &step {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.condition.note(error);
                self.was_sound = false;
            }
            None => *self.is_sound = self.was_sound,
        }
        Poll::Ready(step)
    }
}
