//! The server's side of leaked keys. A report moves one way, through these files: `report` (reads the body) → `queue` (its
//! tokens, in memory only) → `examine` (verifies a token and applies the leak policy to its key) → `letters`.

mod examine;
mod letters;
mod metrics;
mod notice;
mod page;
mod policy;
mod queue;
mod report;
pub mod rest;
mod store;

pub use examine::{drain, examine_all, wait_and_examine};
pub use letters::send as send_letters;
pub use metrics::LeakMetrics;
pub use notice::LeakNotice;
pub use page::routes;
pub use policy::{policy, recent, set_policy};
pub use queue::LeakQueue;
pub use store::LeakReport;

use crate::platform::App;

/// Sets the metrics that need no query.
pub fn measure(app: &App) {
    app.slice::<LeakMetrics>().set_waiting(app.slice::<LeakQueue>().len());
}
