//! Who did what. An event is written in the transaction of the change itself: if it cannot be written, the change does
//! not happen. Rows are never changed; they go only by age, when the configuration says so.

#[cfg(feature = "ssr")]
mod server;

#[cfg(test)]
pub use server::statement;
#[cfg(feature = "ssr")]
pub use server::{
    Actor, By, Event, Filter, Origin, Recorded, Target, about_it, doors, forbid, in_general, list, record,
    record_refusal, sweep,
};
