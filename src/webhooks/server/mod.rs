//! The server's side of webhooks. An event moves one way, through these files: `listener` (which events of other slices
//! are sent) → `outbox` (writes it in the transaction of the change) → `dispatcher` (claims due deliveries in order, and records
//! the outcomes) → `attempt` (one signed request).

mod attempt;
mod dispatcher;
mod endpoint;
mod letters;
mod listener;
mod metrics;
mod outbox;
mod pages;
pub mod rest;
mod retry;
mod service;
mod signature;
mod store;
mod upkeep;

pub use dispatcher::{DeliveryDispatcher, deliver, drain, prepare};
pub use endpoint::{Endpoint, EndpointState};
pub use listener::WebhookListener;
pub use metrics::WebhookMetrics;
pub use pages::routes;
pub use service::{DeliveryFilter, DeliveryState, EndpointDraft, EndpointEdit, RevealedEndpoint};
#[cfg(test)]
pub use service::{create, resend, rotate_secret, send_test, set_enabled};
#[cfg(test)]
pub use signature::sign;
#[cfg(test)]
pub use upkeep::trim_backlog;
pub use upkeep::{count_waiting, sweep, upkeep};
