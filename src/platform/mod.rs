//! What the capabilities stand on and know nothing of: configuration, database, time, chance, HTTP, start and stop.

mod app;
pub mod assets;
mod blocking_pool;
pub mod changes;
mod clock;
pub mod config;
pub mod db;
mod error;
mod fair_queue;
pub mod health;
pub mod http;
pub mod job_status;
pub mod jobs;
pub mod live;
pub mod mail;
pub mod metrics;
mod once_a_minute;
pub mod outbound;
pub mod process;
mod quota;
mod random;
mod readiness;
mod secret;
pub mod stream;
pub mod telemetry;

pub use app::{App, SliceState, Slices};
pub use assets::Assets;
pub use blocking_pool::BlockingPool;
pub use clock::Clock;
pub use config::Config;
pub use error::{Error, Offer, Problem, minutes};
pub use mail::{Letter, Mail, Posted};
pub use once_a_minute::OnceAMinute;
pub use quota::{Quota, QuotaUse};
pub use random::Random;
pub use secret::Secret;
