//! The open SQLite file and its write-ahead log. Checks that nothing else has replaced or overwritten them.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sqlx::{AnyConnection, Connection};

use super::fault::Fault;
use super::log_index::{CopyState, LogIndex};
use super::sqlite::{address_for, with_suffix};
use super::text::sql;

/// The database file as it was at the start. The handle stays open until the end, because closing any handle of a file releases
/// all locks that the process has on it, including those of SQLite.
pub struct OpenFile {
    /// Without symbolic links, as SQLite itself names the companions of the file.
    path: PathBuf,
    file: File,
    identity: FileId,
    /// Set once they exist. SQLite does not delete them while a connection is open.
    companions: OnceLock<Companions>,
    /// The first bytes of the file, and how much of the log had been copied into it when they were read.
    last_header: Mutex<Option<(CopyState, FileHeader)>>,
}

/// Device and inode.
type FileId = (u64, u64);

/// The header of an SQLite file.
type FileHeader = [u8; 100];

/// The first bytes of that header.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The write-ahead log `-wal` and its index `-shm`. Their handles stay open for the same reason.
struct Companions {
    log: Companion,
    index: Companion,
}

struct Companion {
    path: PathBuf,
    file: File,
    identity: FileId,
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

fn identity(path: &Path) -> std::io::Result<FileId> {
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

    /// Locks the file, independent of the path that it was opened by. Returns false if another process or handle has the lock. It
    /// does not conflict with SQLite, which locks ranges of bytes.
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

    /// Remembers the write-ahead log and its index. From now on they must not be replaced, because the latest changes are only in
    /// the log.
    pub fn remember_companions(&self) {
        let open = |suffix| Companion::open(with_suffix(&self.path, suffix));
        if let (Ok(log), Ok(index)) = (open("-wal"), open("-shm")) {
            let _ = self.companions.set(Companions { log, index });
        }
    }

    /// Checks that the file and its log are still at their paths and, by their first bytes and the length of the log, that only
    /// SQLite has written to them.
    pub fn check(&self) -> Result<(), Fault> {
        self.check_paths()?;
        if let Some(companions) = self.companions.get() {
            companions.check_log()?;
        }
        self.check_header()
    }

    /// Checks that the file and its companions are still at their paths.
    pub fn check_paths(&self) -> Result<(), Fault> {
        let now = identity(&self.path).map_err(|_| Fault::Missing)?;
        if now != self.identity {
            return Err(Fault::Replaced);
        }
        let companions = self.companions.get();
        let are_there = companions.is_none_or(|all| all.log.is_in_place() && all.index.is_in_place());
        if are_there {
            return Ok(());
        }
        // SQLite itself deletes the log of a file that was cut off, so damage of the file comes first.
        self.check_header().and(Err(Fault::LogLost))
    }

    /// Remembers the header after each change, so that a later check detects other writers.
    pub fn remember_header(&self) {
        let _ = self.check_header();
    }

    /// The header changes only when SQLite copies the log into the file. If it has changed although nothing was copied, something
    /// else has written to the file.
    fn check_header(&self) -> Result<(), Fault> {
        let state_at_start = self.copy_state();
        let mut header = [0; 100];
        self.file.read_exact_at(&mut header, 0).map_err(|_| Fault::Damaged)?;
        if !header.starts_with(MAGIC) {
            return Err(Fault::Damaged);
        }
        let Some(state) = state_at_start.filter(|state| Some(*state) == self.copy_state()) else {
            return Ok(());
        };
        let mut last = self.last_header.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((last_state, last_header)) if *last_state == state && *last_header != header => {
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

    /// Reads a row of every table with a new connection, which has no pages in its cache.
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
    pub fn acquire(file: &Arc<OpenFile>) -> Result<Self, String> {
        match file.lock() {
            Ok(true) => Ok(Self(Arc::clone(file))),
            Ok(false) => Err("another server works on this file; \
                 to run several servers, set database_url to a PostgreSQL database"
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
    /// Checks that the log contains everything that its index refers to.
    fn check_log(&self) -> Result<(), Fault> {
        // SQLite may empty the log between the two reads. Then the index changes too, and the check is repeated.
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
    // Without NOT INDEXED, SQLite could read an index instead of the table.
    let row_of =
        |table: &String| format!("(SELECT 1 FROM \"{}\" NOT INDEXED LIMIT 1)", table.replace('"', "\"\""));
    let rows: Vec<String> = tables.iter().map(row_of).collect();
    sqlx::query(sql(format!("SELECT {}", rows.join(", ")))).fetch_one(connection).await.map(drop)
}
