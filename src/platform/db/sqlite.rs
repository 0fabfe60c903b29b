//! What is specific to SQLite: creating the folder and the file, the settings of a connection, and the oldest supported version.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{AnyConnection, AnyPool, Executor};

use super::engine::Opener;
use super::error::DbError;
use super::text::sql;

/// Versions 3.7.0 to 3.51.2 can corrupt a database when the write-ahead log is reset.
const OLDEST: [u32; 3] = [3, 51, 3];

/// Creates the folder and the file, and checks that they can be written.
pub fn prepare(path: &Path, opener: Opener) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if opener == Opener::Tool {
        return if path.exists() { Ok(()) } else { Err("there is no such file".to_owned()) };
    }
    // Other users of the machine must not read the file. SQLite gives its companions the same mode.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| format!("the folder {} cannot be created ({error})", folder.display()))?;
    refuse_lone_log(path)?;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| format!("the folder {} cannot be written ({error})", folder.display()))
}

/// The path of a companion of the file, such as `-wal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses a missing database file whose write-ahead log exists, because creating a new database would discard the log.
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

/// The address for the driver, with the path percent-encoded. Connections do not create a missing file, because that would be a
/// second database beside the open one.
pub fn address(path: &Path) -> Result<String, DbError> {
    address_for(path, "rw")
}

pub fn address_for(path: &Path, mode: &str) -> Result<String, DbError> {
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

/// `lock_timeout` is how long a transaction waits for the write lock of another process.
pub async fn configure(connection: &mut AnyConnection, lock_timeout: Duration) -> Result<(), sqlx::Error> {
    connection
        .execute(sql(format!(
            // The log is copied into the file at 32 MiB, so that rows that are deleted within seconds are not copied.
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA wal_autocheckpoint = 8000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
            lock_timeout.as_millis()
        )))
        .await
        .map(drop)
}

/// Gives a new database a random number in the header of its file, so that no two databases have the same header.
pub async fn add_random_number(pool: &AnyPool) -> Result<(), sqlx::Error> {
    let number: i64 =
        sqlx::query_scalar("SELECT user_version FROM pragma_user_version()").fetch_one(pool).await?;
    if number == 0 {
        let random: i64 = sqlx::query_scalar("SELECT random() & 2147483647").fetch_one(pool).await?;
        pool.execute(sql(format!("PRAGMA user_version = {random}"))).await?;
    }
    Ok(())
}

pub fn refuse_older(version: &str) -> Result<(), DbError> {
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < OLDEST.as_slice() {
        let [major, minor, patch] = OLDEST;
        return Err(DbError::new(format!(
            "this build contains SQLite {version}, which can corrupt databases; at least {major}.{minor}.{patch} is needed"
        )));
    }
    Ok(())
}

/// A limit on the pages of the database that tests use instead of a full disk. It applies to each connection of a pool.
#[derive(Clone, Default)]
pub struct PageLimit {
    #[cfg(test)]
    max: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

impl PageLimit {
    #[cfg(not(test))]
    pub async fn apply(&self, _: &mut AnyConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// Does nothing while the limit is 0, its initial value.
    #[cfg(test)]
    pub async fn apply(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self.max.load(std::sync::atomic::Ordering::SeqCst) {
            0 => Ok(()),
            max => connection.execute(sql(format!("PRAGMA max_page_count = {max}"))).await.map(drop),
        }
    }

    #[cfg(test)]
    pub fn set(&self, max: u32) {
        self.max.store(max, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_the_wal_reset_bug_are_refused() {
        for (version, is_supported) in
            [("3.51.3", true), ("3.52.0", true), ("4.0.0", true), ("3.51.2", false), ("3.7.0", false)]
        {
            assert_eq!(refuse_older(version).is_ok(), is_supported, "{version}");
        }
    }

    #[test]
    fn odd_paths_reach_the_driver_unchanged() {
        let address = address(Path::new("/tmp/a b?c#d%e/ü.db")).expect("an address");
        assert_eq!(address, "sqlite:///tmp/a%20b%3Fc%23d%25e/%C3%BC.db?mode=rw");
    }
}
