//! The change log: what changed, for every process that remembers states. A row is written in the transaction of the
//! change itself, with a number taken from one locked row, so that numbers are in the order of the commits and have no
//! gaps. Listeners of this process hear at the commit; other processes read the rows.

mod listener;
mod log;

pub use listener::{Change, Heard, Kind, Listener};
pub use log::{AT_ONCE, Read, after, forget_before, newest, note};
