#![doc = include_str!("ARCHITECTURE.md")]

pub mod accounts;
pub mod agents;
pub mod audit;
pub mod audit_log;
pub mod device;
pub mod keys;
pub mod leaks;
pub mod orgs;
pub mod overview;
pub mod profile;
pub mod protect;
pub mod search;
pub mod shared;
pub mod ui;
pub mod usage;
pub mod webhooks;

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod approvals;
#[cfg(feature = "ssr")]
pub mod armoriq;
#[cfg(feature = "ssr")]
pub mod key_policy;
#[cfg(feature = "ssr")]
pub mod mcp;
#[cfg(feature = "ssr")]
pub mod oauth;
#[cfg(feature = "ssr")]
pub mod permissions;
#[cfg(feature = "ssr")]
pub mod platform;
#[cfg(feature = "ssr")]
pub mod policy_settings;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(all(test, feature = "ssr"))]
mod tests;

/// The entry point in the browser: activates the islands of the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
