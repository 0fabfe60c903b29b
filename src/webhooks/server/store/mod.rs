//! All SQL of webhooks.

mod claims;
mod deliveries;
mod endpoints;
mod outbox;
mod outcomes;
mod upkeep;

pub use claims::{ClaimedDelivery, ClaimedEndpoint, MANY_FAILURES, claim, due_endpoints, release_all};
pub use deliveries::{
    Delivery, DeliveryAttempt, DeliveryFilter, DeliveryState, EndpointCounts, attempts_of, counts,
    find_delivery, list_deliveries, requeue, try_now,
};
pub use endpoints::{
    count, end_pause, find, find_in_tx, insert, list, remove, remove_all, rotate, set_disabled, set_enabled,
    update,
};
pub use outbox::{NewDelivery, StoredEvent, insert_delivery, insert_event, subscriptions};
pub use outcomes::{
    DeliveryRecord, EndpointRecord, insert_attempts, lock_endpoint, record_delivery, record_endpoint,
    release, resume,
};
pub use upkeep::{
    GiveUpReason, count_waiting, delete_attempts, delete_deliveries, delete_events, delete_removed, give_up,
    over_backlog_limit, trim,
};

use crate::shared::{DeliveryId, Timestamp};

/// The least id of a delivery that was written at this time.
fn first_id(at: Timestamp) -> DeliveryId {
    DeliveryId::new(at, [0; 10])
}
