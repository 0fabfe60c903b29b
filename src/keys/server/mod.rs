//! The server's side of keys.

mod announcements;
mod columns;
mod hash;
mod jobs;
mod key;
mod letters;
mod metrics;
mod offboarding;
mod pages;
mod policy_jobs;
mod reminders;
mod renewal_jobs;
pub mod rest;
mod service;
mod store;
mod token;
mod verification;

pub use crate::shared::name_key;
pub use announcements::announce_expiries;
pub use jobs::{
    count_all, drain, first_call, follow_change_log, is_current, measure, prepare, read_change_log, sweep,
    write_usage,
};
#[cfg(test)]
pub use jobs::{drain_within, flush};
pub use key::{Customer, Key, KeyAudience, KeyQuota, Login, SecretRenewal};
pub use metrics::KeyMetrics;
pub use offboarding::OrgKeyOffboarding;
pub use pages::{
    ExpiryField, FirstExpiry, KeyNotice, LazyView, RecentUse, RefusalsAddress, RegisteredKeyNotice,
    leave_refusal, read_expiry, recent_addresses, recent_calls, reveal_for_agent, routes,
};
pub use policy_jobs::apply_policies;
pub use reminders::send_reminders;
pub use service::{
    AGENT_CREATES, AGENT_REASON, AGENT_ROTATES, AgentRequest, CustomerDraft, Draft, Edit, Holders,
    KeyApprovalHandler, KeyCount, KeyTrial, LoginDraft, LoginRenewal, MAX_COUNTED, MAX_OVERLAP, MAX_RANGES,
    PermissionHolders, PreparedToken, QuotaDraft, Refusal, RefusalPage, RefusalSpan, RefusedRenewal,
    RenewableLogin, RequestingKey, Revealed, TrialLimits, TrialRequest, about, active_keys,
    apply_leak_effect, check_expiry, children, confirm_agent_request, count, count_within, create,
    create_approved, created_by, creating_keys, creators, disable, edit, enable, end_login, end_logins,
    extend, find, find_by_name, find_by_secret, finish, leak_topic, list, lock_leaked, log_in,
    login_constraints, login_constraints_in_tx, logins_of, may_enable, may_manage, may_rotate, mint,
    old_secrets, org_refusals, permission_holders, permission_requirement, plan_includes_api,
    policy_key_batch, policy_rules, read_ranges, refusals, refused_keys, renew_login, replace,
    request_creation, request_rotation, require_to_change, require_to_grant, require_to_manage,
    require_to_renew, require_to_revoke, require_to_rotate, revoke, rotate, secrets, top_keys, try_key,
    undo_disable, undo_enable,
};
pub use store::{Filter, KeyPage, OldSecret, Order, PolicyKey, Position, SecretUse};
pub use token::{PATTERN, Token};
#[cfg(test)]
pub use token::{forged_token, fresh_token};
pub use verification::{
    KeyCache, KeyState, Kinds, PermissionRequirement, Presenter, ProvenSecret, QuotaState, Rate,
    Requirements, Trial, TrialStep, Verdict, VerifiedKey, cached_permissions, listed_permissions, prove,
    quota_state, verify, verify_cached,
};
