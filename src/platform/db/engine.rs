//! The two database engines, and the kinds of programs that open a database.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Whether several servers can use one database.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Postgres)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Who opens the database. Only one server at a time can use a SQLite file; command-line tools can use it at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    Server,
    Tool,
}
