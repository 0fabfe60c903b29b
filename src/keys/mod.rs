//! API keys. A key has a name, a role and a history. A token contains a secret, which proves possession of the key; rotating a key gives it a
//! new one. The plaintext of a token is shown in one response and stored nowhere.

mod customer;
mod islands;
mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use customer::{
    LARGEST_COST, LARGEST_METADATA, LARGEST_QUOTA, LONGEST_EXTERNAL_ID, QuotaPeriod, check_external_id,
};
pub use islands::RevealGuard;
pub use model::{
    ENDING, IDLE, LONGEST_NAME, LONGEST_NOTE, LeakEffect, LeakOutcome, MOST_PER_MINUTE, REMINDER_DAYS, SOON,
    Status, StatusFilter, check_key_name,
};
