//! The SQLite file that is open, and its write-ahead log: are they still what this server works on?

use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sqlx::{AnyConnection, Connection};

use super::fault::Fault;
use super::log_index::{CopyState, LogIndex};
use super::sqlite::{address_for, with_suffix};
use super::text::sql;

/// The database's file as it was found at the start. The handle stays open until the end: closing any handle of a file
/// gives up all locks that the process has on it, and those of SQLite are among them.
pub struct OpenFile {
    /// Without symbolic links, as SQLite itself names the companions of the file.
    path: PathBuf,
    file: File,
    identity: Identity,
    /// Once they exist. SQLite keeps them while a connection is open.
    companions: OnceLock<Companions>,
    /// The first bytes of the file, and how much of the log had been copied into it when they were read.
    last_header: Mutex<Option<(CopyState, FileHeader)>>,
}

/// Device and inode.
type Identity = (u64, u64);

/// The header of an SQLite file.
type FileHeader = [u8; 100];

/// How that header begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The write-ahead log `-wal` and its index `-shm`. Their handles stay open for the same reason as that of the database.
struct Companions {
    log: Companion,
    index: Companion,
}

struct Companion {
    path: PathBuf,
    file: File,
    identity: Identity,
}

impl Companion {
    fn open(path: PathBuf) -> std::io::Result<Self> {
        let file = File::open(&path)?;
        let about = file.metadata()?;
        Ok(Self { path, file, identity: (about.dev(), about.ino()) })
    }

    fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|now| now == self.identity)
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::symlink_metadata(path).map(|about| (about.dev(), about.ino()))
}

impl OpenFile {
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let path = std::fs::canonicalize(path)?;
        let file = File::open(&path)?;
        let about = file.metadata()?;
        let identity = (about.dev(), about.ino());
        Ok(Self { path, file, identity, companions: OnceLock::new(), last_header: Mutex::default() })
    }

    /// The path without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the file itself, by whatever path it was opened. False when another process or handle has the lock. It does not
    /// concern SQLite, which locks ranges of bytes.
    pub fn lock(&self) -> std::io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn unlock(&self) {
        let _ = self.file.unlock();
    }

    /// From now on the write-ahead log and its index must stay what they are: what was written last is in the log only.
    pub fn remember_companions(&self) {
        let open = |suffix| Companion::open(with_suffix(&self.path, suffix));
        if let (Ok(log), Ok(index)) = (open("-wal"), open("-shm")) {
            let _ = self.companions.set(Companions { log, index });
        }
    }

    /// Are the file and its log still at their paths, and has nothing but SQLite written to them, as far as their first
    /// bytes and the log's length tell?
    pub fn check(&self) -> Result<(), Fault> {
        self.check_place()?;
        if let Some(companions) = self.companions.get() {
            companions.check_log()?;
        }
        self.check_header()
    }

    /// Is it still at its path, and are its companions?
    pub fn check_place(&self) -> Result<(), Fault> {
        let now = identity(&self.path).map_err(|_| Fault::Missing)?;
        if now != self.identity {
            return Err(Fault::Replaced);
        }
        let companions = self.companions.get();
        let are_there = companions.is_none_or(|all| all.log.is_in_place() && all.index.is_in_place());
        if are_there { Ok(()) } else { Err(Fault::LogLost) }
    }

    /// Called after each change, so that as little as possible lies between that and the next check.
    pub fn remember_header(&self) {
        let _ = self.check_header();
    }

    /// The header changes only when SQLite copies the log into the file. If it is another one although no more of the log
    /// was copied, then something else has written to the file.
    fn check_header(&self) -> Result<(), Fault> {
        let before = self.copy_state();
        let mut header = [0; 100];
        self.file.read_exact_at(&mut header, 0).map_err(|_| Fault::Damaged)?;
        if !header.starts_with(MAGIC) {
            return Err(Fault::Damaged);
        }
        let Some(state) = before.filter(|state| Some(*state) == self.copy_state()) else { return Ok(()) };
        let mut last = self.last_header.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known_state, known)) if *known_state == state && *known != header => {
                Err(Fault::Overwritten)
            }
            _ => {
                *last = Some((state, header));
                Ok(())
            }
        }
    }

    /// None while the log is being copied into the file.
    fn copy_state(&self) -> Option<CopyState> {
        LogIndex::read(&self.companions.get()?.index.file)?.copy_state()
    }

    /// Reads a row of every table with a new connection, which has no page in its memory.
    pub async fn read_afresh(&self) -> Result<(), sqlx::Error> {
        let address =
            address_for(&self.path, "ro").map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        let mut connection = AnyConnection::connect(&address).await?;
        let read = read_all_tables(&mut connection).await;
        let _ = connection.close().await;
        read
    }
}

/// The lock of the server that works on a database file.
pub struct FileLock(Arc<OpenFile>);

impl FileLock {
    pub fn take(file: &Arc<OpenFile>) -> Result<Self, String> {
        match file.lock() {
            Ok(true) => Ok(Self(Arc::clone(file))),
            Ok(false) => Err("another server works on this file; \
                 to run several, set database_url to a PostgreSQL database"
                .to_owned()),
            Err(error) => Err(format!("it cannot be locked ({error})")),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl Companions {
    /// Does the log have all that its index says it has?
    fn check_log(&self) -> Result<(), Fault> {
        // Copying the log into the file may empty it in between; then the index says so.
        for _ in 0..3 {
            let Some(index) = LogIndex::read(&self.index.file) else { return Ok(()) };
            if index.is_matched_by(&self.log.file) {
                return Ok(());
            }
            if LogIndex::read(&self.index.file) == Some(index) {
                return Err(Fault::LogDamaged);
            }
        }
        Ok(())
    }
}

async fn read_all_tables(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
            .fetch_all(&mut *connection)
            .await?;
    if tables.is_empty() {
        return Err(Fault::TableMissing.into());
    }
    // An index would do as well for such a question, and the table would not be looked at.
    let row_of =
        |table: &String| format!("(SELECT 1 FROM \"{}\" NOT INDEXED LIMIT 1)", table.replace('"', "\"\""));
    let rows: Vec<String> = tables.iter().map(row_of).collect();
    sqlx::query(sql(format!("SELECT {}", rows.join(", ")))).fetch_one(connection).await.map(drop)
}
