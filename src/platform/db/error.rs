//! Why a database does not open.

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

    /// The same for a database that cannot be reached now and may be there later.
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

/// May the same database be there a little later? A name that is not known counts too: the name server may start later.
pub(super) fn may_come_back(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(cause) => cause.kind() != std::io::ErrorKind::PermissionDenied,
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(_) => Fault::of(error) == Fault::Away,
        _ => false,
    }
}
