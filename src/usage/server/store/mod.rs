//! All SQL of usage.

mod journal;
mod read;
mod refusals;
mod write;

pub use journal::{
    claim, insert_row, journal_nodes, move_first, move_wrongly_typed, rows_of_others_with, set_aside,
    take_row,
};
pub use read::{
    CallerRefusal, Hour, KeyCaller, TREND_DAYS, accepted, busiest_keys, callers, ended_but_used, hours,
    is_wrongly_typed, org_hours, recent_requests, sums, trends,
};
pub use refusals::{
    RefusalFilter, RefusalPosition, RefusalReason, RefusalScope, RefusedKey, RefusedKeyLimits, refusal,
    refusals_of, refused_keys,
};
pub use write::{add, add_refusals, address_text, delete_before};
