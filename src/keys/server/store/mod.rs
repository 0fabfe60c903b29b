//! All SQL that concerns keys.

mod announcements;
mod condition;
mod counts;
mod holders;
mod leaks;
mod list;
mod logins;
mod name_search;
mod policy;
mod quotas;
mod read;
mod reminders;
mod renewals;
mod status_counts;
mod write;

pub use announcements::{Announcement, Reminder, find_unannounced, mark_announced, mark_idle, newly_idle};
pub use counts::count_usable;
pub use holders::{count_holders, find_all, newest_holders};
pub use leaks::{is_rotated_by_person, receiver, set_leaked, set_receiver, set_rotated_by};
pub use list::{Filter, KeyPage, Order, Position, list};
pub use logins::{
    all_current_logins, current_logins, find_named, is_name_taken, logins_in, logins_of, numbered_names,
};
pub use policy::{OldSecret, PolicyKey, active_after, idle_keys, is_idle, mark_reminded, old_secrets};
pub use quotas::{QuotaRow, forget_quota_use, quota_use, write_quota_use};
pub use read::{
    SecretRow, SecretUse, children, count_by_creator, count_unrevoked, created_at_if_unused, creators, find,
    find_by_id, find_in_tx, find_secret, is_used, names, owners, repeated, secrets_of, unrevoked_of,
};
pub use reminders::{
    RemindedKey, WaitingReminder, add_reminder, people_to_remind, reminded_keys, take_reminders,
};
pub use renewals::{clear_renewed, delete_ended_login_secrets, ended_renewals, set_renewed};
pub use status_counts::{count, count_within};
pub use write::{
    add_totals, end_due_rotations, end_secret, forget_idempotency, insert, insert_secret, lock,
    note_idempotency, revoke, revoke_all, set_counts_with, set_disabled, set_enabled, set_secrets, update,
};
