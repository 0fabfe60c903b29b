//! The change log keeps the caches of all processes up to date. A row is written in the transaction of the change, with a
//! number from one locked row, so that numbers are in the order of the commits and have no gaps. The listener of this
//! process is notified at the commit; other processes read the rows.

mod listener;
mod log;

pub use listener::{Change, ChangeEvent, ChangeKind, ChangeListener};
pub use log::{BATCH_SIZE, ChangeBatch, delete_before, newest, read_after, record};
