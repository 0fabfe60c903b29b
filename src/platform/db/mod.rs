//! The database: one SQL for SQLite and PostgreSQL over `sqlx::Any`. What the engines do differently (opening, locking,
//! collation, backup, health) is in this folder and nowhere else.
//!
//! SQL uses `$1`, TEXT and BIGINT only; times are unix milliseconds, a state is a nullable time. On SQLite there is one
//! writer at a time, and its transaction is `BEGIN IMMEDIATE`, so that two writers wait for each other at the start and
//! never meet in the middle.

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
pub use text::{ROWS, places, sql};
pub use wait::open_when_reachable;
pub use write::{Session, Write};
