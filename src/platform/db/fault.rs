//! What can be wrong with a database, with texts for the operator. Only this file knows the error codes of the engines.

use std::fmt;
use std::fs::File;
use std::io;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached.
    Away,
    /// It did not respond in time.
    Silent,
    /// It refuses this server, because of a wrong name or password or missing rights.
    Denied,
    /// Its disk is full, or its files may not grow.
    Full,
    /// The process has too many open files to open another one.
    OutOfFiles,
    ReadOnly,
    /// Another process holds a lock that a change needs.
    Locked,
    /// The operating system cannot read or write its files.
    Disk,
    /// There is no file at the path of the open one.
    Missing,
    /// Another file is at the path of the open one.
    Replaced,
    /// The SQLite file was changed by something that does not write through SQLite.
    Overwritten,
    /// The write-ahead log of the SQLite file, or its index, was deleted or replaced.
    LogLost,
    /// The write-ahead log of the SQLite file was cut off or overwritten.
    LogDamaged,
    Damaged,
    /// A table that the migrations created is missing.
    TableMissing,
    /// It returned any other error, so the statement is wrong.
    Failing,
}

impl Fault {
    pub fn of(error: &sqlx::Error) -> Self {
        use sqlx::Error as Sql;
        match error {
            Sql::Io(cause) if is_out_of_files(cause) => Self::OutOfFiles,
            Sql::Io(cause) => Self::inside(cause).unwrap_or(Self::Away),
            // `Protocol`: what answers on the port of the database is something else.
            Sql::Tls(_) | Sql::PoolClosed | Sql::WorkerCrashed | Sql::Protocol(_) => Self::Away,
            Sql::PoolTimedOut => Self::Silent,
            Sql::Database(cause) if is_fatal(cause.as_ref()) => Self::Away,
            Sql::Database(cause) => match cause.code() {
                // SQLite has no separate code for this error.
                Some(code) if code == "1" && cause.message().starts_with("no such table") => {
                    Self::TableMissing
                }
                // SQLite cannot open a file, and does not report the reason.
                Some(code) if code == "14" && no_file_can_be_opened() => Self::OutOfFiles,
                Some(code) => Self::of_code(&code),
                None => Self::Failing,
            },
            _ => Self::Failing,
        }
    }

    /// The fault in an error that was created from a `Fault`.
    fn inside(cause: &io::Error) -> Option<Self> {
        cause.get_ref()?.downcast_ref().copied()
    }

    /// Codes of PostgreSQL have five characters; codes of SQLite are smaller numbers.
    fn of_code(code: &str) -> Self {
        if code.len() == 5 { Self::of_postgres(code) } else { Self::of_sqlite(code) }
    }

    fn of_postgres(code: &str) -> Self {
        let is_of = |classes: &[&str]| classes.iter().any(|class| code.starts_with(class));
        match code {
            "53100" => Self::Full,
            "25006" => Self::ReadOnly,
            // Serialization, deadlock, lock not available.
            "40001" | "40P01" | "55P03" => Self::Locked,
            "42P01" => Self::TableMissing,
            // A timeout of the database, or an administrator, cancelled the statement.
            "57014" => Self::Silent,
            // The database closed the connection, because a transaction was idle or took too long.
            "25P03" | "25P04" => Self::Away,
            "XX001" | "XX002" => Self::Damaged,
            // The classes for connections, resources, shutdown and system errors.
            _ if is_of(&["08", "53", "57P", "58"]) => Self::Away,
            // Authentication, unknown database, missing rights, a database that does not accept connections.
            _ if is_of(&["28", "3D000", "42501", "55000"]) => Self::Denied,
            _ => Self::Failing,
        }
    }

    /// Extended codes have the primary one in the low byte.
    fn of_sqlite(code: &str) -> Self {
        match code.parse::<u32>().map(|number| number & 0xff) {
            // SQLITE_IOERR_WRITE: the limit on the size of files, or a quota. The code for "full" is only for a full disk.
            _ if code == "778" => Self::Full,
            Ok(5 | 6) => Self::Locked,
            Ok(8) => Self::ReadOnly,
            Ok(3 | 10 | 14) => Self::Disk,
            Ok(11 | 26) => Self::Damaged,
            Ok(13) => Self::Full,
            _ => Self::Failing,
        }
    }

