//! What SQLite needs: a folder, one server a file, its settings, and a version without the WAL-reset bug.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sqlx::{AnyConnection, Connection, Executor};

use super::engine::Opener;
use super::error::DbError;
use super::fault::Fault;
use super::text::sql;

/// 3.7.0 to 3.51.2 can corrupt a database when the write-ahead log is reset.
const OLDEST: [u32; 3] = [3, 51, 3];

/// An exclusive lock on `<database>.lock`; only its being open matters.
pub struct FileLock {
    _file: File,
}

/// Makes the folder, checks that it can be written, and takes the server's lock.
pub fn prepare(path: &Path, opener: Opener) -> Result<Option<FileLock>, String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if opener == Opener::Tool {
        return if path.exists() { Ok(None) } else { Err("there is no such file".to_owned()) };
    }
    // The file holds what others on the machine must not read; its companions get its mode from SQLite.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| format!("the folder {} cannot be made ({error})", folder.display()))?;
    refuse_lone_log(path)?;
    let private =
        |path: &Path| OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = private(&lock_path(path))
        .and_then(|file| private(path).map(|_| file))
        .map_err(|error| format!("the folder {} cannot be written ({error})", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FileLock { _file: file })),
        Err(TryLockError::WouldBlock) => Err("another server works on this file; \
             to run several, set database_url to a PostgreSQL database"
            .to_owned()),
        Err(TryLockError::Error(error)) => Err(format!("it cannot be locked ({error})")),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    with_suffix(path, ".lock")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A new database would discard the write-ahead log of the one that is missing.
fn refuse_lone_log(path: &Path) -> Result<(), String> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
    let log = with_suffix(path, "-wal");
    if size(path) > 0 || size(&log) == 0 {
        return Ok(());
    }
    Err(format!(
        "the file is missing or empty, but its write-ahead log {0} is there: put the database file back, or move {0} away to \
         begin a new database",
        log.display()
    ))
}

/// The database's file as it was found at the start. The handle stays open until the end: closing any handle of a file
/// gives up all locks that the process has on it, and those of SQLite are among them.
pub struct OpenFile {
    /// Without symbolic links, as SQLite itself names the companions of the file.
    path: PathBuf,
    file: File,
    identity: Identity,
    /// Of the companions `-wal` and `-shm`, once they exist. SQLite keeps them while a connection is open.
    companions: OnceLock<[(PathBuf, Identity); 2]>,
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::symlink_metadata(path).map(|about| (about.dev(), about.ino()))
}

impl OpenFile {
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let path = std::fs::canonicalize(path)?;
        let file = File::open(&path)?;
        let about = file.metadata()?;
        let identity = (about.dev(), about.ino());
        Ok(Self { path, file, identity, companions: OnceLock::new() })
    }

    /// The path without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on the write-ahead log and its index must stay what they are: what was written last is in the log only.
    pub fn remember_companions(&self) {
        let found = ["-wal", "-shm"].map(|suffix| {
            let path = with_suffix(&self.path, suffix);
            identity(&path).map(|identity| (path, identity))
        });
        if let [Ok(log), Ok(index)] = found {
            let _ = self.companions.set([log, index]);
        }
    }

    /// Is the file whole as far as one look at its first bytes can tell, and still at its path?
    pub fn check(&self) -> Result<(), Fault> {
        self.check_place()?;
        const BEGINNING: &[u8; 16] = b"SQLite format 3\0";
        let mut beginning = [0; 16];
        match self.file.read_exact_at(&mut beginning, 0) {
            Ok(()) if beginning == *BEGINNING => Ok(()),
            _ => Err(Fault::Damaged),
        }
    }

    /// Is it still at its path, and are its companions?
    pub fn check_place(&self) -> Result<(), Fault> {
        let now = identity(&self.path).map_err(|_| Fault::Missing)?;
        if now != self.identity {
            return Err(Fault::Replaced);
        }
        let are_there = self.companions.get().is_none_or(|companions| {
            companions.iter().all(|(path, known)| identity(path).is_ok_and(|now| now == *known))
        });
        if are_there { Ok(()) } else { Err(Fault::LogLost) }
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

async fn read_all_tables(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
            .fetch_all(&mut *connection)
            .await?;
    // An index would do as well for such a question, and the table would not be looked at.
    let row_of =
        |table: &String| format!("(SELECT 1 FROM \"{}\" NOT INDEXED LIMIT 1)", table.replace('"', "\"\""));
    let rows: Vec<String> = tables.iter().map(row_of).collect();
    sqlx::query(sql(format!("SELECT {}", rows.join(", ")))).fetch_one(connection).await.map(drop)
}

/// The path as the driver reads it: percent-encoded. The file exists already: a connection that created a missing one would
/// begin a second database beside the open one.
pub fn address(path: &Path) -> Result<String, DbError> {
    address_for(path, "rw")
}

fn address_for(path: &Path, mode: &str) -> Result<String, DbError> {
    let text = path.to_str().ok_or_else(|| DbError::new("the database's path is not valid UTF-8"))?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(format!("sqlite://{encoded}?mode={mode}"))
}

pub async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection
        .execute(
            // The log goes into the file at 32 MiB: what is written and deleted within seconds is not copied there.
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA wal_autocheckpoint = 8000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
        )
        .await
        .map(drop)
}

pub fn refuse_older(version: &str) -> Result<(), DbError> {
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < OLDEST.as_slice() {
        let [major, minor, patch] = OLDEST;
        return Err(DbError::new(format!(
            "this build carries SQLite {version}, which can corrupt databases; at least {major}.{minor}.{patch} is needed"
        )));
    }
    Ok(())
}

/// What tests have instead of a full disk: so many pages at most, for each connection of a pool.
#[derive(Clone, Default)]
pub struct PageLimit {
    #[cfg(test)]
    most: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

impl PageLimit {
    #[cfg(not(test))]
    pub async fn apply(&self, _: &mut AnyConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// 0: nobody has set it.
    #[cfg(test)]
    pub async fn apply(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self.most.load(std::sync::atomic::Ordering::SeqCst) {
            0 => Ok(()),
            most => connection.execute(sql(format!("PRAGMA max_page_count = {most}"))).await.map(drop),
        }
    }

    #[cfg(test)]
    pub fn set(&self, most: u32) {
        self.most.store(most, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_the_wal_reset_bug_are_refused() {
        for (version, fine) in
            [("3.51.3", true), ("3.52.0", true), ("4.0.0", true), ("3.51.2", false), ("3.7.0", false)]
        {
            assert_eq!(refuse_older(version).is_ok(), fine, "{version}");
        }
    }

    #[test]
    fn odd_paths_reach_the_driver_unchanged() {
        let address = address(Path::new("/tmp/a b?c#d%e/ü.db")).expect("an address");
        assert_eq!(address, "sqlite:///tmp/a%20b%3Fc%23d%25e/%C3%BC.db?mode=rw");
    }
}
