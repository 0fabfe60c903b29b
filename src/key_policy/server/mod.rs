//! Stores the policies of organizations.

mod store;

pub use store::{UnannouncedPolicy, all, of_org, save, set_announced, unannounced};
