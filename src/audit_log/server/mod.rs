//! `/settings/audit-log`, its export and its REST endpoint, for admins and owners.

mod columns;
mod export;
mod filter;
mod list;
mod rest;

use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;
use utoipa_axum::routes;

use crate::platform::Error;
use crate::platform::http::{Audience, Routes};
use crate::ui::server::message::warn_of_token_in_address;
use filter::FilterQuery;

const HOME: &str = "/settings/audit-log";

/// Redirects to the log without the key that was pasted into the search. None if there is no key.
async fn redirect_without_token(session: &Session, query: &FilterQuery) -> Result<Option<Response>, Error> {
    let Some(rest) = query.without_tokens() else { return Ok(None) };
    warn_of_token_in_address(session).await?;
    let query = rest.query_string(&rest.before);
    let to = if query.is_empty() { HOME.to_owned() } else { format!("{HOME}?{query}") };
    Ok(Some(Redirect::to(&to).into_response()))
}

pub fn routes() -> Routes {
    Routes::default()
        .get("/settings/audit-log", Audience::Person, list::show)
        .get("/settings/audit-log/export", Audience::Person, export::download)
        .documented(Audience::Key, routes!(rest::list))
}
