//! What can be wrong with a database, in words for the operator, and what this process has noticed of it.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached.
    Away,
    /// It did not answer in time.
    Silent,
    Full,
    ReadOnly,
    /// There is no file at the path of the open one.
    Missing,
    /// Another file is at the path of the open one.
    Replaced,
    /// The write-ahead log of the SQLite file, or its index, was deleted or replaced.
    LogLost,
    Damaged,
    /// It answered with any other error.
    Failing,
}

impl Fault {
    pub fn of(error: &sqlx::Error) -> Self {
        use sqlx::Error as Sql;
        match error {
            Sql::Io(cause) => Self::inside(cause).unwrap_or(Self::Away),
            Sql::Tls(_) | Sql::PoolClosed | Sql::WorkerCrashed => Self::Away,
            Sql::PoolTimedOut => Self::Silent,
            Sql::Database(cause) => cause.code().map_or(Self::Failing, |code| Self::of_code(&code)),
            _ => Self::Failing,
        }
    }

    /// A fault that was turned into an error of the driver's type.
    fn inside(cause: &io::Error) -> Option<Self> {
        cause.get_ref()?.downcast_ref().copied()
    }

    /// By the code of PostgreSQL (five characters) or SQLite (a number whose low byte is the primary code).
    fn of_code(code: &str) -> Self {
        match code {
            "53100" => return Self::Full,
            "25006" => return Self::ReadOnly,
            _ if code.len() == 5 && ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => {
                return Self::Away;
            }
            _ if code.len() == 5 => return Self::Failing,
            _ => {}
        }
        match code.parse::<u32>().map(|number| number & 0xff) {
            Ok(8) => Self::ReadOnly,
            Ok(11 | 26) => Self::Damaged,
            Ok(13) => Self::Full,
            _ => Self::Failing,
        }
    }

    /// Is the cause of a refused request an outage that the log already tells of, once for all requests?
    pub fn is_known_outage(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
        let inside = match cause.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Io(cause)) => Self::inside(cause),
            _ => None,
        };
        inside == Some(Self::Away)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "the database cannot be reached",
            Self::Silent => "the database did not answer in time",
            Self::Full => "the database is full: make room on its disk",
            Self::ReadOnly => "the database is read-only",
            Self::Missing => "the database file is gone: put it back, or restore a backup and restart",
            Self::Replaced => {
                "the database file was replaced by another one: put the original back; to use the other one, stop the server, \
                 delete the files -wal and -shm beside it, and start again"
            }
            Self::LogLost => {
                "the write-ahead log of the database (-wal, -shm) was deleted or replaced: stop the server with SIGTERM, which \
                 saves what is in it, and start it again"
            }
            Self::Damaged => "the database file is damaged: restore a backup and restart",
            Self::Failing => "the database answers with an error",
        })
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for sqlx::Error {
    fn from(fault: Fault) -> Self {
        Self::Io(io::Error::other(fault))
    }
}

/// What this process has noticed of its database.
#[derive(Default)]
pub struct Condition {
    is_away: watch::Sender<bool>,
    /// A statement met a damaged page.
    has_damage: AtomicBool,
    /// A new connection could not read the file.
    is_unreadable: AtomicBool,
    /// A write failed because the disk is full, and none has succeeded since.
    is_full: AtomicBool,
}

impl Condition {
    pub fn is_away(&self) -> bool {
        *self.is_away.borrow()
    }

    /// True when that is new.
    pub fn set_away(&self, away: bool) -> bool {
        self.is_away.send_if_modified(|known| std::mem::replace(known, away) != away)
    }

    /// Ready once the database is away.
    pub async fn gone(&self) {
        // The sender lives as long as the condition, which is borrowed here.
        let _ = self.is_away.subscribe().wait_for(|away| *away).await;
    }

    /// Remembers damage that an error tells of.
    pub fn note(&self, error: &sqlx::Error) {
        match Fault::of(error) {
            Fault::Damaged => self.has_damage.store(true, Ordering::Relaxed),
            Fault::Full => self.is_full.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    pub fn note_commit(&self) {
        self.is_full.store(false, Ordering::Relaxed);
    }

    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub fn note_unreadable(&self) {
        self.is_unreadable.store(true, Ordering::Relaxed);
    }

    pub fn has_damage(&self) -> bool {
        self.has_damage.load(Ordering::Relaxed) || self.is_unreadable()
    }

    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_engines_name_the_fault() {
        for (code, fault) in [
            ("13", Fault::Full),
            ("53100", Fault::Full),
            ("11", Fault::Damaged),
            ("779", Fault::Damaged),
            ("26", Fault::Damaged),
            ("8", Fault::ReadOnly),
            ("1032", Fault::ReadOnly),
            ("25006", Fault::ReadOnly),
            ("57P01", Fault::Away),
            ("53300", Fault::Away),
            ("23505", Fault::Failing),
            ("1", Fault::Failing),
        ] {
            assert_eq!(Fault::of_code(code), fault, "{code}");
        }
        for fault in [Fault::Missing, Fault::Away] {
            assert_eq!(Fault::of(&fault.into()), fault);
        }
    }
}
