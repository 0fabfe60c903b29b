//! All SQL of usage.

mod journal;
mod read;
mod write;

pub use journal::{
    claim, insert_row, journal_nodes, move_first, move_wrongly_typed, rows_of_others_with, set_aside,
    take_row,
};
pub use read::{
    Hour, KeyCaller, RefusalReason, TREND_DAYS, accepted, callers, ended_but_used, hours, is_wrongly_typed,
    org_hours, recent_requests, refusal, sums, trends,
};
pub use write::{add, add_refusals, address_text, delete_before};
