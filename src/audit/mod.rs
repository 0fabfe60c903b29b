//! Who did what. An event is written in the transaction of the change itself: if it cannot be written, the change does
//! not happen. Refusals that repeat share a row. Rows are never changed; they go only by age, as the configuration says.

#[cfg(feature = "ssr")]
mod server;

#[cfg(test)]
pub use server::statement;
#[cfg(feature = "ssr")]
pub use server::{
    Actor, AuditFilter, By, Event, Exports, Origin, Recorded, Refusals, Target, about_it, flush_refusals, forbid,
    in_general, list, record, record_refusal, record_stranger, routes, sweep,
};
