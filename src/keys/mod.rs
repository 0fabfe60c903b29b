//! API keys. A key has a name, a role and a history. A token contains a secret, which proves possession of the key; rotating a key gives it a
//! new one. The plaintext of a token is shown in one response and stored nowhere.

mod customer;
mod islands;
mod model;
mod sample;
#[cfg(feature = "ssr")]
pub mod server;

pub use customer::{
    MAX_COST, MAX_EXTERNAL_ID_LENGTH, MAX_METADATA, MAX_QUOTA, QuotaPeriod, check_external_id,
};
pub use islands::RevealGuard;
pub use model::{
    ENDING, IDLE, LeakEffect, LeakOutcome, MAX_NAME_LENGTH, MAX_NOTE_LENGTH, MAX_PER_MINUTE, REMINDER_DAYS,
    SOON, Status, StatusFilter, check_key_name,
};
pub use sample::{CallSample, SAMPLE_RATES, SAMPLE_TIME};
