//! What the database and its transactions share.

use std::sync::Arc;

use sqlx::AnyPool;

use super::condition::Condition;
use super::engine::Engine;
use super::fault::Fault;
use super::open_file::OpenFile;
use crate::platform::Clock;
use crate::platform::changes::ChangeListener;

#[derive(Clone)]
pub struct Core {
    pub pool: AnyPool,
    pub engine: Engine,
    pub condition: Arc<Condition>,
    /// The open file on SQLite, None on PostgreSQL.
    pub file: Option<Arc<OpenFile>>,
    /// Always the system clock, also in tests, because it measures how long other processes hold a lock.
    pub clock: Clock,
    /// Receives the changes that this process commits.
    pub listener: ChangeListener,
}

impl Core {
    /// Fails if a change is known to fail or to be lost.
    pub fn refuse_faulty(&self) -> Result<(), Fault> {
        self.find_fault().inspect_err(|_| self.condition.note_fault())
    }

    fn find_fault(&self) -> Result<(), Fault> {
        if self.condition.is_away() {
            return Err(Fault::Away);
        }
        if self.condition.is_unreadable() {
            return Err(Fault::Damaged);
        }
        self.check_file()
    }

    /// Whether the SQLite file is the one that was opened, and only SQLite has written to it.
    pub fn check_file(&self) -> Result<(), Fault> {
        let Some(file) = &self.file else { return Ok(()) };
        let result = file.check();
        self.condition.note_check(result);
        result
    }
}
