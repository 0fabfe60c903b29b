//! The permissions of organizations: their list, which keys have them, and queries on the hot path.

mod cache;
pub mod jobs;
mod service;
mod store;

pub use cache::{Evaluation, OrgPermissions, PermissionCache};
pub use service::{ListedPermission, NewPermission, PermissionRefusal, add, describe, find, list, remove};
pub use store::{ids_of_key, ids_of_names, names_of_keys, set_of_key};
