//! Stores the policies of organizations.

mod store;

pub use store::{all, of_org, save};
