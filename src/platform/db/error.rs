//! The error of opening a database and of administrative commands.

use std::fmt;

use super::fault::Fault;

/// Why a database did not open or an administrative command did not work: one line for the operator.
#[derive(Debug)]
pub struct DbError {
    line: String,
    is_away: bool,
}

impl DbError {
    pub(super) fn new(line: impl Into<String>) -> Self {
        // Messages of drivers and of the operating system may have several lines.
        Self { line: line.into().split_whitespace().collect::<Vec<_>>().join(" "), is_away: false }
    }

    /// An error for a database that cannot be reached now and may be reachable later.
    pub(super) fn away(line: impl Into<String>) -> Self {
        Self { is_away: true, ..Self::new(line) }
    }

    pub fn is_away(&self) -> bool {
        self.is_away
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for DbError {}

/// Whether the database may be reachable a little later. That includes an unknown host name, because the name server may start
/// later.
pub(super) fn may_come_back(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(cause) => cause.kind() != std::io::ErrorKind::PermissionDenied,
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(_) => Fault::of(error) == Fault::Away,
        _ => false,
    }
}
