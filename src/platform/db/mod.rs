//! The database: one SQL for SQLite and PostgreSQL over `sqlx::Any`. Everything that differs between the engines (opening,
//! locking, collation, backup, health) is in this folder.
//!
//! SQL uses `$1`, TEXT and BIGINT only. Times are unix milliseconds, and a state is a nullable time. On SQLite there is one writer
//! at a time, and its transaction begins with `BEGIN IMMEDIATE`, so that writers wait at the start and cannot deadlock later.

mod backup;
mod check;
mod condition;
mod core;
mod database;
mod engine;
mod error;
mod errors;
mod fault;
mod figures;
mod log_index;
mod migrate;
mod open_file;
mod pool;
mod postgres;
mod probe;
mod sqlite;
mod text;
mod time_limit;
mod wait;
mod write;

pub use backup::backup;
pub use check::check;
pub use database::Db;
pub use engine::{Engine, Opener};
pub use error::DbError;
pub use errors::{count_error, error_counts};
pub use fault::Fault;
#[cfg(test)]
pub use migrate::{migrate_to, newest};
pub use text::{ROWS_PER_STATEMENT, row_placeholders, sql};
pub use wait::open_when_reachable;
pub use write::{Session, Write};
