//! The server's side of keys.

mod announcements;
mod hash;
mod jobs;
mod key;
mod letters;
mod offboarding;
mod pages;
mod policy_jobs;
mod reminders;
pub mod rest;
mod service;
mod store;
mod token;
mod verification;

pub use announcements::announce_expiries;
pub use jobs::{
    count_all, first_call, follow_change_log, is_current, measure, prepare, read_change_log, settle, sweep,
    write_usage,
};
#[cfg(test)]
pub use jobs::{flush, settle_within};
pub use key::{Customer, Key, KeyQuota, Login, name_key};
pub use offboarding::OrgKeyOffboarding;
pub use pages::{Drawing, KeyNotice, RegisteredKeyNotice, leave_refusal, routes};
pub use policy_jobs::apply_policies;
pub use reminders::send_reminders;
pub use service::{
    CustomerDraft, Draft, Edit, Holders, KeyRequests, LONGEST_OVERLAP, LoginDraft, MOST_COUNTED, MOST_RANGES,
    PermissionHolders, PreparedToken, QuotaDraft, Refusal, RequestingKey, Revealed, about, active_keys,
    children, count, create, create_approved, created_by, creating_keys, creators, disable, edit, enable,
    end_leaked, end_logins, extend, find, find_by_secret, finish, leak_topic, list, lock_leaked, log_in,
    login_terms, login_terms_now, logins_of, may_manage, may_renew, mint, old_secrets, permission_holders,
    policy_portion, policy_rules, read_ranges, replace, require_to_grant, require_to_manage,
    require_to_renew, require_to_revoke, require_to_rotate, revoke, rotate, secrets,
};
pub use store::{Filter, KeyPage, OldSecret, Order, PolicyKey, Position, SecretUse};
pub use token::{PATTERN, Token};
#[cfg(test)]
pub use token::{forged_token, fresh_token};
pub use verification::{
    KeyCache, Kinds, PermissionRequirement, Presenter, ProvenSecret, QuotaState, Rate, Requirements, Verdict,
    VerifiedKey, cached_permissions, listed_permissions, prove, quota_state, verify, verify_cached,
};
