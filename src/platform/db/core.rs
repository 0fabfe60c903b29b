//! What both the database and its transactions work with.

use std::sync::Arc;

use sqlx::AnyPool;

use super::condition::Condition;
use super::engine::Engine;
use super::fault::Fault;
use super::open_file::OpenFile;
use crate::platform::Clock;
use crate::platform::changes::Listener;

#[derive(Clone)]
pub struct Core {
    pub pool: AnyPool,
    pub engine: Engine,
    pub condition: Arc<Condition>,
    /// On SQLite.
    pub file: Option<Arc<OpenFile>>,
    /// Always the system's: it measures how long others hold a lock.
    pub clock: Clock,
    /// Hears of changes that this process commits.
    pub listener: Listener,
}

impl Core {
    /// Fails when it is known that a change would not last.
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
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }
}