    /// Whether the database cannot work at the moment. If not, the statement is wrong.
    pub fn is_outage(self) -> bool {
        self != Self::Failing
    }

    /// Whether the cause of a refused request is an outage that is already in the log, once for all requests.
    pub fn is_known_outage(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
        let inside = match cause.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Io(cause)) => Self::inside(cause),
            _ => None,
        };
        inside == Some(Self::Away)
    }
}

/// Whether PostgreSQL closes or refuses a connection because of an internal error. With a full disk, for example, a new connection
/// cannot write its cache. Other reasons have their own codes.
fn is_fatal(error: &(dyn DatabaseError + 'static)) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| {
        error.code() == "XX000" && matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
    })
}

fn is_out_of_files(error: &io::Error) -> bool {
    /// ENFILE is 23, EMFILE is 24.
    const CODES: [i32; 2] = [24, 23];
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

/// Whether this process cannot open as many files as a connection of SQLite opens.
fn no_file_can_be_opened() -> bool {
    let files: Vec<_> = (0..4).map(|_| File::open("/dev/null")).collect();
    files.iter().any(|file| file.as_ref().is_err_and(is_out_of_files))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "the database cannot be reached",
            Self::Silent => "the database did not respond in time",
            Self::Denied => "the database refuses this server: check its name, user, password and rights",
            Self::Full => {
                "the database is full: make room on its disk, or raise the limit on the size of its files"
            }
            Self::OutOfFiles => {
                "the server has too many open files: raise its limit on open files, or close idle connections"
            }
            Self::ReadOnly => "the database is read-only",
            Self::Locked => "another process holds the write lock of the database",
            Self::Disk => {
                "the files of the database cannot be read or written: check the disk, its free space and the permissions"
            }
            Self::Missing => "the database file is gone: put it back, or restore a backup and restart",
            Self::Replaced => {
                "the database file was replaced by another one: put the original back; to use the other one, stop the server, \
                 delete the files -wal and -shm beside it, and start again"
            }
            Self::Overwritten => {
                "the database file was overwritten by another program: restore a backup and restart"
            }
            Self::LogLost => {
                "the write-ahead log of the database (-wal, -shm) was deleted or replaced: stop the server with SIGTERM, which \
                 saves what is in it, and start it again"
            }
            Self::LogDamaged => {
                "the write-ahead log of the database (-wal) was cut off or overwritten: restart, which loses the changes that \
                 were in it alone, or restore a backup"
            }
            Self::Damaged => "the database file is damaged: restore a backup and restart",
            Self::TableMissing => "a table of the database is missing: restore a backup and restart",
            Self::Failing => "the database returned an error",
        })
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for sqlx::Error {
    fn from(fault: Fault) -> Self {
        Self::Io(io::Error::other(fault))
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
            ("5", Fault::Locked),
            ("517", Fault::Locked),
            ("40P01", Fault::Locked),
            ("10", Fault::Disk),
            ("778", Fault::Full),
            ("266", Fault::Disk),
            ("4874", Fault::Disk),
            ("5386", Fault::Disk),
            ("14", Fault::Disk),
            ("2570", Fault::Disk),
            ("57P01", Fault::Away),
            ("57014", Fault::Silent),
            ("25P03", Fault::Away),
            ("25P04", Fault::Away),
            ("08006", Fault::Away),
            ("53300", Fault::Away),
            ("28P01", Fault::Denied),
            ("3D000", Fault::Denied),
            ("42501", Fault::Denied),
            ("55000", Fault::Denied),
            ("42P01", Fault::TableMissing),
            ("XX001", Fault::Damaged),
            ("XX000", Fault::Failing),
            ("23505", Fault::Failing),
            ("42601", Fault::Failing),
            ("1", Fault::Failing),
            ("1555", Fault::Failing),
            ("2067", Fault::Failing),
        ] {
            assert_eq!(Fault::of_code(code), fault, "{code}");
            assert_eq!(fault.is_outage(), fault != Fault::Failing);
        }
        for fault in [Fault::Missing, Fault::Away] {
            assert_eq!(Fault::of(&fault.into()), fault);
        }
        assert_eq!(Fault::of(&sqlx::Error::Protocol("unexpected response".to_owned())), Fault::Away);
    }
}
