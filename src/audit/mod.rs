//! The audit log. An event is written in the transaction of its change: if it cannot be written, the change does not
//! happen. Repeated refusals share a row. Rows are never changed; they are deleted only by age, as configured.

#[cfg(feature = "ssr")]
mod server;

#[cfg(test)]
pub use server::statement;
#[cfg(feature = "ssr")]
pub use server::{
    AuditFilter, By, Event, EventActor, EventListener, Origin, Recorded, Refusals, RegisteredListener,
    RoleEvent, Target, about_it, actions, announce, flush_refusals, forbid, how_often, in_general,
    is_only_change_since, latest_targets, list, newest, record, record_refusal, record_stranger, role_events,
    sweep,
};
