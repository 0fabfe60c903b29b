//! All SQL of accounts.

pub mod factors;
pub mod identities;
pub mod letters;
pub mod links;
pub mod sessions;
pub mod sign_ups;
pub mod users;
