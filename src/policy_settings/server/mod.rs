//! The server's side of Settings → Key policy.

mod change;
mod draft;
mod letters;
mod pages;
mod preview;
mod preview_slots;
pub mod rest;
mod saving;
mod weakening;

pub use change::{PolicyChange, change, current};
pub use draft::{GRACE_CHOICES, MAX_GRACE_DAYS, PolicyDraft};
pub use letters::announce_changes;
pub use pages::routes;
pub use preview::{MAX_LISTED, PolicyPreview, PreviewedKey, preview};
pub use preview_slots::PreviewSlots;
pub use weakening::PolicyWeakeningHandler;
