//! The server's side of logins through the browser. A login moves through these files: `clients` (which app asks) → `request` (what
//! it asks for) → `pages` (the person decides) → `service` (code, key, renewals) → `token` (the endpoint that apps call).

mod client;
mod clients;
mod documents;
mod limits;
mod metadata;
mod pages;
mod redirect;
mod registration;
mod request;
mod service;
mod store;
mod token;

pub use documents::ClientDocuments;
pub use limits::ClientLimits;
pub use service::sweep;

use crate::platform::App;
use crate::platform::http::Routes;

pub fn routes() -> Routes {
    pages::routes().merge(registration::routes()).merge(token::routes()).merge(metadata::routes())
}

/// The identifier of the MCP endpoint, for which all tokens are.
fn resource(app: &App) -> String {
    format!("{}/api/mcp", app.public_url.origin())
}
